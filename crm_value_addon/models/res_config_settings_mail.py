from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    value_mail_reached_id = fields.Many2one(related="company_id.value_mail_reached_id", readonly=False)
    value_mail_danger_id = fields.Many2one(related="company_id.value_mail_danger_id", readonly=False)
    value_mail_danger_days = fields.Integer(related="company_id.value_mail_danger_days", readonly=False)
    value_mail_birthday_id = fields.Many2one(related="company_id.value_mail_birthday_id", readonly=False)
    value_mail_anniversary_id = fields.Many2one(related="company_id.value_mail_anniversary_id", readonly=False)
