from odoo import api, models
from odoo.tools import SQL

from ...lib.columns import sum_per_customer
from ...lib.postgres.binary_copy import copy_out
from ...report import readable


class CrmValueServiceCost(models.AbstractModel):
    """Cost to serve: what each driver that is on has cost so far, and its last 12 months carried forward."""

    _name = "crm.value.service.cost"
    _description = "Customer Value: Cost to Serve"

    @api.model
    def _find(self, basis, columns):
        """Return the cost to serve of all customers, so far and expected (see `crm.value.component._find`)."""
        query = self.env["crm.value.cost.source"]._query(basis.company, basis.as_of)
        if not query:
            return {}
        found = copy_out(
            self.env.cr,
            SQL(
                """SELECT partner_id::int4, sum(%s) AS cost, sum(%s) AS cost_12m
                 FROM (%s) driver WHERE partner_id IS NOT NULL AND %s GROUP BY partner_id""",
                readable.amount(SQL("cost")),
                readable.amount(SQL("cost_12m")),
                query,
                basis.where(SQL("partner_id")),
            ),
            [("partner", "int4"), ("cost", "float8"), ("cost_12m", "float8")],
        )
        total, recent = (
            sum_per_customer(columns["partner_id"], found["partner"], found[name]) for name in ("cost", "cost_12m")
        )
        return {
            "cost_to_serve": total,
            "cost_to_serve_12m": recent,
            "service_cost": self.env["crm.value.component"]._carry_forward(basis, columns, recent),
        }
