from datetime import date

from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestCrmValueDocument(SalesCase):
    def test_sources_of_the_cost(self):
        customer = self.customer()
        order = self.sell(customer, quantity=2)
        order.order_line.purchase_price = 70
        sold = self.bill(order, "2025-06-01")
        billed = self.invoice(customer, "2025-06-02", product=self.product, quantity=3)
        free = self.invoice(customer, "2025-06-03")
        self.refresh()
        self.assertRecordValues(
            self.document(sold) + self.document(billed) + self.document(free),
            [
                {"margin": 2 * (100 - 70), "margin_source": "sale_margin"},
                {"margin": 3 * (100 - 60), "margin_source": "product_cost"},
                {"margin": 100 * 0.4, "margin_source": "margin_rate"},
            ],
        )

    def test_units_of_measure_and_discount_line(self):
        dozen = self.env.ref("uom.product_uom_dozen")
        customer = self.customer()
        move = self.invoice(customer, "2025-06-01", post=False)
        move.invoice_line_ids = [
            Command.clear(),
            Command.create(
                {
                    "product_id": self.product.id,
                    "product_uom_id": dozen.id,
                    "quantity": 1,
                    "price_unit": 1200,
                    "tax_ids": [Command.clear()],
                }
            ),
            Command.create({"name": "Discount", "quantity": 1, "price_unit": -100, "tax_ids": [Command.clear()]}),
        ]
        move.action_post()
        order = self.sell(customer, quantity=1, price=1200, product_uom_id=dozen.id)
        sold = self.bill(order, "2025-06-02")
        self.refresh()
        self.assertAlmostEqual(self.document(move).margin, 1200 - 12 * 60 - 100, msg="a discount is all margin")
        self.assertAlmostEqual(self.document(sold).margin, 1200 - 12 * 60)

    def test_a_later_cost_rewrites_no_history(self):
        customer = self.customer()
        move = self.invoice(customer, "2025-06-01", product=self.product)
        self.refresh(customer)
        self.product.standard_price = 90
        self.company.value_margin_rate = 0.1
        self.refresh()
        self.assertEqual(self.document(move).margin, 40)
        move.button_draft()
        self.refresh(customer)
        self.assertFalse(self.document(move), "a draft has no frozen margin")
        self.assertEqual(self.value(customer).revenue_total, 0)
        move.action_post()
        self.refresh(customer)
        self.assertEqual(self.document(move).margin, 10, "posting freezes anew")

    def test_reset_and_posted_again_between_two_refreshes(self):
        customer = self.customer()
        move = self.invoice(customer, "2025-06-01", product=self.product)
        self.refresh(customer)
        move.button_draft()
        move.invoice_line_ids.quantity = 2
        move.action_post()
        self.refresh(customer)
        self.assertEqual(self.document(move).margin, 80)
        self.assertEqual(self.value(customer).margin_total, 80)

    def test_documents_from_before_the_installation(self):
        customer = self.customer()
        move = self.invoice(customer, "2025-06-01", product=self.product)
        self.env["crm.value.queue"].search([]).unlink()  # as if there had been no queue then
        self.refresh()
        self.assertRecordValues(self.document(move), [{"margin": 40, "margin_source": "cost_now"}])
        self.assertEqual(self.value(customer).margin_total, 40)

    def test_foreign_currency(self):
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 0.5)])
        move = self.invoice(self.customer(), "2025-06-01", product=self.product, currency_id=currency.id)
        self.refresh()
        self.assertEqual(self.document(move).margin, 200 - 60, "100 EUR are 200 of the company's")

    def test_order_in_foreign_currency(self):
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 0.5)])
        pricelist = self.env["product.pricelist"].create({"name": "EUR", "currency_id": currency.id})
        customer = self.customer()
        order = self.sell(customer, quantity=1)
        order = self.env["sale.order"].create(
            {
                "partner_id": customer.id,
                "pricelist_id": pricelist.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.product.id,
                            "product_uom_qty": 1,
                            "price_unit": 100,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
            }
        )
        self.assertEqual(order.order_line.purchase_price, 30)
        order.action_confirm()
        move = self.bill(order, "2025-06-01")
        self.refresh()
        self.assertRecordValues(self.document(move), [{"margin": 200 - 60, "margin_source": "sale_margin"}])

    def test_down_payments(self):
        for share, on_final in ((30, 700), (100, 0)):
            with self.subTest(share=share):
                customer = self.customer(f"Down payment {share}")
                order = self.sell(customer, quantity=10)
                advance = self.bill(order, "2025-05-01", "percentage", amount=share)
                final = self.bill(order, "2025-06-01")
                self.assertEqual(final.amount_untaxed_signed, on_final)
                self.refresh(customer)
                value = self.value(customer)
                self.assertTrue(self.document(advance).is_down_payment)
                self.assertFalse(self.document(final).is_down_payment)
                self.assertEqual(self.document(advance).margin, 0, "the margin comes with the goods")
                self.assertEqual(value.revenue_total, 1000)
                self.assertEqual(value.margin_total, 400)
                self.assertEqual(value.purchase_count, 1)
                self.assertEqual(value.monetary_value, 1000)
                self.assertEqual(value.first_purchase_date, date(2025, 6, 1))

    def test_full_reversal_of_a_down_payment(self):
        customer = self.customer()
        order = self.sell(customer)
        advance = self.bill(order, "2025-05-01", "percentage", amount=30)
        self.credit_note(advance, "2025-05-05")
        self.refresh(customer)
        self.assertRecordValues(self.value(customer), [{"revenue_total": 0, "margin_total": 0, "purchase_count": 0}])
