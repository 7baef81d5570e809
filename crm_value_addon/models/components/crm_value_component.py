import numpy as np

from odoo import api, fields, models
from odoo.tools import SQL

from ...const import MARGIN_GROUP
from ...lib import components
from ...lib.postgres.binary_copy import copy_out

#: part of the value → how it counts in the sum
PARTS = {"transaction_value": 1, "growth_value": 1, "referral_value": 1, "knowledge_value": 1, "service_cost": -1}


class CrmValueParts(models.Model):
    """The parts of a customer's value and their sum.

    What follows from other sources than the customer's own documents is found by the refresh of all customers; one
    that is refreshed alone keeps it until then, and its value still is the sum of its parts, to the cent.
    """

    _inherit = "crm.value"

    growth_value = fields.Monetary(
        readonly=True, groups=MARGIN_GROUP,
        help="Open opportunities and sent quotations, weighted with their probability, times the margin rate")
    referral_value = fields.Monetary(
        readonly=True, groups=MARGIN_GROUP, help="Share of what referred customers are expected to buy at first")
    knowledge_value = fields.Monetary(
        readonly=True, groups=MARGIN_GROUP, help="What this customer's feedback is expected to be worth")
    service_cost = fields.Monetary(
        string="Expected Cost to Serve", readonly=True, groups=MARGIN_GROUP,
        help="The cost of serving this customer in the last 12 months, carried forward")
    cost_to_serve = fields.Monetary(
        string="Cost to Serve so far", readonly=True, groups=MARGIN_GROUP)
    realised_value = fields.Monetary(help="Margin so far less cost to serve so far")
    satisfaction = fields.Float(
        readonly=True, digits=(16, 2), aggregator="avg",
        help="Mean of the customer's ratings of the last 12 months, 1 to 5; 0 where there is none")

    @api.model
    def _nightly_fields(self):
        """Return the fields that only the refresh of all customers computes."""
        return ["growth_value", "referral_value", "knowledge_value", "service_cost", "cost_to_serve", "satisfaction"]

    @api.model
    def _refreshed_fields(self):
        return [*super()._refreshed_fields(), *self._nightly_fields()]

    def _history(self, company, as_of, partner_ids=None):
        history = super()._history(company, as_of, partner_ids)
        if partner_ids is not None:
            history |= self._stored_parts(company, history["partner_id"])
        return history

    @api.model
    def _stored_parts(self, company, customers):
        """Return the nightly figures of these customers as they are stored, 0 for who has none yet."""
        names = self._nightly_fields()
        found = copy_out(self.env.cr, SQL(
            "SELECT partner_id::int4, %s FROM crm_value WHERE company_id = %s AND partner_id = ANY(%s)",
            SQL(", ").join(SQL("COALESCE(%s, 0)::float8", SQL.identifier(name)) for name in names),
            company.id, customers.tolist()), [("partner", "int4"), *((name, "float8") for name in names)])
        return {name: self._spread(customers, found["partner"], found[name]) for name in names}

    def _estimate_each(self, company, as_of, history):
        frame, skipped = super()._estimate_each(company, as_of, history)
        names = self._nightly_fields()
        if names[0] not in frame:
            parts = self._nightly_parts(company, as_of, frame)
            frame |= {name: np.round(parts[name], company.currency_id.decimal_places) for name in names}
        return self._add_up(company, frame), skipped

    @api.model
    def _nightly_parts(self, company, as_of, frame):
        """Hook: compute the nightly figures of all customers.

        :param dict frame: all customers of the company, with their observed and predicted figures
        :return: dict of arrays, by the names of `_nightly_fields`
        """
        return {name: np.zeros(len(frame["partner_id"])) for name in self._nightly_fields()}

    @api.model
    def _add_up(self, company, frame):
        """Set the sums of a frame: value and its span, realised value."""
        money = company.currency_id.decimal_places
        frame["clv"] = components.add_up(frame, PARTS, money)
        others = frame["clv"] - frame["transaction_value"]
        by_model = frame["method"] == self._selection_code("method", "model")
        for name in ("clv_low", "clv_high"):
            frame[name] = np.where(by_model, frame[name] + others, frame[name])
        frame["realised_value"] = components.add_up(
            {"margin": np.round(frame["margin_total"], money), "cost": frame["cost_to_serve"]},
            {"margin": 1, "cost": -1}, money)
        return frame

    @api.model
    def _spread(self, customers, partners, amounts):
        """Sum amounts per customer; those of others are left out.

        :param customers: int array of shape (n,), sorted
        :return: float array of shape (n,)
        """
        known = np.isin(partners, customers)
        return np.bincount(
            np.searchsorted(customers, partners[known]), weights=amounts[known], minlength=len(customers))

    @api.model
    def _carried_forward(self, company, frame, amount_12m):
        """Return what the last 12 months of a part are worth over the horizon when they go on."""
        by_model = frame["method"] == self._selection_code("method", "model")
        return components.carried_forward(
            amount_12m, np.where(by_model, frame["probability_alive"], 1.0), retention=company.value_retention_rate,
            yearly_discount=company.value_discount_rate, months=company.value_horizon_months)
