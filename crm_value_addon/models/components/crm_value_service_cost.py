from odoo import api, models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import copy_out


class CrmValueServiceCost(models.Model):
    """Cost to serve: what each driver that is on has cost so far, and its last 12 months carried forward."""

    _inherit = "crm.value"

    @api.model
    def _nightly_parts(self, company, as_of, frame):
        parts = super()._nightly_parts(company, as_of, frame)
        query = self.env["crm.value.cost.source"]._query(company, as_of)
        if not query:
            return parts
        found = copy_out(self.env.cr, SQL(
            """SELECT partner_id::int4, sum(cost)::float8 AS cost, sum(cost_12m)::float8 AS cost_12m
                 FROM (%s) driver WHERE partner_id IS NOT NULL GROUP BY partner_id""", query),
            [("partner", "int4"), ("cost", "float8"), ("cost_12m", "float8")])
        total, recent = (self._spread(frame["partner_id"], found["partner"], found[name])
                         for name in ("cost", "cost_12m"))
        return parts | {"cost_to_serve": total, "service_cost": self._carried_forward(company, frame, recent)}
