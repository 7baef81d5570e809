from odoo import api, models
from odoo.tools import SQL


class CrmValueSalesChannel(models.AbstractModel):
    """What was bought at the till and not invoiced."""

    _inherit = "crm.value.sales.channel"

    @api.model
    def _sources(self, basis):
        Order = self.env["crm.value.till.order"]
        select = SQL(
            """
            SELECT own.partner_id::int4, sum(own.revenue)::float8 FROM crm_value_till_order own
             WHERE own.company_id = %s AND own.partner_id IS NOT NULL AND %s AND %s AND %s GROUP BY own.partner_id
            """,
            basis.company.id,
            Order._where_counted("own", "partner_id"),
            Order._where_not_invoiced("own"),
            basis.where(SQL("own.partner_id")),
        )
        return super()._sources(basis) | {"till": select}
