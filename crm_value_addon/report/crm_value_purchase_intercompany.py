from odoo import api, models
from odoo.tools import SQL, ormcache


class CrmValuePurchase(models.Model):
    """Documents between companies of this database are no sales of a company that says so in its settings.

    The context key ``value_intercompany`` counts them all the same: what is frozen does not depend on a setting.
    """

    _inherit = "crm.value.purchase"

    def _where_document(self, alias):
        condition = super()._where_document(alias)
        if self.env.context.get("value_intercompany"):
            return condition
        leaving, own = self._intercompany_ids()
        if not leaving:
            return condition
        return SQL(
            "%s AND NOT (%s = ANY(%s) AND %s = ANY(%s))", condition,
            SQL.identifier(alias, "company_id"), leaving, SQL.identifier(alias, "commercial_partner_id"), own)

    def _intercompany_ids(self):
        """Return the ids of the companies that leave such documents out, and of the contacts of all companies."""
        leaving = list(self._companies_leaving_out())
        # sudo: which companies there are decides the same for everybody.
        companies = self.env["res.company"].sudo().with_context(active_test=False)
        return leaving, companies.search([]).partner_id.commercial_partner_id.ids if leaving else []

    @api.model
    @ormcache()
    def _companies_leaving_out(self):
        # Every question about documents asks this one first, and hardly any company says so.
        # sudo: see `_intercompany_ids`
        companies = self.env["res.company"].sudo().with_context(active_test=False)
        return tuple(companies.search([("value_leave_out_intercompany", "=", True)]).ids)

    def _query_intercompany(self, company):
        """Return the SELECT of the revenue that a company leaves out, if its settings say so (one figure)."""
        return SQL(
            "SELECT COALESCE(sum(move.amount_untaxed_signed), 0) FROM account_move move"
            " WHERE move.company_id = %s AND move.commercial_partner_id = ANY(%s) AND %s",
            company.id, self._intercompany_ids()[1],
            self.with_context(value_intercompany=True)._where_document("move"))


class CrmValueDocument(models.Model):
    _inherit = "crm.value.document"

    def _freeze_missing(self, *args):
        return super(CrmValueDocument, self.with_context(value_intercompany=True))._freeze_missing(*args)

    def _insert(self, *args):
        return super(CrmValueDocument, self.with_context(value_intercompany=True))._insert(*args)
