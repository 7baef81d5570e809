from dataclasses import dataclass, field
from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, date_utils

#: how many quarters the cohort table goes back
QUARTERS = 12


@dataclass
class Cohort:
    """The customers whose first purchase was in one quarter."""

    start: date
    count: int
    bought: int
    first_time: int
    first_time_before: int
    lost: int
    lost_before: int
    expected: int
    expected_revenue: float
    variance: float
    expected_margin: float
    #: by age in quarters from 1 on: how many bought in it
    again: list = field(default_factory=list)


class CrmValueDashboardCohorts(models.AbstractModel):
    """Customers by the quarter of their first purchase: how many bought again in each quarter after it.

    The sums of its scan over all cohorts are those over all customers, which is what the forecast adds up.
    """

    _name = "crm.value.dashboard.cohorts"
    _description = "Customer Value Dashboard: Cohorts"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 50

    @api.model
    def _read(self, scope, payload):
        """Return the rows of the table: the last quarters, each with a cell for every quarter since.

        The last cell of a row is the quarter that is still running.
        """
        now = date_utils.start_of(scope.today, "quarter")
        rows = []
        for cohort in self._scanned(scope):
            age = (now.year - cohort.start.year) * 4 + (now.month - cohort.start.month) // 3
            if 0 <= age < QUARTERS:
                rows.append(self._row(scope, cohort, age))
        return {"rows": rows}

    @api.model
    def _row(self, scope, cohort, age):
        domain = (
            scope.domain
            & Domain("first_purchase_date", ">=", cohort.start)
            & Domain("first_purchase_date", "<", cohort.start + relativedelta(months=3))
        )
        quarter = cohort.start.month // 3 + 1
        return {
            "name": self.env._("Q%(quarter)s %(year)s", quarter=quarter, year=cohort.start.year),
            **self._figure(domain, cohort.count),
            "cells": [
                self._figure(domain & Domain("bought_in_quarter", "=", number), count, share=count / cohort.count)
                | {"is_running": number == age}
                for number, count in enumerate(cohort.again[:age], 1)
            ],
        }

    @api.model
    def _scan(self, scope):
        """Return all cohorts, the oldest first."""
        Value = self.env["crm.value"]
        query = Value._search(scope.domain & Domain("purchase_count", ">", 0))
        query.add_join("LEFT JOIN", "fit", "crm_value_fit", SQL("fit.id = crm_value.fit_id"))
        quarter = SQL("date_trunc('quarter', crm_value.first_purchase_date::timestamp)::date")
        query.groupby, query.order = quarter, quarter
        spend = Value._field_to_sql("crm_value", "expected_revenue", query)
        variance = self.env["crm.value.dashboard.forecast"]._select_variance()
        is_lost = SQL("crm_value.lifecycle_stage = 'lost'")
        columns = [
            quarter,
            SQL("count(*)"),
            SQL("count(*) FILTER (WHERE crm_value.last_purchase_date >= %s)", scope.start),
            SQL("count(*) FILTER (WHERE crm_value.first_purchase_date >= %s)", scope.start),
            SQL(
                "count(*) FILTER (WHERE crm_value.first_purchase_date >= %s AND crm_value.first_purchase_date < %s)",
                *scope.before,
            ),
            SQL("count(*) FILTER (WHERE %s AND crm_value.lifecycle_since >= %s)", is_lost, scope.start),
            SQL(
                "count(*) FILTER (WHERE %s AND crm_value.lifecycle_since >= %s AND crm_value.lifecycle_since < %s)",
                is_lost,
                *scope.before,
            ),
            SQL("count(*) FILTER (WHERE crm_value.expected_purchases > 0)"),
            SQL("COALESCE(sum(%s), 0)", spend),
            SQL("COALESCE(sum(%s), 0)", variance),
            SQL("COALESCE(sum(crm_value.expected_margin_12m), 0)::float8") if scope.sees_worth else SQL("0"),
            *(
                SQL("count(*) FILTER (WHERE crm_value.purchase_quarters & %s <> 0)", 1 << age)
                for age in range(1, QUARTERS)
            ),
        ]
        Value.flush_model()
        self.env["crm.value.fit"].flush_model()
        return [Cohort(*row[:11], list(row[11:])) for row in self.env.execute_query(query.select(*columns))]
