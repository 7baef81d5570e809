from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import date_utils

from ..sums.contributions import AGES

#: how many quarters the cohort table goes back
QUARTERS = AGES + 1


class CrmValueDashboardCohorts(models.AbstractModel):
    """Customers by the quarter of their first purchase: how many bought again in each quarter after it."""

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
        for cohort in scope.sums.cohorts:
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
