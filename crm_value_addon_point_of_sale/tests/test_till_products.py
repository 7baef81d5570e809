from datetime import date, timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.tests import tagged

from .common import TillCase


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestTillProducts(TillCase):
    """What is bought at the till is in the rows of what customers buy, beside what is invoiced."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_product_level = "product"
        cls.beans = cls.goods("Beans")
        cls.leaves = cls.goods("Leaves")

    def line(self, product, quantity=1, price=100.0, **vals):
        return quantity, price, {"product_id": product.id, **vals}

    def rows(self, customer):
        self.env.flush_all()
        self.env.invalidate_all()
        rows = self.env["crm.value.product"].search([("partner_id", "=", customer.id)])
        return {row.product_tmpl_id.name: row for row in rows}

    def both_ways(self, customer):
        """Return the rows of a customer who is refreshed with all others; expect the same when refreshed alone."""
        names = ["first_date", "last_date", "purchase_count", "quantity_12m", "revenue_12m", "margin_12m", "state"]
        self.refresh(customer)
        alone = {name: row.read(names)[0] for name, row in self.rows(customer).items()}
        self.env["crm.value.product"].search([]).unlink()
        self.refresh()
        rows = self.rows(customer)
        self.assertEqual(
            {name: {**row.read(names)[0], "id": 0} for name, row in rows.items()},
            {name: {**values, "id": 0} for name, values in alone.items()},
        )
        return rows

    def test_sales_at_the_till_and_by_invoice_are_one_history(self):
        customer = self.customer()
        self.sell(customer, [self.line(self.beans, 2), self.line(self.leaves)], "2025-03-01")
        self.invoice(customer, date(2025, 4, 1), 50, product=self.beans)
        rows = self.both_ways(customer)
        beans = rows["Beans"]
        self.assertEqual((beans.revenue_12m, beans.quantity_12m, beans.purchase_count), (250, 3, 2))
        self.assertEqual((beans.first_date, beans.last_date), (date(2025, 3, 1), date(2025, 4, 1)))
        self.assertEqual((rows["Leaves"].revenue_12m, rows["Leaves"].margin_12m), (100, 40))
        self.assertEqual(sum(row.revenue_12m for row in rows.values()), self.value(customer).revenue_12m)
        self.assertEqual(sum(row.margin_12m for row in rows.values()), self.value(customer).margin_12m)

    def test_what_is_given_back_is_taken_from_its_day(self):
        customer = self.customer()
        order = self.sell(customer, [self.line(self.beans)], "2025-03-01")
        self.sell(customer, [self.line(self.beans)], "2025-05-01")
        self.give_back(order, day="2025-06-10")
        beans = self.both_ways(customer)["Beans"]
        self.assertEqual((beans.purchase_count, beans.first_date, beans.revenue_12m), (1, date(2025, 5, 1), 100))

    def test_what_is_bought_in_exchange_is_bought_on_its_day(self):
        customer = self.customer()
        order = self.sell(customer, [self.line(self.beans)], "2025-03-01")
        back = self.line(self.beans, -1, refunded_orderline_id=order.lines.id)
        self.sell(customer, [back, self.line(self.leaves, 1, 120.0)], "2025-06-10")
        rows = self.both_ways(customer)
        self.assertNotIn("Beans", rows)
        self.assertEqual((rows["Leaves"].first_date, rows["Leaves"].revenue_12m), (date(2025, 6, 10), 120))

    def test_tips_gift_cards_and_discounts(self):
        customer = self.customer()
        discount = self.goods("Voucher", 0, 0)
        self.program("gift_card").rule_ids.product_ids = self.leaves
        self.env["loyalty.program"].create(
            {
                "name": "Off",
                "program_type": "promotion",
                "company_id": self.company.id,
                "reward_ids": [Command.create({"reward_type": "discount", "discount_line_product_id": discount.id})],
            }
        )
        tip = self.till.tip_product_id or self.env.ref("point_of_sale.product_product_tip")
        self.sell(
            customer,
            [
                self.line(self.beans),
                self.line(self.leaves, 1, 50.0),
                self.line(tip, 1, 10.0),
                self.line(discount, 1, -10.0),
            ],
        )
        rows = self.both_ways(customer)
        self.assertEqual(set(rows), {"Beans"}, "a card, a tip and a discount are no product that somebody buys")
        self.assertEqual((rows["Beans"].revenue_12m, rows["Beans"].margin_12m), (90, 30))

    def test_an_order_invoiced_later_counts_once(self):
        customer = self.customer()
        order = self.sell(customer, [self.line(self.beans)], TODAY)
        self.assertEqual(self.both_ways(customer)["Beans"].revenue_12m, 100)
        order.action_pos_order_invoice()
        self.assertEqual(self.both_ways(customer)["Beans"].revenue_12m, 100)

    def test_a_suggestion_that_was_bought_at_the_till(self):
        customer = self.customer()
        self.sell(customer, [self.line(self.leaves)], "2025-03-01")
        self.refresh()
        self.company.value_suggestion_since = TODAY - timedelta(days=30)
        suggestions = self.env["crm.value.suggestion"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": self.company.id,
                    "product_tmpl_id": product.product_tmpl_id.id,
                    "date": TODAY - timedelta(days=10),
                    "rank": 1,
                }
                for product in (self.beans, self.leaves)
            ]
        )
        self.sell(customer, [self.line(self.beans)], TODAY - timedelta(days=5))
        self.refresh(customer)
        self.env["crm.value.recommender.fit"]._measure(self.company)
        self.env.invalidate_all()
        self.assertEqual(suggestions.mapped("state"), ["bought", "open"])
