from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    value_portal = fields.Boolean(related="company_id.value_portal", readonly=False)
    value_portal_contacts = fields.Boolean(related="company_id.value_portal_contacts", readonly=False)
