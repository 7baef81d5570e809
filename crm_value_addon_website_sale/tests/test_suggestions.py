from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.addons.website_sale.tests.common import MockRequest

from .common import ShopCase


@freeze_time(TODAY)
class TestSuggestionsInTheShop(ShopCase):
    """Next products in the cart and on the loyalty page: what is sold in this shop, and only to whom it concerns."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"value_portal": True, "value_suggestions": True, "value_suggestions_portal": True})
        cls.tea, cls.cup, cls.secret = cls.env["product.product"].create(
            [
                {"name": "Tea", "list_price": 5, "is_published": True},
                {"name": "Cup", "list_price": 9, "is_published": True},
                {"name": "Secret", "list_price": 9, "is_published": False},
            ]
        )
        cls.elsewhere = cls.env["product.product"].create(
            {
                "name": "Elsewhere",
                "is_published": True,
                "website_id": cls.env["website"].create({"name": "Other shop", "company_id": cls.company.id}).id,
            }
        )
        cls.buyer = cls.customer("Buyer")
        cls.invoice(cls.buyer, "2025-06-01", 1000)
        cls.refresh()
        for rank, product in enumerate((cls.secret, cls.tea, cls.cup), 1):
            cls.suggest(product, rank)

    @classmethod
    def suggest(cls, product, rank):
        cls.env["crm.value.suggestion"].create(
            {
                "partner_id": cls.buyer.id,
                "company_id": cls.company.id,
                "value_id": cls.value(cls.buyer).id,
                "product_tmpl_id": product.product_tmpl_id.id,
                "because_id": cls.product.product_tmpl_id.id,
                "rank": rank,
                "share": 0.64,
                "expected_margin": 77777,
            }
        )

    def shown(self, order):
        with MockRequest(self.env, website=self.website):
            return [product.name for product in order.with_context(website_id=self.website.id)._cart_accessories()]

    def page(self):
        Portal = self.env["crm.value.portal"].with_context(website_id=self.website.id)
        with MockRequest(self.env, website=self.website):
            return Portal._prepare_portal_page(self.buyer, self.company)

    def test_the_cart(self):
        cart = self.cart(self.buyer)
        self.assertEqual(self.shown(cart), ["Tea", "Cup"])
        cart.order_line.product_id = self.tea
        self.assertEqual(self.shown(cart), ["Cup"])
        self.assertEqual(self.shown(self.cart(self.customer("Other"))), [])

    def test_an_accessory_is_shown_once(self):
        self.product.accessory_product_ids = self.tea
        self.product.is_published = self.tea.is_published = True
        self.assertEqual(sorted(self.shown(self.cart(self.buyer))), ["Cup", "Tea"])

    def test_what_the_pricelist_of_the_cart_gives_away_is_not_sold(self):
        cart = self.cart(self.buyer)
        pricelist = cart.pricelist_id or self.env["product.pricelist"].create({"name": "Shop"})
        cart.pricelist_id = pricelist
        self.env["product.pricelist.item"].create(
            {
                "pricelist_id": pricelist.id,
                "applied_on": "1_product",
                "product_tmpl_id": self.tea.product_tmpl_id.id,
                "compute_price": "fixed",
                "fixed_price": 0,
            }
        )
        self.assertEqual(self.shown(cart), ["Cup"])

    def test_another_shop(self):
        self.env["crm.value.suggestion"].search([]).unlink()
        self.suggest(self.elsewhere, 1)
        self.assertEqual(self.shown(self.cart(self.buyer)), [])
        self.assertEqual(self.page()["suggestions"], [])

    def test_the_loyalty_page(self):
        rows = self.page()["suggestions"]
        self.assertEqual(
            [(row["name"], row["because"]) for row in rows],
            [("Tea", "Because you buy Widget"), ("Cup", "Because you buy Widget")],
        )
        self.assertIn("/shop/", rows[0]["url"])
        self.assertNotIn("77777", str(self.page()))
        self.env["crm.value.dismissal"].create(
            {
                "partner_id": self.buyer.id,
                "company_id": self.company.id,
                "product_tmpl_id": self.tea.product_tmpl_id.id,
                "reason": "other",
            }
        )
        self.assertEqual([row["name"] for row in self.page()["suggestions"]], ["Cup"])

    def test_switched_off(self):
        for setting in ("value_suggestions_portal", "value_suggestions"):
            self.company.write({"value_suggestions_portal": True, "value_suggestions": True})
            self.company[setting] = False
            self.assertEqual((self.shown(self.cart(self.buyer)), self.page()["suggestions"]), ([], []))
        self.assertFalse(self.env["res.company"].create({"name": "New"}).value_suggestions_portal)
