import math

import numpy as np

from odoo import api, models

from ...lib.postgres.binary_copy import day_number

#: more customers than this are backtested on a sample: the figures move by less than their own noise
SAMPLE = 200_000
_LONGEST_HOLDOUT = 365
_KERNEL_NAMES = {"mbg": "modified_beta_geo", "bg": "beta_geo"}
#: the way of a fit: what customers are shown
SHOWN = "stack"
#: the way of the last 12 months that is used where no model is
HISTORY = "carry_forward_12m"


class CrmValueFitBacktest(models.AbstractModel):
    """Tries prediction methods on a company's own past.

    How to use: `_try_out` writes on a fit what came out for its model; `_run_backtest` compares all methods on periods
    of one's choice, `_prepare_charts` draws a result.
    """

    _name = "crm.value.fit.backtest"
    _description = "Prediction Model: Backtest"

    @api.model
    def _kernel_name(self, model):
        """Return the name of a purchase model in the kernel's backtest."""
        return _KERNEL_NAMES.get(model, "")

    @api.model
    def _prepare_charts(self, backtest, name):
        """Return the charts of a stored backtest: each labels and an actual and an expected series."""
        tracking, calibration = backtest.get("tracking", []), backtest.get("calibration", [])
        months = [self.env._("Month %(number)s", number=number + 1) for number in range(len(tracking))]

        def chart(kind, labels, actual, expected, x_title, y_title):
            return {
                "kind": kind,
                "labels": labels,
                "x_title": x_title,
                "y_title": y_title,
                "series": [
                    {"label": self.env._("Actual"), "values": actual},
                    {"label": self.env._("Expected"), "values": expected},
                ],
            }

        cumulative = [[row["actual"] for row in tracking], [row[name] for row in tracking]]
        repeats = self.env._("Repeat purchases")
        return {
            "chart_cumulative": chart("line", months, *cumulative, self.env._("Since the first purchase"), repeats),
            "chart_monthly": chart(
                "bar",
                months,
                *(np.diff(series, prepend=0).tolist() for series in cumulative),
                self.env._("Since the first purchase"),
                repeats,
            ),
            "chart_calibration": chart(
                "bar",
                [f"{row['frequency']}{'+' if row is calibration[-1] else ''}" for row in calibration],
                [row["actual"] for row in calibration],
                [row[name] for row in calibration],
                self.env._("Repeat purchases before"),
                self.env._("Average purchases in the holdout"),
            ),
        }

    @api.model
    def _split(self, days, until):
        """Return the last day of the calibration period: the last half, at most a year, is held out."""
        return until - min((until - int(days["date"].min())) // 2, _LONGEST_HOLDOUT)

    @api.model
    def _run_backtest(self, company, days, split, end, start=None, in_use=None):
        """Backtest all methods as a company would show them; return plain numbers that JSON can hold.

        :param start: the kernel's fit at which the search for parameters begins
        :param in_use: the kernel's fit that is tried on the same days as it is
        """
        from ...lib.customer_base import holdout, season  # scipy costs a second: not at Odoo's start

        partner, date, revenue = (days[name] for name in ("partner", "date", "purchase_revenue"))
        customers = np.unique(partner)
        if len(customers) > SAMPLE:
            chosen = np.isin(partner, np.random.default_rng(0).choice(customers, SAMPLE, replace=False))
            partner, date, revenue = partner[chosen], date[chosen], revenue[chosen]
        known = self.env["crm.value.fit.segment"]._known(company)
        result = holdout.backtest(
            partner,
            date,
            revenue,
            split,
            end,
            prior=company.value_prior_strength > 0,
            prior_strength=company.value_prior_strength,
            retention=company.value_retention_rate,
            kind=self.env["crm.value.fit"]._model_class(company.value_model),
            known=known,
            start=start,
        )
        found = holdout.deviance_of(in_use, partner, date, revenue, split, end, known) if in_use else math.nan
        return {
            "split": split,
            "end": end,
            "customers": result.customers,
            "repeaters": result.repeaters,
            "actual_total": result.actual_total,
            "accuracy": {
                method: {name: _finite(value) for name, value in vars(figures).items()}
                for method, figures in result.accuracy.items()
            },
            "calibration": result.calibration,
            "by_month": result.by_month,
            "tracking": result.tracking,
            "season": season.seasonal_bias(date, revenue, split, end),
            "deviance_in_use": _finite(found),
        }

    @api.model
    def _try_out(self, fit, days):
        """Backtest a fit's model on the days it was fitted to, where there is enough of them to split."""
        if fit.reliability == "fallback":
            return
        end = day_number(fit.as_of_date)
        split = self._split(days, end)
        if split >= end or not (days["date"] <= split).any():
            return
        present = self.env["crm.value.fit.choice"]._present(fit)
        in_use = present._ensemble() if present and present.reliability != "fallback" else None
        result = self._run_backtest(fit.company_id, days, split, end, start=fit._ensemble(), in_use=in_use)
        if not result["actual_total"]:
            return
        model, history = result["accuracy"][SHOWN], result["accuracy"][HISTORY]
        fit.write(
            {
                "backtest": result,
                "holdout_days": end - split,
                "seasonal_bias": result["season"] or 0.0,
                "deviance_model": model["deviance"] or 0.0,
                "deviance_history": history["deviance"] or 0.0,
                "mae_model": model["mae"],
                "mae_history": history["mae"],
                "bias_model": model["aggregate_error"] or 0.0,
                "bias_history": history["aggregate_error"] or 0.0,
                "spearman_model": model["spearman"] or 0.0,
                "spearman_history": history["spearman"] or 0.0,
                "top_decile_model": model["top_decile"] or 0.0,
                "top_decile_history": history["top_decile"] or 0.0,
            }
        )


def _finite(number):
    """Return a number, or None for NaN and infinity, which JSON cannot hold."""
    return number if math.isfinite(number) else None
