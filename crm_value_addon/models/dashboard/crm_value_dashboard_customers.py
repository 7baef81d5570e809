from odoo import api, models
from odoo.fields import Domain

#: stages in which a customer is no cause for concern
ACTIVE_STAGES = ("new", "active", "loyal", "won_back")


class CrmValueDashboardCustomers(models.AbstractModel):
    """The key figures of all customers."""

    _name = "crm.value.dashboard.customers"
    _description = "Customer Value Dashboard: Customers"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 10

    @api.model
    def _read(self, scope, payload):
        groups = scope.sums.groups
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
        period = scope.sums.period
        since, until = scope.before
        lost = scope.domain & Domain("lifecycle_stage", "=", "lost")
        return {
            "won_before": self._figure(
                scope.domain & Domain("first_purchase_date", ">=", since) & Domain("first_purchase_date", "<", until),
                period.won_before,
            ),
            "lost_in_period": self._figure(
                lost & Domain("lifecycle_since", ">=", scope.start) & Domain("purchase_count", ">", 0),
                period.lost,
            ),
            "lost_before": self._figure(
                lost
                & Domain("lifecycle_since", ">=", since)
                & Domain("lifecycle_since", "<", until)
                & Domain("purchase_count", ">", 0),
                period.lost_before,
            ),
            "bought_in_period": self._figure(
                scope.domain & Domain("last_purchase_date", ">=", scope.start), period.bought
            ),
            "won_in_period": self._figure(
                scope.domain & Domain("first_purchase_date", ">=", scope.start),
                period.won,
            ),
        }

    @api.model
    def _sum(self, scope, domain, groups):
        """Return the figure of some groups, with the sums that this user may see.

        :param Domain domain: the customers of these groups among those in scope
        """
        sums = {"revenue": sum(group.revenue for group in groups)}
        if scope.sees_worth:
            sums |= {name: sum(getattr(group, name) for group in groups) for name in ("margin", "clv", "equity")}
        return self._figure(scope.domain & domain, sum(group.count for group in groups), **sums)
