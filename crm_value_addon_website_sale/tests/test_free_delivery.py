from freezegun import freeze_time

from odoo import Command
from odoo.addons.crm_value_addon.tests.common import TODAY

from .common import ShopCase


@freeze_time(TODAY)
class TestFreeDelivery(ShopCase):
    """A program of free shipping that is for a tier only."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        delivery = cls.env["product.product"].create(
            {"name": "Parcel", "type": "service", "list_price": 20, "taxes_id": [Command.clear()]}
        )
        cls.carrier = cls.env["delivery.carrier"].create(
            {"name": "Parcel", "product_id": delivery.id, "fixed_price": 20, "company_id": cls.company.id}
        )
        cls.shipping = cls.program(
            ecommerce_ok=True,
            reward_ids=[Command.clear(), Command.create({"reward_type": "shipping", "required_points": 1})],
        )
        cls.benefit("program", program_id=cls.shipping.id)

    def deliver(self, partner, **vals):
        """Return an order with its delivery charged and what programs give applied."""
        order = self.order(partner, 10, **vals)
        order.set_delivery_line(self.carrier, 20)
        order._update_programs_and_rewards()
        rewards = order._get_claimable_rewards()
        for coupon, found in rewards.items():
            order._apply_program_reward(found[:1], coupon)
        return order

    def test_free_for_the_tier_only(self):
        customer = self.bought(5000)
        for vals in ({}, {"website_id": self.website.id}):
            self.assertEqual(self.deliver(customer, **vals).amount_untaxed, 1000)
            self.assertEqual(self.deliver(self.customer("Other"), **vals).amount_untaxed, 1020)

    def test_kept_and_lost(self):
        customer = self.bought(5000)
        order = self.deliver(customer)
        order.action_quotation_sent()
        self.lose_tier(customer)
        order.action_confirm()
        self.assertEqual(order.amount_untaxed, 1000, "what was sent stands")
        self.assertEqual(self.deliver(customer).amount_untaxed, 1020)
