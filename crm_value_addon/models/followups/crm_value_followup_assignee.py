from odoo import api, models
from odoo.tools import SQL

from ...const import MANAGER_GROUP


class CrmValueFollowupAssignee(models.AbstractModel):
    """Finds who gets an activity.

    How to use: `_assign(rule, company, due)` returns the user for each due customer.

    How it works: the user whom the rule names comes first. When there is none, or the user is archived or not of the
    company, the next of these gets the activity: the salesperson of the contact, the salesperson of its last order, the
    leader of that order's team, the user named in the rule, a sales manager of the company. When there is nobody at
    all, the customer is left for another day.
    """

    _name = "crm.value.followup.assignee"
    _description = "Follow-ups: Assignees"

    @api.model
    def _assign(self, rule, company, due, turn=None):
        """Return who gets the activity of each customer: dict value id → res.users, which may be empty.

        :param due: list of `DueCustomer`
        :param turn: what `_team_in_turn` returned, to go on where the customers before these left off
        """
        values = self.env["crm.value"].browse([row.value_id for row in due])
        orders = self._last_orders(company, values.partner_id.ids)
        managers = self._account_managers(company, values) if rule.responsible_type == "account_manager" else {}
        turn = turn or self._team_in_turn(rule, company)
        last_resort = [rule.user_id, self._sales_manager(company)]
        usable = self._usable(company)
        assigned = {}
        for value in values:
            order = orders.get(value.partner_id.id, self.env["sale.order"])
            first = {
                "account_manager": lambda value=value: managers.get(value.id),
                "team_leader": lambda order=order: order.team_id.user_id,
                "user": lambda: rule.user_id,
                "round_robin": lambda: next(turn, None),
            }.get(rule.responsible_type, lambda: None)()
            chain = [first, value.partner_id.user_id, order.user_id, order.team_id.user_id, *last_resort]
            assigned[value.id] = next((user for user in chain if user and usable(user)), self.env["res.users"])
        return assigned

    @api.model
    def _usable(self, company):
        """Return the function that tells whether a user can get activities of a company."""
        known = {}

        def is_usable(user):
            if user not in known:
                known[user] = user.active and not user.share and company in user.company_ids
            return known[user]

        return is_usable

    @api.model
    def _last_orders(self, company, partner_ids):
        """Return the last confirmed order of customers: dict partner id → sale.order."""
        rows = self.env.execute_query(
            SQL(
                """
            SELECT DISTINCT ON (buyer.commercial_partner_id) buyer.commercial_partner_id, sale.id
              FROM sale_order sale JOIN res_partner buyer ON buyer.id = sale.partner_id
             WHERE buyer.commercial_partner_id = ANY(%s) AND sale.company_id = %s AND sale.state = 'sale'
             ORDER BY buyer.commercial_partner_id, sale.date_order DESC, sale.id DESC
            """,
                list(partner_ids),
                company.id,
            )
        )
        orders = self.env["sale.order"].browse([order_id for _partner, order_id in rows])
        return dict(zip([partner_id for partner_id, _order in rows], orders, strict=True))

    @api.model
    def _account_managers(self, company, values):
        """Return the account managers that tiers give as a benefit: dict value id → res.users."""
        today = company._value_today()
        of_tier = {tier: self.env["crm.value.benefit"]._manager(tier, company, today) for tier in values.tier_id}
        return {value.id: of_tier.get(value.tier_id) for value in values}

    @api.model
    def _team_in_turn(self, rule, company):
        """Yield the members of the rule's team endlessly, beginning after the member who was last."""
        if rule.responsible_type != "round_robin":
            return
        usable = self._usable(company)
        members = rule.team_id.member_ids.filtered(usable).sorted("id")
        last = rule.last_user_id.id
        while members:
            user = next((member for member in members if member.id > last), members[0])
            last = user.id
            yield user

    @api.model
    def _sales_manager(self, company):
        return (
            self.env.ref(MANAGER_GROUP)
            .all_user_ids.filtered(lambda user: user.active and not user.share and company in user.company_ids)
            .sorted("id")[:1]
        )
