from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.tests import HttpCase

from .common import ShopCase


@freeze_time(TODAY)
class TestClub(HttpCase, ShopCase):
    """What the shop adds to the customer's own page."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_portal = True

    def test_a_coupon_is_used_in_the_shop(self):
        customer = self.bought(1000)
        coupon = (
            self.env["loyalty.card"]
            .with_context(loyalty_no_mail=True)
            .create({"program_id": self.program("coupons").id, "partner_id": customer.id, "points": 1})
        )
        [card] = self.env["crm.value.portal"]._prepare_portal_page(customer, self.company)["cards"]
        self.assertEqual(card["url"], f"/coupon/{coupon.code}")
        # without a cart, Odoo keeps it for the first product
        self.assertIn("automatically+applied", self.url_open(card["url"]).url)

    def test_a_referral_link_leads_to_the_shop(self):
        token = self.env["crm.value.referral.link"]._token(self.bought(1000))
        self.assertTrue(self.url_open(f"/loyalty/r/{token}").url.endswith("/shop"))
