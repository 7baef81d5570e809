from dataclasses import dataclass

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

#: the part of the customers whose share is shown: "the best 20 %"
BEST_SHARE = 0.2
#: stages in which a customer is no cause for concern
ACTIVE_STAGES = ("new", "active", "loyal", "won_back")


@dataclass
class Group:
    """Customers alike in tier, stage and scores: their number, and sums over them."""

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
    risked: int
    at_risk: float
    tried: int
    held_out: int
    cost: float
    margin: float = 0
    clv: float = 0
    equity: float = 0


class CrmValueDashboardCustomers(models.AbstractModel):
    """The key figures of all customers; its scan of the stored values serves tiers, lifecycle and RFM as well."""

    _name = "crm.value.dashboard.customers"
    _description = "Customer Value Dashboard: Customers"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 10

    @api.model
    def _read(self, scope, payload):
        groups = self._scanned(scope)
        section = {
            "known": self._sum(scope, Domain.TRUE, groups),
            "bought": self._sum(scope, Domain("purchase_count", ">", 0), [group for group in groups if group.bought]),
            **self._in_period(scope),
        }
        if scope.sees_worth:
            section["equity"] = section["known"]["equity"]
        for name, stages in (("active", ACTIVE_STAGES), ("at_risk", ("at_risk",))):
            section[name] = self._sum(
                scope, Domain("lifecycle_stage", "in", stages), [group for group in groups if group.stage in stages]
            )
        section["revenue_at_risk"] = self._figure(
            scope.domain & Domain("revenue_at_risk", ">", 0),
            sum(group.risked for group in groups),
            columns={"revenue": "revenue_at_risk"},
            revenue=sum(group.at_risk for group in groups),
        )
        return section

    @api.model
    def _in_period(self, scope):
        """Return who bought in the period, who was won or lost in it, and in the period before.

        Lost in the period before: and not won back since, because a value holds its present stage only.
        """
        cohorts = self.env["crm.value.dashboard.cohorts"]._scanned(scope)
        since, until = scope.before
        lost = scope.domain & Domain("lifecycle_stage", "=", "lost")
        return {
            "won_before": self._figure(
                scope.domain & Domain("first_purchase_date", ">=", since) & Domain("first_purchase_date", "<", until),
                sum(cohort.first_time_before for cohort in cohorts),
            ),
            "lost_in_period": self._figure(
                lost & Domain("lifecycle_since", ">=", scope.start) & Domain("purchase_count", ">", 0),
                sum(cohort.lost for cohort in cohorts),
            ),
            "lost_before": self._figure(
                lost
                & Domain("lifecycle_since", ">=", since)
                & Domain("lifecycle_since", "<", until)
                & Domain("purchase_count", ">", 0),
                sum(cohort.lost_before for cohort in cohorts),
            ),
            "bought_in_period": self._figure(
                scope.domain & Domain("last_purchase_date", ">=", scope.start), sum(cohort.bought for cohort in cohorts)
            ),
            "won_in_period": self._figure(
                scope.domain & Domain("first_purchase_date", ">=", scope.start),
                sum(cohort.first_time for cohort in cohorts),
            ),
        }

    @api.model
    def _scan(self, scope):
        """Return the groups: few rows, of which each section adds up those that it tells apart."""
        Value = self.env["crm.value"]
        worth = SQL.identifier("crm_value", scope.worth)
        query = Value._search(scope.domain)
        # The best fifth includes everybody who is worth as much as its last member.
        best = Value._search(scope.domain & Domain(scope.worth, ">", 0)).subselect(
            SQL("percentile_disc(%s) WITHIN GROUP (ORDER BY %s DESC) AS least", BEST_SHARE, worth)
        )
        query.add_join("LEFT JOIN", "best", best, SQL("TRUE"))
        # who was followed up because it was lost, for the life cycle
        tries = self.env["crm.value.dashboard.lifecycle"]._select_tries(scope)
        query.add_join("LEFT JOIN", "tries", SQL("(%s)", tries), SQL("tries.value_id = crm_value.id"))
        keys = SQL(
            "crm_value.tier_id, crm_value.purchase_count > 0, crm_value.lifecycle_stage, crm_value.r_score,"
            " crm_value.f_score"
        )
        query.groupby = keys
        columns = [
            keys,
            SQL("count(*)"),
            self._total(SQL("crm_value.revenue_12m")),
            SQL("count(*) FILTER (WHERE %s > 0)", worth),
            self._total(worth, SQL("%s > 0", worth)),
            SQL("count(*) FILTER (WHERE %s >= best.least)", worth),
            self._total(worth, SQL("%s >= best.least", worth)),
            SQL("min(best.least)"),
            SQL("count(*) FILTER (WHERE crm_value.revenue_at_risk > 0)"),
            self._total(SQL("crm_value.revenue_at_risk")),
            *(self._total(SQL.identifier("tries", name)) for name in ("tried", "held_out", "cost")),
        ]
        if scope.sees_worth:
            columns += [
                self._total(SQL("crm_value.margin_12m")),
                self._total(SQL("crm_value.clv")),
                self._total(SQL("crm_value.clv - COALESCE(crm_value.referral_value, 0)")),
            ]
        self.env.flush_all()
        return [Group(*row) for row in self.env.execute_query(query.select(*columns))]

    @api.model
    def _total(self, column, where=None):
        return SQL("COALESCE(sum(%s) FILTER (WHERE %s), 0)", column, where or SQL("TRUE"))

    @api.model
    def _sum(self, scope, domain, groups):
        """Return the figure of some groups, with the sums that this user may see.

        :param Domain domain: the customers of these groups among those in scope
        """
        sums = {"revenue": sum(group.revenue for group in groups)}
        if scope.sees_worth:
            sums |= {name: sum(getattr(group, name) for group in groups) for name in ("margin", "clv", "equity")}
        return self._figure(scope.domain & domain, sum(group.count for group in groups), **sums)
