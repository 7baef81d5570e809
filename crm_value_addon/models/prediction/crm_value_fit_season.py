import math
from datetime import date, timedelta

import numpy as np

from odoo import api, models
from odoo.tools import format_date

#: the months of a forecast, on average
_MONTH = 30.44
_EPOCH = date(1970, 1, 1)


class CrmValueFitSeason(models.AbstractModel):
    """The revenue expected by month, with the company's year where that forecasts better.

    How to use: a fit keeps what `_learn` returns (`crm.value.fit.season`); `_chart` and `_describe` show it.

    How it works: the weights of the fit say what the customers bring in a year, the purchase model how that fades over
    the months, and lib/customer_base/season.py what a calendar month has beside an even year. The year's total stays.
    """

    _name = "crm.value.fit.season"
    _description = "Prediction Model: Season"

    @api.model
    def _learn(self, days, as_of, months):
        """Return season and revenue by month, as plain numbers that JSON can hold.

        :param dict days: the purchases that a fit reads
        :param int as_of: today, in days since 1970
        :param list months: revenue expected in each of the next 12 months (`Ensemble.months`)
        """
        from ...lib.customer_base import season  # scipy costs a second: not at Odoo's start

        found = season.fit_season(days["date"], days["purchase_revenue"], as_of)
        ends = as_of + np.rint(np.arange(13) * _MONTH).astype(np.int64)
        expected = np.array(months, float)
        if found and found.is_used and len(expected):
            waves = [found.mean(int(first) + 1, int(last)) for first, last in zip(ends, ends[1:], strict=False)]
            seasonal = expected * waves
            expected = seasonal * (expected.sum() / seasonal.sum()) if seasonal.sum() else expected
        year_ago = np.searchsorted(ends - 365, days["date"], side="left")
        before = np.bincount(year_ago, days["purchase_revenue"], minlength=14)[1:13]
        result = {"ends": ends.tolist(), "expected": expected.tolist(), "before": before.tolist()}
        if found:
            result |= {
                "index": found.index,
                "is_used": found.is_used,
                "error": _finite(found.error),
                "even_error": _finite(found.even_error),
            }
        return result

    @api.model
    def _chart(self, kept):
        """Return the chart of a stored season: what is expected by month, and what came a year before."""
        ends = kept.get("ends", [])
        middles = [_EPOCH + timedelta(days=(first + last) // 2) for first, last in zip(ends, ends[1:], strict=False)]
        return {
            "kind": "bar",
            "labels": [format_date(self.env, middle, date_format="MMM yy") for middle in middles],
            "x_title": self.env._("Month"),
            "y_title": self.env._("Revenue"),
            "series": [
                {"label": self.env._("A year before"), "values": kept.get("before", [])},
                {"label": self.env._("Expected"), "values": kept.get("expected", [])},
            ],
        }

    @api.model
    def _describe(self, kept):
        """Return whether the forecast by month has a season, and why."""
        if not kept or not kept.get("expected"):
            return ""
        if not kept.get("index"):
            return self.env._("The history is too short to see a season: two whole years are needed.")
        if kept["error"] is None:
            return self.env._("The history is too short to try a season on earlier quarters, so none is used.")
        errors = {"season": round(100 * kept["error"]), "even": round(100 * kept["even_error"])}
        if not kept["is_used"]:
            return self.env._(
                "No season is used: with one, the last quarters would have been missed by %(season)s %%, without by "
                "%(even)s %%.",
                **errors,
            )
        index = kept["index"]
        best, worst = (index.index(extreme(index)) for extreme in (max, min))
        return self.env._(
            "With a season, by which %(best)s brings %(high)s %% of an even month and %(worst)s %(low)s %%: the last "
            "quarters would have been missed by %(season)s %% with it, and by %(even)s %% without.",
            best=self._month_name(best),
            high=round(100 * index[best]),
            worst=self._month_name(worst),
            low=round(100 * index[worst]),
            **errors,
        )

    @api.model
    def _month_name(self, number):
        return format_date(self.env, date(2000, number + 1, 1), date_format="LLLL")


def _finite(number):
    return number if math.isfinite(number) else None
