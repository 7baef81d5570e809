import numpy as np

from odoo import api, models

from ...lib import lifecycle
from ...lib.columns import take
from ...lib.postgres.binary_copy import day_number

#: the columns that say who leaves
_READ = (
    "frequency",
    "first_purchase_date",
    "previous_purchase_date",
    "last_purchase_date",
    "log_gaps",
    "revenue_12m",
    "method",
    "next_purchase_date",
)


class CrmValueLeaving(models.AbstractModel):
    """Who leaves: one probability for each customer, and everything that follows from it.

    How to use: `_ask` is a step of a refresh, before the stage.

    How it works: a customer's horizon is a multiple of their usual interval, and the question is whether they buy
    within it (lib/customer_base/leaving.py). The fit in use answers. Where the last 12 months forecast money better, or
    the settings ask for them, the latest fit answers all the same, because who leaves is another question than how much
    they bring. Where a company has too few customers for a fit, their rhythm alone answers.
    """

    _name = "crm.value.leaving"
    _description = "Customer Value: Who Leaves"

    @api.model
    def _sample(self, columns):
        """Return what the boundaries are drawn from: the mean interval of each customer that came back."""
        from ...lib.customer_base import leaving  # scipy costs a second: not at Odoo's start

        return {
            "interval": leaving.mean_intervals(
                columns["frequency"], columns["last_purchase_date"] - columns["first_purchase_date"]
            )
        }

    @api.model
    def _boundaries(self, sample):
        """Return the typical interval between purchases (see `crm.value.refresh._boundaries`)."""
        from ...lib.customer_base import leaving  # scipy costs a second: not at Odoo's start

        return {"interval": leaving.typical_interval(sample["interval"])}

    @api.model
    def _ask(self, basis, columns, boundaries):
        """Add probability, horizon, risk, next purchase and revenue at risk, and for the stage who is lost."""
        bought = columns["purchase_count"] > 0
        count = len(bought)
        found = {
            "usual_days": np.zeros(count, np.int32),
            "churn_days": np.zeros(count, np.int32),
            "churn_probability": np.zeros(count),
            "churn_risk": np.zeros(count, np.int16),
            "revenue_at_risk": np.zeros(count),
            "next_purchase_date": columns["next_purchase_date"].copy(),
            **{name: np.zeros(count, bool) for name in ("at_risk", "lost", "was_lost")},
        }
        if bought.any():
            # a copy of what is read, not of all columns, which would be the peak of a refresh
            known = take({name: columns[name] for name in _READ}, bought)
            for name, values in self._ask_customers(basis, known, boundaries).items():
                found[name][bought] = values
        return {**columns, **found}

    @api.model
    def _ask_customers(self, basis, columns, boundaries):
        """Return the answers about customers who have bought."""
        from ...lib.customer_base import leaving  # scipy costs a second: not at Odoo's start

        company, answers = basis.company, self._answers(basis, boundaries)
        x, t_x, age = self.env["crm.value.prediction"]._purchase_triple(columns, basis.as_of)
        usual = leaving.usual_intervals(x, t_x, answers.typical)
        days = leaving.horizons(x, t_x, answers.typical, company.value_risk_factor, longest=answers.longest)
        probability = np.round(answers.leaves(x, t_x, age, columns["log_gaps"], days), 4)
        called = lifecycle.Called(
            risk=max(1 - company.value_high_risk, answers.risk),
            lost_above=1 - company.value_lost_probability,
            lost_factor=company.value_lost_factor,
        )
        silence = day_number(basis.as_of) - columns["last_purchase_date"]
        at_risk = called.at_risk(probability, silence, usual)
        own = np.rint(np.divide(t_x, x, out=np.zeros(len(x)), where=x > 0)).astype(np.int32)
        return {
            "usual_days": own,
            "churn_days": np.rint(days).astype(np.int32),
            "churn_probability": probability,
            "churn_risk": self._risk(company, probability, at_risk),
            "revenue_at_risk": np.round(np.maximum(columns["revenue_12m"], 0) * probability, basis.money),
            "next_purchase_date": np.where(
                (own > 0) & (columns["method"] == self.env["crm.value"]._selection_code("method", "history")),
                columns["last_purchase_date"] + own,
                columns["next_purchase_date"],
            ),
            "at_risk": at_risk,
            "lost": called.lost(probability, silence, usual),
            "was_lost": self._were_lost(answers, company, called, columns, x, t_x),
        }

    @api.model
    def _answers(self, basis, boundaries):
        """Return what of the kernel answers: the ensemble of a fit, or the rhythm alone."""
        from ...lib import customer_base  # scipy costs a second: not at Odoo's start

        Fit = self.env["crm.value.fit"]
        typical = boundaries.get("interval", customer_base.leaving.DEFAULT_INTERVAL)
        # sudo: a fit has no secrets for the refresh
        fit = Fit._answering(basis.company) if basis.fit is None else basis.fit.sudo()
        return fit._ensemble(typical) if fit else customer_base.Ensemble.unfitted(typical)

    @api.model
    def _were_lost(self, answers, company, called, columns, x, t_x):
        """Tell who was lost just before the last purchase, which has won them back."""
        from ...lib.customer_base import leaving  # scipy costs a second: not at Odoo's start

        silence = columns["last_purchase_date"] - columns["previous_purchase_date"]
        until = (columns["previous_purchase_date"] - columns["first_purchase_date"]).astype(float)
        before = np.maximum(x - 1, 0)
        usual = leaving.usual_intervals(before, until, answers.typical)
        # asked only of the few whose gap is long enough
        asked = (x > 0) & (silence >= company.value_lost_factor * usual)
        were = np.zeros(len(x), bool)
        if asked.any():
            x_before, at, gap = before[asked], until[asked], silence[asked].astype(float)
            days = leaving.horizons(x_before, at, answers.typical, company.value_risk_factor, longest=answers.longest)
            logs = np.maximum(columns["log_gaps"][asked] - np.log(gap), 0.0)
            probability = np.round(answers.leaves(x_before, at, t_x[asked], logs, days), 4)
            were[asked] = called.lost(probability, gap, usual[asked])
        return were

    @api.model
    def _risk(self, company, probability, at_risk):
        """Return the badge: high for whoever is at risk, low for whoever is likely to buy."""
        low, medium, high = (
            self.env["crm.value"]._selection_code("churn_risk", risk) for risk in ("low", "medium", "high")
        )
        return np.where(at_risk, high, np.where(1 - probability >= company.value_low_risk, low, medium))
