from odoo import api, fields, models
from odoo.tools import SQL, format_date, ormcache

from ..const import MARGIN_GROUP, POSTED_DOCUMENTS
from ..lib.purchase_history import is_purchase_sql
from . import readable


class CrmValuePurchase(models.Model):
    """What a customer bought on a day: the addon's only reading of invoices.

    How it works: each source is a SELECT of one row per document with the columns that `_sources` names; they are
    stacked and summed per (commercial partner, company, day). Another module adds a source of purchases (a till,
    a shop) by extending `_sources`; its ids must differ from those of account.move, e.g. be negative. A `basis`
    asks for documents as they were on a day, as they will be once a draft is posted, or of customers as if they were
    one (models/refresh/basis.py).

    Revenue and margin fall on each document's own day. `purchase_revenue` is what decides whether the day is a
    purchase and how much was bought: what the documents of the day come to without advances, whatever their type, less
    what later documents take back from them, whenever those came (`crm.value.document.role`).
    """

    _name = "crm.value.purchase"
    _description = "Customer Purchase Day"
    _auto = False
    _order = "date desc, id desc"
    _rec_name = "date"

    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    date = fields.Date(readonly=True)
    revenue = fields.Monetary(readonly=True, help="Untaxed, in the currency of the company")
    margin = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    refund = fields.Monetary(string="Credit Notes", readonly=True)
    purchase_revenue = fields.Monetary(
        string="Bought",
        readonly=True,
        help="What was bought on this day, less what was given back later; without down payments",
    )
    document_count = fields.Integer(string="Documents", readonly=True)
    is_purchase = fields.Boolean(string="Purchase", readonly=True)

    _depends = {
        "account.move": [
            "state",
            "move_type",
            "commercial_partner_id",
            "company_id",
            "invoice_date",
            "date",
            "amount_untaxed_signed",
            "journal_id",
        ],
        "crm.value.document": ["move_id", "margin", "role", "purchase_revenue"],
        "crm.value.document.origin": ["move_id", "counted_id", "origin_id", "amount", "refund"],
        "crm.value.opening": [
            "partner_id",
            "company_id",
            "date",
            "first_date",
            "amount",
            "margin",
            "purchase_count",
            "move_id",
        ],
    }

    @api.depends("date")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for day in self:
            day.display_name = format_date(self.env, day.date) or ""

    @property
    def _table_query(self):
        return self._query()

    def _query(self, where=None):
        """Return the SELECT over the purchase days.

        :param SQL where: condition on the columns of the sources (alias ``source``)
        """
        return SQL(
            """
            SELECT min(source.id) AS id, source.partner_id, source.company_id, source.date,
                   sum(source.revenue) AS revenue, sum(source.margin) AS margin, sum(source.refund) AS refund,
                   sum(source.purchase_revenue) AS purchase_revenue, count(source.id) AS document_count,
                   %s AS is_purchase,
                   count(source.id) FILTER (WHERE NOT source.is_frozen) AS unfrozen_count
              FROM (%s) source
             WHERE %s
             GROUP BY source.partner_id, source.company_id, source.date
            HAVING count(source.id) > 0
            """,
            SQL(is_purchase_sql("sum(source.purchase_revenue)")),
            SQL(" UNION ALL ").join(self._sources()),
            where or SQL("TRUE"),
        )

    def _sources(self):
        """Return a list of SELECTs with the columns id, partner_id, company_id, date, revenue, margin, refund,
        purchase_revenue, is_frozen; id is NULL on rows that only correct another row's day."""
        sources = [self._select_documents(), self._select_reversals()]
        Opening = self.env["crm.value.opening"]
        return [*sources, Opening._select_source()] if Opening._is_used() else sources

    def _sources_for(self, basis):
        """Return the sources as a basis asks for them, those of other modules by the day of their rows."""
        sources = self._sources()
        if not basis.is_question:
            return sources
        if basis.until:
            own = [self._select_documents(), self._select_reversals()]
            others = [
                SQL("SELECT * FROM (%s) other WHERE date <= %s", source, basis.until)
                for source in sources
                if source not in own
            ]
            sources = [self._select_documents(basis), self._select_reversals(basis), *others]
        sources = [*sources, *map(self._select_draft_row, basis.draft_rows)]
        return [self._select_as_one(source, *basis.merged) for source in sources] if basis.merged else sources

    def _select_documents(self, basis=None):
        """Every posted customer document on its own day."""
        return SQL(
            """
            SELECT move.id, move.commercial_partner_id AS partner_id, move.company_id,
                   COALESCE(move.invoice_date, move.date) AS date,
                   move.amount_untaxed_signed AS revenue, COALESCE(document.margin::numeric, 0) AS margin,
                   GREATEST(-net.bought, 0) AS refund, GREATEST(net.bought, 0) AS purchase_revenue,
                   document.role IS NOT NULL AS is_frozen
              FROM account_move move LEFT JOIN crm_value_document document ON document.move_id = move.id
              CROSS JOIN LATERAL (
                   SELECT CASE WHEN document.role = 'correction' THEN 0
                               ELSE COALESCE(document.purchase_revenue::numeric, move.amount_untaxed_signed)
                          END AS bought) net
             WHERE %s
            """,
            self._where_document("move", basis),
        )

    def _select_reversals(self, basis=None):
        """What documents add to, or take back from, the purchase of another document's day."""
        return SQL(
            """
            SELECT NULL::int AS id, counted.commercial_partner_id AS partner_id, counted.company_id,
                   COALESCE(origin.invoice_date, origin.date) AS date,
                   0 AS revenue, 0 AS margin, link.refund::numeric AS refund,
                   link.amount::numeric AS purchase_revenue, TRUE AS is_frozen
              FROM crm_value_document_origin link
              JOIN account_move move ON move.id = link.move_id
              JOIN account_move counted ON counted.id = link.counted_id
              JOIN account_move origin ON origin.id = link.origin_id
             WHERE (link.amount != 0 OR link.refund != 0) AND %s AND %s AND %s
            """,
            self._where_document("move", basis),
            self._where_document("counted", basis),
            self._where_document("origin", basis),
        )

    def _select_draft_row(self, row):
        """Return a row of a draft, a tuple of the values of `_sources` but the last, as a source of its own."""
        return SQL(
            """SELECT %s::int AS id, %s::int AS partner_id, %s::int AS company_id, %s::date AS date,
                      %s::numeric AS revenue, %s::numeric AS margin, %s::numeric AS refund,
                      %s::numeric AS purchase_revenue, TRUE AS is_frozen""",
            *row,
        )

    def _select_as_one(self, source, customer_id, partner_ids):
        """Return the rows of a source that belong to some customers as rows of one of them."""
        return SQL(
            """
            SELECT part.id, %(customer)s AS partner_id, part.company_id, part.date, part.revenue, part.margin,
                   part.refund, part.purchase_revenue, part.is_frozen
              FROM (%(part)s) part WHERE part.partner_id = ANY(%(all)s)
            """,
            customer=customer_id,
            part=source,
            all=list(partner_ids),
        )

    # which documents count

    def _where_document(self, alias, basis=None, *, draft_id=None, with_left_out=False, with_receivables=False):
        """Return the condition that makes an account.move a customer document that counts.

        :param draft_id: a draft that counts as if it were posted
        :param with_left_out: documents count whatever the settings say of their journal, or of companies of this
            database
        :param with_receivables: documents that are receivables only count, too
        """
        condition = SQL(
            "%(m)s.state = 'posted' AND %(m)s.move_type IN ('out_invoice', 'out_refund', 'out_receipt')"
            " AND %(m)s.commercial_partner_id IS NOT NULL",
            m=SQL.identifier(alias),
        )
        if basis and basis.until:
            condition = SQL(
                "%s AND COALESCE(%s, %s) <= %s",
                condition,
                SQL.identifier(alias, "invoice_date"),
                SQL.identifier(alias, "date"),  # a raw import may leave the invoice date empty
                basis.until,
            )
        if draft_id:
            condition = SQL("(%s OR %s = %s)", condition, SQL.identifier(alias, "id"), draft_id)
        if with_left_out:
            return condition
        journals = self.env["crm.value.counting"]._journal_ids(
            ("nothing",) if with_receivables else ("receivables", "nothing")
        )
        if journals:
            condition = SQL("%s AND NOT (%s = ANY(%s))", condition, SQL.identifier(alias, "journal_id"), list(journals))
        return SQL("%s AND %s", condition, self._is_outside(alias)) if self._companies_leaving_out() else condition

    def _is_outside(self, alias):
        """Return the condition that a company does not leave a document out as one between its own companies."""
        leaving, own = self._intercompany_ids()
        return SQL(
            "NOT (%s = ANY(%s) AND %s = ANY(%s))",
            SQL.identifier(alias, "company_id"),
            leaving,
            SQL.identifier(alias, "commercial_partner_id"),
            own,
        )

    def _intercompany_ids(self):
        """Return the ids of the companies that leave out such documents, and of the contacts of all companies."""
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

    # figures of a company

    def _query_intercompany(self, company):
        """Return the SELECT of the revenue that a company leaves out, if its settings say so (one figure)."""
        return SQL(
            "SELECT COALESCE(sum(move.amount_untaxed_signed) FILTER (WHERE %s), 0) FROM account_move move"
            " WHERE move.company_id = %s AND move.commercial_partner_id = ANY(%s) AND %s",
            readable.is_amount(SQL("move.amount_untaxed_signed")),
            company.id,
            self._intercompany_ids()[1],
            self._where_document("move", with_left_out=True),
        )

    def _query_left_out(self, company):
        """Return the SELECT of the revenue of the journals that a company's settings leave out (one figure)."""
        return SQL(
            "SELECT COALESCE(sum(move.amount_untaxed_signed) FILTER (WHERE %s), 0) FROM account_move move"
            " WHERE move.company_id = %s AND move.journal_id = ANY(%s) AND %s AND %s",
            readable.is_amount(SQL("move.amount_untaxed_signed")),
            company.id,
            list(self.env["crm.value.counting"]._journal_ids(("receivables", "nothing"))),
            self._where_document("move", with_left_out=True),
            self._is_outside("move"),
        )

    def _query_unattributed(self, company):
        """Return the SELECT of the revenue of posted customer documents without a customer (one figure)."""
        return SQL(
            """
            SELECT COALESCE(sum(move.amount_untaxed_signed) FILTER (WHERE %s), 0) FROM account_move move
             WHERE move.state = 'posted' AND move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
               AND move.commercial_partner_id IS NULL AND move.company_id = %s
            """,
            readable.is_amount(SQL("move.amount_untaxed_signed")),
            company.id,
        )

    def action_open_documents(self):
        """Open the documents of this day that the user may read, and say how many it may not.

        A day without a document is that of opening purchases, which are opened instead.

        :raise AccessError: the user may not read this purchase
        """
        self.ensure_one()
        self.check_access("read")
        day = (self.partner_id.id, self.company_id.id, self.date)
        openings = self.env["crm.value.opening"]._rows_by_day(self).get(day, [])
        if openings and len(openings) == self.document_count:
            return {
                "type": "ir.actions.act_window",
                "name": self.env._("Opening Purchases"),
                "res_model": "crm.value.opening",
                "views": [(False, "list"), (False, "form")],
                "domain": [("id", "in", openings)],
                "context": {"create": False},
            }
        return self._open_documents(self.document_count - len(openings))

    def _open_documents(self, total):
        """Return the action that opens this day's posted documents, ``total`` of them, that the user may read."""
        domain = [
            ("commercial_partner_id", "=", self.partner_id.id),
            ("company_id", "=", self.company_id.id),
            "|",
            ("invoice_date", "=", self.date),
            "&",
            ("invoice_date", "=", False),
            ("date", "=", self.date),
            *POSTED_DOCUMENTS,
        ]
        return self.env["crm.value"]._action_documents(domain, total)
