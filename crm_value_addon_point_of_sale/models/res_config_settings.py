from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    pos_value_tier_receipt = fields.Boolean(related="pos_config_id.value_tier_receipt", readonly=False)
