from freezegun import freeze_time

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestSaleStockTier(BenefitCase):
    """Urgent orders; their deliveries are tested where Inventory is installed (crm_value_addon_website_sale)."""

    def is_urgent(self, order):
        return self.env["crm.value.order.tier"]._is_urgent(order)

    def test_priority(self):
        self.benefit("priority")
        customer = self.bought(5000)
        sent = self.order(customer)
        sent.action_quotation_sent()
        self.assertTrue(self.is_urgent(sent))
        self.lose_tier(customer)
        self.assertFalse(self.is_urgent(self.order(customer)))
        sent.action_confirm()
        self.assertTrue(self.is_urgent(sent))
