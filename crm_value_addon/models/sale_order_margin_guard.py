from odoo import api, fields, models
from odoo.exceptions import AccessError, RedirectWarning
from odoo.tools import format_amount

from ..const import MANAGER_GROUP, MARGIN_GROUP


class SaleOrder(models.Model):
    """The margin guard: an order whose benefits leave too little margin is confirmed by, or approved by, a manager.

    Only employees are stopped: a customer that accepts and pays a quotation was promised its price.
    """

    _inherit = "sale.order"

    value_margin_approved = fields.Float(
        string="Margin Approved (%)", copy=False, readonly=True, groups=MARGIN_GROUP,
        help="A manager let the order be confirmed down to this margin")
    value_margin_approved_by_id = fields.Many2one(
        "res.users", string="Margin Approved by", copy=False, readonly=True, ondelete="set null")
    value_is_below_floor = fields.Boolean(
        string="Margin Too Low", compute="_compute_value_is_below_floor", compute_sudo=True)

    @api.depends("margin_percent", "amount_untaxed", "state", "value_tier_id", "company_id", "value_margin_approved",
                 "value_margin_approved_by_id")
    def _compute_value_is_below_floor(self):
        for order in self:
            company = order.company_id
            order.value_is_below_floor = bool(
                company.value_margin_guard and order.value_tier_id and order.state in ("draft", "sent")
                and order.amount_untaxed and order.margin_percent < company.value_margin_floor
                and not (order.value_margin_approved_by_id and order.margin_percent >= order.value_margin_approved))

    def action_confirm(self):
        self._check_margin_floor()
        return super().action_confirm()

    def _check_margin_floor(self):
        user = self.env.user
        if self.env.su or not user._is_internal() or user.has_group(MANAGER_GROUP):
            return
        for order in self:
            if order.value_is_below_floor:
                raise RedirectWarning(
                    order._describe_margin(),
                    self.env.ref("crm_value_addon.action_server_request_margin_approval").id,
                    self.env._("Ask for approval"),
                    {"active_model": self._name, "active_id": order.id, "active_ids": order.ids})

    def _describe_margin(self):
        """Return why the order needs a manager, with the figures if the user may see them."""
        self.ensure_one()
        if not self.env.user.has_group(MARGIN_GROUP):
            return self.env._("%(order)s leaves less margin after benefits than the company asks for. A sales manager "
                              "has to approve it.", order=self.name)
        return self.env._(
            "%(order)s leaves a margin of %(margin)s (%(percent)s %%) after benefits of %(cost)s; the company asks for "
            "%(floor)s %%. A sales manager has to approve it.", order=self.name,
            margin=format_amount(self.env, self.margin, self.currency_id), percent=f"{100 * self.margin_percent:.1f}",
            cost=format_amount(self.env, self.value_benefit_cost, self.currency_id),
            floor=f"{100 * self.company_id.value_margin_floor:.1f}")

    def action_request_margin_approval(self):
        """Schedule an activity for the sales manager of these orders' team, or another one; once per order.

        :raise AccessError: the user may not change these orders
        """
        self.check_access("write")
        kind = self.env.ref("crm_value_addon.mail_activity_type_margin")
        for order in self:
            manager = order._margin_approver()
            if order.activity_ids.filtered(lambda activity: activity.activity_type_id == kind):
                continue
            order.activity_schedule(
                activity_type_id=kind.id, user_id=manager.id,
                summary=self.env._("Margin of %(order)s", order=order.name))
        return self.env["crm.value"]._notification(self.env._("A sales manager was asked."))

    def _margin_approver(self):
        """Return a sales manager of this order's company: the team's leader if it is one."""
        self.ensure_one()
        # sudo: a seller need not know who the managers are.
        managers = self.env.ref(MANAGER_GROUP).sudo().all_user_ids.filtered(
            lambda user: user.active and not user.share and self.company_id in user.company_ids)
        leader = self.team_id.sudo().user_id
        return leader if leader in managers else managers.sorted("id")[-1:] or self.env.user

    def action_approve_margin(self):
        """Let these orders be confirmed with the margin that they have now.

        :raise AccessError: the user is no sales manager
        """
        if not self.env.user.has_group(MANAGER_GROUP):
            raise AccessError(self.env._("Only a sales manager can approve a margin."))
        self.check_access("write")
        for order in self:
            order.write({
                "value_margin_approved": order.margin_percent, "value_margin_approved_by_id": self.env.uid})
            order.activity_feedback(["crm_value_addon.mail_activity_type_margin"])
