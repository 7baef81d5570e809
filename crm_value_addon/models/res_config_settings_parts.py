from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    value_currency_id = fields.Many2one(related="company_id.currency_id")
    value_quotation_probability = fields.Float(related="company_id.value_quotation_probability", readonly=False)
    value_referral_share = fields.Float(related="company_id.value_referral_share", readonly=False)
    value_referral_months = fields.Integer(related="company_id.value_referral_months", readonly=False)
    value_knowledge_cap = fields.Monetary(
        related="company_id.value_knowledge_cap", readonly=False, currency_field="value_currency_id")
    value_loyal_satisfaction = fields.Float(related="company_id.value_loyal_satisfaction", readonly=False)
    value_snapshot_months = fields.Integer(related="company_id.value_snapshot_months", readonly=False)
    value_cost_acquisition = fields.Selection(
        related="company_id.value_cost_acquisition", readonly=False, required=True)
    value_cost_won_lead = fields.Monetary(
        related="company_id.value_cost_won_lead", readonly=False, currency_field="value_currency_id")
    value_cost_work = fields.Boolean(related="company_id.value_cost_work", readonly=False)
    value_activity_minutes = fields.Float(related="company_id.value_activity_minutes", readonly=False)
    value_message_minutes = fields.Float(related="company_id.value_message_minutes", readonly=False)
    value_hourly_cost = fields.Monetary(
        related="company_id.value_hourly_cost", readonly=False, currency_field="value_currency_id")
    value_cost_benefits = fields.Boolean(related="company_id.value_cost_benefits", readonly=False)
    value_cost_gift = fields.Monetary(
        related="company_id.value_cost_gift", readonly=False, currency_field="value_currency_id")
    value_cost_discount_share = fields.Float(related="company_id.value_cost_discount_share", readonly=False)
    value_cost_credit_notes = fields.Boolean(related="company_id.value_cost_credit_notes", readonly=False)
    value_cost_credit_note = fields.Monetary(
        related="company_id.value_cost_credit_note", readonly=False, currency_field="value_currency_id")
    value_cost_late_payment = fields.Boolean(related="company_id.value_cost_late_payment", readonly=False)
    value_cost_interest = fields.Float(related="company_id.value_cost_interest", readonly=False)
