from odoo import api, fields, models
from odoo.tools import SQL

from ...const import MARGIN_GROUP

#: rate → what it is the ratio of, in rows that are added up
_RATES = {
    "retention": ("100.0", "kept_count", "before_count"),
    "satisfaction": ("1.0", "satisfaction_sum", "rated_count"),
    "rhythm_rate": ("100.0", "rhythm_kept_count", "rhythm_count"),
    "in_time_rate": ("100.0", "in_time_count", "due_count"),
}
#: what stands at a month's end: over several of them it is their mean, where what happened is added up
_STOCKS = (
    "customer_count",
    "before_count",
    "kept_count",
    "rated_count",
    "rhythm_count",
    "rhythm_kept_count",
    "revenue_12m",
    "equity",
)


class CrmValueScorecard(models.Model):
    """What a salesperson's customers did up to a month's end, one row for each salesperson and month's end.

    How to use: `_take` when a month's end was taken, or for one of the past.

    How it works: everything follows from the month ends of customers (`crm.value.snapshot`): the one that was taken,
    the one before it, and the last one a year earlier. The row is kept, so that it stays with whoever served the
    customers then. Rates are ratios of sums, also where rows are added up; what stands at a month's end is no sum over
    months but their mean.
    """

    _name = "crm.value.scorecard"
    _description = "Scorecard"
    _log_access = False
    _order = "date desc, user_id"
    _rec_name = "user_id"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    date = fields.Date(string="Month's End", required=True, readonly=True)
    user_id = fields.Many2one(
        "res.users", string="Salesperson", ondelete="set null", readonly=True, index="btree_not_null"
    )
    team_id = fields.Many2one("crm.team", string="Sales Team", ondelete="set null", readonly=True)
    customer_count = fields.Integer(string="Customers", readonly=True, help="Bought in the last 12 months")
    before_count = fields.Integer(
        string="Customers a Year Before", readonly=True, help="Bought in the 12 months before these"
    )
    kept_count = fields.Integer(
        string="Kept", readonly=True, help="Of the customers a year before, those who bought again since"
    )
    won_count = fields.Integer(string="Won", readonly=True, help="Bought for the first time since the last month's end")
    lost_count = fields.Integer(string="Lost", readonly=True, help="Became lost since the last month's end")
    won_back_count = fields.Integer(string="Won Back", readonly=True, help="Became won back since the last month's end")
    rated_count = fields.Integer(string="Rated by", readonly=True)
    satisfaction_sum = fields.Float(readonly=True, exportable=False)
    rhythm_count = fields.Integer(
        string="With a Rhythm", readonly=True, help="Customers whose relationship strategy names a rhythm"
    )
    rhythm_kept_count = fields.Integer(string="Rhythm Kept (customers)", readonly=True)
    due_count = fields.Integer(
        string="Follow-ups Due", readonly=True, help="Of this salesperson, due since the last month's end"
    )
    in_time_count = fields.Integer(string="Follow-ups in Time (count)", readonly=True)
    revenue_12m = fields.Monetary(string="Revenue 12 Months", readonly=True)
    equity = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    equity_change = fields.Monetary(
        readonly=True, groups=MARGIN_GROUP, help="Against the month's end before, of the customers of now"
    )
    retention = fields.Float(string="Kept (%)", compute="_compute_rates", aggregator="avg", digits=(16, 1))
    satisfaction = fields.Float(compute="_compute_rates", aggregator="avg", digits=(16, 2))
    rhythm_rate = fields.Float(string="Rhythm Kept (%)", compute="_compute_rates", aggregator="avg", digits=(16, 1))
    in_time_rate = fields.Float(
        string="Follow-ups in Time (%)", compute="_compute_rates", aggregator="avg", digits=(16, 1)
    )

    _row_uniq = models.UniqueIndex("(company_id, date, COALESCE(user_id, 0))", "One row a month's end and salesperson.")

    @api.depends(lambda self: [name for _factor, *names in _RATES.values() for name in names])
    def _compute_rates(self):
        for card in self:
            for name, (factor, part, whole) in _RATES.items():
                card[name] = float(factor) * card[part] / card[whole] if card[whole] else 0.0

    def _read_group_select(self, aggregate_spec, query):
        """Return the rates of rows that are added up as ratios of their sums."""
        name, _colon, function = aggregate_spec.partition(":")
        if name in _RATES and function == "avg":
            factor, part, whole = _RATES[name]
            return SQL(
                "%s * sum(%s) / NULLIF(sum(%s), 0)",
                SQL(factor),
                SQL.identifier(self._table, part),
                SQL.identifier(self._table, whole),
            )
        if name in _STOCKS and function in ("sum", "sum_currency"):
            whole = SQL(
                "round(%s::numeric / NULLIF(count(DISTINCT %s), 0), 2)",
                super()._read_group_select(aggregate_spec, query),
                SQL("date_trunc('month', %s)", SQL.identifier(self._table, "date")),
            )
            return SQL("(%s)::int", whole) if self._fields[name].type == "integer" else whole
        return super()._read_group_select(aggregate_spec, query)

    # making the rows

    @api.model
    def _take(self, company, taken):
        """Make the rows of a month's end, anew where there are some."""
        Snapshot = self.env["crm.value.snapshot"]
        before = Snapshot._last_date(company, fields.Date.subtract(taken, days=1))
        # without an earlier month's end, the month itself
        since = before or fields.Date.subtract(taken, months=1)
        former = Snapshot._last_date(company, fields.Date.subtract(taken, years=1))
        self.env.flush_all()
        self.env.cr.execute(
            SQL("DELETE FROM crm_value_scorecard WHERE company_id = %s AND date = %s", company.id, taken)
        )
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_scorecard (
                   company_id, date, user_id, team_id, customer_count, before_count, kept_count, won_count, lost_count,
                   won_back_count, rated_count, satisfaction_sum, rhythm_count, rhythm_kept_count, revenue_12m, equity,
                   equity_change, due_count, in_time_count)
            SELECT %(company)s, %(taken)s, COALESCE(served.user_id, asked.user_id), seller.sale_team_id,
                   %(figures)s, COALESCE(asked.due, 0), COALESCE(asked.in_time, 0)
              FROM (%(served)s) served FULL JOIN (%(asked)s) asked ON asked.user_id = served.user_id
              LEFT JOIN res_users seller ON seller.id = COALESCE(served.user_id, asked.user_id)
            """,
                company=company.id,
                taken=taken,
                figures=SQL(", ").join(
                    SQL("COALESCE(%s, 0)", SQL.identifier("served", name)) for name in self._served_figures()
                ),
                served=self._select_served(company, taken, before, since, former),
                asked=self._select_asked(company, taken, since),
            )
        )
        self.invalidate_model()

    @api.model
    def _served_figures(self):
        """Return what is counted of a salesperson's customers: dict of name → SQL."""
        return {
            "customer_count": SQL("count(*) FILTER (WHERE now.revenue_12m > 0)"),
            "before_count": SQL("count(*) FILTER (WHERE former.revenue_12m > 0)"),
            "kept_count": SQL("count(*) FILTER (WHERE former.revenue_12m > 0 AND now.revenue_12m > 0)"),
            "won_count": SQL(
                "count(*) FILTER (WHERE value.first_purchase_date > since AND"
                " value.first_purchase_date <= now.as_of_date)"
            ),
            "lost_count": SQL(
                "count(*) FILTER (WHERE now.lifecycle_stage = 'lost' AND before.id IS NOT NULL"
                " AND before.lifecycle_stage IS DISTINCT FROM 'lost')"
            ),
            "won_back_count": SQL(
                "count(*) FILTER (WHERE now.lifecycle_stage = 'won_back' AND before.id IS NOT NULL"
                " AND before.lifecycle_stage IS DISTINCT FROM 'won_back')"
            ),
            "rated_count": SQL("count(*) FILTER (WHERE now.satisfaction > 0)"),
            "satisfaction_sum": SQL("sum(now.satisfaction) FILTER (WHERE now.satisfaction > 0)"),
            "rhythm_count": SQL("count(now.is_rhythm_kept)"),
            "rhythm_kept_count": SQL("count(*) FILTER (WHERE now.is_rhythm_kept)"),
            "revenue_12m": SQL("sum(now.revenue_12m)"),
            "equity": SQL("sum(now.equity)"),
            "equity_change": SQL("sum(now.equity - COALESCE(before.equity, 0)) FILTER (WHERE is_comparable)"),
        }

    @api.model
    def _select_served(self, company, taken, before, since, former):
        """Return the SELECT of what the customers of each salesperson did."""
        return SQL(
            """
            SELECT partner.user_id, %(figures)s
              FROM crm_value_snapshot now
              JOIN crm_value value ON value.id = now.value_id
              JOIN res_partner partner ON partner.id = value.partner_id
              LEFT JOIN crm_value_snapshot before ON before.value_id = now.value_id AND before.as_of_date = %(before)s
              LEFT JOIN crm_value_snapshot former ON former.value_id = now.value_id AND former.as_of_date = %(former)s
             CROSS JOIN (SELECT %(since)s::date AS since, %(is_comparable)s AS is_comparable) known
             WHERE now.company_id = %(company)s AND now.as_of_date = %(taken)s
             GROUP BY partner.user_id
            """,
            figures=SQL(", ").join(
                SQL("%s AS %s", figure, SQL.identifier(name)) for name, figure in self._served_figures().items()
            ),
            company=company.id,
            taken=taken,
            before=before,
            since=since,
            former=former,
            is_comparable=self._is_comparable(company, taken, before),
        )

    @api.model
    def _is_comparable(self, company, taken, before):
        """Tell whether two month ends are valued in the same way: a reconstructed one is not as a taken one is."""
        Snapshot = self.env["crm.value.snapshot"]
        is_taken = [day and Snapshot._last_date(company, day, taken_only=True) == day for day in (taken, before)]
        return bool(before) and is_taken[0] == is_taken[1]

    @api.model
    def _select_asked(self, company, taken, since):
        """Return the SELECT of the follow-ups of each salesperson that were due, and those done in time."""
        return SQL(
            """SELECT user_id, count(*) AS due, count(*) FILTER (WHERE is_in_time) AS in_time
                 FROM crm_value_followup
                WHERE company_id = %s AND deadline > %s AND deadline <= %s AND %s GROUP BY user_id""",
            company.id,
            since,
            taken,
            self._where_asked(),
        )

    @api.model
    def _where_asked(self):
        """Return the condition that a follow-up is work of a salesperson, which can be in time or late."""
        return SQL(
            """state IN ('open', 'done', 'cancelled') AND "group" = 'treated' AND user_id IS NOT NULL
               AND channel = ANY(%s)""",
            self.env["crm.value.followup.action"]._work(),
        )

    @api.model
    def _take_missing(self, company, again=False):
        """Make the rows of the month ends that have none yet.

        :param bool again: also of those that knew no customers of a year before, because they are known by now
        """
        for [day] in self.env.execute_query(
            SQL(
                """SELECT DISTINCT as_of_date FROM crm_value_snapshot snapshot
                    WHERE company_id = %s AND NOT EXISTS (
                          SELECT FROM crm_value_scorecard card
                           WHERE card.company_id = snapshot.company_id AND card.date = snapshot.as_of_date AND %s)
                    ORDER BY 1""",
                company.id,
                SQL("card.before_count > 0") if again else SQL("TRUE"),
            )
        ):
            self._take(company, day)
