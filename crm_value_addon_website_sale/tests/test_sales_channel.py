from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY

from .common import ShopCase


@freeze_time(TODAY)
class TestSalesChannel(ShopCase):
    def test_who_orders_in_the_shop(self):
        visitor, caller = self.customer("Visitor"), self.customer("Caller")
        order = self.cart(visitor)
        order.action_confirm()
        order.order_line.qty_delivered = 1
        invoice = order._create_invoices()
        invoice.invoice_date = "2025-06-01"
        invoice.action_post()
        self.assertTrue(invoice.website_id)
        self.invoice(caller, "2025-06-01", 100)
        self.refresh()
        self.assertEqual([self.value(one).sales_channel for one in (visitor, caller)], ["shop", "invoice"])
