from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from .test_crm_value_overdue import OverdueCase


@freeze_time(TODAY)
class TestOverdueBorders(OverdueCase):
    """What is paid in unusual ways: the customer and what is overdue."""

    def case_payment_given_back(self):
        customer = self.debtor()
        self.payment(customer, 5000)
        self.payment(customer, 2000, payment_type="outbound")
        return customer, 2000

    def case_payment_given_back_without_entries(self):
        customer = self.debtor()
        self.payment(customer, 5000, with_entry=False)
        self.payment(customer, 2000, with_entry=False, payment_type="outbound")
        return customer, 2000

    def case_instalments_of_which_one_is_due(self):
        term = self.env["account.payment.term"].create(
            {
                "name": "Half now, half in 60 days",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 50, "nb_days": 5}),
                    Command.create({"value": "percent", "value_amount": 50, "nb_days": 60}),
                ],
            }
        )
        customer = self.customer("Instalments")
        self.invoice(customer, "2025-06-01", 4000, invoice_payment_term_id=term.id)
        self.payment(customer, 500)
        return customer, 1500

    def case_due_today(self):
        customer = self.customer("Today")
        self.invoice(customer, "2025-06-01", 700, invoice_date_due="2025-06-30")
        self.invoice(customer, "2025-06-01", 30, invoice_date_due="2025-06-29")
        return customer, 30

    def case_credit_note_that_is_due_later(self):
        customer = self.debtor()
        self.invoice(customer, "2025-06-20", 4000, move_type="out_refund", invoice_date_due="2025-12-31")
        return customer, 1000

    def case_credit_note_in_another_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("2025-01-01", 2.0)])
        customer = self.debtor()
        self.invoice(customer, "2025-06-20", 4000, move_type="out_refund", currency_id=euro.id)
        return customer, 3000

    def case_paid_by_an_archived_contact(self):
        customer = self.debtor()
        person = self.customer("Bookkeeper", parent_id=customer.id, type="invoice")
        self.payment(person, 4500)
        person.active = False
        return customer, 500

    def case_draft_and_cancelled_payments(self):
        customer = self.debtor()
        self.payment(customer, 3000).action_draft()
        self.payment(customer, 1000, with_entry=False).action_cancel()
        return customer, 5000

    def case_a_bill_of_the_same_partner(self):
        """What we owe is on another account; nobody has set one off against the other."""
        customer = self.debtor()
        self.invoice(customer, "2025-06-01", 3000, move_type="in_invoice")
        return customer, 5000

    def case_matched_and_unmatched(self):
        customer = self.debtor()
        payment = self.payment(customer, 5000)
        lines = (self.late.line_ids + payment.move_id.line_ids).filtered(
            lambda line: line.account_id == self.receivable
        )
        lines.reconcile()
        self.refresh(customer)
        lines.remove_move_reconcile()
        payment.action_draft()
        return customer, 5000

    def case_moved_to_another_customer(self):
        other = self.customer("Other")
        self.payment(other, 4000)
        customer = self.debtor()
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((other | customer).ids, customer)
        return customer, 1000

    def case_receipt_not_paid(self):
        customer = self.customer("Receipt")
        self.invoice(customer, "2025-06-01", 250, move_type="out_receipt", invoice_date_due="2025-06-02")
        return customer, 250

    def case_credit_note_that_was_paid_back(self):
        customer = self.debtor()
        self.invoice(customer, "2025-06-20", 4000, move_type="out_refund")
        self.payment(customer, 4000, payment_type="outbound")
        return customer, 5000

    def case_owed_and_paid_on_entries_that_nobody_matched(self):
        """The money paid what was owed on the entry, not the invoice."""
        customer = self.debtor(500)
        self.entry(customer, -500, "2024-01-01")
        self.entry(customer, 500)
        return customer, 500

    def case_given_back_too_much(self):
        """More went back than was paid; what is overdue of documents is no more for that."""
        customer = self.debtor()
        self.payment(customer, 1000, with_entry=False)
        self.payment(customer, 3000, payment_type="outbound")
        return customer, 5000

    def case_a_cancelled_credit_note(self):
        customer = self.debtor()
        note = self.invoice(customer, "2025-06-20", 4000, move_type="out_refund")
        note.button_draft()
        note.button_cancel()
        return customer, 5000

    def sum_of_list(self, customer):
        """Return what the list behind the amount comes to, payments that its name tells of taken off."""
        name, amount = self.listed(customer)
        is_told = "not booked" in name
        return amount - (self.env["crm.value.overdue"]._unbooked(self.value(customer)) if is_told else 0)

    def test_cases(self):
        cases = [name for name in dir(self) if name.startswith("case_")]
        self.assertGreaterEqual(len(cases), 16)
        for name in cases:
            with self.subTest(case=name):
                self.env.flush_all()
                with self.env.cr.savepoint() as savepoint:
                    customer, overdue = getattr(self, name)()
                    self.assert_overdue(customer, overdue)
                    self.assertEqual(self.sum_of_list(customer), overdue)
                    savepoint.rollback()
                self.env.invalidate_all()

    def test_a_day_ends_in_the_zone_of_the_company(self):
        customer = self.customer("Auckland")
        self.company.partner_id.tz = "Pacific/Auckland"
        self.invoice(customer, "2025-06-01", 900, invoice_date_due="2025-06-30")
        for hour, overdue in (("2025-06-30 11:30:00", 0), ("2025-06-30 12:30:00", 900)):
            with freeze_time(hour):
                self.assert_overdue(customer, overdue)
