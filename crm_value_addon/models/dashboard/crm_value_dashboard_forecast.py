from odoo import api, models
from odoo.fields import Domain

from ...lib import forecast_interval

#: largest error of the total up to which a forecast is sound, or right in the order of magnitude
SOUND_BIAS, ROUGH_BIAS = 0.1, 0.25
#: least rank correlation at which a forecast tells well, or roughly, who will buy more
SOUND_RANKING, ROUGH_RANKING = 0.5, 0.25


class CrmValueDashboardForecast(models.AbstractModel):
    """What customers are expected to buy in the next 12 months, and how far that can be trusted."""

    _name = "crm.value.dashboard.forecast"
    _description = "Customer Value Dashboard: Forecast"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 60

    @api.model
    def _read(self, scope, payload):
        fit = self._fit(scope)
        return {"expected": self._expected(scope, fit, scope.sums.cohorts), "calibration": self._calibration(fit)}

    @api.model
    def _fit(self, scope):
        """Return the fit in use of the company shown, else its last one."""
        return self.env["crm.value.fit"].search_fetch(
            [("company_id", "=", scope.company.id)],
            [
                "model",
                "is_used",
                "holdout_days",
                "bias_model",
                "bias_history",
                "spearman_model",
                "spearman_history",
                "backtest",
                "decision",
            ],
            order="is_used desc, id desc",
            limit=1,
        )

    @api.model
    def _expected(self, scope, fit, cohorts):
        """Return the expected revenue of the next 12 months, with its interval once the forecast was backtested."""
        revenue = sum(cohort.expected_revenue for cohort in cohorts)
        amounts = {"revenue": revenue}
        if scope.sees_worth and scope.company.value_basis == "margin":
            amounts["margin"] = sum(cohort.expected_margin for cohort in cohorts)
        figure = self._figure(
            scope.domain & Domain("expected_purchases", ">", 0),
            sum(cohort.expected for cohort in cohorts),
            columns={"revenue": "expected_revenue", "margin": "expected_margin_12m"},
            **amounts,
        )
        if not fit.holdout_days:
            return figure | {"interval": False}
        bias = fit.bias_model if fit.is_used else fit.bias_history
        bounds = forecast_interval.interval(revenue, sum(cohort.variance for cohort in cohorts), bias)
        return figure | {"interval": [round(bound, 2) for bound in bounds]}

    @api.model
    def _calibration(self, fit):
        """Return expected and actual purchases of the backtest, with a sentence on them; False without a backtest."""
        backtest = fit.backtest or {}
        rows = backtest.get("calibration")
        if not rows or not fit.holdout_days:
            return False
        name = self.env["crm.value.fit.backtest"]._kernel_name(fit.model)
        return {
            "model": "crm.value.fit",
            "id": fit.id,
            "days": fit.holdout_days,
            "is_used": fit.is_used,
            "rows": [
                {
                    "purchases": f"{row['frequency'] + 1}{'+' if row is rows[-1] else ''}",
                    "customers": row["customers"],
                    "actual": round(row["actual"], 2),
                    "expected": round(row[name], 2),
                }
                for row in rows
            ],
            "trust": self._trust(fit),
        }

    @api.model
    def _trust(self, fit):
        """Return in one sentence how far the forecast in use can be trusted."""
        bias, ranking = (
            (fit.bias_model, fit.spearman_model) if fit.is_used else (fit.bias_history, fit.spearman_history)
        )
        off = round(100 * abs(bias))
        level = (
            self.env._("neither too much nor too little")
            if not off
            else self.env._("%(percent)s %% too much", percent=off)
            if bias > 0
            else self.env._("%(percent)s %% too little", percent=off)
        )
        totals = (
            self.env._("its totals can be relied on")
            if abs(bias) <= SOUND_BIAS
            else self.env._("its totals give the order of magnitude")
            if abs(bias) <= ROUGH_BIAS
            else self.env._("its totals cannot be relied on")
        )
        order = (
            self.env._("it tells well who buys more than others")
            if ranking >= SOUND_RANKING
            else self.env._("it tells roughly who buys more than others")
            if ranking >= ROUGH_RANKING
            else self.env._("it hardly tells who buys more than others")
        )
        text = (
            self.env._(
                "Tried on %(days)s days that it had not seen, the prediction expected %(level)s revenue in all: "
                "%(totals)s, and %(order)s."
            )
            if fit.is_used
            else self.env._(
                "Tried on %(days)s days that it had not seen, the last 12 months carried forward, which are used here, "
                "expected %(level)s revenue in all: %(totals)s, and %(order)s."
            )
        )
        return text % {"days": fit.holdout_days, "level": level, "totals": totals, "order": order}
