from datetime import date

from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestDocumentVariants(SalesCase):
    """Documents as people really make them: in currencies, with taxes included, over several orders."""

    def test_deposit_given_back(self):
        customer = self.customer()
        order = self.sell(customer, delivered=0)
        deposit = self.bill(order, "2025-05-01", "percentage", amount=50)
        self.credit_note(deposit, "2025-06-01")
        self.assertFigures(customer, revenue_total=0, margin_total=0, purchase_count=0, refund_total=0)

    def test_part_comes_back_after_a_deposit(self):
        customer = self.customer()
        order = self.sell(customer, delivered=10)
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.bill(order, "2025-06-01")
        self.deliver(order, 6)
        self.bill(order, "2025-06-10")
        self.assertFigures(
            customer, revenue_total=600, margin_total=240, purchase_count=1, monetary_value=600, refund_total=400
        )

    def test_invoice_over_two_orders_of_which_one_comes_back(self):
        customer = self.customer()
        first = self.sell(customer, quantity=4, delivered=4)
        second = self.sell(customer, quantity=6, delivered=6)
        invoice = self.bill(first + second, "2025-05-01")
        self.assertEqual(len(invoice), 1)
        self.deliver(second, 0)
        self.bill(second, "2025-06-01")
        self.assertFigures(
            customer,
            revenue_total=400,
            margin_total=160,
            purchase_count=1,
            monetary_value=400,
            refund_total=600,
            first_purchase_date=date(2025, 5, 1),
        )

    def test_credited_and_invoiced_anew_in_a_moving_currency(self):
        """The rate of the credit note is another one than that of the invoice: in its own currency, all is credited."""
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 1.0), ("2025-06-01", 0.8)])
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(10), currency_id=currency.id)
        new = self.replace(invoice, "2025-06-10")
        new.action_post()
        self.assertEqual(new.amount_untaxed_signed, 1250)
        self.assertFigures(
            customer,
            revenue_total=1000,
            purchase_count=1,
            refund_total=0,
            monetary_value=1000,
            first_purchase_date=date(2025, 5, 1),
            last_purchase_date=date(2025, 5, 1),
        )

    def test_credit_note_reversed_in_a_moving_currency(self):
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 1.0), ("2025-06-15", 0.8)])
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(10), currency_id=currency.id)
        note = self.credit_note(invoice, "2025-06-01")
        self.credit_note(note, "2025-06-20")
        self.assertFigures(customer, revenue_total=1250, purchase_count=1, monetary_value=1000, refund_total=0)

    def test_given_back_in_a_moving_currency(self):
        """What comes back is worth more or less by now; of the day on which it was bought, the same share is left."""
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 0.8), ("2025-06-01", 1.0)])
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(10), currency_id=currency.id)
        self.credit_note(invoice, "2025-06-10")
        self.assertFigures(customer, revenue_total=250, purchase_count=0, monetary_value=0, refund_total=1000)
        other = self.customer("Half of it, at another price of the money")
        invoice = self.document_of(other, "2025-05-01", self.goods(10), currency_id=currency.id)
        self.credit_note(invoice, "2025-06-10", amount=50)
        self.assertFigures(other, revenue_total=750, purchase_count=1, monetary_value=625)

    def test_returned_through_the_delivery_in_a_moving_currency(self):
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 0.8), ("2025-06-01", 1.0)])
        pricelist = self.env["product.pricelist"].create({"name": "EUR", "currency_id": currency.id})
        customer = self.customer()
        order = self.sell(customer, delivered=6, order_vals={"pricelist_id": pricelist.id})
        self.bill(order, "2025-05-01")
        self.deliver(order, 10)
        self.bill(order, "2025-06-05")
        self.assertFigures(customer, revenue_total=1150, purchase_count=2)
        self.deliver(order, 3)
        self.bill(order, "2025-06-10")
        self.assertFigures(
            customer, revenue_total=450, purchase_count=1, monetary_value=375, last_purchase_date=date(2025, 5, 1)
        )
        self.deliver(order, 0)
        self.bill(order, "2025-06-20")
        self.assertFigures(customer, revenue_total=150, purchase_count=0, monetary_value=0, refund_total=1000)

    def test_price_corrected_by_a_new_invoice(self):
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        new = self.replace(invoice, "2025-06-10")
        new.invoice_line_ids.price_unit = 90
        new.action_post()
        self.assertFigures(
            customer,
            revenue_total=900,
            margin_total=300,
            purchase_count=1,
            monetary_value=900,
            refund_total=0,
            last_purchase_date=date(2025, 5, 1),
        )

    def test_exchange_for_something_dearer(self):
        customer = self.customer()
        self.document_of(customer, "2025-05-01", self.goods())
        dearer = self.env["product.product"].create({"name": "Gadget", "list_price": 150, "standard_price": 90})
        self.document_of(
            customer, "2025-06-01", self.goods(-1), {"product_id": dearer.id, "quantity": 1, "price_unit": 150}
        )
        self.assertFigures(customer, revenue_total=150, margin_total=60, purchase_count=2, refund_total=0)

    def test_returned_less_a_fee(self):
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.document_of(
            customer,
            "2025-06-01",
            self.goods(10),
            {"quantity": 1, "price_unit": -50},
            move_type="out_refund",
            reversed_entry_id=invoice.id,
        )
        self.assertFigures(customer, revenue_total=50, margin_total=50, refund_total=950)

    def test_prices_with_taxes_included(self):
        tax = self.env["account.tax"].create(
            {"name": "21 % incl.", "amount": 21, "price_include_override": "tax_included"}
        )
        other = self.env["account.tax"].create({"name": "0 %", "amount": 0})
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(10, 121, tax_ids=[Command.set(tax.ids)]))
        self.assertEqual(invoice.amount_untaxed, 1000)
        # a fiscal position took the tax out: 45 of 100 are a correction, though 45 of 121 are not half either way
        self.document_of(
            customer,
            "2025-06-01",
            self.goods(10, 55, tax_ids=[Command.set(other.ids)]),
            move_type="out_refund",
            reversed_entry_id=invoice.id,
        )
        self.assertFigures(customer, revenue_total=450, margin_total=450 + 0 - 0, refund_total=550)

    def test_sections_notes_and_nothing(self):
        customer = self.customer()
        self.document_of(
            customer,
            "2025-05-01",
            {"display_type": "line_section", "name": "Part"},
            self.goods(),
            {"display_type": "line_note", "name": "Thanks"},
            self.goods(1, 0),
        )
        self.assertFigures(customer, revenue_total=100, margin_total=-20, purchase_count=1)

    def test_free_goods_that_come_back(self):
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(2), self.goods(1, 100, discount=100))
        self.credit_note(invoice, "2025-06-01")
        self.assertFigures(customer, revenue_total=0, margin_total=0, purchase_count=0, refund_total=200)

    def test_cancelled_invoice(self):
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(2))
        note = self.credit_note(invoice, "2025-06-01")
        self.assertFigures(customer, revenue_total=0, purchase_count=0, refund_total=200)
        note.button_draft()
        note.button_cancel()
        self.assertFigures(customer, revenue_total=200, margin_total=80, purchase_count=1, refund_total=0)

    def test_ewallet_topped_up_and_paid_out(self):
        top_up, _redeemed = self.payment_program("ewallet")
        customer = self.customer()
        paid = self.document_of(customer, "2025-05-01", {"product_id": top_up.id, "price_unit": 50}, self.goods())
        self.assertFigures(customer, revenue_total=150, margin_total=40, purchase_count=1, monetary_value=100)
        self.credit_note(paid, "2025-06-01")
        self.assertFigures(customer, revenue_total=0, margin_total=0, purchase_count=0, refund_total=100)
