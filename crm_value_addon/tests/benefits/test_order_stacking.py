from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestOrderStacking(BenefitCase):
    """Programs that hold alone, and at most so often; each takes 10 % off."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second = (
            cls.program("promo_code", name=name, rule_ids=[Command.create({"mode": "with_code", "code": name})])
            for name in ("FIRST", "SECOND")
        )
        (cls.first | cls.second).reward_ids.discount_applicability = "order"

    def use(self, order, program):
        """Enter a program's code and claim its reward; return the refusal in words, or nothing."""
        order._update_programs_and_rewards()
        status = order._try_apply_code(program.name)
        if "error" in status:
            return status["error"]
        for coupon, rewards in status.items():
            error = order._apply_program_reward(rewards[:1], coupon).get("error")
            if error:
                return error
        return None if program in order.order_line.reward_id.program_id else "not offered"

    def rewards(self, order):
        return set(order.order_line.reward_id.program_id.mapped("name"))

    def test_without_limits(self):
        order = self.order(self.customer(), 10)
        self.assertIsNone(self.use(order, self.first))
        queries = self.env.cr.sql_log_count
        self.assertFalse(self.env["crm.value.order.stacking"]._left_out(order))
        self.assertEqual(self.env.cr.sql_log_count, queries, "what is off asks nothing")

    def test_one_that_holds_alone(self):
        self.second.value_is_exclusive = True
        order = self.order(self.customer(), 10)
        self.assertIsNone(self.use(order, self.first))
        self.assertTrue(self.use(order, self.second))
        self.assertEqual(self.rewards(order), {"FIRST"})
        other = self.order(self.customer("Other"), 10)
        self.assertIsNone(self.use(other, self.second))
        self.assertTrue(self.use(other, self.first))
        self.assertEqual(self.rewards(other), {"SECOND"})

    def test_the_reason_in_the_box(self):
        self.second.value_is_exclusive = True
        self.second.reward_ids.discount = 20  # Odoo itself offers no second discount that takes less off
        order = self.order(self.customer(), 10)
        self.use(order, self.first)
        self.use(order, self.second)
        [reason] = self.env["crm.value.order.stacking"]._left_out(order)
        self.assertIn("SECOND is not given together with others: FIRST", reason)
        self.assertIn(reason, str(order.value_summary))

    def test_at_most_per_customer_and_period(self):
        self.first.write({"value_most_per_customer": 1, "value_period": "year"})
        customer = self.customer()
        contact = self.customer("Contact", parent_id=customer.id)
        before = self.order(customer, 10)
        self.assertIsNone(self.use(before, self.first))
        other = self.order(contact, 10)
        self.assertIsNone(self.use(other, self.first), "nothing is confirmed yet")
        before.action_confirm()
        with self.assertRaises(UserError) as caught:
            other.action_confirm()
        self.assertIn("at most 1 times to a customer (in a year)", str(caught.exception))
        self.assertTrue(self.use(self.order(customer, 10), self.first))
        self.assertIsNone(self.use(self.order(self.customer("Somebody else"), 10), self.first))
        before.date_order = TODAY - timedelta(days=300)
        self.assertIsNone(self.use(self.order(customer, 10), self.first), "last year")

    def test_at_most_per_order(self):
        self.first.value_most_per_order = 1
        order = self.order(self.customer(), 10)
        self.assertIsNone(self.use(order, self.first))
        reward, coupon = self.first.reward_ids, order.order_line.coupon_id
        self.assertIn("at most 1 times on an order", order._apply_program_reward(reward, coupon).get("error", ""))

    def test_prices_of_a_tier_that_hold_alone(self):
        own = self.program("promotion", name="OWN")
        self.benefit("pricelist", pricelist_id=self.vip.id, is_exclusive=True)
        self.benefit("program", program_id=own.id)
        order = self.order(self.bought(5000), 10)
        self.assertTrue(self.use(order, self.first))
        order._update_programs_and_rewards()
        for coupon, rewards in order._get_claimable_rewards().items():
            order._apply_program_reward(rewards[:1], coupon)
        self.assertEqual(self.rewards(order), {"OWN"})
        self.assertIsNone(self.use(self.order(self.customer("Other"), 10), self.first))

    def test_bad_numbers(self):
        with self.refused("at most 0"):
            self.first.value_most_per_order = -1
