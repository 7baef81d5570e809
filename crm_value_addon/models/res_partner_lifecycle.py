from odoo import fields, models

from ..const import SELLER_GROUP


class ResPartner(models.Model):
    """Shows where the contact's commercial partner stands (how: models/res_partner.py)."""

    _inherit = "res.partner"

    rfm_score = fields.Integer(related="value_id.rfm_score", groups=SELLER_GROUP)
    rfm_segment = fields.Many2one(related="value_id.rfm_segment", groups=SELLER_GROUP)
