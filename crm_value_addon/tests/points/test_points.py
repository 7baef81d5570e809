from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo import Command

from ..common import TODAY
from .common_points import PointsCase

_STEP = st.one_of(
    st.tuples(st.just("invoice"), st.integers(1, 10)),
    st.tuples(st.just("pay"), st.integers(1, 100)),
    st.tuples(st.just("credit"), st.integers(1, 100)),
    st.tuples(st.just("reset"), st.integers(0, 3)),
    st.tuples(st.just("cancel"), st.just(0)),
)


@freeze_time(TODAY)
class TestPoints(PointsCase):
    """What a customer has of its points after invoices, payments and credit notes."""

    def test_a_credit_note_takes_back_part_for_part(self):
        customer = self.customer()
        order = self.buy(customer)
        self.assertEqual(self.points(customer), 100.0)
        invoice = self.bill_part(order, 10)
        self.assertEqual(self.points(customer), 100.0)
        note = self.credit_note(invoice, "2025-06-10", 25.0)
        self.assertEqual(self.points(customer), 75.0)
        self.assertEqual(self.points(customer), 75.0, "never twice")
        note.button_draft()
        self.assertEqual(self.points(customer), 100.0)
        note.action_post()
        self.credit_note(invoice, "2025-06-11", 75.0)
        self.assertEqual(self.points(customer), 0.0)
        lines = self.card(customer).history_ids.filtered("value_order_id").sorted("id")
        self.assertIn("points of what was credited", lines[0].description)
        self.assertIn("points given", lines[1].description)

    def test_contacts_that_are_merged(self):
        first, second = self.customer("First"), self.customer("Second")
        invoice = self.bill_part(self.buy(first), 10)
        other = self.bill_part(self.buy(second, 5), 5)
        self.assertEqual((self.points(first), self.points(second)), (100.0, 50.0))
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((first | second).ids, second)
        self.assertEqual(self.points(second), 150.0)
        self.credit_note(invoice, "2025-06-10")
        self.assertEqual(self.points(second), 50.0, "taken from where the points went")
        self.credit_note(other, "2025-06-10")
        self.assertEqual(self.points(second), 0.0)

    def test_part_of_an_order_is_invoiced_and_credited(self):
        customer = self.customer()
        order = self.buy(customer)
        invoice = self.bill_part(order, 4)
        self.credit_note(invoice, "2025-06-10")
        self.assertEqual(self.points(customer), 60.0, "what is not invoiced yet is kept")

    def test_what_was_spent_is_told_and_taken_later(self):
        customer = self.customer()
        order = self.buy(customer)
        invoice = self.bill_part(order, 10)
        card = self.card(customer)
        card.points -= 90
        self.env["loyalty.history"].create({"card_id": card.id, "used": 90, "description": "Spent"})
        self.credit_note(invoice, "2025-06-10")
        self.assertEqual(self.points(customer), 0.0)
        line = card.history_ids.filtered("value_order_id")
        self.assertEqual((line.used, line.value_missing_points), (10.0, 90.0))
        self.assertIn("90.0 were spent already", line.description)
        self.points(customer)
        self.assertEqual(len(card.history_ids.filtered("value_order_id")), 1, "said once")
        self.buy(customer)
        self.env["crm.value.queue"]._push_partners(customer, self.company)
        self.assertEqual(self.points(customer), 10.0, "90 of the next 100")

    def test_goods_that_earn_nothing(self):
        customer = self.customer()
        other = self.env["product.product"].create(
            {"name": "Book", "list_price": 50.0, "invoice_policy": "order", "taxes_id": [Command.clear()]}
        )
        self.loyalty.rule_ids.product_ids = self.product
        order = self.order(customer, 10)
        order.order_line = [Command.create({"product_id": other.id, "product_uom_qty": 2})]
        order._update_programs_and_rewards()
        order.action_confirm()
        invoice = order._create_invoices()
        invoice.invoice_date = "2025-06-01"
        invoice.action_post()
        earned = self.points(customer)
        note = self.credit_note(invoice, "2025-06-10")
        note.button_draft()
        note.invoice_line_ids.filtered(lambda line: line.product_id == self.product).unlink()
        note.action_post()
        self.assertEqual(self.points(customer), earned, "a book earned nothing")

    def test_points_once_paid(self):
        self.loyalty.value_points_follow = "paid"
        customer = self.customer()
        order = self.buy(customer)
        self.assertEqual(self.card(customer).points, 0.0, "held from the first moment")
        invoice = self.bill_part(order, 10)
        self.assertEqual(self.points(customer), 0.0)
        payment = self.pay(invoice, 400.0)
        self.assertEqual(self.points(customer), 40.0)
        self.pay(invoice, 600.0)
        self.assertEqual(self.points(customer), 100.0)
        (payment.move_id.line_ids | invoice.line_ids).remove_move_reconcile()
        self.assertEqual(self.points(customer), 0.0)

    def test_a_credit_note_of_what_is_not_paid(self):
        self.loyalty.value_points_follow = "paid"
        customer = self.customer()
        invoice = self.bill_part(self.buy(customer), 10)
        self.credit_note(invoice, "2025-06-10", 40.0)
        self.assertEqual(self.points(customer), 0.0)
        self.pay(invoice, 600.0)
        self.assertEqual(self.points(customer), 60.0)

    def test_a_cancelled_order(self):
        customer = self.customer()
        order = self.buy(customer)
        invoice = self.bill_part(order, 10)
        self.credit_note(invoice, "2025-06-10", 40.0)
        self.assertEqual(self.points(customer), 60.0)
        order._action_cancel()
        self.assertEqual(self.points(customer), 0.0)
        self.assertFalse(self.card(customer).history_ids)

    def test_switched_off(self):
        self.loyalty.value_points_follow = "order"
        customer = self.customer()
        invoice = self.bill_part(self.buy(customer), 10)
        self.credit_note(invoice, "2025-06-10")
        self.assertEqual(self.points(customer), 100.0)
        self.assertFalse(self.env["crm.value.points.due"].search([]))
        self.loyalty.value_points_follow = "returned"
        self.env["crm.value.queue"]._push_partners(customer, self.company)
        self.assertEqual(self.points(customer), 100.0, "what was given before stays")

    def test_the_refresh_of_all_wakes_it_too(self):
        customer = self.customer()
        invoice = self.bill_part(self.buy(customer), 10)
        self.refresh()
        self.credit_note(invoice, "2025-06-10")
        self.refresh()
        self.assertIn(customer.id, self.env["crm.value.points.due"].search([]).mapped("partner_key"))

    def test_a_second_currency(self):
        customer = self.customer()
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 2.0)])
        pricelist = self.env["product.pricelist"].create({"name": "Abroad", "currency_id": currency.id})
        order = self.buy(customer, pricelist_id=pricelist.id)
        before = self.points(customer)
        invoice = self.bill_part(order, 10)
        self.assertEqual(self.points(customer), before)
        self.credit_note(invoice, "2025-06-10")
        self.assertEqual(self.points(customer), 0.0)

    # every path nets to zero

    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(_STEP, min_size=1, max_size=6), st.sampled_from(["returned", "paid"]))
    def test_every_path_nets_to_zero(self, steps, follow):
        savepoint = self.env.cr.savepoint()
        try:
            self.walk(steps, follow)
        finally:
            savepoint.rollback()
            savepoint.close(rollback=False)
            self.env.invalidate_all()
            self.env.registry.clear_cache()

    def walk(self, steps, follow):
        """Take random steps with the documents of an order, then undo whatever stands, and give everything back."""
        self.loyalty.value_points_follow = follow
        customer = self.customer()
        order = self.buy(customer)
        for step, number in steps:
            getattr(self, f"do_{step}")(order, number)
            self.assertTrue(-0.005 <= self.points(customer) <= 100.005, (step, number))
        self.undo(order)
        self.assertEqual(self.points(customer), 0.0 if follow == "paid" else 100.0, "no document, as in the beginning")
        invoice = self.bill_part(order, 10)
        self.pay(invoice, invoice.amount_residual)
        self.assertEqual(self.points(customer), 100.0, "all is invoiced and paid")
        self.credit_note(invoice, "2025-06-25")
        self.assertEqual(self.points(customer), 0.0, "all is given back")
        self.undo(order)
        order._action_cancel()
        self.assertEqual(self.points(customer), 0.0, "cancelled")
        self.assertFalse(self.card(customer).history_ids)

    def posted(self, order, move_type):
        return order.invoice_ids.filtered(lambda move: move.state == "posted" and move.move_type == move_type)

    def do_invoice(self, order, quantity):
        self.bill_part(order, quantity)

    def do_pay(self, order, share):
        for invoice in self.posted(order, "out_invoice").filtered("amount_residual")[:1]:
            self.pay(invoice, round(invoice.amount_residual * share / 100, 2))

    def do_credit(self, order, share):
        for invoice in self.posted(order, "out_invoice")[:1]:
            credited = sum(invoice.reversal_move_ids.filtered(lambda m: m.state == "posted").mapped("amount_untaxed"))
            if invoice.amount_untaxed > credited:
                line = invoice.invoice_line_ids.filtered("product_id")[:1]
                amount = (invoice.amount_untaxed - credited) * share / 100
                self.credit_note(invoice, "2025-06-15", round(amount / line.quantity, 2) or 0.01)

    def do_reset(self, order, number):
        moves = self.posted(order, "out_refund") or self.posted(order, "out_invoice")
        for move in moves[number : number + 1]:
            move.button_draft()
            move.action_post()

    def do_cancel(self, order, _number):
        for note in self.posted(order, "out_refund")[:1]:
            note.button_draft()
            note.button_cancel()

    def undo(self, order):
        moves = order.invoice_ids.filtered(lambda move: move.state == "posted")
        moves.button_draft()
        moves.button_cancel()
