from odoo import api, models
from odoo.exceptions import UserError


class CrmValueOrderStacking(models.AbstractModel):
    """How much may come together on an order: programs that hold alone, and at most so often.

    How to use: the hooks of `sale_loyalty` on `sale.order` ask `_reason` before a reward is applied and before it is
    offered; `_left_out` says in the order's box what was left out; `_check_confirmed` asks again at confirmation,
    because another quotation of the customer may have been confirmed meanwhile.

    How it works: whatever was on the order first stays. Gift cards and eWallets are payments, which are never left out.
    """

    _name = "crm.value.order.stacking"
    _description = "Sales Orders: Programs Together"

    @api.model
    def _reason(self, order, program):
        """Return why a program's reward cannot come onto an order, False when it can."""
        if program.program_type in ("gift_card", "ewallet"):
            return False
        limited = self.env["loyalty.program"]._limits()
        alone = self._exclusive_benefit(order, program)
        if not limited and not alone:
            return False
        # sudo: customers in the web shop read no programs
        order, program = order.sudo(), program.sudo()
        if alone:
            return self.env._("%(program)s is not given together with this tier's prices.", program=program.name)
        lines = self._reward_lines(order)
        others = lines.reward_id.program_id - program
        if others and limited.get(program.id, (False,))[0]:
            return self.env._(
                "%(program)s is not given together with others: %(others)s.",
                program=program.name,
                others=", ".join(others.mapped("name")),
            )
        exclusive = others.filtered(lambda other: limited.get(other.id, (False,))[0])
        if exclusive:
            return self.env._(
                "%(other)s holds alone: %(program)s is left out.", other=exclusive[0].name, program=program.name
            )
        return self._reason_by_number(order, program, lines)

    def _reason_by_number(self, order, program, lines):
        _alone, per_order, per_customer = self.env["loyalty.program"]._limits().get(program.id, (False, 0, 0))
        rewards = lines.filtered(lambda line: line.reward_id.program_id == program)
        if per_order and len(set(rewards.mapped("reward_identifier_code"))) >= per_order:
            return self.env._(
                "%(program)s is given at most %(number)s times on an order.", program=program.name, number=per_order
            )
        if per_customer and self._used(order, program) >= per_customer:
            return self._describe_used(program, per_customer)
        return False

    def _describe_used(self, program, number):
        periods = dict(program._fields["value_period"]._description_selection(self.env))
        return self.env._(
            "%(program)s is given at most %(number)s times to a customer (%(period)s).",
            program=program.name,
            number=number,
            period=periods[program.value_period],
        )

    @api.model
    def _exclusive_benefit(self, order, program):
        """Tell whether the order carries a benefit that does not hold together with programs, but for its own ones."""
        active = self.env["crm.value.order.tier"]._active_benefits(order)
        own = {benefit.target_id for benefit in active if benefit.benefit_type in ("program", "gift")}
        return program.id not in own and any(benefit.is_exclusive for benefit in active)

    @api.model
    def _reward_lines(self, order):
        return order.order_line.filtered(
            lambda line: line.reward_id and line.reward_id.program_id.program_type not in ("gift_card", "ewallet")
        )

    @api.model
    def _used(self, order, program):
        """Return on how many other confirmed orders of the period the customer used a program."""
        domain = [
            ("reward_id.program_id", "=", program.id),
            ("order_id.state", "=", "sale"),
            ("order_id.partner_id", "child_of", order.partner_id.commercial_partner_id.id),
            ("order_id.company_id", "=", order.company_id.id),
            ("order_id", "!=", order._origin.id),
        ]
        today = order.company_id._value_today()
        begin = {"month": today.replace(day=1), "year": today.replace(month=1, day=1)}.get(program.value_period)
        if begin:
            domain.append(("order_id.date_order", ">=", begin))
        [[count]] = self.env["sale.order.line"]._read_group(domain, aggregates=["order_id:count_distinct"])
        return count

    @api.model
    def _allowed(self, order, claimable):
        """Return the rewards that may come onto an order, of what `_get_claimable_rewards` found."""
        if not self._is_asked(order):
            return claimable
        allowed = {
            coupon: rewards for coupon, rewards in claimable.items() if not self._reason(order, coupon.program_id)
        }
        return type(claimable)(claimable.default_factory, allowed)

    @api.model
    def _is_asked(self, order):
        """Tell whether anything on an order is limited; without a limit, no query is made."""
        active = self.env["crm.value.order.tier"]._active_benefits(order)
        return bool(self.env["loyalty.program"]._limits()) or any(benefit.is_exclusive for benefit in active)

    @api.model
    def _left_out(self, order):
        """Return why programs that the order could have had are left out: a list of sentences."""
        if order.state not in ("draft", "sent") or not order.id or not self._is_asked(order):
            return []
        claimable = order.sudo()._find_claimable_rewards()
        programs = self.env["loyalty.program"].union(*(coupon.program_id for coupon in claimable))
        taken = self._reward_lines(order.sudo()).reward_id.program_id
        reasons = (self._reason(order, program) for program in programs.sorted("id") if program not in taken)
        return [reason for reason in reasons if reason]

    @api.model
    def _check_confirmed(self, orders):
        """Refuse to confirm an order with a reward that the customer has used up meanwhile.

        :raise UserError: with the reason
        """
        limits = self.env["loyalty.program"]._limits()
        if not limits:
            return
        for order in orders.sudo():
            for program in self._reward_lines(order).reward_id.program_id:
                _alone, _per_order, per_customer = limits.get(program.id, (False, 0, 0))
                if per_customer and self._used(order, program) >= per_customer:
                    raise UserError(self._describe_used(program, per_customer))
