from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import RedirectWarning, UserError
from odoo.http import request
from odoo.tools import format_amount

from ...const import MANAGER_GROUP, MARGIN_GROUP

#: an approval stays good while the shortfall grows by at most a tenth
_APPROVAL_SLACK = 1.1


class CrmValueOrderMargin(models.AbstractModel):
    """What the benefits of an order cost, and the margin guard.

    How to use: `_line_costs` computes the costs of lines; `_check_floor` stops orders that are confirmed,
    `_request_approval` asks a sales manager, `_approve` lets an order pass.

    How it works: the tier's price costs the difference to the price that everybody else pays; a reward costs what it
    takes off. The guard asks where the state of an order becomes confirmed, after Odoo has computed its rewards, so
    that it judges what is confirmed, by whichever way, and where lines of a confirmed order change (`_guarding_lines`).
    It reckons from quantities, prices and costs itself, because the sums on orders and lines can be written. It stops
    employees only, because a customer who accepts and pays a quotation was promised its price.
    """

    _name = "crm.value.order.margin"
    _description = "Sales Orders: Cost of Benefits"

    # cost of benefits

    @api.model
    def _line_costs(self, lines):
        """Return what benefits cost on order lines, in the currency of the order: line → (kind or False, cost)."""
        costs = dict.fromkeys(lines, (False, 0.0))
        gift_cards = self._gift_cards(lines)
        for order, group in lines.grouped("order_id").items():
            rewards = group.filtered("reward_id")
            prices = self._prices_without_tier(order, group - rewards) if order.value_tier_id else {}
            costs.update({line: ("discount", self._cost_of_discount(line, price)) for line, price in prices.items()})
            costs.update({line: self._cost_of_reward(line, gift_cards) for line in rewards})
        return {line: (kind if cost else False, cost) for line, (kind, cost) in costs.items()}

    @api.model
    def _gift_cards(self, lines):
        """Return those coupons used on order lines that were gifts."""
        cards = lines.coupon_id
        if not cards:
            return cards
        # sudo: a seller who uses a coupon need not see the gifts of other customers
        return self.env["crm.value.grant"].sudo().search([("card_id", "in", cards.ids)]).card_id

    @api.model
    def _prices_without_tier(self, order, lines):
        """Return what a unit costs everybody else: line → price.

        Only where the order has the pricelist of its tier; one that a person chose is no benefit.
        """
        OrderTier = self.env["crm.value.order.tier"]
        if order.pricelist_id.id not in OrderTier._pricelist_ids(order):
            return {}
        order = order.with_company(order.company_id)
        no_tier = OrderTier._with_benefits(order, self.env["crm.value.tier"])
        public = no_tier.partner_id.property_product_pricelist
        lines = lines.filtered(
            lambda line: (
                line.product_id
                and not line.display_type
                and not line.is_downpayment
                and line.product_type != "combo"
                and not line.combo_item_id
            )
        )
        if public == order.pricelist_id or not lines:
            return {}
        date = order.date_order or fields.Datetime.now()
        rules = public._get_applicable_rules(lines.product_id, date)
        return {line: self._price_by_rules(line, rules) for line in lines}

    @api.model
    def _price_by_rules(self, line, rules):
        """Return the unit price of a line by the first rule that applies, chosen as `product.pricelist` does."""
        line = line.with_company(line.company_id or line.order_id.company_id)
        quantity = line.product_uom_id._compute_quantity(
            line.product_uom_qty or 1.0, line.product_id.uom_id, raise_if_failure=False
        )
        rule = next((rule for rule in rules if rule._is_applicable_for(line.product_id, quantity)), rules.browse())
        price = rule._compute_price(
            product=line.product_id.with_context(**line._get_product_price_context()), **line._get_pricelist_kwargs()
        )
        taxes = line.product_id.taxes_id._filter_taxes_by_company(line.company_id)
        return line.product_id._get_tax_included_unit_price_from_price(
            price, product_taxes=taxes, fiscal_position=line.order_id.fiscal_position_id
        )

    @api.model
    def _cost_of_discount(self, line, public_price):
        """Return what a line would cost more at the public unit price, without the discount of a salesperson."""
        paid = line.price_unit * (1 - line.discount / 100)
        if not paid:
            return 0.0
        by_list = line.price_unit == line.technical_price_unit and not line.discount
        # pricing the line found the rule already; a price that nobody changed is the tier's
        of_tier = paid if by_list else max(paid, self._price_by_rules(line, line.pricelist_item_id))
        return line.currency_id.round(line.price_subtotal * (public_price - of_tier) / paid)

    @api.model
    def _cost_of_reward(self, line, gift_cards):
        """Return (kind, cost) of a reward that the tier or a gift brought; a program for everybody costs nothing."""
        program = line.reward_id.program_id
        is_gift = line.coupon_id in gift_cards
        if not is_gift and not (
            line.order_id.value_tier_id and program.id in self.env["crm.value.benefit"]._gated_programs()
        ):
            return False, 0.0
        if line.reward_id.reward_type == "product":
            full = line.tax_ids.compute_all(
                line.price_unit, currency=line.currency_id, quantity=line.product_uom_qty, product=line.product_id
            )["total_excluded"]
            return "gift", line.currency_id.round(full - line.price_subtotal)
        kind = "gift" if is_gift else "shipping" if line.reward_id.reward_type == "shipping" else "discount"
        return kind, -line.price_subtotal

    # the margin guard

    @api.model
    def _is_below_floor(self, order):
        """Tell whether an order with benefits leaves less margin than the company asks for, and than was approved."""
        if not (order.company_id.value_margin_guard and order.value_tier_id):
            return False
        shortfall = self._shortfall(order)
        approved = order.value_approved_shortfall if order.value_margin_approved_by_id else 0.0
        return order.currency_id.compare_amounts(shortfall, max(0.0, approved * _APPROVAL_SLACK)) > 0

    @api.model
    def _shortfall(self, order):
        """Return how much margin an order lacks, in its currency; negative when it has more than enough."""
        amount, margin = self._guarded_figures(order)
        return order.company_id.value_margin_floor * amount - margin

    @api.model
    def _guarded_figures(self, order):
        """Return (amount, margin) of an order, with the product's cost where a better one was typed on a line."""
        amount = margin = 0.0
        for line in order.order_line.filtered(lambda line: not line.display_type):
            untaxed = line.tax_ids.compute_all(
                line.price_unit * (1 - line.discount / 100),
                currency=order.currency_id,
                quantity=line.product_uom_qty,
                product=line.product_id,
                partner=order.partner_shipping_id,
            )["total_excluded"]
            product = line.product_id.with_company(line.company_id)
            cost = product.uom_id._compute_price(product.standard_price, line.product_uom_id) if product else 0.0
            cost = line._convert_to_sol_currency(cost, product.cost_currency_id) if product else line.purchase_price
            amount += untaxed
            if line.product_uom_qty > 0:
                margin += untaxed - max(cost, line.purchase_price) * line.product_uom_qty
            else:
                # nothing is earned by taking goods back
                margin += min(0.0, untaxed - min(cost, line.purchase_price) * line.product_uom_qty)
        return amount, margin

    @api.model
    def _check_floor(self, orders):
        """Stop employees who confirm orders that need a sales manager.

        :raise RedirectWarning: an order leaves too little margin; its button asks for approval
        """
        for order in orders:
            user = self._guarded_user(order)
            # sudo: the guard does not depend on what the user may see
            if user and self._is_below_floor(order.sudo()):
                self._refuse(order, user)

    @api.model
    def _refuse(self, order, user):
        raise RedirectWarning(
            self.with_user(user)._describe_margin(order.with_user(user)),
            self.env.ref("crm_value_addon.action_server_request_margin_approval").id,
            self.env._("Ask for approval"),
            {"active_model": order._name, "active_id": order.id, "active_ids": order.ids},
        )

    @api.model
    @contextmanager
    def _guarding_lines(self, orders):
        """Stop employees who take margin from confirmed orders that are, or come, below the floor.

        What an order lacks in another currency than before is compared with nothing.

        :raise RedirectWarning: see `_check_floor`
        """
        # sudo: the guard does not depend on what the user may see
        guarded = orders.sudo().filtered(
            lambda order: order.state == "sale" and order.company_id.value_margin_guard and order.value_tier_id
        )
        before = {order: (order.currency_id, self._shortfall(order)) for order in guarded if self._guarded_user(order)}
        yield
        for order, (currency, shortfall) in before.items():
            is_same = order.currency_id == currency
            is_less = not is_same or currency.compare_amounts(self._shortfall(order), shortfall) > 0
            if is_less and self._is_below_floor(order):
                self._refuse(order, self._guarded_user(order))

    @api.model
    def _guarded_user(self, order):
        """Return the employee who confirms an order and has to ask a manager, None when the guard has no say.

        The portal and the web shop work as the superuser: there, whoever sits at the browser confirms.
        """
        if not self.env.su:
            user = self.env.user
        elif request and request.env.uid and not self._is_paid(order):
            user = request.env.user
        else:
            return None
        return user if self._asks_manager(user) else None

    @api.model
    def _check_payer(self, transactions):
        """Stop employees who pay in a customer's name for quotations that need a sales manager, before they paid.

        A payment confirms a quotation later, when nobody knows any more who sits at the browser. Whoever buys for
        themselves in the web shop is a customer.

        :raise UserError: an order leaves too little margin
        """
        user = self.env.user
        if user._is_superuser() or not self._asks_manager(user):
            return
        # sudo: the guard does not depend on what the user may see
        for order in transactions.sudo().sale_order_ids:
            if order.state in ("draft", "sent") and order.partner_id != user.partner_id and self._is_below_floor(order):
                raise UserError(self.with_user(user)._describe_margin(order.with_user(user)))

    @api.model
    def _asks_manager(self, user):
        return user._is_internal() and not user.has_group(MANAGER_GROUP)

    @api.model
    def _is_paid(self, order):
        """Tell whether as much was paid as the order asks for before it is confirmed."""
        order = order.sudo()  # sudo: customers have no rights on transactions
        is_any = any(transaction.state in ("authorized", "done") for transaction in order.transaction_ids)
        return is_any and order._is_confirmation_amount_reached()

    @api.model
    def _describe_margin(self, order):
        """Return why an order needs a manager, with the figures if the user may see them."""
        if not self.env.user.has_group(MARGIN_GROUP):
            return self.env._(
                "%(order)s leaves less margin after benefits than the company asks for. A sales manager "
                "has to approve it.",
                order=order.name,
            )
        # sudo: the group above may see margins, whether or not it may read each cost
        amount, margin = self._guarded_figures(order.sudo())
        return self.env._(
            "%(order)s leaves a margin of %(margin)s (%(percent)s %%) after benefits of %(cost)s; the company asks for "
            "%(floor)s %%. A sales manager has to approve it.",
            order=order.name,
            margin=format_amount(self.env, margin, order.currency_id),
            percent=f"{100 * margin / amount:.1f}" if amount else "–",
            cost=format_amount(self.env, order.value_benefit_cost, order.currency_id),
            floor=f"{100 * order.company_id.value_margin_floor:.1f}",
        )

    @api.model
    def _request_approval(self, orders):
        """Schedule an activity for a sales manager, once per order."""
        activity_type = self.env.ref("crm_value_addon.mail_activity_type_margin")
        for order in orders:
            approver = self._approver(order)
            if activity_type not in order.activity_ids.activity_type_id:
                order.activity_schedule(
                    activity_type_id=activity_type.id,
                    user_id=approver.id,
                    summary=self.env._("Margin of %(order)s", order=order.name),
                )

    @api.model
    def _approver(self, order):
        """Return a sales manager of the order's company: the team's leader if they are one."""
        # sudo: a seller need not know who the managers are
        managers = (
            self.env.ref(MANAGER_GROUP)
            .sudo()
            .all_user_ids.filtered(lambda user: user.active and not user.share and order.company_id in user.company_ids)
        )
        leader = order.team_id.sudo().user_id
        return leader if leader in managers else managers.sorted("id")[-1:] or self.env.user

    @api.model
    def _approve(self, orders):
        """Let orders be confirmed for their customers with the margin that they have now."""
        for order in orders.sudo():  # sudo: a manager need not see margins, and nobody writes approvals
            order.write(
                {
                    "value_approved_shortfall": max(0.0, self._shortfall(order)),
                    "value_margin_approved_by_id": self.env.uid,
                }
            )
        orders.activity_feedback(["crm_value_addon.mail_activity_type_margin"])

    @api.model
    def _withdraw_approval(self, orders, vals):
        """Withdraw the approval of orders that get another customer, company or pricelist, and thereby currency."""
        names = {"partner_id", "company_id", "pricelist_id"} & vals.keys()
        if names:
            # sudo: nobody writes approvals
            approved = orders.sudo().filtered("value_margin_approved_by_id")
            approved.filtered(lambda order: any(order[name].id != vals[name] for name in names)).write(
                {"value_approved_shortfall": 0.0, "value_margin_approved_by_id": False}
            )
