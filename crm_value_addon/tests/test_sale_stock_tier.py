from freezegun import freeze_time

from .common import TODAY
from .common_benefits import BenefitCase


@freeze_time(TODAY)
class TestSaleStockTier(BenefitCase):
    """Urgent orders everywhere; their deliveries where sale_stock is installed."""

    def test_priority(self):
        self.benefit("priority")
        customer = self.bought(5000)
        sent = self.order(customer)
        sent.action_quotation_sent()
        self.assertTrue(sent._is_urgent())
        self.lose_tier(customer)
        self.assertFalse(self.order(customer)._is_urgent())
        sent.action_confirm()
        self.assertTrue(sent._is_urgent())

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
        self.assertEqual(order.picking_ids.move_ids.mapped("priority"), ["1"])
        self.assertEqual(other.picking_ids.priority, "0")
