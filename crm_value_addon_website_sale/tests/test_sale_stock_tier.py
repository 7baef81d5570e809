from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.addons.crm_value_addon.tests.common_benefits import BenefitCase


@freeze_time(TODAY)
class TestSaleStockTier(BenefitCase):
    """Deliveries of urgent orders, where Inventory is installed."""

    def test_delivery(self):
        self.benefit("priority")
        self.product.type = "consu"
        customer = self.bought(5000)
        other = self.order(self.customer("Other"))
        order = self.order(customer)
        (order | other).action_confirm()
        self.assertEqual(order.picking_ids.priority, "1")
        self.assertEqual(order.picking_ids.move_ids.mapped("priority"), ["1"])
        self.assertEqual(other.picking_ids.priority, "0")
