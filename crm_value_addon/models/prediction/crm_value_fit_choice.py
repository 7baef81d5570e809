import math

from odoo import api, models

#: a new fit whose backtest error, as a multiple of history's, is this much above the present one's is not used
MUCH_WORSE = 1.25


class CrmValueFitChoice(models.AbstractModel):
    """Which fit of a company is used: the new one, the present one, or none.

    How to use: `_decide` on a fit that was tried on the past.

    How it works: a fit is compared with the last 12 months on days that were held back. One that does much worse there
    than the present fit did when it was tried is refused, as long as the present one also tells those same days better.
    Without this last condition, a company that has changed for good would keep a fit of how it used to be for ever.
    """

    _name = "crm.value.fit.choice"
    _description = "Prediction Model: Choice"

    @api.model
    def _decide(self, fit):
        """Use a fit, or the history, or leave the present fit in use; ask for a refresh where that changed."""
        present = self._present(fit)
        fit.decision = self._decision(fit, present)
        if fit.decision in ("much_worse", "other_pinned"):
            return
        present.is_used = False
        fit.is_used = fit.decision in ("model_better", "model_forced")
        if present or fit.is_used:
            self.env["crm.value.run"]._request(fit.company_id)

    @api.model
    def _present(self, fit):
        """Return the fit that a company uses beside a new one."""
        return fit.search([("company_id", "=", fit.company_id.id), ("is_used", "=", True), ("id", "!=", fit.id)])

    @api.model
    def _decision(self, fit, present):
        method = fit.company_id.value_method
        if present.filtered("is_pinned"):
            return "other_pinned"
        if fit.reliability == "fallback":
            return "not_usable"
        if method != "auto":
            return f"{method}_forced"
        if not fit.holdout_days:
            return "not_tested"
        if fit.deviance_model >= fit.deviance_history:
            return "history_better"
        if present.deviance_model and self._is_much_worse(fit, present):
            return "much_worse"
        return "model_better"

    @api.model
    def _is_much_worse(self, fit, present):
        same_days = (fit.backtest or {}).get("deviance_in_use")
        return self._relative_error(fit) > MUCH_WORSE * self._relative_error(present) and (
            same_days is None or same_days < fit.deviance_model
        )

    @api.model
    def _relative_error(self, fit):
        """Return a fit's backtest error as a multiple of the history's: comparable between two dates."""
        return fit.deviance_model / fit.deviance_history if fit.deviance_history else math.inf
