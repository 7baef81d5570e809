from datetime import date

from odoo import models
from odoo.tools import SQL


class CrmValuePurchase(models.Model):
    """Documents as they were on a day, or as they will be once a draft is posted.

    Context keys: ``value_as_of``, a date: documents after it are not there; ``value_unposted``, the id of a draft that
    counts as a document; ``value_draft``, rows of `_sources` more, as tuples. A request's context holds neither dates
    nor tuples: what a caller puts there is not asked.
    """

    _inherit = "crm.value.purchase"

    def _where_document(self, alias):
        condition = super()._where_document(alias)
        as_of, unposted = (self.env.context.get(key) for key in ("value_as_of", "value_unposted"))
        if isinstance(as_of, date):
            condition = SQL("%s AND %s <= %s", condition, SQL.identifier(alias, "invoice_date"), as_of)
        if isinstance(unposted, int) and unposted:
            condition = SQL("(%s OR %s = %s)", condition, SQL.identifier(alias, "id"), unposted)
        return condition

    def _sources(self):
        return [*super()._sources(), *(
            SQL(
                """SELECT %s::int AS id, %s::int AS partner_id, %s::int AS company_id, %s::date AS date,
                          %s::numeric AS revenue, %s::numeric AS margin, %s::numeric AS refund,
                          %s::numeric AS purchase_revenue, TRUE AS is_frozen""", *row)
            for row in self._draft_rows())]

    def _draft_rows(self):
        rows = self.env.context.get("value_draft")
        return [row for row in rows if isinstance(row, tuple)] if isinstance(rows, list | tuple) else []
