from dataclasses import dataclass

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

#: the part of the customers whose share is told: "the best 20 %"
BEST_SHARE = 0.2
#: stages in which nobody need worry about a customer
ACTIVE_STAGES = ("new", "active", "loyal", "won_back")


@dataclass
class Group:
    """Customers alike in tier, stage and scores: how many they are, and sums over them."""

    tier_id: int
    bought: bool
    stage: str
    r: int
    f: int
    count: int
    revenue: float
    counted: int
    counted_worth: float
    best: int
    best_worth: float
    least: float
    margin: float = 0
    clv: float = 0
    equity: float = 0


class CrmValueDashboardCustomers(models.AbstractModel):
    """Who the customers are: by tier, by stage of life, by RFM scores; one scan of the stored values."""

    _inherit = "crm.value.dashboard"

    @api.model
    def _section_customers(self, scope, payload):
        groups = self._scan_customers(scope)
        section = {
            "known": self._sum(scope, Domain.TRUE, groups),
            "bought": self._sum(scope, Domain("purchase_count", ">", 0), [group for group in groups if group.bought]),
            "best": self._best(scope, groups),
            "tiers": self._tiers(scope, groups),
            "stages": self._stages(scope, groups),
            "rfm": self._rfm(scope, groups),
        }
        if scope.sees_worth:
            section["equity"] = round(float(sum(group.equity for group in groups)), 6)
        for name, stages in (("active", ACTIVE_STAGES), ("at_risk", ("at_risk",))):
            section[name] = self._sum(
                scope, Domain("lifecycle_stage", "in", stages), [group for group in groups if group.stage in stages])
        return section

    @api.model
    def _scan_customers(self, scope):
        """Return the groups; each section adds up those that it tells apart, which are few."""
        Value = self.env["crm.value"]
        worth = SQL.identifier("crm_value", scope.worth)
        query = Value._search(scope.domain)
        # "Best" begins at the worth of the last of the best fifth: whoever is worth the same belongs to them.
        best = Value._search(scope.domain & Domain(scope.worth, ">", 0)).subselect(
            SQL("percentile_disc(%s) WITHIN GROUP (ORDER BY %s DESC) AS least", BEST_SHARE, worth))
        query.add_join("LEFT JOIN", "best", best, SQL("TRUE"))
        keys = SQL(
            "crm_value.tier_id, crm_value.purchase_count > 0, crm_value.lifecycle_stage, crm_value.r_score,"
            " crm_value.f_score")
        query.groupby = keys
        columns = [
            keys, SQL("count(*)"), self._total(SQL("crm_value.revenue_12m")),
            SQL("count(*) FILTER (WHERE %s > 0)", worth), self._total(worth, SQL("%s > 0", worth)),
            SQL("count(*) FILTER (WHERE %s >= best.least)", worth),
            self._total(worth, SQL("%s >= best.least", worth)), SQL("min(best.least)"),
        ]
        if scope.sees_worth:
            columns += [self._total(SQL("crm_value.margin_12m")), self._total(SQL("crm_value.clv")),
                        self._total(SQL("crm_value.clv - COALESCE(crm_value.referral_value, 0)"))]
        Value.flush_model()
        return [Group(*row) for row in self.env.execute_query(query.select(*columns))]

    @api.model
    def _total(self, column, where=None):
        return SQL("COALESCE(sum(%s) FILTER (WHERE %s), 0)", column, where or SQL("TRUE"))

    @api.model
    def _worth(self, scope, groups):
        """Return the sums over groups that this user may see."""
        sums = {"revenue": sum(group.revenue for group in groups)}
        if scope.sees_worth:
            sums |= {"margin": sum(group.margin for group in groups),
                     "clv": sum(group.clv for group in groups)}
        return sums

    @api.model
    def _sum(self, scope, domain, groups):
        return self._figure(
            scope.domain & domain, sum(group.count for group in groups), **self._worth(scope, groups))

    @api.model
    def _best(self, scope, groups):
        """Return who the best customers are: how many of those who are worth anything, and how much of it all."""
        counted = sum(group.counted for group in groups)
        if not counted:
            return False
        share = sum(group.best_worth for group in groups) / sum(group.counted_worth for group in groups)
        least = float(groups[0].least)
        return self._figure(
            scope.domain & Domain(scope.worth, ">=", least), sum(group.best for group in groups),
            of=counted, least=least, share=share)

    @api.model
    def _tiers(self, scope, groups):
        """Return the tiers from the highest down, and the customers without one."""
        tiers = self.env["crm.value.tier"].with_context(active_test=False).search_fetch(
            [("company_id", "in", [False, *scope.companies.ids])],
            ["name", "sequence", "color", "icon", "active"])
        rows = []
        for tier in reversed(tiers):
            members = [group for group in groups if group.tier_id == tier.id]
            if members or tier.active:  # an archived one is told while somebody has it
                rows.append({"id": tier.id, "name": tier.name, "color": tier.color, "icon": tier.icon,
                             **self._sum(scope, Domain("tier_id", "=", tier.id), members)})
        without = [group for group in groups if not group.tier_id and group.bought]
        if without:
            rows.append({"id": False, "name": self.env._("No tier"), "color": 0, "icon": False, **self._sum(
                scope, Domain("tier_id", "=", False) & Domain("purchase_count", ">", 0), without)})
        return rows

    @api.model
    def _stages(self, scope, groups):
        return [
            {"stage": stage, "name": name, **self._sum(
                scope, Domain("lifecycle_stage", "=", stage), [group for group in groups if group.stage == stage])}
            for stage, name in self.env["crm.value"]._fields["lifecycle_stage"]._description_selection(self.env)]

    @api.model
    def _rfm(self, scope, groups):
        """Return the cells of the grid that hold customers; who has not bought has no scores."""
        cells = {}
        for group in groups:
            if group.r and group.f:
                cells.setdefault((group.r, group.f), []).append(group)
        return [
            {"r": r, "f": f, **self._sum(scope, Domain("r_score", "=", r) & Domain("f_score", "=", f), members)}
            for (r, f), members in sorted(cells.items())]
