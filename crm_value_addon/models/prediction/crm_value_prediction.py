import numpy as np

from odoo import api, fields, models

from ...const import MARGIN_GROUP
from ...lib import ranks
from ...lib.customer_base import fallback
from ...lib.postgres.binary_copy import NO_DATE, day_number

#: a next purchase expected later than this is no expectation
_FAR_DAYS = 3650


class CrmValueEstimate(models.Model):
    """From observed to predicted figures: which arithmetic of the kernel a customer gets. Holds none of its own."""

    _inherit = "crm.value"

    fit_id = fields.Many2one("crm.value.fit", string="Prediction Model", ondelete="set null", readonly=True)
    probability_alive = fields.Float(
        string="Likely Active", readonly=True, aggregator="avg",
        help="Probability that the customer will ever buy again")
    churn_risk = fields.Selection(
        [("low", "Low"), ("medium", "Medium"), ("high", "High")], readonly=True,
        help="From the probability of being active, with the limits in the settings; empty without a model")
    expected_purchases = fields.Float(
        readonly=True, digits=(16, 2), help="In the next 12 months")
    expected_spend = fields.Monetary(
        readonly=True, aggregator="avg", help="Expected amount of a coming purchase, untaxed")
    next_purchase_date = fields.Date(
        string="Next Purchase Expected", readonly=True,
        help="By this day a customer of this rhythm has bought again with even odds; it lies in the past when overdue")
    clv_low = fields.Monetary(
        string="CLV at least", readonly=True, groups=MARGIN_GROUP,
        help="With 80 % probability the discounted contribution falls between the two. The CLV is a mean: of a "
             "customer that will probably not buy again it may lie above both.")
    clv_high = fields.Monetary(string="CLV at most", readonly=True, groups=MARGIN_GROUP)
    value_percentile = fields.Float(
        readonly=True, digits=(16, 2), aggregator="avg", groups=MARGIN_GROUP,
        help="Share of the customers with less CLV: 100 is the best")

    @api.model
    def _refreshed_fields(self):
        return [
            *super()._refreshed_fields(), "fit_id", "probability_alive", "churn_risk", "expected_purchases",
            "expected_spend", "next_purchase_date", "clv_low", "clv_high", "value_percentile",
        ]

    def _estimate(self, company, as_of, history):
        """Add the predicted figures and the parts of the value to a frame of observed figures.

        :return: frame with every field of `_refreshed_fields` except the ranks
        """
        fit = self.env["crm.value.fit"]._current(company)
        bought = history["purchase_count"] > 0
        predicted = self._predict_by_history(company, history)
        if fit and bought.any():
            for name, values in self._predict_by_model(company, as_of, fit, self._take(history, bought)).items():
                predicted[name][bought] = values
        money = company.currency_id.decimal_places
        frame = {**history, **predicted}
        frame["transaction_value"] = np.round(frame["transaction_value"], money)
        frame["clv"] = frame["transaction_value"]
        frame["realised_value"] = history["margin_total"]
        return frame

    def _predict_by_history(self, company, history):
        """The last 12 months carried forward, thinned by the retention rate: where no model can be trusted."""
        retention = company.value_retention_rate
        monthly = fallback.carry_forward(history["margin_12m" if company.value_basis == "margin" else "revenue_12m"])
        revenue = fallback.retention_expected(fallback.carry_forward(history["revenue_12m"]), retention)
        spend = history["monetary_value"]
        count = len(spend)
        bought = history["purchase_count"] > 0
        return {
            "method": np.where(
                bought, self._selection_code("method", "history"), self._selection_code("method", "none")),
            "fit_id": np.zeros(count, np.int32),
            "probability_alive": np.zeros(count),
            "churn_risk": np.zeros(count, np.int16),
            "expected_purchases": np.round(np.divide(revenue, spend, out=np.zeros(count), where=spend > 0), 4),
            "expected_spend": spend.copy(),
            "expected_margin_12m": fallback.retention_expected(monthly, retention),
            "next_purchase_date": np.full(count, NO_DATE, np.int32),
            "transaction_value": fallback.retention_clv(
                monthly, retention, company.value_discount_rate, months=self._horizon(company)),
            "clv_low": np.zeros(count),
            "clv_high": np.zeros(count),
        }

    def _predict_by_model(self, company, as_of, fit, history):
        """The fitted model's figures; every customer in the frame has bought."""
        from ...lib import customer_base  # scipy costs a second: not at Odoo's start

        model, spend = fit._estimators()
        x, t_x, age = self._purchase_triple(history, as_of)
        scores = customer_base.score(
            model, spend, x, t_x, age, x + 1, history["monetary_value"], months=self._horizon(company),
            yearly_discount=company.value_discount_rate, margin_ratio=self._margin_ratio(company, fit, history))
        wait = np.rint(np.minimum(model.next_purchase(x, t_x), _FAR_DAYS + 1)).astype(np.int32)
        alive = np.round(scores.probability_alive, 4)
        return {
            "method": self._selection_code("method", "model"),
            "fit_id": fit.id,
            "probability_alive": alive,
            "churn_risk": self._churn_risk(company, alive),
            "expected_purchases": np.round(scores.expected_purchases, 4),
            "expected_spend": scores.expected_spend,
            "expected_margin_12m": scores.expected_12m,
            "next_purchase_date": np.where(wait > _FAR_DAYS, NO_DATE, history["last_purchase_date"] + wait),
            "transaction_value": scores.clv,
            "clv_low": scores.clv_low,
            "clv_high": scores.clv_high,
        }

    @api.model
    def _horizon(self, company):
        """Return how many months the estimates look ahead; the context may ask for fewer."""
        return self.env.context.get("value_horizon") or company.value_horizon_months

    @api.model
    def _purchase_triple(self, history, as_of):
        """Return what the purchase models read: repeat purchases, age at the last one and age, in days."""
        first = history["first_purchase_date"]
        age = day_number(as_of) - first
        return tuple(column.astype(float) for column in (
            history["frequency"], history["last_purchase_date"] - first, age))

    @api.model
    def _margin_ratio(self, company, fit, history):
        """Return the contribution per unit of spend: the customer's own, the company's where it has no revenue."""
        if company.value_basis == "revenue":
            return 1.0
        revenue = history["revenue_total"]
        ratio = np.divide(
            history["margin_total"], revenue, out=np.full(len(revenue), fit.margin_ratio), where=revenue > 0)
        return np.clip(ratio, -1.0, 1.0)

    @api.model
    def _churn_risk(self, company, alive):
        low, medium, high = (self._selection_code("churn_risk", risk) for risk in ("low", "medium", "high"))
        return np.where(
            alive >= company.value_low_risk, low, np.where(alive >= company.value_high_risk, medium, high))

    # ranks

    @api.model
    def _boundaries(self, company, as_of, frame):
        """Return what places a customer among all: stored with the run, so that one refreshed alone gets its place.

        :param dict frame: all customers of the company
        """
        bought = frame["purchase_count"] > 0
        return {"clv": ranks.percentile_table(np.round(frame["clv"][bought], 4)).tolist()}

    @api.model
    def _rank(self, company, as_of, frame, boundaries):
        """Add the ranks to a frame of some or all customers; who has not bought has rank 0."""
        places = ranks.percentile(np.round(frame["clv"], 4), np.array(boundaries.get("clv", [])))
        frame["value_percentile"] = np.where(frame["purchase_count"] > 0, places, 0.0)
        return frame
