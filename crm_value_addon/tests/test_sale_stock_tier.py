from freezegun import freeze_time

from .common import TODAY
from .common_benefits import BenefitCase


@freeze_time(TODAY)
class TestSaleStockTier(BenefitCase):
    """Urgent deliveries; they run where sale_stock is installed, and the value handed to it everywhere."""

    def test_value_handed_over(self):
        self.benefit("priority")
        customer = self.bought(5000)
        sent = self.order(customer)
        # without stock nobody asks, and the core gives an empty dictionary
        line = sent.order_line
        self.assertEqual(line._prepare_procurement_values().get("priority"), "1")
        self.lose_tier(customer)
        self.assertIsNone(self.order(customer).order_line._prepare_procurement_values().get("priority"))
        self.assertEqual(line._prepare_procurement_values()["priority"], "1")

    def test_delivery(self):
        if "picking_ids" not in self.env["sale.order"]._fields:
            self.skipTest("sale_stock is not installed in this database")
        self.benefit("priority")
        self.product.type = "consu"
        customer = self.bought(5000)
        other = self.order(self.customer("Other"))
        order = self.order(customer)
        (order | other).action_confirm()
        self.assertEqual(order.picking_ids.priority, "1")
        self.assertEqual(other.picking_ids.priority, "0")
