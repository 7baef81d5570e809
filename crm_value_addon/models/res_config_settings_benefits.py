from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    value_currency_id = fields.Many2one(related="company_id.currency_id", string="Currency of the Company")
    value_pause_overdue = fields.Boolean(related="company_id.value_pause_overdue", readonly=False)
    value_pause_overdue_limit = fields.Monetary(
        related="company_id.value_pause_overdue_limit", readonly=False, currency_field="value_currency_id")
    value_pause_caution = fields.Boolean(related="company_id.value_pause_caution", readonly=False)
    value_caution_return_rate = fields.Float(related="company_id.value_caution_return_rate", readonly=False)
    value_caution_overdue_days = fields.Integer(related="company_id.value_caution_overdue_days", readonly=False)
    value_caution_loss = fields.Monetary(
        related="company_id.value_caution_loss", readonly=False, currency_field="value_currency_id")
    value_margin_guard = fields.Boolean(related="company_id.value_margin_guard", readonly=False)
    value_margin_floor = fields.Float(related="company_id.value_margin_floor", readonly=False)
    value_referral_program_id = fields.Many2one(related="company_id.value_referral_program_id", readonly=False)
    value_referral_points = fields.Float(related="company_id.value_referral_points", readonly=False)
    value_referral_since = fields.Date(related="company_id.value_referral_since", readonly=False)
