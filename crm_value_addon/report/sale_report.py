from odoo import fields, models


class SaleReport(models.Model):
    _inherit = "sale.report"

    value_tier_id = fields.Many2one("crm.value.tier", string="Tier", readonly=True)

    def _select_additional_fields(self):
        return super()._select_additional_fields() | {"value_tier_id": "s.value_tier_id"}

    def _group_by_sale(self):
        return f"{super()._group_by_sale()}, s.value_tier_id"
