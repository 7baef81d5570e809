from odoo import models
from odoo.tools import SQL


class CrmValuePurchase(models.Model):
    """What customers that are about to be merged bought together, asked by the context key ``value_merged``."""

    _inherit = "crm.value.purchase"

    def _sources(self):
        merged = self.env.context.get("value_merged")
        # A request's context holds no tuple: what a caller puts there is not asked.
        if not isinstance(merged, tuple):
            return super()._sources()
        customer, others = merged
        return [SQL(
            """
            SELECT part.id, %(customer)s AS partner_id, part.company_id, part.date, part.revenue, part.margin,
                   part.refund, part.purchase_revenue, part.is_frozen
              FROM (%(part)s) part WHERE part.partner_id = ANY(%(all)s)
            """, customer=customer, part=part, all=[customer, *others]) for part in super()._sources()]
