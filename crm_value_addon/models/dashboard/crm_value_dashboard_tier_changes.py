from odoo import api, models
from odoo.fields import Domain


class CrmValueDashboardTierChanges(models.AbstractModel):
    """The tier changes of the period, without first assignments."""

    _name = "crm.value.dashboard.tier_changes"
    _description = "Customer Value Dashboard: Tier Changes"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 80

    @api.model
    def _read(self, scope, payload):
        domain = scope.customers("value_id.") & Domain("date", ">=", scope.start) & Domain("source", "!=", "initial")
        order = {tier["id"]: place for place, tier in enumerate(reversed(payload["tiers"]["rows"]), 1)} | {False: 0}
        cells = []
        for before, after, count in self.env["crm.value.tier.change"]._read_group(
            domain, ["from_tier_id", "to_tier_id"], ["__count"]
        ):
            cells.append(
                {
                    "from": before.id,
                    "to": after.id,
                    "from_name": before.name or self.env._("No tier"),
                    "to_name": after.name or self.env._("No tier"),
                    "is_up": order.get(after.id, 0) > order.get(before.id, 0),
                    **self._figure(
                        domain & Domain("from_tier_id", "=", before.id) & Domain("to_tier_id", "=", after.id),
                        count,
                        "crm.value.tier.change",
                    ),
                }
            )
        directions = {
            "up": [cell for cell in cells if cell["is_up"]],
            # of them: who enters a first tier did not rise from one
            "entered": [cell for cell in cells if cell["is_up"] and not cell["from"]],
            "down": [cell for cell in cells if not cell["is_up"]],
        }
        return {"cells": cells, **{name: self._direction(domain, found) for name, found in directions.items()}}

    @api.model
    def _direction(self, domain, cells):
        """Return the figure of all tier changes in one direction."""
        changes = Domain.OR(
            Domain("from_tier_id", "=", cell["from"]) & Domain("to_tier_id", "=", cell["to"]) for cell in cells
        )
        return self._figure(domain & changes, sum(cell["count"] for cell in cells), "crm.value.tier.change")
