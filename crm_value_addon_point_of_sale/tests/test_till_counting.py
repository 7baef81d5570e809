from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY

from .common import TillCase


@freeze_time(TODAY)
class TestTillCounting(TillCase):
    """What counts, at the till: fees, products without weight for tiers, what is given back."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fee = cls.goods("Bag", 10.0, 0.0, type="service", value_no_purchase=True)
        cls.book = cls.goods("Catalogue", 20.0, 0.0, type="service", value_not_for_tiers=True)

    def basket(self, customer, day="2025-06-01", sign=1, **vals):
        lines = [(sign, 100.0), (sign, 10.0, {"product_id": self.fee.id}), (sign, 20.0, {"product_id": self.book.id})]
        return self.sell(customer, lines, day, **vals)

    def test_fees_and_products_without_weight(self):
        customer = self.customer()
        self.basket(customer)
        figures = {
            "revenue_total": 130,
            "margin_total": 40 + 4 + 8,
            "purchase_count": 1,
            "monetary_value": 120,
            "qualifying_total": 100,
            "qualifying_12m": 100,
            "refund_total": 0,
        }
        self.assert_both_ways(customer, figures)
        parts = [amount for _label, amount in self.env["crm.value.qualifying"]._parts(self.value(customer))]
        self.assertEqual(parts, [10, 20, 0, 0])
        self.assert_books_agree()

    def test_fees_alone_are_no_purchase(self):
        customer = self.customer()
        self.sell(customer, [(1, 10.0, {"product_id": self.fee.id})])
        self.assert_both_ways(customer, {"revenue_total": 10, "purchase_count": 0, "qualifying_total": 0})

    def test_marked_after_the_sale(self):
        self.fee.product_tmpl_id.value_no_purchase = False
        self.book.product_tmpl_id.value_not_for_tiers = False
        customer = self.customer()
        self.basket(customer)
        self.assert_both_ways(customer, {"qualifying_total": 130, "monetary_value": 130, "margin_total": 52})
        self.product.standard_price = 1.0
        self.fee.product_tmpl_id.value_no_purchase = True
        self.book.product_tmpl_id.value_not_for_tiers = True
        run = self.env["crm.value.run"].search([("state", "=", "queued"), ("company_id", "=", self.company.id)])
        self.assertTrue(run.has_new_rules)
        self.refresh()
        self.assert_both_ways(customer, {"qualifying_total": 100, "monetary_value": 120, "margin_total": 52})
        self.fee.product_tmpl_id.value_no_purchase = False
        self.refresh()
        self.assert_both_ways(customer, {"qualifying_total": 110, "monetary_value": 130, "margin_total": 52})

    def test_what_is_given_back_counts_once(self):
        """With the sale named, and without it."""
        for is_named in (True, False):
            with self.subTest(is_named=is_named):
                customer = self.customer()
                order = self.sell(customer, [(3, 100.0)])
                if is_named:
                    self.give_back(order, 1)
                else:
                    self.sell(customer, [(-1, 100.0)], "2025-06-10")
                self.assert_both_ways(
                    customer, {"revenue_total": 200, "refund_total": 100, "qualifying_total": 200, "purchase_count": 1}
                )
        self.assert_books_agree()

    def test_a_tier_counts_what_qualifies(self):
        self.mid.criterion_ids.metric = "qualifying_12m"
        customer = self.customer()
        self.sell(customer, [(9, 100.0), (10, 20.0, {"product_id": self.book.id})])
        self.refresh(customer)
        self.assertNotEqual(self.value(customer).tier_id, self.mid, "1,100 of which 900 qualify")
        self.sell(customer, [(1, 100.0)])
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.mid)
