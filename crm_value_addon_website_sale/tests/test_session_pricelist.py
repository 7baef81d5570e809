from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.addons.website_sale.models.website import PRICELIST_SESSION_CACHE_KEY
from odoo.addons.website_sale.tests.common import MockRequest
from odoo.tests import new_test_user

from .common import ShopCase


@freeze_time(TODAY)
class TestSessionPricelist(ShopCase):
    """A session that began before the customer's tier changed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vip.website_id = cls.website
        cls.benefit("pricelist", pricelist_id=cls.vip.id)
        cls.user = new_test_user(
            cls.env,
            "session_shopper",
            groups="base.group_portal",
            company_id=cls.company.id,
            company_ids=cls.company.ids,
        )

    def shown(self, held):
        """Return the pricelist of the shop's pages in a session that holds one."""
        website = self.website.with_user(self.user).with_context(allowed_company_ids=self.company.ids)
        with MockRequest(website.env, website=website, website_sale_current_pl=held.id) as request:
            request.session[PRICELIST_SESSION_CACHE_KEY] = held.id
            return website._get_and_cache_current_pricelist()

    def test_session(self):
        customer = self.user.partner_id
        self.assertEqual(self.shown(self.vip), self.public, "never had the tier")
        self.invoice(customer, "2025-06-01", 5000)
        self.refresh(customer)
        self.assertEqual(self.shown(self.public), self.vip, "reached meanwhile")
        self.assertEqual(self.shown(self.vip), self.vip)
        self.last_invoice = self.env["account.move"].search([("partner_id", "=", customer.id)])
        self.lose_tier(customer)
        self.assertEqual(self.shown(self.vip), self.public, "lost meanwhile")
