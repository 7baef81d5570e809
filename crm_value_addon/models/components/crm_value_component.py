import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib import components
from ...lib.columns import sum_per_customer
from ...lib.postgres.binary_copy import copy_out

#: component of the value → how it counts in the sum
COMPONENTS = {"transaction_value": 1, "growth_value": 1, "referral_value": 1, "knowledge_value": 1, "service_cost": -1}


class CrmValueComponent(models.AbstractModel):
    """The components of a customer's value and their sum.

    How to use: `_add` takes predicted columns and adds the components and the sums.

    How it works: what follows from other sources than the customer's own documents is found by the refresh of all
    customers. A customer who is refreshed alone keeps it until then, and the value still is the sum of its components,
    to the cent.
    """

    _name = "crm.value.component"
    _description = "Customer Value: Components"

    @api.model
    def _add(self, basis, columns):
        """Add the components that the columns lack, and the sums: value and its span, realised value."""
        names = self._nightly_fields()
        if names[0] not in columns:
            found = self._find(basis, columns)
            columns |= {name: np.round(found[name], basis.money) for name in names}
        return self._add_up(basis, columns)

    @api.model
    def _nightly_fields(self):
        """Return the fields that only the refresh of all customers computes."""
        return self.env["crm.value"]._fields_with("written_by", "component")

    @api.model
    def _stored(self, company, customers):
        """Return the nightly figures of these customers as they are stored, 0 where there is none yet."""
        names = self._nightly_fields()
        found = copy_out(
            self.env.cr,
            SQL(
                "SELECT partner_id::int4, %s FROM crm_value WHERE company_id = %s AND partner_id = ANY(%s)",
                SQL(", ").join(SQL("COALESCE(%s, 0)::float8", SQL.identifier(name)) for name in names),
                company.id,
                customers.tolist(),
            ),
            [("partner", "int4"), *((name, "float8") for name in names)],
        )
        return {name: sum_per_customer(customers, found["partner"], found[name]) for name in names}

    @api.model
    def _find(self, basis, columns):
        """Return the nightly figures of all customers, by the names of `_nightly_fields`.

        :param dict columns: all customers of the company, with their observed and predicted figures
        """
        return {
            **{name: np.zeros(len(columns["partner_id"])) for name in self._nightly_fields()},
            **self.env["crm.value.growth"]._find(basis, columns),
            **self.env["crm.value.referral.value"]._find(basis, columns),
            **self.env["crm.value.knowledge"]._find(basis, columns),
            **self.env["crm.value.service.cost"]._find(basis, columns),
        }

    @api.model
    def _add_up(self, basis, columns):
        columns["clv"] = components.add_up(columns, COMPONENTS, basis.money)
        others = columns["clv"] - columns["transaction_value"]
        by_model = self._is_by_model(columns)
        for name in ("clv_low", "clv_high"):
            columns[name] = np.where(by_model, columns[name] + others, columns[name])
        columns["realised_value"] = components.add_up(
            {"margin": np.round(columns["margin_total"], basis.money), "cost": columns["cost_to_serve"]},
            {"margin": 1, "cost": -1},
            basis.money,
        )
        return columns

    @api.model
    def _is_by_model(self, columns):
        return columns["method"] == self.env["crm.value"]._selection_code("method", "model")

    @api.model
    def _carry_forward(self, basis, columns, amount_12m):
        """Return what the last 12 months of a component are worth over the horizon when they go on."""
        company = basis.company
        return components.carried_forward(
            amount_12m,
            np.where(self._is_by_model(columns), columns["probability_alive"], 1.0),
            retention=company.value_retention_rate,
            yearly_discount=company.value_discount_rate,
            months=company.value_horizon_months,
        )
