import logging

import numpy as np

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, format_datetime

from ...const import MANAGER_GROUP, MARGIN_GROUP
from ...lib.postgres import binary_copy
from ...lib.postgres.binary_copy import day_number
from ...report import readable
from .crm_value_fit_backtest import HISTORY, SHOWN

_logger = logging.getLogger(__name__)

#: how far back "all" reaches: a document a hundred years old is a slip of the pen
_ALL_MONTHS = 1200
MODELS = [("mbg", "MBG/NBD (everybody may leave)"), ("bg", "BG/NBD (one-time buyers stay)")]


class CrmValueFit(models.Model):
    """A fit of the purchase and spend models to a company's purchases, and what a backtest says of it.

    How it works: `_fit_company` (cron and button) reads the purchase days, fits the models and the weights of the other
    methods beside them, backtests all that on the same days split in two (`crm.value.fit.backtest`), and has
    `crm.value.fit.choice` decide whether this fit is the one in use. A refresh reads the fit in use (`_current`) and
    never fits.
    """

    _name = "crm.value.fit"
    _description = "Prediction Model"
    _inherit = ["mail.thread"]
    _mail_post_access = "read"
    _order = "id desc"
    _rec_name = "fitted_at"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", index=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    model = fields.Selection(MODELS, required=True, readonly=True)
    fitted_at = fields.Datetime(readonly=True)
    as_of_date = fields.Date(string="Purchases Until", readonly=True)
    is_used = fields.Boolean(string="In Use", readonly=True, tracking=True, copy=False)
    is_pinned = fields.Boolean(
        string="Pinned",
        tracking=True,
        copy=False,
        readonly=True,
        help="Stays in use until it is released, whatever later models say",
    )

    customer_count = fields.Integer(string="Customers", readonly=True)
    repeat_count = fields.Integer(string="Repeat Customers", readonly=True)
    history_days = fields.Integer(string="Days of History", readonly=True)
    # double precision, not numeric: the figures of a refresh must be those of the fit to the last bit
    r = fields.Float(readonly=True, digits=None)
    alpha = fields.Float(readonly=True, digits=None, help="In days")
    a = fields.Float(readonly=True, digits=None)
    b = fields.Float(readonly=True, digits=None)
    p = fields.Float(readonly=True, digits=None)
    q = fields.Float(readonly=True, digits=None)
    v = fields.Float(readonly=True, digits=None, help="In the currency of the company")
    standard_errors = fields.Json(readonly=True)
    standard_errors_text = fields.Char(compute="_compute_standard_errors_text")
    purchase_covariance = fields.Json(readonly=True)
    spend_covariance = fields.Json(readonly=True)
    margin_ratio = fields.Float(
        readonly=True,
        digits=None,
        groups=MARGIN_GROUP,
        help="Margin per unit of revenue of the company; for customers without revenue of their own",
    )
    ensemble = fields.Json(readonly=True)  # customer_base.Ensemble.state
    weights_text = fields.Char(string="Forecast", compute="_compute_weights_text")
    segments_text = fields.Char(string="Segments", compute="_compute_weights_text")
    leaving_text = fields.Text(string="Who Leaves", compute="_compute_leaving_text")
    season = fields.Json(string="Revenue by Month", readonly=True)  # crm.value.fit.season._learn
    season_text = fields.Text(string="Season", compute="_compute_season")
    chart_expected = fields.Json(compute="_compute_season")
    lead_worth = fields.Json(readonly=True)  # lib/lead_worth.py: Worth
    lead_worth_text = fields.Text(string="New Customers", compute="_compute_lead_worth_text")
    log_likelihood = fields.Float(readonly=True, digits=(16, 1))
    converged = fields.Boolean(readonly=True)
    reliability = fields.Selection(
        [("reliable", "Reliable"), ("indicative", "Indicative"), ("fallback", "Not usable")], readonly=True
    )
    reliability_reason = fields.Text(compute="_compute_reliability_reason")
    reliability_code = fields.Char(readonly=True)
    no_churn = fields.Boolean(readonly=True)

    # what the backtest says
    holdout_days = fields.Integer(readonly=True, help="Days at the end of the history that the backtest forecast")
    deviance_model = fields.Float(
        string="Forecast Deviance",
        readonly=True,
        digits=(16, 2),
        help="Tweedie deviance, which sees level and order: the smaller one decides what is used",
    )
    deviance_history = fields.Float(string="12 Months Deviance", readonly=True, digits=(16, 2))
    mae_model = fields.Monetary(
        string="Model Error", readonly=True, help="Mean absolute error per customer, in revenue"
    )
    mae_history = fields.Monetary(
        string="12 Months Error", readonly=True, help="Mean absolute error per customer, in revenue"
    )
    bias_model = fields.Float(string="Model Bias", readonly=True, help="Forecast total over actual total, less one")
    bias_history = fields.Float(string="12 Months Bias", readonly=True)
    spearman_model = fields.Float(string="Model Ranking", readonly=True, help="Rank correlation, 1 is perfect")
    spearman_history = fields.Float(string="12 Months Ranking", readonly=True)
    top_decile_model = fields.Float(
        string="Top 10 % by Model",
        readonly=True,
        help="Share of the revenue that came from the tenth of the customers of whom most was expected",
    )
    top_decile_history = fields.Float(string="Top 10 % by 12 Months", readonly=True)
    gini_model = fields.Float(
        string="Order by Model",
        compute="_compute_order",
        help="How much of the way from a random order of the customers to the right one the forecast goes",
    )
    gini_history = fields.Float(string="Order by 12 Months", compute="_compute_order")
    deviance_gain = fields.Float(
        string="Better than 12 Months",
        compute="_compute_order",
        help="By how much the error of the forecast (deviance, which sees level and order) is below that of the last "
        "12 months carried forward; above 0, the model is used",
    )
    seasonal_bias = fields.Float(readonly=True)
    backtest = fields.Json(readonly=True)
    decision = fields.Selection(
        [
            ("model_better", "Model used: it forecast better"),
            ("model_forced", "Model used: as the settings say"),
            ("history_better", "Last 12 months used: they forecast better"),
            ("history_forced", "Last 12 months used: as the settings say"),
            ("not_usable", "Last 12 months used: not enough data for a model"),
            ("not_tested", "Last 12 months used: too few purchases to test a model on"),
            ("much_worse", "Set aside: much worse than the model in use"),
            ("other_pinned", "Set aside: another model is pinned"),
        ],
        readonly=True,
    )
    verdict = fields.Text(compute="_compute_verdict")
    chart_monthly = fields.Json(compute="_compute_charts")
    chart_cumulative = fields.Json(compute="_compute_charts")
    chart_calibration = fields.Json(compute="_compute_charts")

    def init(self):
        self.env["crm.value.sum"]._watch(self._table)

    def _estimators(self):
        """Return the fitted purchase and spend models of the kernel; times in days, money in the company's currency."""
        self.ensure_one()
        from ...lib import customer_base  # scipy costs a second: not at Odoo's start

        model = self._model_class(self.model).from_parameters(
            self.r, self.alpha, self.a, self.b, covariance=self.purchase_covariance or None
        )
        spend = customer_base.GammaGamma.from_parameters(
            self.p, self.q, self.v, covariance=self.spend_covariance or None
        )
        return model, spend

    def _ensemble(self, typical=None):
        """Return what customers are shown: the models and the weights of the other methods (customer_base).

        :param float typical: the typical interval where the fit, made by an earlier version, does not know it
        """
        from ...lib import customer_base  # scipy costs a second: not at Odoo's start

        known = {"typical": typical} if typical else {}
        return customer_base.Ensemble.restored(*self._estimators(), known | (self.ensemble or {}))

    @api.model
    def _model_class(self, name):
        from ...lib import customer_base  # scipy costs a second: not at Odoo's start

        return {"mbg": customer_base.ModifiedBetaGeo, "bg": customer_base.BetaGeo}[name]

    @api.model
    def _current(self, company):
        """Return the fit that a refresh of a company uses; empty where the customers' own history is used."""
        if company.value_method == "history":
            return self.browse()
        return self.sudo().search([("company_id", "=", company.id), ("is_used", "=", True)], limit=1)

    @api.model
    def _answering(self, company):
        """Return the fit that says who leaves: the one in use, else the latest that has parameters."""
        # sudo: fits are the machine's, and a refresh asks for the company that it is about
        return self.sudo().search(
            [
                ("company_id", "=", company.id),
                "|",
                ("is_used", "=", True),
                ("reliability", "in", ("reliable", "indicative")),
            ],
            order="is_used desc, id desc",
            limit=1,
        )

    @api.depends("ensemble")
    @api.depends_context("lang")
    def _compute_leaving_text(self):
        for fit in self:
            fit.leaving_text = self.env["crm.value.fit.text"]._leaving(fit)

    @api.depends("season")
    @api.depends_context("lang")
    def _compute_season(self):
        Season = self.env["crm.value.fit.season"]
        for fit in self:
            fit.season_text = Season._describe(fit.season)
            fit.chart_expected = Season._chart(fit.season or {})

    @api.depends("lead_worth")
    @api.depends_context("lang")
    def _compute_lead_worth_text(self):
        for fit in self:
            fit.lead_worth_text = self.env["crm.value.lead.worth"]._describe(fit)

    @api.depends("ensemble")
    @api.depends_context("lang")
    def _compute_weights_text(self):
        for fit in self:
            fit.weights_text = self.env["crm.value.fit.text"]._weights(fit)
            fit.segments_text = self.env["crm.value.fit.segment"]._describe(fit.ensemble)

    @api.depends("standard_errors")
    def _compute_standard_errors_text(self):
        for fit in self:
            errors = ", ".join(f"{name} ± {error:.3g}" for name, error in (fit.standard_errors or {}).items())
            fit.standard_errors_text = errors and self.env._("Standard errors: %(errors)s", errors=errors)

    @api.depends("reliability_code", "repeat_count", "history_days", "no_churn")
    def _compute_reliability_reason(self):
        for fit in self:
            fit.reliability_reason = self.env["crm.value.fit.text"]._reliability(fit)

    @api.depends("decision", "deviance_gain", "bias_model", "bias_history", "seasonal_bias", "backtest")
    @api.depends_context("lang")
    def _compute_verdict(self):
        for fit in self:
            fit.verdict = self.env["crm.value.fit.text"]._verdict(fit)

    @api.depends("backtest", "deviance_model", "deviance_history")
    def _compute_order(self):
        for fit in self:
            figures = (fit.backtest or {}).get("accuracy", {})
            fit.gini_model = figures.get(SHOWN, {}).get("gini") or 0.0
            fit.gini_history = figures.get(HISTORY, {}).get("gini") or 0.0
            fit.deviance_gain = 1 - fit.deviance_model / fit.deviance_history if fit.deviance_history else 0.0

    @api.depends("backtest", "model")
    def _compute_charts(self):
        Backtest = self.env["crm.value.fit.backtest"]
        for fit in self:
            charts = Backtest._prepare_charts(fit.backtest or {}, Backtest._kernel_name(fit.model))
            for chart, values in charts.items():
                fit[chart] = values

    @api.depends("fitted_at")
    @api.depends_context("lang", "tz")
    def _compute_display_name(self):
        for fit in self:
            fit.display_name = format_datetime(self.env, fit.fitted_at, dt_format="short") if fit.fitted_at else ""

    # fitting

    @api.model
    def _cron_fit(self):
        """Fit every company anew; one that fails does not stop the others."""
        companies = self.env["res.company"].search([])
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        for company in companies:
            run = self.env["crm.value.run"]
            try:
                run = run._start(company, "fit", company._value_today())
                fit = self._fit_company(company)
                run.write({"total": fit.customer_count, "processed": fit.customer_count})
                run._finish()
            except Exception as error:
                self.env.cr.rollback()
                _logger.exception("Customer value of company %s: the fit failed", company.id)
                run._record_failure(company, "fit", error)
            self.env["ir.cron"]._commit_progress(1)

    @api.model
    def _fit_company(self, company):
        """Fit, backtest, and use the fit unless it is unusable, much worse than the present one, or one is pinned."""
        as_of = company._value_today()
        days = self._purchase_days(company, as_of)
        vals = {
            "company_id": company.id,
            "model": company.value_model,
            "as_of_date": as_of,
            "fitted_at": fields.Datetime.now(),
            "margin_ratio": self._company_margin_ratio(company),
            "lead_worth": self.env["crm.value.lead.worth"]._learn(company, days, as_of),
        }
        fit = self.sudo().create(vals | self._prepare_fit_vals(company, days, as_of))  # sudo: fits are the machine's
        self.env["crm.value.fit.backtest"]._try_out(fit, days)
        self.env["crm.value.fit.choice"]._decide(fit)
        return fit

    @api.model
    def _purchase_days(self, company, as_of):
        """Return the purchases that a fit reads, as arrays: partner, date (days since 1970), purchase_revenue."""
        self.env.flush_all()
        since = fields.Date.subtract(as_of, months=company.value_fit_months or _ALL_MONTHS)
        return binary_copy.copy_out(
            self.env.cr,
            SQL(
                """SELECT partner_id::int4, date, purchase_revenue::float8 FROM (%s) purchase
                WHERE is_purchase AND date <= %s AND date > %s AND %s ORDER BY partner_id, date""",
                self.env["crm.value.purchase"]._query(SQL("source.company_id = %s", company.id)),
                as_of,
                since,
                readable.is_amount(SQL("purchase_revenue")),
            ),
            [("partner", "int4"), ("date", "date"), ("purchase_revenue", "float8")],
        )

    @api.model
    def _company_margin_ratio(self, company):
        [[ratio]] = self.env.execute_query(
            SQL(
                """SELECT COALESCE(sum(margin_total) / NULLIF(sum(revenue_total), 0), 0)
                 FROM crm_value WHERE company_id = %s""",
                company.id,
            )
        )
        return min(max(float(ratio), -1.0), 1.0)

    @api.model
    def _prepare_fit_vals(self, company, days, as_of):
        from ...lib import customer_base  # scipy costs a second: not at Odoo's start

        if not len(days["partner"]):
            return {"reliability": "fallback", "reliability_code": "no_history"}
        start = customer_base.history.first_rows(days["partner"])
        repeaters = int((np.diff(start, append=len(days["partner"])) > 1).sum())
        longest = day_number(as_of) - int(days["date"].min())
        vals = {"customer_count": len(start), "repeat_count": repeaters, "history_days": longest}
        verdict = customer_base.reliability.before_fit(repeaters, longest)
        if verdict.level != "fallback":
            ensemble = customer_base.fit_ensemble(
                days["partner"],
                days["date"],
                days["purchase_revenue"],
                day_number(as_of),
                kind=self._model_class(company.value_model),
                prior=company.value_prior_strength > 0,
                prior_strength=company.value_prior_strength,
                intervals=company.value_risk_factor,
                known=self.env["crm.value.fit.segment"]._known(company),
                start=self._start(company),
            )
            verdict = customer_base.reliability.after_fit(ensemble.model, repeaters, longest)
            vals |= self._prepare_estimator_vals(ensemble.model, ensemble.spend)
            vals["ensemble"] = ensemble.state()
            vals["season"] = self.env["crm.value.fit.season"]._learn(days, day_number(as_of), ensemble.months)
        return vals | {"reliability": verdict.level, "reliability_code": verdict.reason, "no_churn": verdict.no_churn}

    @api.model
    def _start(self, company):
        """Return the latest fit of the kernel, at which the search for parameters begins; None for the first."""
        fit = self._answering(company)
        return fit._ensemble() if fit else None

    @api.model
    def _finite_matrix(self, matrix):
        """Return a covariance as JSON holds it; False where a fit without a prior is too flat to have one."""
        matrix = np.asarray(matrix)
        return matrix.tolist() if np.isfinite(matrix).all() else False

    @api.model
    def _prepare_estimator_vals(self, model, spend):
        return {
            **model.parameters_,
            **spend.parameters_,
            "log_likelihood": model.log_likelihood_,
            "converged": bool(model.converged_ and spend.converged_),
            "standard_errors": {
                name: error
                for name, error in {**model.standard_errors_, **spend.standard_errors_}.items()
                if np.isfinite(error)
            },
            "purchase_covariance": self._finite_matrix(model.covariance_),
            "spend_covariance": self._finite_matrix(spend.covariance_),
        }

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
    def action_fit_now(self, _selected=()):
        """Fit the current company's purchases now and open the result.

        :param _selected: the rows that are ticked in the list, which its button sends; they make no difference
        :raise AccessError: the user is no sales manager
        """
        self._check_manager()
        fit = self._fit_company(self.env.company)
        return {
            "type": "ir.actions.act_window",
            "res_model": "crm.value.fit",
            "res_id": fit.id,
            "views": [(False, "form")],
            "name": self.env._("Prediction Model"),
        }
