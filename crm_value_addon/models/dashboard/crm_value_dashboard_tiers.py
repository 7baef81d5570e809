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
        groups = self.env["crm.value.dashboard.customers"]._scanned(scope)
        return {"best": self._best(scope, groups), "rows": self._rows(scope, groups)}

    @api.model
    def _best(self, scope, groups):
        """Return the best customers: their number among those who are worth anything, and their share in the total."""
        counted = sum(group.counted for group in groups)
        if not counted:
            return False
        share = sum(group.best_worth for group in groups) / sum(group.counted_worth for group in groups)
        least = float(groups[0].least)
        return self._figure(
            scope.domain & Domain(scope.worth, ">=", least),
            sum(group.best for group in groups),
            of=counted,
            least=least,
            share=share,
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
