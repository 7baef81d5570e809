import numpy as np

from odoo import api, models

from ...lib.columns import join, take
from ...lib.customer_base import fallback
from ...lib.postgres.binary_copy import NO_DATE, day_number

#: a next purchase expected later than this is no expectation
_FAR_DAYS = 3650


class CrmValuePrediction(models.AbstractModel):
    """From observed to predicted figures: which arithmetic of the kernel a customer gets.

    How to use: `_predict` takes the columns of an observation and adds those that a fit, or the last 12 months carried
    forward, say of the future. It holds no arithmetic of its own (lib/customer_base).
    """

    _name = "crm.value.prediction"
    _description = "Customer Value: Prediction"

    @api.model
    def _predict(self, basis, columns):
        """Add the predicted figures; customers that cannot be predicted are left out.

        :return: (columns, list of (partner id, reason))
        """
        fit = self.env["crm.value.fit"]._current(basis.company) if basis.fit is None else basis.fit.sudo()
        pieces, skipped = [self._predict_some(basis, fit, take(columns, slice(0)))], []
        self.env["crm.value.writer"]._leave_out(
            lambda part: pieces.append(self._predict_some(basis, fit, part)), columns, skipped
        )
        return join(pieces), skipped

    @api.model
    def _predict_some(self, basis, fit, columns):
        """Return columns with the predicted figures of all customers in them."""
        bought = columns["purchase_count"] > 0
        predicted = self._carry_forward(basis, columns)
        if fit and bought.any():
            for name, values in self._score(basis, fit, take(columns, bought)).items():
                predicted[name][bought] = values
        predicted["transaction_value"] = np.round(predicted["transaction_value"], basis.money)
        return {**columns, **predicted}

    @api.model
    def _predict_values(self, columns, bases):
        """Return what purchases are worth to several bases that differ in the future only: a list of arrays.

        :param dict columns: all customers, with their observed figures
        """
        return [self._predict(basis, columns)[0]["transaction_value"] for basis in bases]

    def _carry_forward(self, basis, columns):
        """Carry the last 12 months forward, thinned by the retention rate: where no model can be trusted."""
        company, Value = basis.company, self.env["crm.value"]
        retention = company.value_retention_rate
        monthly = fallback.carry_forward(columns["margin_12m" if company.value_basis == "margin" else "revenue_12m"])
        revenue = fallback.retention_expected(fallback.carry_forward(columns["revenue_12m"]), retention)
        spend = columns["monetary_value"]
        count = len(spend)
        return {
            "method": np.where(
                columns["purchase_count"] > 0,
                Value._selection_code("method", "history"),
                Value._selection_code("method", "none"),
            ),
            "fit_id": np.zeros(count, np.int32),
            "probability_alive": np.zeros(count),
            "expected_purchases": np.round(np.divide(revenue, spend, out=np.zeros(count), where=spend > 0), 4),
            "expected_spend": spend.copy(),
            "expected_margin_12m": fallback.retention_expected(monthly, retention),
            "next_purchase_date": np.full(count, NO_DATE, np.int32),
            "transaction_value": fallback.retention_clv(monthly, retention, basis.yearly_discount, months=basis.months),
            "clv_low": np.zeros(count),
            "clv_high": np.zeros(count),
        }

    def _score(self, basis, fit, columns):
        """Return the fitted model's figures; every customer in the columns has bought."""
        from ...lib import customer_base  # scipy costs a second: not at Odoo's start

        ensemble = fit._ensemble()
        model = ensemble.model
        x, t_x, age = self._purchase_triple(columns, basis.as_of)
        scores = customer_base.shown_scores(
            ensemble,
            x,
            t_x,
            age,
            columns["monetary_value"],
            customer_base.Recent(columns["recent_value"], columns["faded_value"], columns["faded_count"]),
            columns["log_gaps"],
            months=basis.months,
            yearly_discount=basis.yearly_discount,
            margin_ratio=self._margin_ratio(basis, fit, columns),
            segment=ensemble.segments
            and self.env["crm.value.fit.segment"]._codes(ensemble.segments.name, columns["partner_id"]),
        )
        wait = np.rint(np.minimum(model.next_purchase(x, t_x), _FAR_DAYS + 1)).astype(np.int32)
        return {
            "method": self.env["crm.value"]._selection_code("method", "model"),
            "fit_id": fit.id,
            "probability_alive": np.round(scores.probability_alive, 4),
            "expected_purchases": np.round(scores.expected_purchases, 4),
            "expected_spend": scores.expected_spend,
            "expected_margin_12m": scores.expected_12m,
            "next_purchase_date": np.where(wait > _FAR_DAYS, NO_DATE, columns["last_purchase_date"] + wait),
            "transaction_value": scores.clv,
            "clv_low": scores.clv_low,
            "clv_high": scores.clv_high,
        }

    @api.model
    def _purchase_triple(self, columns, as_of):
        """Return what the purchase models read: repeat purchases, age at the last one and age, in days."""
        first = columns["first_purchase_date"]
        age = day_number(as_of) - first
        return tuple(
            column.astype(float) for column in (columns["frequency"], columns["last_purchase_date"] - first, age)
        )

    @api.model
    def _margin_ratio(self, basis, fit, columns):
        """Return the contribution per unit of spend: the customer's own, the company's where it has no revenue."""
        if basis.company.value_basis == "revenue":
            return 1.0
        revenue = columns["revenue_total"]
        ratio = np.divide(
            columns["margin_total"], revenue, out=np.full(len(revenue), fit.margin_ratio), where=revenue > 0
        )
        return np.clip(ratio, -1.0, 1.0)
