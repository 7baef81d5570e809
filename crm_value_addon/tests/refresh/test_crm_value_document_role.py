from datetime import date

from freezegun import freeze_time

from odoo import Command

from ...models.refresh.basis import Basis
from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestCrmValueDocumentRole(SalesCase):
    """What a document is for its customer follows from its lines, not from its type or link."""

    # deposits

    def test_deposit_larger_than_the_first_delivery(self):
        self.company.value_caution_return_rate = 0.3
        customer = self.customer()
        order = self.sell(customer, delivered=0)
        deposit = self.bill(order, "2025-05-01", "percentage", amount=50)
        self.deliver(order, 3)
        first = self.bill(order, "2025-06-01")
        self.assertRecordValues(first, [{"move_type": "out_refund", "amount_untaxed": 200}])
        self.assertFigures(
            customer,
            revenue_total=300,
            margin_total=120,
            purchase_count=1,
            monetary_value=300,
            first_purchase_date=date(2025, 6, 1),
            refund_total=0,
            caution=False,
            lifecycle_stage="new",
        )
        self.assertEqual((self.document(deposit).role, self.document(first).role), ("advance", "purchase"))
        self.deliver(order, 10)
        rest = self.bill(order, "2025-06-20")
        self.assertEqual(rest.amount_untaxed_signed, 700)
        self.assertFigures(
            customer, revenue_total=1000, margin_total=400, purchase_count=2, monetary_value=500, refund_total=0
        )

    def test_goods_given_back_while_a_deposit_is_deducted(self):
        """The document comes to nothing but gives goods back; another one deducts more than it delivers, reversed."""
        customer = self.customer()
        order = self.sell(customer, delivered=0)
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.deliver(order, 3)
        first = self.bill(order, "2025-06-01")
        self.credit_note(first, "2025-06-10")
        self.assertFigures(
            customer, revenue_total=500, margin_total=0, purchase_count=0, refund_total=300, monetary_value=0
        )

    # given back without a link

    def test_returned_through_the_delivery(self):
        customer = self.customer()
        order = self.sell(customer, delivered=10)
        invoice = self.bill(order, "2025-05-01")
        self.deliver(order, 0)
        note = self.bill(order, "2025-06-10")
        self.assertRecordValues(note, [{"move_type": "out_refund", "reversed_entry_id": False, "amount_untaxed": 1000}])
        self.assertFigures(
            customer, revenue_total=0, margin_total=0, purchase_count=0, monetary_value=0, refund_total=1000
        )
        self.assertRecordValues(self.document(note), [{"role": "return", "reversed_move_id": invoice.id}])
        self.assertIn(invoice.name, self.document(note).role_reason)
        days = self.env["crm.value.purchase"].search([("partner_id", "=", customer.id)])
        self.assertFalse(any(days.mapped("is_purchase")), "nobody is asked how the goods are that went back")

    def test_returned_from_the_latest_invoice_first(self):
        customer = self.customer()
        order = self.sell(customer, delivered=6)
        first = self.bill(order, "2025-05-01")
        self.deliver(order, 10)
        second = self.bill(order, "2025-05-20")
        self.deliver(order, 5)
        note = self.bill(order, "2025-06-10")
        self.assertFigures(
            customer,
            purchase_count=1,
            monetary_value=500,
            last_purchase_date=date(2025, 5, 1),
            revenue_total=500,
            margin_total=200,
        )
        links = self.env["crm.value.document.origin"].search([("move_id", "=", note.id)], order="amount")
        self.assertRecordValues(
            links, [{"origin_id": second.id, "amount": -400}, {"origin_id": first.id, "amount": -100}]
        )

    def test_returned_delivered_again_and_returned_again(self):
        customer = self.customer()
        order = self.sell(customer, delivered=10)
        for day, delivered in (("2025-05-01", 10), ("2025-05-10", 0), ("2025-05-20", 10), ("2025-06-01", 4)):
            self.deliver(order, delivered)
            self.bill(order, day)
            self.refresh(customer)
        self.assertFigures(
            customer,
            purchase_count=1,
            monetary_value=400,
            first_purchase_date=date(2025, 5, 20),
            refund_total=1600,
            margin_total=160,
        )

    def test_invoice_that_was_returned_goes_back_to_draft(self):
        """The credit note takes back from the invoice below it then, and from the first one again once it is posted."""
        customer = self.customer()
        order = self.sell(customer, delivered=6)
        first = self.bill(order, "2025-05-01")
        self.deliver(order, 10)
        second = self.bill(order, "2025-05-20")
        self.deliver(order, 6)
        note = self.bill(order, "2025-06-10")
        self.assertFigures(customer, purchase_count=1, monetary_value=600)
        second.button_draft()
        self.assertFigures(customer, purchase_count=1, monetary_value=200)
        self.assertEqual(self.document(note).reversed_move_id, first)
        second.action_post()
        self.assertFigures(customer, purchase_count=1, monetary_value=600)
        self.assertEqual(self.document(note).reversed_move_id, second)

    # another customer's

    def test_reversal_in_the_name_of_another_customer(self):
        buyer, other = self.customer("Buyer"), self.customer("Other")
        invoice = self.invoice(buyer, "2025-05-01", 1000)
        self.invoice(other, "2025-05-01", 300)
        self.refresh()
        note = self.credit_note_draft(invoice, "2025-06-10")
        note.partner_id = other
        note.action_post()
        self.refresh(other)
        self.assertIn(buyer.id, self.env["crm.value.queue"].search([]).mapped("partner_key"))
        self.assertFigures(other, purchase_count=1, monetary_value=300, revenue_total=-700, refund_total=1000)
        self.assertFigures(buyer, purchase_count=0, monetary_value=0, revenue_total=1000, refund_total=0)
        note.button_draft()
        self.refresh(other)
        self.assertIn(buyer.id, self.env["crm.value.queue"].search([]).mapped("partner_key"))
        self.assertFigures(buyer, purchase_count=1, monetary_value=1000)

    def credit_note_draft(self, invoice, day):
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"date": day, "journal_id": invoice.journal_id.id})
        )
        return self.env["account.move"].browse(wizard.refund_moves()["res_id"])

    # corrections

    def test_credited_and_invoiced_anew(self):
        self.company.value_caution_return_rate = 0.3
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01", product=self.product, quantity=10)
        new = self.replace(invoice, "2025-06-10")
        self.assertFigures(customer, purchase_count=0, refund_total=1000, revenue_total=0, caution=True)
        new.invoice_line_ids.price_unit = 90
        new.action_post()
        self.assertFigures(
            customer,
            purchase_count=1,
            monetary_value=900,
            first_purchase_date=date(2025, 5, 1),
            last_purchase_date=date(2025, 5, 1),
            refund_total=0,
            revenue_total=900,
            margin_total=300,
            caution=False,
        )
        note = invoice.reversal_move_ids
        self.assertEqual((self.document(note) + self.document(new)).mapped("role"), ["correction"] * 2)
        self.assertIn(invoice.name, self.document(new).role_reason)
        self.assertIn(invoice.name, self.document(note).role_reason)
        new.button_draft()
        self.assertFigures(customer, purchase_count=0, refund_total=1000)
        self.assertEqual(self.document(note).role, "return")

    def test_corrected_twice_for_another_customer_and_then_returned(self):
        wrong, right = self.customer("Wrong"), self.customer("Right")
        invoice = self.invoice(wrong, "2025-04-01", 500)
        second = self.replace(invoice, "2025-05-10")
        second.action_post()
        self.assertFigures(wrong, purchase_count=1, first_purchase_date=date(2025, 4, 1), refund_total=0)
        third = self.replace(second, "2025-06-01")
        third.partner_id = right
        third.action_post()
        self.env["crm.value.queue"].search([("partner_key", "=", right.id)]).unlink()
        self.refresh(wrong)
        self.assertEqual(self.value(wrong).refund_total, 500, "the new one is not known yet")
        self.invoice(right, "2025-06-30", 0)
        self.env["crm.value.queue"]._push({(right.id, self.company.id, third.id)}, refreeze=True)
        self.refresh(right)
        self.assertIn(wrong.id, self.env["crm.value.queue"].search([]).mapped("partner_key"))
        self.assertFigures(wrong, purchase_count=0, refund_total=0, revenue_total=0)
        self.assertFigures(
            right, purchase_count=1, monetary_value=500, first_purchase_date=date(2025, 6, 1), revenue_total=500
        )
        self.credit_note(third, "2025-06-20", amount=400)
        self.assertFigures(right, purchase_count=1, monetary_value=100, refund_total=400)
        self.assertFigures(wrong, purchase_count=0, refund_total=0)

    def test_credit_note_that_is_reversed(self):
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01", 1000)
        note = self.credit_note(invoice, "2025-06-10", amount=300)
        self.assertFigures(customer, purchase_count=1, monetary_value=700, refund_total=300)
        undoing = self.credit_note(note, "2025-06-12")
        self.assertEqual(undoing.move_type, "out_invoice")
        self.assertFigures(
            customer,
            purchase_count=1,
            monetary_value=1000,
            refund_total=0,
            last_purchase_date=date(2025, 5, 1),
            margin_total=400,
        )

    def test_replacements_from_before_are_found(self):
        """They were made in one transaction; the invoice that was made in another one is a purchase of its own."""
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01", 1000)
        new = self.replace(invoice, "2025-06-10")
        new.action_post()
        other = self.invoice(customer, "2025-06-11", 1000)
        self.env["crm.value.document.origin"].search([]).unlink()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET create_date = create_date - interval '1 day' WHERE id = %s", [other.id]
        )
        self.env.cr.execute(
            "UPDATE account_move SET create_date = create_date - interval '9 days' WHERE id = %s", [invoice.id]
        )
        self.env["crm.value.document.role"]._link_copies()
        self.env["crm.value.document.role"]._link_copies()
        self.assertRecordValues(
            self.env["crm.value.document.origin"].search([]), [{"move_id": new.id, "replaced_id": invoice.id}]
        )
        self.assertFigures(customer, purchase_count=2, refund_total=0, first_purchase_date=date(2025, 5, 1))

    # before posting, and as of a day

    def test_a_draft_says_what_posting_then_gives(self):
        names = ["revenue_total", "margin_total", "purchase_count"]
        returning, deposit = self.customer("Returning"), self.customer("Deposit")
        order = self.sell(returning, delivered=10)
        self.bill(order, "2025-05-01")
        self.deliver(order, 4)
        back = self.bill(order, "2025-06-10", post=False)
        order = self.sell(deposit, delivered=0)
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.deliver(order, 3)
        first = self.bill(order, "2025-06-10", post=False)
        self.refresh()
        for customer, draft in ((returning, back), (deposit, first)):
            after = self.env["crm.value.tier.preview"]._after_draft(self.value(customer), self.company, draft)
            draft.action_post()
            self.assertFigures(customer, **{name: after[name] for name in names})

    def test_as_of_the_day_before_the_return(self):
        customer = self.customer()
        order = self.sell(customer, delivered=10)
        self.bill(order, "2025-05-01")
        self.deliver(order, 0)
        self.bill(order, "2025-06-10")
        self.refresh()
        figures = {}
        for day in (date(2025, 6, 9), date(2025, 6, 10)):
            columns, _skipped = self.Refresh._compute(Basis(self.company, day, customer.ids, until=day))
            figures[day.day] = [float(columns[name][0]) for name in ("purchase_count", "refund_total", "margin_total")]
        self.assertEqual(figures, {9: [1, 0, 400], 10: [0, 1000, 0]})

    # what else reads it

    def test_cost_of_credit_notes_counts_what_was_given_back(self):
        self.company.write({"value_cost_credit_notes": True, "value_cost_credit_note": 7})
        customer = self.customer()
        order = self.sell(customer, delivered=0)
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.deliver(order, 3)
        self.bill(order, "2025-06-01")
        self.refresh()
        self.assertEqual(self.value(customer).cost_to_serve, 0, "the credit note sold three pieces")
        self.deliver(order, 2)
        self.bill(order, "2025-06-02")
        self.refresh()
        self.assertEqual(self.value(customer).cost_to_serve, 7)
        domain = self.value(customer).with_context(value_refunds=True).action_open_documents()["domain"]
        self.assertEqual(self.env["account.move"].search(domain).invoice_date, date(2025, 6, 2))

    def test_document_without_invoice_date_counts_on_its_accounting_date(self):
        customer = self.customer()
        move = self.invoice(customer, "2025-05-01", 100)
        self.invoice(customer, "2025-06-01", 50)
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_move SET invoice_date = NULL WHERE id = %s", [move.id])
        self.env.invalidate_all()
        self.assertFigures(
            customer, purchase_count=2, revenue_total=150, first_purchase_date=date(2025, 5, 1), margin_total=60
        )
        day = self.env["crm.value.purchase"].search([("partner_id", "=", customer.id)], order="date", limit=1)
        self.assertEqual(self.env["account.move"].search(day.action_open_documents()["domain"]), move)

    def test_tiers_follow_new_rules_without_a_word(self):
        """Until the first refresh by the rules of an update is done, tiers move by the update, whoever is refreshed."""
        tiers = self.env["crm.value.tier"].search([])
        tiers.active = False
        tier = self.env["crm.value.tier"].create(
            {
                "name": "Mid",
                "company_id": self.company.id,
                "criterion_ids": [Command.create({"metric": "revenue_12m", "enter_min": 1000, "keep_min": 800})],
            }
        )
        customer = self.customer()
        self.refresh()
        self.invoice(customer, "2025-06-01", 1000)
        Run = self.env["crm.value.run"]
        Run._request(self.company, new_rules=True)
        run = Run.search([("company_id", "=", self.company.id), ("state", "=", "queued")])
        self.assertTrue(run.has_new_rules)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, tier)
        change = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(customer).id)])
        self.assertEqual(change.source, "update")
        run._finish("failed", "Disk full")
        again = self.env["crm.value.run"].search([("company_id", "=", self.company.id), ("state", "=", "queued")])
        self.assertTrue(again.has_new_rules, "nothing is forgotten")
        self.refresh()
        self.assertEqual(again.state, "done")
        other = self.customer("Other")
        self.invoice(other, "2025-06-25", 1000)
        self.refresh(other)
        change = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(other).id)])
        self.assertEqual(change.source, "refresh")

    def test_frozen_by_an_earlier_version(self):
        """What the rules of then got wrong is corrected; the cost of then stays where it was right."""
        customer = self.customer()
        sold = self.invoice(customer, "2025-04-01", product=self.product, quantity=10)
        order = self.sell(customer, delivered=0)
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.deliver(order, 3)
        delivered = self.bill(order, "2025-06-01")
        note = self.credit_note(sold, "2025-06-10", amount=5)
        self.refresh()
        self.env.cr.execute("DELETE FROM crm_value_document_origin")
        self.env.cr.execute("UPDATE crm_value_document SET role = NULL, reversed_move_id = NULL")
        self.env.cr.execute("UPDATE crm_value_document SET margin = 350 WHERE move_id = %s", [sold.id])  # at 65
        self.env.cr.execute(
            "UPDATE crm_value_document SET margin = 550, purchase_revenue = -50 WHERE move_id = %s", [note.id]
        )
        self.env.invalidate_all()
        self.product.standard_price = 60
        self.assertFigures(
            customer,
            purchase_count=2,
            monetary_value=(950 + 300) / 2,
            margin_total=350 - 50 + 120,
            refund_total=50,
            revenue_total=950 + 300,
        )
        self.assertEqual((self.document(sold) + self.document(delivered)).mapped("margin"), [350, 120])
