from freezegun import freeze_time

from odoo import Command
from odoo.addons.crm_value_addon.tests.common import TODAY

from .common import ShopCase


@freeze_time(TODAY)
class TestWebsiteSaleTier(ShopCase):
    """Orders of the web shop."""

    def test_program(self):
        program = self.program(ecommerce_ok=True)
        self.benefit("program", program_id=program.id)
        customer = self.bought(5000)
        amounts = []
        for partner in (customer, self.customer("Other")):
            cart = self.cart(partner)
            cart._update_programs_and_rewards()
            cart._auto_apply_rewards()
            amounts.append(cart.amount_untaxed)
        self.assertEqual(amounts, [900, 1000])
        self.lose_tier(customer)
        cart = self.cart(customer)
        cart._update_programs_and_rewards()
        cart._auto_apply_rewards()
        self.assertEqual(cart.amount_untaxed, 1000)

    def test_code(self):
        program = self.program(
            "promo_code", rule_ids=[Command.create({"mode": "with_code", "code": "SHOPTOP"})], ecommerce_ok=True
        )
        self.benefit("program", program_id=program.id)
        self.assertIn("error", self.cart(self.customer("Other"))._try_apply_code("SHOPTOP"))
        self.assertNotIn("error", self.cart(self.bought(5000))._try_apply_code("SHOPTOP"))

    def test_pricelist(self):
        self.vip.website_id = self.website
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000)
        self.assertRecordValues(self.cart(customer), [{"pricelist_id": self.vip.id, "amount_untaxed": 900.0}])
        self.lose_tier(customer)
        cart = self.cart(customer, pricelist_id=self.vip.id)
        self.assertRecordValues(cart, [{"pricelist_id": self.public.id, "amount_untaxed": 1000.0}])

    def test_visitors_cannot_choose_the_pricelist(self):
        self.vip.selectable = True
        with self.refused("selectable in the web shop"):
            self.benefit("pricelist", pricelist_id=self.vip.id)
        self.vip.write({"selectable": False, "website_id": self.website.id})
        self.benefit("pricelist", pricelist_id=self.vip.id)
        with self.refused("selectable in the web shop"):
            self.vip.selectable = True
        with self.refused("Shop"):
            self.public.website_id = False

    def test_manager_when_the_cart_is_confirmed(self):
        self.env.ref("base.user_admin").company_ids += self.company
        self.benefit("manager", user_id=self.env.ref("base.user_admin").id)
        cart = self.cart(self.bought(5000))
        self.assertFalse(cart.user_id)
        cart.action_confirm()
        self.assertEqual(cart.user_id, self.env.ref("base.user_admin"))
