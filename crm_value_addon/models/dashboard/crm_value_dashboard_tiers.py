from odoo import api, models
from odoo.fields import Domain


class CrmValueDashboardTiers(models.AbstractModel):
    """The customers by tier, and the share of the best fifth in what all of them are worth."""

    _name = "crm.value.dashboard.tiers"
    _description = "Customer Value Dashboard: Tiers"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 20

    @api.model
    def _read(self, scope, payload):
        groups = scope.sums.groups
        return {"best": self._best(scope), "rows": self._rows(scope, groups)}

    @api.model
    def _best(self, scope):
        """Return the best customers: their number among those who are worth anything, and their share in the total.

        The best fifth includes everybody who is worth as much as its last member, in the first three digits.
        """
        best = scope.sums.best
        if not best:
            return False
        return self._figure(
            scope.domain & Domain(scope.worth, ">=", float(best.least)),
            best.count,
            of=best.counted,
            least=best.least,
            share=best.worth / best.counted_worth,
        )

    @api.model
    def _rows(self, scope, groups):
        """Return the tiers from the highest down, then the customers without one."""
        Customers = self.env["crm.value.dashboard.customers"]
        tiers = (
            self.env["crm.value.tier"]
            .with_context(active_test=False)
            .search_fetch(
                [("company_id", "in", [False, *scope.companies.ids])], ["name", "sequence", "color", "icon", "active"]
            )
        )
        rows = []
        for tier in reversed(tiers):
            members = [group for group in groups if group.tier_id == tier.id]
            if members or tier.active:  # an archived tier is listed as long as it has customers
                rows.append(
                    {
                        "id": tier.id,
                        "name": tier.name,
                        "color": tier.color,
                        "icon": tier.icon,
                        **Customers._sum(scope, Domain("tier_id", "=", tier.id), members),
                    }
                )
        without = [group for group in groups if not group.tier_id and group.bought]
        if without:
            rows.append(
                {
                    "id": False,
                    "name": self.env._("No tier"),
                    "color": 0,
                    "icon": False,
                    **Customers._sum(scope, Domain("tier_id", "=", False) & Domain("purchase_count", ">", 0), without),
                }
            )
        return rows
