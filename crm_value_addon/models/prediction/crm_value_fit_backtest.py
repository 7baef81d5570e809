import math

import numpy as np

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...const import MANAGER_GROUP
from ...lib.postgres.binary_copy import day_number

#: more customers than this are backtested on a sample: the figures move by less than their own noise
SAMPLE = 200_000
#: a new fit whose backtest error, as a multiple of history's, is this much above the present one's is not used
MUCH_WORSE = 1.25
#: a stretch of the year that brought so much more or less than its share is a season worth a sentence
SEASON = 0.1
_LONGEST_HOLDOUT = 365
_KERNEL_NAMES = {"mbg": "modified_beta_geo", "bg": "beta_geo"}
#: the way of the last 12 months that is used where no model is
HISTORY = "carry_forward_12m"


class CrmValueFitBacktest(models.Model):
    """The second half of a fit: tried on the company's own past, and used or not by what comes out."""

    _inherit = "crm.value.fit"

    holdout_days = fields.Integer(readonly=True, help="Days at the end of the history that the backtest forecast")
    mae_model = fields.Monetary(
        string="Model Error", readonly=True, help="Mean absolute error per customer, in revenue")
    mae_history = fields.Monetary(
        string="12 Months Error", readonly=True, help="Mean absolute error per customer, in revenue")
    bias_model = fields.Float(
        string="Model Bias", readonly=True, help="Forecast total over actual total, less one")
    bias_history = fields.Float(string="12 Months Bias", readonly=True)
    spearman_model = fields.Float(string="Model Ranking", readonly=True, help="Rank correlation, 1 is perfect")
    spearman_history = fields.Float(string="12 Months Ranking", readonly=True)
    seasonal_bias = fields.Float(readonly=True)
    backtest = fields.Json(readonly=True)
    decision = fields.Selection([
        ("model_better", "Model used: it forecast better"),
        ("model_forced", "Model used: as the settings say"),
        ("history_better", "Last 12 months used: they forecast better"),
        ("history_forced", "Last 12 months used: as the settings say"),
        ("not_usable", "Last 12 months used: not enough data for a model"),
        ("not_tested", "Last 12 months used: too few purchases to test a model on"),
        ("much_worse", "Set aside: much worse than the model in use"),
        ("other_pinned", "Set aside: another model is pinned"),
    ], readonly=True)
    verdict = fields.Text(compute="_compute_verdict")
    chart_monthly = fields.Json(compute="_compute_charts")
    chart_cumulative = fields.Json(compute="_compute_charts")
    chart_calibration = fields.Json(compute="_compute_charts")

    @api.depends("decision", "mae_model", "mae_history", "bias_model", "bias_history", "seasonal_bias")
    def _compute_verdict(self):
        for fit in self:
            lines = [dict(fit._fields["decision"]._description_selection(self.env)).get(fit.decision, "")]
            if fit.holdout_days:
                lines.append(self.env._(
                    "In the last %(days)s days the model was off by %(model)s per customer on average "
                    "(all together %(bias_model)s %%), the last 12 months carried forward by %(history)s "
                    "(%(bias_history)s %%).",
                    days=fit.holdout_days, model=fit.currency_id.format(fit.mae_model),
                    bias_model=f"{round(100 * fit.bias_model):+d}", history=fit.currency_id.format(fit.mae_history),
                    bias_history=f"{round(100 * fit.bias_history):+d}"))
            if abs(fit.seasonal_bias) > SEASON:
                lines.append(self.env._(
                    "A yearly pattern biases the level: a year before, these days brought %(bias)s %% of what their "
                    "share of an even year is.", bias=f"{100 * (1 + fit.seasonal_bias):.0f}"))
            fit.verdict = "\n".join(filter(None, lines))

    @api.depends("backtest", "model")
    def _compute_charts(self):
        for fit in self:
            charts = self._prepare_charts(fit.backtest or {}, self._kernel_name(fit.model))
            for chart, values in charts.items():
                fit[chart] = values

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
            return {"kind": kind, "labels": labels, "x_title": x_title, "y_title": y_title, "series": [
                {"label": self.env._("Actual"), "values": actual},
                {"label": self.env._("Expected"), "values": expected}]}

        cumulative = [[row["actual"] for row in tracking], [row[name] for row in tracking]]
        repeats = self.env._("Repeat purchases")
        return {
            "chart_cumulative": chart("line", months, *cumulative, self.env._("Since the first purchase"), repeats),
            "chart_monthly": chart(
                "bar", months, *(np.diff(series, prepend=0).tolist() for series in cumulative),
                self.env._("Since the first purchase"), repeats),
            "chart_calibration": chart(
                "bar", [f"{row['frequency']}{'+' if row is calibration[-1] else ''}" for row in calibration],
                [row["actual"] for row in calibration], [row[name] for row in calibration],
                self.env._("Repeat purchases before"), self.env._("Average purchases in the holdout")),
        }

    # backtest

    @api.model
    def _split(self, days, until):
        """Return the last day of the calibration period: the last half, at most a year, is held out."""
        return until - min((until - int(days["date"].min())) // 2, _LONGEST_HOLDOUT)

    @api.model
    def _run_backtest(self, days, split, end, prior_strength):
        """Backtest all methods of the kernel on purchase days; return plain numbers that JSON can hold."""
        from ...lib.customer_base import holdout, season  # scipy costs a second: not at Odoo's start

        partner, date, revenue = (days[name] for name in ("partner", "date", "purchase_revenue"))
        customers = np.unique(partner)
        if len(customers) > SAMPLE:
            chosen = np.isin(partner, np.random.default_rng(0).choice(customers, SAMPLE, replace=False))
            partner, date, revenue = partner[chosen], date[chosen], revenue[chosen]
        result = holdout.backtest(
            partner, date, revenue, split, end, prior=prior_strength > 0, prior_strength=prior_strength)
        return {
            "split": split, "end": end, "customers": result.customers, "repeaters": result.repeaters,
            "actual_total": result.actual_total,
            "accuracy": {
                method: {name: _finite(value) for name, value in vars(figures).items()}
                for method, figures in result.accuracy.items()},
            "calibration": result.calibration, "by_month": result.by_month, "tracking": result.tracking,
            "season": season.seasonal_bias(date, revenue, split, end),
        }

    def _backtest(self, days):
        """Backtest this fit's model on the days it was fitted to, where there is enough of them to split."""
        self.ensure_one()
        if self.reliability == "fallback":
            return
        end = day_number(self.as_of_date)
        split = self._split(days, end)
        if split >= end or not (days["date"] <= split).any():
            return
        result = self._run_backtest(days, split, end, self.company_id.value_prior_strength)
        if not result["actual_total"]:
            return
        model, history = result["accuracy"][_KERNEL_NAMES[self.model]], result["accuracy"][HISTORY]
        self.write({
            "backtest": result, "holdout_days": end - split, "seasonal_bias": result["season"] or 0.0,
            "mae_model": model["mae"], "mae_history": history["mae"],
            "bias_model": model["aggregate_error"] or 0.0, "bias_history": history["aggregate_error"] or 0.0,
            "spearman_model": model["spearman"] or 0.0, "spearman_history": history["spearman"] or 0.0,
        })

    def _decide(self):
        """Use this fit, or the history, or leave the present fit in use; ask for a refresh where it changed."""
        self.ensure_one()
        present = self.search([("company_id", "=", self.company_id.id), ("is_used", "=", True), ("id", "!=", self.id)])
        self.decision = self._decision(present)
        if self.decision in ("much_worse", "other_pinned"):
            return
        present.is_used = False
        self.is_used = self.decision in ("model_better", "model_forced")
        if present or self.is_used:
            self.env["crm.value.run"]._request(self.company_id)

    def _decision(self, present):
        method = self.company_id.value_method
        if present.filtered("is_pinned"):
            return "other_pinned"
        if self.reliability == "fallback":
            return "not_usable"
        if method != "auto":
            return f"{method}_forced"
        if not self.holdout_days:
            return "not_tested"
        if self.mae_model >= self.mae_history:
            return "history_better"
        if present.mae_model and self._relative_error() > MUCH_WORSE * present._relative_error():
            return "much_worse"
        return "model_better"

    def _relative_error(self):
        """Return the model's backtest error as a multiple of the history's: comparable between two dates."""
        return self.mae_model / self.mae_history if self.mae_history else math.inf

    # actions

    def _check_manager(self):
        if not self.env.su and not self.env.user.has_group(MANAGER_GROUP):
            raise AccessError(self.env._("Only sales managers decide which prediction is used."))

    def action_pin(self):
        """Use this fit until it is released, whatever later fits say.

        :raise AccessError: the user is no sales manager, or may not read this fit
        :raise UserError: the fit has no parameters
        """
        self.ensure_one()
        self.check_access("read")
        self._check_manager()
        if self.reliability == "fallback":
            raise UserError(self.env._("This model has too little data to predict anything; it cannot be pinned."))
        # sudo: fits are the machine's; which of them is used is the manager's.
        fits = self.sudo().search([("company_id", "=", self.company_id.id), ("is_used", "=", True)])
        (fits - self).write({"is_used": False, "is_pinned": False})
        self.sudo().write({"is_used": True, "is_pinned": True})
        self.env["crm.value.run"]._request(self.company_id)

    def action_release(self):
        """Let the next fit decide again.

        :raise AccessError: the user is no sales manager, or may not read this fit
        """
        self.check_access("read")
        self._check_manager()
        self.sudo().is_pinned = False  # sudo: see action_pin

    @api.model
    def action_fit_now(self):
        """Fit the current company's purchases now and open the result.

        :raise AccessError: the user is no sales manager
        """
        self._check_manager()
        fit = self._fit_company(self.env.company)
        return {
            "type": "ir.actions.act_window", "res_model": "crm.value.fit", "res_id": fit.id,
            "views": [(False, "form")], "name": self.env._("Prediction Model"),
        }


def _finite(number):
    """Return a number, or None for NaN and infinity, which JSON cannot hold."""
    return number if math.isfinite(number) else None
