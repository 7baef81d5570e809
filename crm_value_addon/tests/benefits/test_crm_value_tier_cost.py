from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestCrmValueTierCost(BenefitCase):
    def rows(self, customer):
        self.env.flush_all()
        return self.env["crm.value.tier.cost"].search([("partner_id", "=", customer.id)])

    def test_costs_against_margin(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        self.benefit("points_multiplier", points_factor=2)
        coupons = self.program("coupons")
        self.benefit("gift", program_id=coupons.id)
        loyalty = self.program(
            "loyalty",
            rule_ids=[Command.create({"reward_point_mode": "money", "reward_point_amount": 1})],
            reward_ids=[
                Command.create(
                    {
                        "discount_mode": "per_point",
                        "discount": 0.05,
                        "required_points": 1,
                        "discount_applicability": "order",
                    }
                )
            ],
        )
        self.bought(1, name="First")
        customer = self.bought(5000, day="2025-06-25")
        order = self.order(customer, 10)
        card = self.env["crm.value.grant"].search([("partner_id", "=", customer.id)]).card_id
        order._try_apply_code(card.code)
        order._apply_program_reward(coupons.reward_ids, card)
        self.assertFalse(self.rows(customer), "a quotation costs nothing")
        order._update_programs_and_rewards()
        order.action_confirm()
        # 900 less a gift of 90 give 810 points, and the tier 810 more, at 0.05 each
        self.assertEqual(loyalty.coupon_ids.points, 1620)
        self.assertRecordValues(
            self.rows(customer),
            [
                {
                    "tier_id": self.top.id,
                    "month": date(2025, 6, 1),
                    "order_count": 1,
                    "discount": 100.0,
                    "gift": 90.0,
                    "shipping": 0.0,
                    "points": 40.5,
                    "cost": 230.5,
                    "margin": self.value(customer).margin_total,
                }
            ],
        )

    def test_cost_to_serve_counts_gifts_and_a_share_of_discounts(self):
        self.company.write({"value_cost_benefits": True, "value_cost_gift": 12, "value_cost_discount_share": 0.5})
        self.benefit("pricelist", pricelist_id=self.vip.id)
        self.benefit("gift", program_id=self.program("coupons").id)
        self.bought(1, name="First")
        self.refresh()
        customer = self.bought(5000, day="2025-06-25")
        self.assertEqual(len(self.env["crm.value.grant"].search([("partner_id", "=", customer.id)])), 1)
        self.order(customer, 10).action_confirm()  # 1000 at list price, sold for 900
        self.refresh()
        value = self.value(customer)
        self.assertEqual(value.cost_to_serve, 12 + 0.5 * 100)
        self.assertEqual(value.realised_value, value.margin_total - 62)
        self.company.value_cost_benefits = False
        self.refresh()
        self.assertEqual(self.value(customer).cost_to_serve, 0)

    def test_simulation_tells_what_benefits_would_cost(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000, day="2025-06-25")
        other = self.bought(3000, name="Other")
        self.order(customer, 10).action_confirm()  # 1000 at list price, sold for 900: the benefit costs 100 of 900
        simulation = self.env["crm.value.tier.simulation"].with_company(self.company).create({})
        line = simulation.line_ids.filtered(lambda line: line.tier_id == self.top)
        for criterion in simulation.criterion_ids.filtered(lambda criterion: criterion.tier_id == self.top):
            criterion.enter_min, criterion.keep_min = 3000, 3000
        simulation.action_preview()
        self.assertAlmostEqual(line.benefit_cost_now, 5000 * 100 / 900, 2)
        self.assertAlmostEqual(line.benefit_cost_then, (5000 + 3000) * 100 / 900, 2)
        self.assertEqual(self.value(other).revenue_12m, 3000)
        self.assertFalse(any((simulation.line_ids - line).mapped("benefit_cost_then")), "no orders, no known cost")

    def test_rights(self):
        seller = new_test_user(self.env, "seller", groups="sales_team.group_sale_salesman")
        with self.assertRaises(AccessError):
            self.env["crm.value.tier.cost"].with_user(seller).search([])

    def test_points_of_a_program_in_another_currency(self):
        """Points are owed in the currency of their program, whatever the order was quoted in."""
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 3.0), ("2025-06-01", 2.0), ("2025-07-01", 9.0)])
        self.benefit("points_multiplier", points_factor=2)
        dollar = self.company.currency_id
        for currency, quoted in ((euro, dollar), (dollar, euro), (euro, euro)):
            with self.subTest(program=currency.name, order=quoted.name):
                program = self.program(
                    "loyalty",
                    company_id=False,
                    currency_id=currency.id,
                    rule_ids=[Command.create({"reward_point_mode": "money", "reward_point_amount": 1})],
                    reward_ids=[
                        Command.create(
                            {
                                "discount_mode": "per_point",
                                "discount": 0.05,
                                "required_points": 1,
                                "discount_applicability": "order",
                            }
                        )
                    ],
                )
                customer = self.bought(5000, name=f"{currency.name} {quoted.name}")
                pricelist = self.make_pricelist(f"List {quoted.name}", 0, currency_id=quoted.id)
                order = self.order(customer, 10, pricelist_id=pricelist.id)
                order._update_programs_and_rewards()
                order.action_confirm()
                extra = self.env["loyalty.history"].search([("card_id.program_id", "=", program.id)])
                self.assertEqual(extra.value_extra_amount, extra.value_extra_points * 0.05)
                rate = 2 if currency == euro else 1
                self.assertAlmostEqual(self.rows(customer).points, extra.value_extra_amount / rate)
                program.active = False
