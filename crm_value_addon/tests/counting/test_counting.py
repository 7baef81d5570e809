from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from ..common_benefits import BenefitCase
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestCounting(SalesCase, BenefitCase):
    """What counts: journals, products, categories, what is paid. A widget sells at 100 and costs 60."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postage = cls.env["product.product"].create(
            {"name": "Postage", "type": "service", "list_price": 10.0, "taxes_id": [Command.clear()]}
        )
        cls.other_journal = cls.company_data["default_journal_sale"].copy(
            {"code": "OPN", "default_account_id": cls.company_data["default_account_revenue"].id}
        )
        cls.other_journal.name = "Opening"

    def qualifying(self, customer):
        """Return the qualifying figures after a refresh of the customer, the same as after one of all."""
        found = []
        for partners in (customer, None):
            self.refresh(partners)
            value = self.value(customer)
            found.append([value.qualifying_12m, value.qualifying_year, value.qualifying_total])
        self.assertEqual(*found)
        return found[0]

    def pay(self, invoice, amount, day="2025-06-20"):
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        return wizard.create({"amount": amount, "payment_date": day})._create_payments()

    def assert_books_agree(self):
        """Invariant 1 to the cent, with what the settings leave out told apart."""
        run = self.refresh()
        values = self.Value.search([("company_id", "=", self.company.id)])
        moves = self.env["account.move"].search(
            [
                ("company_id", "=", self.company.id),
                ("state", "=", "posted"),
                ("move_type", "in", ("out_invoice", "out_refund", "out_receipt")),
                ("commercial_partner_id", "!=", False),
            ]
        )
        self.assertEqual(
            round(sum(values.mapped("revenue_total")) + run.left_out_revenue - run.opening_revenue, 2),
            round(sum(moves.mapped("amount_untaxed_signed")), 2),
        )
        return run

    def widget_and_postage(self, customer, day="2025-06-01", **vals):
        return self.document_of(
            customer,
            day,
            {"product_id": self.product.id, "price_unit": 100.0},
            {"product_id": self.postage.id, "price_unit": 10.0},
            **vals,
        )

    # by default

    def test_goods_less_allowances(self):
        customer = self.customer()
        self.widget_and_postage(customer, "2024-03-01")
        invoice = self.widget_and_postage(customer)
        self.assertEqual(self.qualifying(customer), [110.0, 110.0, 220.0])
        self.credit_note(invoice, "2025-06-10", 5.0)
        self.assertEqual(self.qualifying(customer), [100.0, 100.0, 210.0])

    def test_a_deposit_does_not_qualify(self):
        customer = self.customer()
        order = self.sell(customer, 10)
        self.bill(order, "2025-06-01", "fixed", fixed_amount=500)
        self.assertEqual(self.qualifying(customer), [0.0, 0.0, 0.0])
        self.bill(order, "2025-06-02")
        self.assertEqual(self.qualifying(customer), [1000.0, 1000.0, 1000.0])

    def test_credited_and_invoiced_anew(self):
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01", 1000.0)
        new = self.replace(invoice, "2025-06-01")
        new.invoice_line_ids.price_unit = 800.0
        new.action_post()
        self.assertEqual(self.qualifying(customer), [800.0, 800.0, 800.0])

    # journals

    def test_a_journal_of_receivables(self):
        customer = self.customer()
        self.invoice(customer, "2025-05-01", 100.0, invoice_date_due="2025-05-15")
        self.invoice(customer, "2025-05-01", 900.0, journal_id=self.other_journal.id, invoice_date_due="2025-05-15")
        self.refresh()
        self.assertEqual(self.value(customer).tier_id, self.mid)
        self.other_journal.value_counting = "receivables"
        run = self.env["crm.value.run"].search([("state", "=", "queued"), ("company_id", "=", self.company.id)])
        self.assertTrue(run.has_new_rules)
        run = self.assert_books_agree()
        value = self.value(customer)
        self.assertEqual((value.revenue_total, value.purchase_count, run.left_out_revenue), (100.0, 1, 900.0))
        self.assertEqual(value.overdue_amount, 1000.0, "both are owed")
        change = self.env["crm.value.tier.change"].search([("value_id", "=", value.id)], limit=1)
        self.assertEqual((change.source, change.is_silent), ("counting", True), "a change of what counts")
        self.assertEqual(self.qualifying(customer), [100.0, 100.0, 100.0])
        self.other_journal.value_counting = "nothing"
        self.refresh()
        self.assertEqual(self.value(customer).overdue_amount, 100.0)
        self.other_journal.value_counting = "counts"
        self.assertEqual(self.qualifying(customer), [1000.0, 1000.0, 1000.0])

    def test_a_journal_of_purchases_is_refused(self):
        with self.refused("holds no customer documents"):
            self.company_data["default_journal_purchase"].value_counting = "receivables"

    def test_books_with_opening_rows_and_left_out_journals(self):
        customer = self.customer()
        self.env["crm.value.opening"].create(
            {"partner_id": customer.id, "company_id": self.company.id, "date": "2025-01-01", "amount": 33.33}
        )
        self.invoice(customer, "2025-05-01", 11.11, journal_id=self.other_journal.id)
        self.invoice(customer, "2025-05-01", 22.22)
        self.other_journal.value_counting = "receivables"
        self.company.value_tiers_count = "paid"
        run = self.assert_books_agree()
        self.assertEqual((run.opening_revenue, run.left_out_revenue), (33.33, 11.11))

    # products and categories

    def test_a_product_without_weight_for_tiers(self):
        customer = self.customer()
        self.widget_and_postage(customer)
        self.postage.product_tmpl_id.value_not_for_tiers = True
        self.refresh()
        self.assertEqual(self.qualifying(customer), [100.0, 100.0, 100.0])
        value = self.value(customer)
        self.assertEqual((value.revenue_total, value.monetary_value), (110.0, 110.0), "it was bought all the same")
        other = self.customer("Later")
        note = self.widget_and_postage(other)
        self.assertEqual(self.qualifying(other), [100.0, 100.0, 100.0])
        self.credit_note(note, "2025-06-20")
        self.assertEqual(self.qualifying(other), [0.0, 0.0, 0.0])
        self.postage.product_tmpl_id.value_not_for_tiers = False
        self.refresh()
        self.assertEqual(self.qualifying(customer), [110.0, 110.0, 110.0])

    def test_a_fee_is_no_purchase(self):
        customer, payer = self.customer(), self.customer("Fees only")
        self.widget_and_postage(customer)
        self.invoice(payer, "2025-06-01", 10.0, product=self.postage)
        self.refresh()
        before = self.value(customer).margin_total
        self.postage.product_tmpl_id.value_no_purchase = True
        self.product.standard_price = 1.0
        self.assert_books_agree()
        value = self.value(customer)
        self.assertEqual((value.revenue_total, value.monetary_value), (110.0, 100.0))
        self.assertEqual(value.margin_total, before, "what was frozen stays")
        self.assertEqual((self.value(payer).revenue_total, self.value(payer).purchase_count), (10.0, 0))
        self.assertEqual(self.qualifying(payer), [0.0, 0.0, 0.0])

    def test_a_category_holds_for_those_below(self):
        customer = self.customer()
        parent = self.env["product.category"].create({"name": "Services"})
        self.postage.categ_id = self.env["product.category"].create({"name": "Shipping", "parent_id": parent.id})
        self.widget_and_postage(customer)
        parent.value_not_for_tiers = True
        self.refresh()
        self.assertEqual(self.qualifying(customer), [100.0, 100.0, 100.0])
        self.postage.categ_id = self.env["product.category"].create({"name": "Other"})
        self.refresh()
        self.assertEqual(self.qualifying(customer), [110.0, 110.0, 110.0])

    def test_a_product_that_was_never_sold_asks_for_nothing(self):
        new = self.env["product.product"].create({"name": "New", "type": "service"})
        new.product_tmpl_id.value_not_for_tiers = True
        waiting = [("state", "=", "queued"), ("has_new_rules", "=", True)]
        self.assertFalse(self.env["crm.value.run"].search(waiting))
        self.widget_and_postage(self.customer())
        self.postage.product_tmpl_id.value_not_for_tiers = True
        self.assertEqual(self.env["crm.value.run"].search(waiting).company_id, self.company)

    # what is paid

    def test_what_is_paid_in_part(self):
        customer = self.customer()
        self.company.value_tiers_count = "paid"
        invoice = self.invoice(customer, "2025-06-01", 1000.0)
        self.assertEqual(self.qualifying(customer), [0.0, 0.0, 0.0])
        payment = self.pay(invoice, 250.0)
        self.assertEqual(self.qualifying(customer), [250.0, 250.0, 250.0])
        self.pay(invoice, 750.0)
        self.assertEqual(self.qualifying(customer), [1000.0, 1000.0, 1000.0])
        (payment.move_id.line_ids | invoice.line_ids).remove_move_reconcile()
        self.assertEqual(self.qualifying(customer), [0.0, 0.0, 0.0])

    def test_a_credit_note_of_what_was_paid(self):
        customer = self.customer()
        self.company.value_tiers_count = "paid"
        invoice = self.invoice(customer, "2025-06-01", 1000.0)
        self.pay(invoice, 1000.0)
        self.invoice(customer, "2025-06-10", 400.0, move_type="out_refund")
        self.assertEqual(self.qualifying(customer), [600.0, 600.0, 600.0], "an open credit raises nothing")

    def test_a_credit_note_of_what_was_not_paid(self):
        customer = self.customer()
        self.company.value_tiers_count = "paid"
        invoice = self.invoice(customer, "2025-06-01", 1000.0)
        self.credit_note(invoice, "2025-06-10", 400.0)
        self.assertEqual(self.qualifying(customer), [0.0, 0.0, 0.0])
        self.pay(invoice, 600.0)
        self.assertEqual(self.qualifying(customer), [600.0, 600.0, 600.0])

    # why

    def test_what_counted_and_why(self):
        customer = self.customer()
        self.postage.product_tmpl_id.value_not_for_tiers = True
        self.other_journal.value_counting = "receivables"
        self.company.value_tiers_count = "paid"
        invoice = self.widget_and_postage(customer)
        left_out = self.invoice(customer, "2025-06-02", 70.0, journal_id=self.other_journal.id)
        self.pay(invoice, 55.0)
        self.refresh()
        value = self.value(customer)
        self.assertEqual((value.revenue_total, value.qualifying_total), (110.0, 50.0))
        parts = [amount for _label, amount in self.env["crm.value.qualifying"]._parts(value)]
        self.assertEqual(parts, [0.0, 10.0, 50.0, 70.0])
        told = "\n".join(value.explain_value()["documents"])
        for words in ("of a revenue of", "not paid yet", "products without weight", "journals that are left out"):
            self.assertIn(words, told)
        documents = self.env["crm.value.document"].search([("move_id", "in", (invoice | left_out).ids)])
        reasons = {document.move_id: document.counting_reason for document in documents}
        self.assertIn("not for tiers: Postage", reasons[invoice])
        self.assertIn("is not paid", reasons[invoice])
        self.assertIn("Opening holds no sales", reasons[left_out])
        action = value.action_open_part("documents")
        self.assertEqual(self.env["crm.value.document"].search(action["domain"]), documents)
