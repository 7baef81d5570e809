import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import copy_out, id_array
from ...lib.windows import windows
from ...report import readable

#: what a tier's figures add up, and the window of each (see `lib.windows`)
QUALIFYING = {"qualifying_total": None, "qualifying_12m": "revenue_12m", "qualifying_year": "revenue_year"}


class CrmValueQualifying(models.AbstractModel):
    """The amounts that count for tiers: goods less allowances, of what the settings let count.

    How to use: `_adjust` corrects the columns of the observation; `_parts` says of one customer what did not count.

    How it works: what documents come to without advances is summed with the purchase days
    (`lib.purchase_history.summarise`). The few that count otherwise for tiers are read apart: those with products that
    have no weight for tiers, those that were credited and invoiced again, and where a company counts what is paid, the
    open part of the others. What is open of a credit note would raise the amount, so that never more counts than
    was invoiced on balance.
    """

    _name = "crm.value.qualifying"
    _description = "Qualifying Amounts"

    @api.model
    def _adjust(self, basis, columns):
        """Return the columns with the qualifying amounts as the settings let them count."""
        for source in self._other_sources(basis):
            self._add(basis, columns, source)
        if basis.draft_qualifying:
            self._add_draft(basis, columns)
        if basis.tiers_count == "paid":
            invoiced = {name: columns[name].copy() for name in QUALIFYING}
            self._add(basis, columns, self._select_open(basis))
            for name, most in invoiced.items():
                columns[name] = np.minimum(columns[name], most)
        return columns

    def _add(self, basis, columns, source):
        """Add the amounts of a source, a SELECT of partner_id, date, amount, to the columns."""
        days = windows(basis.as_of)
        sums = [
            readable.amount(
                SQL(
                    "COALESCE(sum(source.amount) FILTER (WHERE %s), 0)",
                    SQL("source.date >= %s AND source.date < %s", *days[window]) if window else SQL("TRUE"),
                )
            )
            for window in QUALIFYING.values()
        ]
        found = copy_out(
            self.env.cr,
            SQL(
                "SELECT source.partner_id::int4, %s FROM (%s) source GROUP BY source.partner_id",
                SQL(", ").join(sums),
                source,
            ),
            [("partner", "int4"), *((name, "float8") for name in QUALIFYING)],
        )
        if not len(found["partner"]):
            return
        partners = columns["partner_id"]
        place = np.minimum(np.searchsorted(partners, found["partner"]), max(len(partners) - 1, 0))
        known = partners[place] == found["partner"]
        for name in QUALIFYING:
            columns[name][place[known]] += found[name][known]

    def _add_draft(self, basis, columns):
        """Add what a draft counts more, or less, for tiers; once posted, nothing of it is paid at first."""
        customer_id, day, bought, qualifying = basis.draft_qualifying
        more = qualifying - bought - (qualifying if basis.tiers_count == "paid" and qualifying > 0 else 0)
        select = SQL("SELECT %s::int AS partner_id, %s::date AS date, %s::numeric AS amount", customer_id, day, more)
        self._add(basis, columns, select)

    def _other_sources(self, basis):
        """Hook: return SELECTs of partner_id, date, amount: what counts more, or less, for tiers than was bought."""
        return [self._select_other(basis)]

    def _select_other(self, basis):
        """Return the SELECT of what documents count more, or less, for tiers than they were bought for."""
        return SQL(
            """
            SELECT %(partner)s AS partner_id, COALESCE(move.invoice_date, move.date) AS date,
                   COALESCE(document.qualifying, document.purchase_revenue)::numeric
                   - CASE WHEN document.role = 'correction' THEN 0 ELSE document.purchase_revenue::numeric END AS amount
              FROM crm_value_document document JOIN account_move move ON move.id = document.move_id
             WHERE (document.qualifying IS NOT NULL OR document.role = 'correction') AND %(where)s
            """,
            partner=self._partner(basis),
            where=self._where(basis),
        )

    def _select_open(self, basis):
        """Return the SELECT of the part of documents that is not paid, below 0."""
        return SQL(
            """
            SELECT %(partner)s AS partner_id, COALESCE(move.invoice_date, move.date) AS date,
                   -LEAST(GREATEST(open.amount / move.amount_total_signed, 0), 1)
                   * COALESCE(document.qualifying, document.purchase_revenue)::numeric AS amount
              FROM (SELECT line.move_id, sum(line.amount_residual) AS amount
                      FROM account_move_line line JOIN account_account account ON account.id = line.account_id
                     WHERE line.parent_state = 'posted' AND line.reconciled IS NOT TRUE
                       AND line.date_maturity IS NOT NULL AND line.company_id = %(company)s
                       AND line.amount_residual != 0 AND account.account_type = 'asset_receivable'
                     GROUP BY line.move_id) open
              JOIN account_move move ON move.id = open.move_id
              JOIN crm_value_document document ON document.move_id = move.id
             WHERE move.amount_total_signed != 0 AND %(where)s
            """,
            partner=self._partner(basis),
            company=basis.company.id,
            where=self._where(basis),
        )

    def _partner(self, basis):
        """Return the SQL of the customer of a document; of several that are asked as one, the one that remains."""
        return SQL("%s", basis.merged[0]) if basis.merged else SQL("move.commercial_partner_id")

    def _where(self, basis):
        return SQL(
            "move.company_id = %s AND %s AND %s",
            basis.company.id,
            self.env["crm.value.purchase"]._where_document("move", basis),
            SQL("move.commercial_partner_id = ANY(%s::int[])", id_array(basis.merged[1]))
            if basis.merged
            else basis.where(SQL("move.commercial_partner_id")),
        )

    # of one customer

    @api.model
    def _parts(self, value):
        """Return why a customer's qualifying amount is not its revenue: list of (label, amount).

        They add up to the difference of the two.
        """
        Purchase = self.env["crm.value.purchase"]
        [[advances, products, left_out]] = self.env.execute_query(
            SQL(
                """
            SELECT COALESCE(sum(move.amount_untaxed_signed - document.purchase_revenue::numeric)
                            FILTER (WHERE %(counts)s), 0),
                   COALESCE(sum(document.purchase_revenue - document.qualifying) FILTER (WHERE %(counts)s), 0)::numeric,
                   COALESCE(sum(move.amount_untaxed_signed) FILTER (WHERE NOT (%(counts)s)), 0)
              FROM account_move move JOIN crm_value_document document ON document.move_id = move.id
             WHERE move.company_id = %(company)s AND move.commercial_partner_id = %(partner)s AND %(posted)s
            """,
                counts=Purchase._where_document("move"),
                posted=Purchase._where_document("move", with_left_out=True),
                company=value.company_id.id,
                partner=value.partner_id.id,
            )
        )
        advances, products = (
            float(amount) + more for amount, more in zip((advances, products), self._more_parts(value), strict=True)
        )
        open_amount = value.revenue_total - value.qualifying_total - advances - products
        return [
            (self.env._("down payments, gift cards, fees and other lines that are no purchase"), advances),
            (self.env._("products without weight for tiers"), products),
            (self.env._("not paid yet"), value.currency_id.round(open_amount)),
            (self.env._("journals that are left out (in no figure)"), float(left_out)),
        ]

    @api.model
    def _more_parts(self, value):
        """Hook: return what is no purchase, and what has no weight for tiers, in other sources of purchases."""
        return 0.0, 0.0
