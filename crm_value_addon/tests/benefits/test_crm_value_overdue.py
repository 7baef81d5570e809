from freezegun import freeze_time

from odoo import Command
from odoo.tests import new_test_user

from ..common import TODAY
from ..common_benefits import BenefitCase


class OverdueCase(BenefitCase):
    """Benefits pause above 100 overdue; a customer who owes 5000, and the ways to pay."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.receivable = cls.company_data["default_account_receivable"]
        cls.company.write({"value_pause_overdue": True, "value_pause_overdue_limit": 100})
        cls.benefit("pricelist", pricelist_id=cls.vip.id)

    def debtor(self, amount=5000, **vals):
        customer = self.customer("Debtor")
        self.late = self.invoice(customer, "2025-06-01", amount, invoice_date_due="2025-06-15", **vals)
        return customer

    def entry(self, partner, amount, day="2025-06-10", currency=None):
        """Post an entry that credits a customer: a payment, or anything else."""
        move = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": day,
                "journal_id": self.company_data["default_journal_bank"].id,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": partner.id,
                            "balance": balance,
                            "currency_id": (currency or self.company.currency_id).id,
                            "amount_currency": balance * (2 if currency else 1),
                        }
                    )
                    for account, balance in (
                        (self.receivable, -amount),
                        (self.company_data["default_account_revenue"], amount),
                    )
                ],
            }
        )
        move.action_post()
        return move

    def payment(self, partner, amount, with_entry=True, **vals):
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": partner.id,
                "amount": amount,
                "date": "2025-06-10",
                "journal_id": self.company_data["default_journal_bank"].id,
                **vals,
            }
        )
        # an account of its own for payments on their way is what makes Odoo book them
        payment.outstanding_account_id = with_entry and self.company_data["default_account_assets"]
        payment.action_post()
        self.assertEqual(bool(payment.move_id), with_entry)
        return payment

    def assert_overdue(self, customer, amount):
        """The refresh of all, of some, and the question of this moment agree."""
        self.refresh()
        value = self.value(customer)
        self.assertEqual(value.overdue_amount, amount)
        self.refresh(customer)
        self.assertEqual(value.overdue_amount, amount)
        now = self.env["crm.value.observation"]._overdue_now(self.company, customer.ids)
        self.assertEqual(now.get(customer.id, 0.0), amount)
        customer.invalidate_recordset(["overdue_amount"])
        self.assertEqual(customer.overdue_amount, amount)

    def is_paused(self, customer):
        """Orders, the customer's page, the portal and gifts agree."""
        customer.invalidate_recordset()
        value, order = self.value(customer), self.order(customer, 10)
        State = self.env["crm.value.benefit.state"]
        paused = not order.value_tier_id
        self.assertEqual(order.amount_untaxed, 1000 if paused else 900)
        self.assertEqual(bool(order.value_pause_reason), paused)
        self.assertEqual(bool(State._prepare_summary(value)["pause"]), paused)
        self.assertEqual(bool(State._paused(value)), paused)
        self.assertEqual(self.env["crm.value.portal"]._prepare_portal_tier(value)["is_paused_overdue"], paused)
        return paused

    def listed(self, customer, user=None):
        """Return the name of the list behind the amount, and what the items in it come to."""
        value = self.value(customer)
        action = (
            value.with_user(user or self.env.user)
            .with_context(allowed_company_ids=self.company.ids)
            .action_open_overdue()
        )
        items = self.env["account.move.line"].with_user(user or self.env.user).search(action["domain"])
        return action["name"], sum(items.mapped("amount_residual"))

    def queued(self):
        self.env.flush_all()
        keys = {(row.partner_key, row.company_key) for row in self.env["crm.value.queue"].search([])}
        self.env["crm.value.queue"].search([]).unlink()
        return keys


@freeze_time(TODAY)
class TestCrmValueOverdue(OverdueCase):
    """Overdue is what is overdue less all open credits, whether or not anybody matched them."""

    # what counts

    def test_nothing_paid(self):
        customer = self.debtor()
        self.assert_overdue(customer, 5000)
        self.assertTrue(self.is_paused(customer))

    def test_entry_that_nobody_matched(self):
        customer = self.debtor()
        self.entry(customer, 5000)
        self.assert_overdue(customer, 0)
        self.assertFalse(self.is_paused(customer))

    def test_payment_that_nobody_matched(self):
        customer = self.debtor()
        self.payment(customer, 5000)
        self.assert_overdue(customer, 0)
        self.assertFalse(self.is_paused(customer))

    def test_payment_without_an_entry(self):
        customer = self.debtor()
        payment = self.payment(customer, 4000, with_entry=False)
        self.assert_overdue(customer, 1000)
        payment.action_cancel()
        self.assert_overdue(customer, 5000)

    def test_the_list_sums_to_the_amount(self):
        customer = self.debtor()
        contact = self.customer("Contact", parent_id=customer.id, type="contact")
        self.invoice(customer, "2025-06-20", 700, invoice_date_due="2025-07-20")
        self.entry(contact, 300)
        self.invoice(customer, "2025-06-05", 200, move_type="out_refund")
        self.assert_overdue(customer, 4500)
        self.assertEqual(self.listed(customer), ("Overdue", 4500))
        self.payment(customer, 1000, with_entry=False)
        self.assert_overdue(customer, 3500)
        name, amount = self.listed(customer)
        self.assertEqual(amount, 4500)
        self.assertIn("less payments of", name)
        self.assertIn("1,000.00", name.replace("\u00a0", ""))

    def test_the_list_tells_a_seller_what_it_hides(self):
        customer = self.debtor()
        self.entry(customer, 300)
        self.refresh()
        seller = new_test_user(
            self.env,
            "overdue_seller",
            groups="sales_team.group_sale_salesman_all_leads",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        name, amount = self.listed(customer, seller)
        self.assertEqual(amount, 5000)
        self.assertIn("1 entries over", name)
        self.assertIn("300.00", name)

    def test_payment_without_an_entry_that_the_bank_confirmed(self):
        customer = self.debtor()
        payment = self.payment(customer, 4000, with_entry=False)
        payment.invoice_ids = self.late
        payment.action_validate()
        self.assertEqual(payment.state, "paid")
        self.assert_overdue(customer, 1000)
        # the line of the bank statement pays the invoice; the payment is no second credit
        (self.late | self.entry(customer, 4000)).line_ids.filtered(
            lambda line: line.account_id == self.receivable
        ).reconcile()
        self.assert_overdue(customer, 1000)

    def test_paid_too_much(self):
        customer = self.debtor()
        self.entry(customer, 7000.5)
        self.assert_overdue(customer, 0)

    def test_partly(self):
        customer = self.debtor()
        self.entry(customer, 1234.56)
        self.assert_overdue(customer, 3765.44)
        self.assertTrue(self.is_paused(customer))
        self.entry(customer, 3665.44, day="2025-06-29")
        self.assert_overdue(customer, 100)
        self.assertFalse(self.is_paused(customer), "not more than the limit")

    def test_open_credit_note(self):
        customer = self.debtor(6000)
        self.invoice(customer, "2025-06-20", 500, move_type="out_refund", invoice_date_due="2025-12-31")
        self.assert_overdue(customer, 5500)

    def test_entry_of_a_contact(self):
        customer = self.debtor()
        contact = self.customer("Contact", parent_id=customer.id)
        self.entry(contact, 2000)
        self.assert_overdue(customer, 3000)

    def test_what_does_not_count(self):
        customer = self.debtor()
        self.entry(self.customer("Another"), 5000)
        self.env["account.move"].create(
            {"move_type": "out_refund", "partner_id": customer.id, "invoice_date": "2025-06-20"}
        )
        self.entry(customer, 700).button_draft()
        self.invoice(customer, "2025-06-20", 300, invoice_date_due="2025-07-31")
        self.assert_overdue(customer, 5000)

    def test_a_credit_alone(self):
        customer = self.customer("Rich")
        self.invoice(customer, "2025-06-20", 300, invoice_date_due="2025-07-31")
        self.entry(customer, 5000)
        self.entry(self.customer("No customer"), 10)
        self.assert_overdue(customer, 0)

    def test_foreign_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 2.0)])
        customer = self.debtor(10000, currency_id=euro.id)
        self.assert_overdue(customer, 5000)
        self.entry(customer, 1500, currency=euro)
        self.assert_overdue(customer, 3500)
        self.payment(customer, 2000, with_entry=False, currency_id=euro.id)
        self.assert_overdue(customer, 2500)

    def test_other_company(self):
        other = self.setup_other_company(name="Other")
        customer = self.debtor()
        move = (
            self.env["account.move"]
            .with_company(other["company"])
            .create(
                {
                    "move_type": "entry",
                    "date": "2025-06-10",
                    "journal_id": other["default_journal_misc"].id,
                    "line_ids": [
                        Command.create({"account_id": other[name].id, "partner_id": customer.id, "balance": balance})
                        for name, balance in (("default_account_receivable", -5000), ("default_account_revenue", 5000))
                    ],
                }
            )
        )
        move.action_post()
        self.assert_overdue(customer, 5000)

    # when

    def test_matched_this_morning(self):
        customer = self.debtor()
        self.refresh()
        self.assertTrue(self.is_paused(customer))
        self.queued()
        entry = self.entry(customer, 5000)
        self.assertEqual(self.queued(), {(customer.id, self.company.id)}, "posted")
        self.assertFalse(self.is_paused(customer), "before anybody matched it")
        lines = (self.late | entry).line_ids.filtered(lambda line: line.account_id == self.receivable)
        lines.reconcile()
        self.assertEqual(self.queued(), {(customer.id, self.company.id)}, "matched")
        self.assertFalse(self.is_paused(customer))
        self.refresh(customer)
        self.assertEqual(self.value(customer).overdue_amount, 0)
        lines.remove_move_reconcile()
        self.assertEqual(self.queued(), {(customer.id, self.company.id)}, "unmatched")
        self.refresh(customer)
        self.assertEqual(self.value(customer).overdue_amount, 0, "the payment is still there")
        entry.button_draft()
        self.assertEqual(self.queued(), {(customer.id, self.company.id)}, "undone")
        self.refresh(customer)
        self.assertEqual(self.value(customer).overdue_amount, 5000)
        self.assertTrue(self.is_paused(customer))

    def test_payment_without_an_entry_queues(self):
        customer = self.debtor()
        self.refresh()
        self.queued()
        payment = self.payment(customer, 5000, with_entry=False)
        self.assertEqual(self.queued(), {(customer.id, self.company.id)})
        self.assertFalse(self.is_paused(customer))
        payment.action_cancel()
        self.assertEqual(self.queued(), {(customer.id, self.company.id)})

    def test_vendors_are_not_queued(self):
        vendor = self.customer("Vendor")
        bill = self.invoice(vendor, "2025-06-01", 100, move_type="in_invoice")
        self.queued()
        bill.line_ids._enqueue_customers()
        self.assertFalse(self.queued())

    def test_gifts_of_a_customer_that_paid(self):
        gift = self.benefit("gift", program_id=self.program("coupons").id)
        self.bought(6000, name="First refresh")
        customer = self.customer("Debtor")
        self.invoice(customer, "2025-06-24", 6000, invoice_date_due="2025-06-26")
        self.entry(customer, 6000, "2025-06-27")
        self.refresh()
        self.assertIn(customer, self.env["crm.value.grant"].search([("benefit_id", "=", gift.id)]).partner_id)

    def test_caution_looks_at_what_credits_leave(self):
        self.company.value_caution_overdue_days = 30
        customer = self.customer("Late")
        self.invoice(customer, "2025-04-01", 100, invoice_date_due="2025-04-15")
        self.invoice(customer, "2025-06-01", 300, invoice_date_due="2025-06-20")
        self.refresh()
        self.assertTrue(self.value(customer).caution)
        self.entry(customer, 99.99)
        self.refresh()
        self.assertTrue(self.value(customer).caution, "a cent is old")
        self.entry(customer, 0.01)
        self.refresh()
        self.assertEqual(self.value(customer).overdue_amount, 300)
        self.assertFalse(self.value(customer).caution, "the oldest document is paid first")


@freeze_time(TODAY)
class TestOverdueInABranch(BenefitCase):
    def test_branch(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        self.env.cr.precommit.run()  # loads the chart of accounts
        companies = (self.company | branch).ids
        self.env = self.env(context=dict(self.env.context, allowed_company_ids=companies))
        customer = self.customer("Debtor")
        journal = self.env["account.journal"].search(
            [*self.env["account.journal"]._check_company_domain(branch), ("type", "=", "sale")], limit=1
        )
        for kind, amount in (("out_invoice", 5000), ("out_refund", 1000)):
            self.invoice(
                customer,
                "2025-06-01",
                amount,
                move_type=kind,
                company_id=branch.id,
                journal_id=journal.id,
                invoice_date_due="2025-06-15",
            )
        self.env["crm.value.refresh"].with_company(branch)._refresh_company()
        value = self.env["crm.value"].search([("partner_id", "=", customer.id), ("company_id", "=", branch.id)])
        self.assertEqual(value.overdue_amount, 4000)
