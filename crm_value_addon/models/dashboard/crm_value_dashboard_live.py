from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..sums.contributions import AGES, bucket, variance
from .crm_value_dashboard_sums import BEST_SHARE, FLUSHED, MONTHS, Best, Cohort, Group, MonthEnd, Period, Sums, Tries


class CrmValueDashboardLive(models.AbstractModel):
    """Adds up the customers of a dashboard itself, under the rules of the user: where sums are not kept.

    `_read` returns what `crm.value.dashboard.sums` would.
    """

    _name = "crm.value.dashboard.live"
    _description = "Customer Value Dashboard: Live Sums"

    @api.model
    def _read(self, scope):
        for model in FLUSHED:
            self.env[model].flush_model()
        cohorts, period = self._cohorts(scope)
        return Sums(*self._groups(scope), cohorts, period, self._month_ends(scope), self._tries(scope))

    @api.model
    def _groups(self, scope):
        """Return the groups, few rows of which each section adds up those that it tells apart, and the best."""
        Value = self.env["crm.value"]
        worth = SQL.identifier("crm_value", scope.worth)
        query = Value._search(scope.domain)
        best = Value._search(scope.domain & Domain(scope.worth, ">", 0)).subselect(
            SQL("%s AS least", bucket(SQL("percentile_disc(%s) WITHIN GROUP (ORDER BY %s DESC)", BEST_SHARE, worth)))
        )
        query.add_join("LEFT JOIN", "best", best, SQL("TRUE"))
        keys = SQL(
            "crm_value.tier_id, crm_value.purchase_count > 0, crm_value.lifecycle_stage, crm_value.r_score,"
            " crm_value.f_score"
        )
        query.groupby = keys
        columns = [
            SQL("min(best.least)"),
            SQL("count(*) FILTER (WHERE %s >= best.least)", worth),
            self._total(worth, SQL("%s >= best.least", worth)),
            SQL("count(*) FILTER (WHERE %s > 0)", worth),
            self._total(worth, SQL("%s > 0", worth)),
            keys,
            SQL("count(*)"),
            SQL("count(*) FILTER (WHERE crm_value.revenue_at_risk > 0)"),
            self._total(SQL("crm_value.revenue_12m")),
            self._total(SQL("crm_value.revenue_at_risk")),
        ]
        if scope.sees_worth:
            columns += [
                self._total(SQL("crm_value.margin_12m")),
                self._total(SQL("crm_value.clv")),
                self._total(SQL("crm_value.clv - COALESCE(crm_value.referral_value, 0)")),
            ]
        rows = self.env.execute_query(query.select(*columns))
        least = rows[0][0] if rows else None
        totals = (sum(column) for column in zip(*(row[1:5] for row in rows), strict=True))
        return [Group(*row[5:]) for row in rows], Best(least, *totals) if least is not None else None

    @api.model
    def _cohorts(self, scope):
        """Return all cohorts, the oldest first, and the period: its sums over all cohorts are over all customers."""
        Value = self.env["crm.value"]
        query = Value._search(scope.domain & Domain("purchase_count", ">", 0))
        query.add_join("LEFT JOIN", "fit", "crm_value_fit", SQL("fit.id = crm_value.fit_id"))
        quarter = SQL("date_trunc('quarter', crm_value.first_purchase_date::timestamp)::date")
        query.groupby, query.order = quarter, quarter
        columns = [
            *self._in_period(scope),
            quarter,
            SQL("count(*)"),
            SQL("count(*) FILTER (WHERE crm_value.expected_purchases > 0)"),
            SQL("COALESCE(sum(%s), 0)::float8", Value._field_to_sql("crm_value", "expected_revenue", query)),
            SQL("COALESCE(sum(crm_value.expected_margin_12m), 0)::float8") if scope.sees_worth else SQL("0"),
            SQL("COALESCE(sum(%s), 0)::float8", variance("crm_value")),
            *(
                SQL("count(*) FILTER (WHERE crm_value.purchase_quarters & %s <> 0)", 1 << age)
                for age in range(1, AGES + 1)
            ),
        ]
        rows = self.env.execute_query(query.select(*columns))
        in_period = [sum(column) for column in zip(*(row[:5] for row in rows), strict=True)] or [0] * 5
        return [Cohort(*row[5:11], list(row[11:])) for row in rows], Period(*in_period)

    @api.model
    def _in_period(self, scope):
        """Return the SQL of the counts of a `Period`."""
        first, since = SQL("crm_value.first_purchase_date"), SQL("crm_value.lifecycle_since")
        is_lost = SQL("crm_value.lifecycle_stage = 'lost'")
        return [
            SQL("count(*) FILTER (WHERE crm_value.last_purchase_date >= %s)", scope.start),
            SQL("count(*) FILTER (WHERE %s >= %s)", first, scope.start),
            SQL("count(*) FILTER (WHERE %s >= %s AND %s < %s)", first, scope.before[0], first, scope.before[1]),
            SQL("count(*) FILTER (WHERE %s AND %s >= %s)", is_lost, since, scope.start),
            SQL(
                "count(*) FILTER (WHERE %s AND %s >= %s AND %s < %s)",
                *(is_lost, since, scope.before[0], since, scope.before[1]),
            ),
        ]

    @api.model
    def _month_ends(self, scope):
        """Return the month ends of each company, the oldest first."""
        query = self.env["crm.value.snapshot"]._search(
            Domain("company_id", "in", scope.companies.ids)
            & Domain("as_of_date", "<", scope.today)
            & Domain("as_of_date", ">=", scope.today.replace(day=1) - relativedelta(months=MONTHS))
            & scope.filter("value_id.")
        )
        query.groupby = SQL("crm_value_snapshot.company_id, crm_value_snapshot.as_of_date")
        query.order = SQL("crm_value_snapshot.as_of_date")
        return [
            MonthEnd(*row)
            for row in self.env.execute_query(
                query.select(
                    query.groupby,
                    SQL("count(*)"),
                    SQL("COALESCE(sum(crm_value_snapshot.revenue_12m), 0)"),
                    SQL("COALESCE(sum(crm_value_snapshot.equity), 0)") if scope.sees_worth else SQL("0"),
                    SQL("bool_or(crm_value_snapshot.is_reconstructed IS TRUE)"),
                )
            )
        ]

    @api.model
    def _tries(self, scope):
        """Return the follow-ups of lost customers by the stage that these are at now."""
        query = self.env["crm.value"]._search(scope.domain)
        tries = self.env["crm.value.dashboard.lifecycle"]._select_tries(scope)
        query.add_join("JOIN", "tries", SQL("(%s)", tries), SQL("tries.value_id = crm_value.id"))
        query.groupby = SQL("crm_value.lifecycle_stage")
        sums = SQL("sum(tries.tried)::int8, sum(tries.held_out)::int8, sum(tries.cost)")
        return [Tries(*row) for row in self.env.execute_query(query.select(query.groupby, sums))]

    @api.model
    def _total(self, column, where=None):
        return SQL("COALESCE(sum(%s) FILTER (WHERE %s), 0)", column, where or SQL("TRUE"))
