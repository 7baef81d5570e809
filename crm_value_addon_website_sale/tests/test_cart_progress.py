from freezegun import freeze_time

from odoo import Command
from odoo.addons.crm_value_addon.tests.common import TODAY

from .common import ShopCase


@freeze_time(TODAY)
class TestCartProgress(ShopCase):
    """What the cart shows of the next tier: Low from 100, Mid from 1000, Top from 5000; a widget costs 100."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_portal = True

    def progress(self, customer, quantity, **vals):
        return self.cart(customer, quantity, **vals)._customer_progress()

    def test_missing_and_reached(self):
        customer = self.bought(4000)
        self.assertIn("500.00 more and you reach Top", self.progress(customer, 5)["gap"])
        self.assertFalse(self.progress(customer, 5)["reached"])
        shown = self.progress(customer, 10)
        self.assertEqual((shown["reached"], shown["gap"]), ("Top", False))
        self.assertIsNone(self.progress(self.bought(6000, name="Best"), 1))

    def test_first_order(self):
        shown = self.progress(self.customer("Newcomer"), 1)
        self.assertEqual(shown["reached"], "Low")
        self.assertIn("900.00 more and you reach Mid", shown["gap"])

    def test_who_gets_nothing(self):
        customer = self.bought(4000)
        self.assertIsNone(self.progress(self.env.ref("base.public_partner"), 5))
        person = self.customer("Person", parent_id=customer.id)
        self.assertIsNone(self.progress(person, 5))
        self.company.value_portal_contacts = True
        self.assertTrue(self.progress(person, 5))
        self.company.value_portal = False
        self.assertIsNone(self.progress(customer, 5))

    def test_secret_figures_do_not_show_through(self):
        self.top.criterion_ids = [Command.create({"metric": "margin_total", "enter_min": 1, "keep_min": 1})]
        customer = self.bought(4000)
        self.assertIsNone(self.progress(customer, 5))
        self.assertIsNone(self.progress(customer, 10), "reached by a margin, too")

    def test_currency_of_the_cart(self):
        euro = self.setup_other_currency("EUR", rates=[("2020-01-01", 0.5)])
        pricelist = self.make_pricelist("Euros", 0, currency_id=euro.id, website_id=self.website.id)
        cart = self.cart(self.bought(4000), 5, pricelist_id=pricelist.id)
        self.assertEqual((cart.currency_id, cart.amount_untaxed), (euro, 250.0))
        shown = cart._customer_progress()["gap"].replace("\xa0", " ")
        self.assertIn("250.00 €", shown)

    def test_on_the_page(self):
        cart = self.cart(self.bought(4000), 5)
        page = (
            self.env["ir.qweb"]
            .with_context(website_id=self.website.id)
            ._render(
                "website_sale.total",
                {"website_sale_order": cart, "website": self.website, "hide_promotions": True, "request": None},
            )
        )
        self.assertIn("more and you reach Top", page)
        self.assertIn("/my/loyalty", page)
