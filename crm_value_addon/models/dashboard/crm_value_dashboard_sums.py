from collections import namedtuple
from dataclasses import dataclass, field
from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..sums.contributions import AGES, AMOUNTS, KEYS, MONTH

#: the part of the customers whose share is shown: "the best 20 %"
BEST_SHARE = 0.2
#: month ends that the trend goes back
MONTHS = 12


#: what the sums are read from
FLUSHED = ("crm.value", "crm.value.snapshot", "crm.value.fit", "crm.value.followup", "crm.value.followup.rule")

#: a row of `CrmValueDashboardSums._select`
Row = namedtuple("Row", ["company_key", "kind", *KEYS, "in_period", "in_period_before", *AMOUNTS])


@dataclass
class Group:
    """Customers alike in tier, stage and scores: their number, and sums over them."""

    tier_id: int
    bought: bool
    stage: str
    r: int
    f: int
    count: int
    risked: int
    revenue: float
    at_risk: float
    margin: float = 0
    clv: float = 0
    equity: float = 0


@dataclass
class Best:
    """The best customers among those who are worth anything (`counted`), and from which value on one is among them."""

    least: float
    count: int
    worth: float
    counted: int
    counted_worth: float


@dataclass
class Cohort:
    """The customers whose first purchase was in one quarter."""

    start: date
    count: int
    expected: int
    expected_revenue: float
    expected_margin: float
    variance: float
    #: by age in quarters from 1 on: how many bought in it
    again: list = field(default_factory=list)


@dataclass
class Period:
    """How many customers bought, were won and lost in a period, and won and lost in the one before."""

    bought: int
    won: int
    won_before: int
    lost: int
    lost_before: int


@dataclass
class MonthEnd:
    """The customers of a company at a month's end."""

    company_id: int
    day: date
    count: int
    revenue: float
    equity: float
    is_reconstructed: bool


@dataclass
class Tries:
    """How many of the customers of a stage were followed up because they were lost, or held out, and at what cost."""

    stage: str
    tried: int
    held_out: int
    cost: float


@dataclass
class Sums:
    """What the sections add up, whoever added up the customers before."""

    groups: list
    best: Best | None
    cohorts: list
    period: Period
    month_ends: list
    tries: list


class CrmValueDashboardSums(models.AbstractModel):
    """What the refresh has added up for the dashboard (`crm.value.sum`), so that it reads no customer.

    How to use: `_read` returns the sums, or None where a section has to add up the customers itself: with a filter, for
    a user whose rules are about more than companies, and while a refresh of all customers is under way.
    """

    _name = "crm.value.dashboard.sums"
    _description = "Customer Value Dashboard: Sums"

    @api.model
    def _read(self, scope):
        """Return in one query how old the figures of each company are, and the sums over all of them.

        :return: (dict company → age as `crm.value.freshness` returns it, Sums or None)
        """
        for model in FLUSHED:
            self.env[model].flush_model()
        is_kept = not scope.conditions and all(
            self._sees_whole_companies(model) for model in ("crm.value", "crm.value.snapshot")
        )
        rows = self.env.execute_query(
            SQL(
                "SELECT age.*, found.* FROM (%s) age LEFT JOIN (%s) found ON found.company_key = age.company_id",
                self.env["crm.value.freshness"]._select(scope.companies),
                SQL(
                    "%s UNION ALL %s UNION ALL %s",
                    self._select(scope),
                    self._select_best(scope),
                    self._select_tries(scope),
                )
                if is_kept
                else SQL("SELECT NULL::int AS company_key"),
            )
        )
        ages = {company_id: (refreshed_at, waiting) for company_id, refreshed_at, waiting, *_row in rows}
        measured = {company: self.env["crm.value.freshness"]._age(*ages[company.id]) for company in scope.companies}
        return measured, self._sums(scope, [row[3:] for row in rows if row[3]]) if is_kept else None

    @api.model
    def _sees_whole_companies(self, model):
        """Tell whether the user's rules let through all records of a model of the active companies."""
        if self.env.su:
            return True
        allowed = Domain("company_id", "in", self.env.companies.ids).optimize(self.env[model])
        domain = self.env["ir.rule"]._compute_domain(model, "read")
        return domain.is_true() or domain == allowed

    @api.model
    def _select(self, scope):
        """Return the SELECT of the sums but the values; of days, only how many lie in the period and the one before."""
        first_month = scope.today.replace(day=1) - relativedelta(months=MONTHS)
        since, until = scope.before
        return SQL(
            """
            SELECT company_key, kind, tier_key, has_bought, stage, r_score, f_score,
                   CASE kind WHEN 'cohort' THEN date_trunc('quarter', day::timestamp)::date
                        WHEN 'last' THEN NULL WHEN 'lost' THEN NULL ELSE day END AS day, age, NULL::numeric AS least,
                   sum(customers) FILTER (WHERE day >= %(start)s) AS in_period,
                   sum(customers) FILTER (WHERE day >= %(since)s AND day < %(until)s) AS in_period_before, %(amounts)s
              FROM crm_value_sum
             WHERE company_key = ANY(%(companies)s) AND kind NOT IN ('clv', 'revenue_12m')
               AND (kind NOT IN ('last', 'lost') OR day >= %(since)s)
               AND (kind != %(month)s OR day >= %(first_month)s AND day < %(today)s)
             GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
            """,
            amounts=SQL(", ").join(SQL("sum(%s)", SQL.identifier(name)) for name in AMOUNTS),
            companies=scope.companies.ids,
            start=scope.start,
            since=since,
            until=until,
            month=MONTH,
            first_month=first_month,
            today=scope.today,
        )

    @api.model
    def _select_best(self, scope):
        """Return the SELECT of the best customers, as one more row like those of `_select`."""
        worth = SQL.identifier("clv" if scope.sees_worth else "revenue")
        return SQL(
            """
            (SELECT %(company)s, 'best', NULL, NULL, NULL, NULL, NULL, NULL, NULL, least, best::int8,
                    counted::int8, %(amounts)s
               FROM (SELECT least, sum(customers) OVER best AS best, sum(worth) OVER best AS best_worth,
                            sum(customers) OVER () AS counted, sum(worth) OVER () AS counted_worth
                       FROM (SELECT least, sum(customers) AS customers, sum(%(worth)s) AS worth
                               FROM crm_value_sum WHERE company_key = ANY(%(companies)s) AND kind = %(kind)s
                              GROUP BY least HAVING sum(customers) != 0) by_value
                     WINDOW best AS (ORDER BY least DESC)) counted
              WHERE best >= ceil(%(share)s::float8 * counted) ORDER BY least DESC LIMIT 1)
            """,
            company=scope.company.id,
            amounts=SQL(", ").join(
                SQL({"revenue": "best_worth", "equity": "counted_worth"}.get(name, "NULL")) for name in AMOUNTS
            ),
            worth=worth,
            kind=scope.worth,
            companies=scope.companies.ids,
            share=BEST_SHARE,
        )

    @api.model
    def _select_tries(self, scope):
        """Return the SELECT of the follow-ups of lost customers by stage, as rows like those of `_select`.

        They are few, and the rule that says whom they are of may change: none is kept.
        """
        amounts = {
            "customers": "sum(tries.tried)::int8",
            "risked_customers": "sum(tries.held_out)::int8",
            "revenue": "sum(tries.cost)::numeric",
        }
        return SQL(
            """
            SELECT value.company_id, 'tries', NULL, NULL, value.lifecycle_stage, NULL, NULL, NULL, NULL, NULL, NULL,
                   NULL, %s
              FROM (%s) tries JOIN crm_value value ON value.id = tries.value_id
             WHERE value.company_id = ANY(%s) GROUP BY 1, 5
            """,
            SQL(", ").join(SQL(amounts.get(name, "NULL")) for name in AMOUNTS),
            self.env["crm.value.dashboard.lifecycle"]._select_tries(scope),
            scope.companies.ids,
        )

    @api.model
    def _sums(self, scope, rows):
        """Return the sums of rows of `_select`, None unless all customers of all companies are counted."""
        rows = [Row(*row) for row in rows]
        of_kind = {}
        for row in rows:
            of_kind.setdefault(row.kind, []).append(row)
        counted = {row.company_key for row in of_kind.get("whole", ())}
        if "void" in of_kind or counted < set(scope.companies.ids):
            return None
        return Sums(
            groups=[
                Group(
                    row.tier_key,
                    row.has_bought,
                    row.stage,
                    row.r_score,
                    row.f_score,
                    *(row.customers, row.risked_customers, row.revenue, row.revenue_at_risk),
                    *((row.margin, row.clv, row.equity) if scope.sees_worth else ()),
                )
                for row in of_kind.get("group", ())
                if row.customers
            ],
            best=self._best(of_kind.get("best")),
            cohorts=self._cohorts(of_kind.get("cohort", ()), of_kind.get("again", ()), scope.sees_worth),
            period=self._period(of_kind),
            month_ends=[
                MonthEnd(
                    *(row.company_key, row.day, row.customers, row.revenue),
                    *(row.equity if scope.sees_worth else 0, row.reconstructed_customers > 0),
                )
                for row in sorted(of_kind.get(MONTH, ()), key=lambda row: row.day)
                if row.customers
            ],
            tries=[
                Tries(row.stage, row.customers, row.risked_customers, row.revenue) for row in of_kind.get("tries", ())
            ],
        )

    @api.model
    def _best(self, rows):
        """Return the best customers of the one row about them, None where nobody is worth anything."""
        if not rows:
            return None
        [row] = rows
        return Best(row.least, row.in_period, row.revenue, row.in_period_before, row.equity)

    @api.model
    def _cohorts(self, rows, again, sees_worth):
        """Return the cohorts of all companies, the oldest first."""
        cohorts = {}
        for row in sorted(rows, key=lambda row: row.day or date.min):
            cohort = cohorts.setdefault(row.day, Cohort(row.day, 0, 0, 0.0, 0.0, 0.0, [0] * AGES))
            cohort.count += row.customers
            cohort.expected += row.expecting_customers
            cohort.expected_revenue += float(row.expected_revenue)
            cohort.expected_margin += float(row.expected_margin) if sees_worth else 0.0
            cohort.variance += float(row.spend_variance)
        for row in again:
            if row.customers:
                cohorts[row.day].again[row.age - 1] += row.customers
        return [cohort for cohort in cohorts.values() if cohort.count]

    @api.model
    def _period(self, of_kind):
        def total(kind, name):
            return sum(getattr(row, name) or 0 for row in of_kind.get(kind, ()))

        return Period(
            total("last", "in_period"),
            *(total(kind, name) for kind in ("cohort", "lost") for name in ("in_period", "in_period_before")),
        )
