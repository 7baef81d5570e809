from datetime import date

from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestDocumentAgain(SalesCase):
    """Orders that are invoiced again after a plain reversal, and credit notes that are undone in part."""

    def reversed_order(self, day="2025-06-10", **line):
        """Return a customer, its order of 10 widgets billed on 2025-05-01 and reversed, the invoice, the note."""
        customer = self.customer()
        order = self.sell(customer, **line)
        invoice = self.bill(order, "2025-05-01")
        note = self.credit_note(invoice, day)
        return customer, order, invoice, note

    def role(self, *moves):
        return [self.document(move).role for move in moves]

    def assert_same_from_nothing(self, customer):
        """What was frozen bit by bit is what a refresh of all freezes at once."""
        names = ["role", "purchase_revenue", "reversed_move_id"]
        links = ["move_id", "counted_id", "origin_id", "replaced_id", "amount", "refund"]

        def frozen():
            Origin = self.env["crm.value.document.origin"]
            return (
                [[row[name] for name in names] for row in self.env["crm.value.document"].search([], order="move_id")],
                sorted([str(row[name]) for name in links] for row in Origin.search([("amount", "!=", 0)])),
            )

        before, figures = frozen(), self.stored()
        self.env.cr.execute("DELETE FROM crm_value_document_origin WHERE note_id IS NOT NULL OR replaced_id IS NULL")
        self.env.cr.execute("DELETE FROM crm_value_document")
        self.env.invalidate_all()
        self.refresh()
        self.assertEqual(frozen(), before)
        self.assertEqual(self.stored(), figures)

    # an order that is invoiced again

    def test_reversed_and_billed_again(self):
        customer, order, invoice, note = self.reversed_order()
        self.assertFigures(customer, purchase_count=0, refund_total=1000, revenue_total=0)
        new = self.bill(order, "2025-06-12")
        figures = {
            "purchase_count": 1,
            "monetary_value": 1000,
            "first_purchase_date": date(2025, 5, 1),
            "last_purchase_date": date(2025, 5, 1),
            "refund_total": 0,
            "revenue_total": 1000,
            "margin_total": 400,
        }
        self.assertFigures(customer, **figures)
        self.assertEqual(self.role(invoice, note, new), ["purchase", "correction", "correction"])
        self.assertIn(invoice.name, self.document(new).role_reason)
        self.assertIn("credited and invoiced anew", self.document(note).role_reason)
        self.assert_same_from_nothing(customer)
        new.button_draft()
        self.assertFigures(customer, purchase_count=0, refund_total=1000)
        self.assertEqual(self.role(note), ["return"])
        new.action_post()
        self.assertFigures(customer, **figures)
        note.button_draft()
        self.assertFigures(customer, purchase_count=2, refund_total=0, revenue_total=2000)
        self.assertEqual(self.role(invoice, new), ["purchase", "purchase"])
        note.action_post()
        self.assertFigures(customer, **figures)

    def test_billed_again_at_another_price(self):
        customer, order, _invoice, _note = self.reversed_order()
        order.order_line.price_unit = 90
        self.bill(order, "2025-06-12")
        self.assertFigures(
            customer, purchase_count=1, monetary_value=900, refund_total=0, margin_total=300, revenue_total=900
        )

    def test_billed_again_with_the_day_of_then(self):
        customer, order, _invoice, _note = self.reversed_order()
        self.bill(order, "2025-05-01")
        self.assertFigures(customer, purchase_count=1, monetary_value=1000, refund_total=0)

    def test_a_part_is_credited_and_billed_again(self):
        customer = self.customer()
        order = self.sell(customer)
        self.bill(order, "2025-05-01")
        note = self.credit_of(order.invoice_ids, "2025-06-10", 4)
        self.assertFigures(customer, purchase_count=1, monetary_value=600, refund_total=400)
        new = self.bill(order, "2025-06-12")
        self.assertEqual(new.amount_untaxed, 400)
        self.assertFigures(
            customer,
            purchase_count=1,
            monetary_value=1000,
            refund_total=0,
            margin_total=400,
            last_purchase_date=date(2025, 5, 1),
        )
        self.assertEqual(self.role(note, new), ["correction", "correction"])
        self.assert_same_from_nothing(customer)

    def credit_of(self, invoice, day, quantity):
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"date": day, "journal_id": invoice.journal_id.id})
        )
        note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        note.invoice_line_ids.quantity = quantity
        note.action_post()
        return note

    def test_two_invoices_in_place_of_one(self):
        customer, order, _invoice, _note = self.reversed_order()
        first = self.bill(order, "2025-06-12", post=False)
        first.invoice_line_ids.quantity = 6
        first.action_post()
        second = self.bill(order, "2025-06-20")
        self.assertEqual(second.amount_untaxed, 400)
        self.assertFigures(customer, purchase_count=1, monetary_value=1000, refund_total=0)
        self.assert_same_from_nothing(customer)

    def test_more_than_was_credited_is_a_purchase(self):
        """Nobody can tell then which pieces are new."""
        customer, order, _invoice, note = self.reversed_order()
        order.order_line.product_uom_qty = 20
        new = self.bill(order, "2025-06-12")
        self.assertFigures(
            customer,
            purchase_count=1,
            monetary_value=2000,
            first_purchase_date=date(2025, 6, 12),
            refund_total=1000,
            revenue_total=2000,
        )
        self.assertEqual(self.role(note, new), ["return", "purchase"])

    def test_the_rest_of_an_order_is_a_purchase(self):
        """Six of ten are billed, reversed and billed again; the other four are bought later."""
        customer = self.customer()
        order = self.sell(customer, delivered=6)
        invoice = self.bill(order, "2025-04-01")
        self.credit_note(invoice, "2025-04-10")
        again = self.bill(order, "2025-04-12")
        self.deliver(order, 10)
        rest = self.bill(order, "2025-06-01")
        self.assertEqual([again.amount_untaxed, rest.amount_untaxed], [600, 400])
        self.assertFigures(
            customer,
            purchase_count=2,
            first_purchase_date=date(2025, 4, 1),
            last_purchase_date=date(2025, 6, 1),
            refund_total=0,
        )
        self.assert_same_from_nothing(customer)

    def test_reversed_twice(self):
        customer, order, invoice, _note = self.reversed_order("2025-05-10")
        second = self.bill(order, "2025-05-12")
        self.credit_note(second, "2025-06-10")
        self.assertFigures(customer, purchase_count=0, refund_total=1000)
        third = self.bill(order, "2025-06-12")
        self.assertFigures(
            customer, purchase_count=1, monetary_value=1000, first_purchase_date=date(2025, 5, 1), refund_total=0
        )
        link = self.env["crm.value.document.origin"].search([("move_id", "=", third.id)])
        self.assertRecordValues(link, [{"replaced_id": second.id, "origin_id": invoice.id, "amount": 1000}])
        self.assert_same_from_nothing(customer)

    def test_for_another_customer(self):
        customer, order, _invoice, note = self.reversed_order()
        other = self.customer("Right")
        order.partner_invoice_id = other
        new = self.bill(order, "2025-06-12")
        self.assertEqual(new.partner_id, other)
        self.refresh(other)
        self.assertIn(customer.id, self.env["crm.value.queue"].search([]).mapped("partner_key"))
        self.assertFigures(customer, purchase_count=0, refund_total=0, revenue_total=0)
        self.assertFigures(other, purchase_count=1, monetary_value=1000, first_purchase_date=date(2025, 6, 12))
        self.assertEqual(self.role(note, new), ["correction", "purchase"])

    def test_with_a_deposit(self):
        customer = self.customer()
        order = self.sell(customer)
        self.bill(order, "2025-04-01", "percentage", amount=50)
        final = self.bill(order, "2025-05-01")
        self.assertEqual(final.amount_untaxed, 500)
        self.credit_note(final, "2025-06-10")
        self.bill(order, "2025-06-12")
        self.assertFigures(
            customer,
            purchase_count=1,
            monetary_value=1000,
            first_purchase_date=date(2025, 5, 1),
            refund_total=0,
            revenue_total=1000,
            margin_total=400,
        )
        self.assert_same_from_nothing(customer)

    def test_goods_that_came_back_are_bought_again(self):
        customer = self.customer()
        order = self.sell(customer, delivered=10)
        for day, delivered in (("2025-05-01", 10), ("2025-06-10", 0), ("2025-06-12", 10)):
            self.deliver(order, delivered)
            self.bill(order, day)
        self.assertFigures(
            customer, purchase_count=1, first_purchase_date=date(2025, 6, 12), refund_total=1000, revenue_total=1000
        )

    def test_returned_after_it_was_billed_again(self):
        customer = self.customer()
        order = self.sell(customer, delivered=10)
        self.credit_note(self.bill(order, "2025-05-01"), "2025-05-10")
        new = self.bill(order, "2025-05-12")
        self.deliver(order, 7)
        back = self.bill(order, "2025-06-10")
        self.assertFigures(
            customer, purchase_count=1, monetary_value=700, first_purchase_date=date(2025, 5, 1), refund_total=300
        )
        self.assertEqual(self.document(back).reversed_move_id, new)

    def test_a_line_of_no_order_is_bought_on_its_day(self):
        customer, order, _invoice, note = self.reversed_order()
        new = self.bill(order, "2025-06-12", post=False)
        new.invoice_line_ids = [Command.create({"name": "More", "price_unit": 50, "tax_ids": [Command.clear()]})]
        new.action_post()
        self.assertFigures(customer, purchase_count=1, first_purchase_date=date(2025, 6, 12), refund_total=1000)
        self.assertEqual(self.role(note, new), ["return", "purchase"])

    # a credit note that is undone in part

    def test_undone_in_part(self):
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01", 1000)
        note = self.credit_note(invoice, "2025-06-10", amount=300)
        undoing = self.credit_note(note, "2025-06-12", amount=100)
        self.assertEqual((undoing.move_type, undoing.amount_untaxed), ("out_invoice", 100))
        figures = {
            "purchase_count": 1,
            "monetary_value": 800,
            "refund_total": 200,
            "revenue_total": 800,
            "margin_total": 400 - 300 + 100,
            "last_purchase_date": date(2025, 5, 1),
            "qualifying_total": 800,
        }
        self.assertFigures(customer, **figures)
        self.assertEqual(self.role(note, undoing), ["return", "correction"])
        self.assertIn(note.name, self.document(undoing).role_reason)
        self.assert_same_from_nothing(customer)
        rest = self.credit_note(note, "2025-06-14", amount=200)
        self.assertFigures(customer, purchase_count=1, monetary_value=1000, refund_total=0, revenue_total=1000)
        rest.button_draft()
        self.assertFigures(customer, **figures)
        undoing.button_draft()
        self.assertFigures(customer, purchase_count=1, monetary_value=700, refund_total=300)

    def test_to_and_fro(self):
        """A reversal of a reversal of a reversal takes back what was sold at first."""
        customer = self.customer()
        last = invoice = self.invoice(customer, "2025-05-01", 1000)
        for number, expected in enumerate((0, 1, 0, 1, 0)):
            last = self.credit_note(last, f"2025-06-{10 + number}")
            self.assertFigures(
                customer,
                purchase_count=expected,
                monetary_value=1000 * expected,
                refund_total=1000 * (1 - expected),
                revenue_total=1000 * expected,
                first_purchase_date=expected and date(2025, 5, 1),
            )
        self.assertEqual(self.document(last).reversed_move_id, invoice)
        self.assert_same_from_nothing(customer)

    def test_more_than_was_given_back_is_a_purchase(self):
        customer = self.customer()
        note = self.credit_note(self.invoice(customer, "2025-05-01", 1000), "2025-06-10", amount=300)
        undoing = self.credit_note(note, "2025-06-12", amount=500)
        self.assertFigures(customer, purchase_count=2, refund_total=300, revenue_total=1200)
        self.assertEqual(self.role(note, undoing), ["return", "purchase"])

    def test_a_return_over_two_invoices_is_undone_in_part(self):
        customer = self.customer()
        order = self.sell(customer, delivered=6)
        self.bill(order, "2025-05-01")
        self.deliver(order, 10)
        self.bill(order, "2025-05-20")
        self.deliver(order, 4)
        note = self.bill(order, "2025-06-10")
        self.assertFigures(customer, purchase_count=1, monetary_value=400, refund_total=600)
        undoing = self.credit_note(note, "2025-06-12", amount=50)
        self.assertEqual(undoing.amount_untaxed, 300)
        self.assertFigures(customer, purchase_count=2, monetary_value=350, refund_total=300, revenue_total=700)
        self.assert_same_from_nothing(customer)

    def test_undone_in_part_in_a_moving_currency(self):
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 1.0), ("2025-06-11", 0.5)])
        customer = self.customer()
        invoice = self.document_of(
            customer, "2025-05-01", {"product_id": self.product.id, "quantity": 10}, currency_id=currency.id
        )
        note = self.credit_note(invoice, "2025-06-10", amount=30)
        self.refresh()
        self.assertEqual(self.value(customer).refund_total, 300)
        self.credit_note(note, "2025-06-12", amount=10)
        self.assertFigures(
            customer, purchase_count=1, monetary_value=800, revenue_total=1000 - 300 + 200, refund_total=200
        )
