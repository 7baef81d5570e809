from odoo import api, models
from odoo.tools import SQL


class CrmValueQualifying(models.AbstractModel):
    """What orders at the till count for tiers."""

    _inherit = "crm.value.qualifying"

    def _other_sources(self, basis):
        return [*super()._other_sources(basis), self.env["crm.value.till.order"]._select_qualifying(basis)]

    @api.model
    def _more_parts(self, value):
        Order = self.env["crm.value.till.order"]
        [[advances, products]] = self.env.execute_query(
            SQL(
                """
            SELECT COALESCE(sum(own.revenue - own.purchase_revenue - own.taken_back), 0),
                   COALESCE(sum(own.purchase_revenue + own.taken_back - own.qualifying), 0)
              FROM crm_value_till_order own
             WHERE own.company_id = %s AND own.partner_id = %s AND %s AND %s
            """,
                value.company_id.id,
                value.partner_id.id,
                Order._where_counted("own", "partner_id"),
                Order._where_not_invoiced("own"),
            )
        )
        before = super()._more_parts(value)
        return before[0] + advances, before[1] + products
