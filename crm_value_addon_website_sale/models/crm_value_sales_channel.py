from odoo import api, models
from odoo.tools import SQL


class CrmValueSalesChannel(models.AbstractModel):
    """What was ordered in a web shop."""

    _inherit = "crm.value.sales.channel"

    @api.model
    def _sources(self, basis):
        select = SQL(
            """
            SELECT move.commercial_partner_id::int4, sum(move.amount_untaxed_signed)::float8 FROM account_move move
             WHERE move.company_id = %s AND move.website_id IS NOT NULL AND %s AND %s
             GROUP BY move.commercial_partner_id
            """,
            basis.company.id,
            self.env["crm.value.purchase"]._where_document("move", basis),
            basis.where(SQL("move.commercial_partner_id")),
        )
        return super()._sources(basis) | {"shop": select}
