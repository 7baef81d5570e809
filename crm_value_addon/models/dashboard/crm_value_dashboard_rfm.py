from odoo import api, models
from odoo.fields import Domain


class CrmValueDashboardRfm(models.AbstractModel):
    """The grid of recency and frequency scores."""

    _name = "crm.value.dashboard.rfm"
    _description = "Customer Value Dashboard: Recency and Frequency"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 40

    @api.model
    def _read(self, scope, payload):
        """Return the cells of the grid that hold customers; a customer who has not bought has no scores."""
        Customers = self.env["crm.value.dashboard.customers"]
        cells = {}
        for group in scope.sums.groups:
            if group.r and group.f:
                cells.setdefault((group.r, group.f), []).append(group)
        return {
            "cells": [
                {
                    "r": r,
                    "f": f,
                    **Customers._sum(scope, Domain("r_score", "=", r) & Domain("f_score", "=", f), members),
                }
                for (r, f), members in sorted(cells.items())
            ]
        }
