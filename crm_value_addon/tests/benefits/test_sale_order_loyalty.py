from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestSaleOrderLoyalty(BenefitCase):
    """Programs for certain tiers only, and more points: from the posted invoice to the order, until a credit note."""

    def apply(self, order):
        """Apply all automatic programs and claim every reward, as a seller does."""
        order._update_programs_and_rewards()
        for coupon, rewards in order._get_claimable_rewards().items():
            for reward in rewards:
                order._apply_program_reward(reward, coupon)
        return order

    def loyalty(self, **vals):
        return self.program(
            "loyalty",
            trigger="auto",
            applies_on="both",
            rule_ids=[Command.create({"reward_point_mode": "money", "reward_point_amount": 0.11, "minimum_qty": 0})],
            **vals,
        )

    def card(self, customer, program):
        return self.env["loyalty.card"].search([("partner_id", "=", customer.id), ("program_id", "=", program.id)])

    def test_program_for_a_tier_only(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        customer = self.bought(5000)
        other = self.apply(self.order(self.customer("Other"), 10))
        self.assertEqual(other.amount_untaxed, 1000)
        sent = self.apply(self.order(customer, 10))
        self.assertRecordValues(sent, [{"amount_untaxed": 900.0, "value_benefit_cost": 100.0}])
        sent.action_quotation_sent()
        self.lose_tier(customer)
        self.assertEqual(self.apply(self.order(customer, 10)).amount_untaxed, 1000)
        sent._update_programs_and_rewards()
        sent.action_confirm()
        self.assertEqual(sent.amount_untaxed, 900, "promised")

    def test_program_leaves_with_the_tier_on_request(self):
        self.benefit("program", program_id=self.program().id)
        customer = self.bought(5000)
        order = self.apply(self.order(customer, 10))
        self.lose_tier(customer)
        order.action_update_benefits()
        self.assertEqual(order.amount_untaxed, 1000)

    def test_code_of_a_closed_program(self):
        program = self.program("promo_code", rule_ids=[Command.create({"mode": "with_code", "code": "TOPCODE"})])
        self.benefit("program", program_id=program.id)
        customer = self.bought(5000)
        self.assertIn("error", self.order(self.customer("Other"), 10)._try_apply_code("TOPCODE"))
        self.assertNotIn("error", self.order(customer, 10)._try_apply_code("TOPCODE"))

    def test_domain_is_a_list(self):
        order = self.order(self.bought(5000))
        self.benefit("program", tier=self.low, program_id=self.program().id)
        for domain in (order._get_program_domain(), order._get_trigger_domain()):
            self.assertIsInstance(domain, list, "website_sale_loyalty replaces an item")

    def test_points_times_factor(self):
        program = self.loyalty()
        self.benefit("points_multiplier", points_factor=1.5)
        customer = self.bought(5000)
        sent = self.apply(self.order(customer, 1))
        sent.action_quotation_sent()
        self.lose_tier(customer)
        order = self.apply(self.order(customer, 1))
        order.action_confirm()
        self.assertEqual(self.card(customer, program).points, 11)
        self.assertNotIn("×", order.name and self.card(customer, program).history_ids.description)
        sent.action_confirm()
        card = self.card(customer, program)
        self.assertEqual(card.points, 11 + 16.5)
        history = card.history_ids.filtered(lambda line: line.order_id == sent.id)
        self.assertRecordValues(history, [{"issued": 16.5, "value_tier_id": self.top.id, "value_extra_points": 5.5}])
        self.assertIn("points × 1.5: Top", history.description)
        sent._action_cancel()
        self.assertEqual(card.points, 11, "given back, as they were given")
        self.assertFalse(card.history_ids.filtered(lambda line: line.order_id == sent.id))

    def test_points_of_other_programs_stay(self):
        self.benefit("points_multiplier", points_factor=3)
        promotion = self.program(rule_ids=[Command.create({"reward_point_amount": 2, "minimum_amount": 0})])
        coupons = self.program(
            "next_order_coupons", rule_ids=[Command.create({"reward_point_amount": 2, "minimum_amount": 0})]
        )
        gift = self.env["product.product"].create({"name": "Gift card", "taxes_id": [Command.clear()]})
        money = {"reward_point_mode": "money", "reward_point_amount": 1, "product_ids": [Command.set(gift.ids)]}
        gift_card = self.program("gift_card", rule_ids=[Command.create({**money, "reward_point_split": True})])
        wallet = self.program("ewallet", rule_ids=[Command.create(money)])
        programs = promotion | coupons | gift_card | wallet
        points = []
        for customer in (self.customer("Other"), self.bought(5000)):
            order = self.order(
                customer, order_line=[Command.create({"product_id": product.id}) for product in (self.product, gift)]
            )
            points.append(
                {program: status["points"] for program, status in order._program_check_compute_points(programs).items()}
            )
        self.assertEqual(points[0], points[1])
        self.assertEqual(points[0][promotion], [2])

    def test_free_product_costs_what_it_would_cost(self):
        free = self.env["product.product"].create({"name": "Free", "list_price": 25, "taxes_id": [Command.clear()]})
        program = self.program(
            "buy_x_get_y",
            rule_ids=[
                Command.create(
                    {"reward_point_mode": "unit", "product_ids": [Command.set(self.product.ids)], "minimum_qty": 2}
                )
            ],
            reward_ids=[Command.create({"reward_type": "product", "reward_product_id": free.id, "required_points": 2})],
        )
        self.benefit("program", program_id=program.id)
        order = self.apply(self.order(self.bought(5000), 2))
        self.assertRecordValues(order, [{"amount_untaxed": 200.0, "value_benefit_cost": 25.0}])
        self.assertIn("gift", order.order_line.mapped("value_benefit_kind"))

    def test_expired_benefit_closes_its_program(self):
        self.benefit("program", program_id=self.program().id, date_to="2025-06-29")
        self.assertEqual(self.apply(self.order(self.bought(5000), 10)).amount_untaxed, 1000)
