from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ...models.refresh.basis import Basis
from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestOpening(BenefitCase):
    """Earlier sales that no document tells of; the margin rate is 40 %."""

    def opening(self, customer, day="2025-01-15", amount=100.0, **vals):
        return self.env["crm.value.opening"].create(
            {"partner_id": customer.id, "company_id": self.company.id, "date": day, "amount": amount, **vals}
        )

    def assertFigures(self, customer, **figures):
        for partners in (customer, None):
            self.refresh(partners)
            self.assertRecordValues(self.value(customer), [figures])

    def assert_books_agree(self):
        """Invariant 1: the customers' revenue is that of the documents and of the opening purchases."""
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
        booked = sum(moves.mapped("amount_untaxed_signed"))
        self.assertEqual(round(sum(values.mapped("revenue_total")), 2), round(booked + run.opening_revenue, 2))
        return run

    # what a row counts as

    def test_a_row_is_a_purchase_and_no_document(self):
        customer = self.customer()
        self.opening(customer, amount=100.01)
        self.assertFigures(
            customer,
            revenue_total=100.01,
            margin_total=40.0,
            purchase_count=1,
            monetary_value=100.01,
            first_purchase_date=TODAY.replace(month=1, day=15),
        )
        self.invoice(customer, "2025-03-01", 50)
        self.assertFigures(customer, revenue_total=150.01, margin_total=60.0, purchase_count=2)
        self.assertEqual(self.assert_books_agree().opening_revenue, 100.01)

    def test_a_known_margin_of_nothing_is_not_an_unknown_one(self):
        customer = self.customer()
        self.opening(customer, margin=0.0)
        self.opening(customer, "2025-02-15", margin=25.0)
        self.assertFigures(customer, margin_total=25.0)

    def test_a_later_margin_rate_rewrites_nothing(self):
        customer = self.customer()
        self.opening(customer)
        self.company.value_margin_rate = 0.1
        self.assertFigures(customer, margin_total=40.0)

    def test_several_purchases_in_a_row(self):
        customer = self.customer()
        self.opening(customer, "2025-04-30", 100.0, purchase_count=3, first_date="2025-02-28")
        self.assertFigures(
            customer,
            purchase_count=3,
            revenue_total=100.0,
            revenue_12m=100.0,
            first_purchase_date=TODAY.replace(month=2, day=28),
            last_purchase_date=TODAY.replace(month=4, day=30),
            monetary_value=33.33,
        )
        days = self.env["crm.value.purchase"].search([("partner_id", "=", customer.id)])
        self.assertEqual(sum(days.mapped("purchase_revenue")), 100.0, "to the cent")
        self.assertEqual(len(set(days.ids)), 3)

    def test_several_purchases_without_a_first_day_lie_within_a_year(self):
        customer = self.customer()
        row = self.opening(customer, purchase_count=12, amount=1200.0)
        self.refresh(customer)
        value = self.value(customer)
        self.assertEqual((value.purchase_count, value.last_purchase_date), (12, row.date))
        self.assertGreater(value.first_purchase_date, row.date - timedelta(days=365))

    def test_what_was_given_back(self):
        customer = self.customer()
        self.opening(customer, amount=300.0)
        self.opening(customer, "2025-02-01", amount=-100.0)
        self.assertFigures(customer, revenue_total=200.0, refund_total=100.0, purchase_count=1, margin_total=80.0)
        self.assert_books_agree()

    def test_a_contact_of_a_company(self):
        company = self.customer("Company", is_company=True)
        row = self.opening(self.customer("Person", parent_id=company.id))
        self.assertEqual(row.partner_id, company)
        self.assertFigures(company, revenue_total=100.0)

    def test_changed_and_deleted_rows(self):
        customer, other = self.customer(), self.customer("Other")
        row = self.opening(customer)
        self.refresh()
        row.amount = 70.0
        self.assertFigures(customer, revenue_total=70.0, margin_total=28.0)
        row.partner_id = other
        self.refresh()
        self.assertEqual((self.value(customer).revenue_total, self.value(other).revenue_total), (0.0, 70.0))
        row.unlink()
        self.assertFalse(self.env["crm.value.opening"]._is_used())
        self.assertFigures(other, revenue_total=0.0, purchase_count=0)

    def test_as_of_a_day(self):
        customer = self.customer()
        self.opening(customer, "2025-01-15")
        self.opening(customer, "2025-05-15", 900.0)
        self.refresh()
        day = TODAY.replace(month=2, day=1)
        columns, _skipped = self.Refresh._compute(Basis(self.company, day, customer.ids, until=day))
        self.assertEqual(columns["revenue_total"].tolist(), [100.0])

    def test_second_company(self):
        customer, other = self.customer(), self.setup_other_company()["company"]
        self.opening(customer, company_id=other.id)
        self.assertEqual(self.assert_books_agree().opening_revenue, 0.0)
        self.Refresh.with_company(other)._refresh_company()
        value = self.env["crm.value"].search([("partner_id", "=", customer.id), ("company_id", "=", other.id)])
        self.assertEqual(value.revenue_total, 100.0)

    # replaced by a document

    def test_a_document_with_the_reference_replaces_the_row(self):
        customer = self.customer()
        row = self.opening(customer, amount=500.0, reference="S-77")
        self.refresh()
        invoice = self.invoice(customer, "2025-01-15", 480.0, ref="S-77")
        self.assertFigures(customer, revenue_total=480.0, purchase_count=1)
        self.assertEqual(row.move_id, invoice)
        self.assertEqual(self.assert_books_agree().opening_revenue, 0.0)
        invoice.button_draft()
        self.assertFigures(customer, revenue_total=500.0)
        self.assertFalse(row.move_id)

    def test_a_row_loaded_after_its_document(self):
        customer = self.customer()
        invoice = self.invoice(customer, "2025-01-15", 480.0)
        self.opening(customer, amount=500.0, reference=invoice.name)
        self.assertFigures(customer, revenue_total=480.0)

    def test_documents_that_do_not_replace(self):
        customer, other = self.customer(), self.customer("Other")
        row = self.opening(customer, amount=500.0, reference="S-77")
        self.invoice(other, "2025-01-15", 1.0, ref="S-77")
        self.invoice(customer, "2025-01-15", 2.0, ref="S-7")
        self.invoice(customer, "2025-01-15", 4.0, ref="S-77", move_type="out_refund")
        self.invoice(customer, "2025-01-15", 8.0, ref="S-77", post=False)
        self.refresh()
        self.assertFalse(row.move_id)
        self.assertFigures(customer, revenue_total=498.0)

    # silence

    def test_nothing_follows_from_a_row(self):
        gift = self.benefit("gift", program_id=self.program("coupons").id)
        self.refresh()
        customer = self.customer()
        self.opening(customer, TODAY, 6000.0)
        self.refresh(customer)
        value = self.value(customer)
        self.assertEqual(value.tier_id, self.top)
        self.assertRecordValues(value.tier_change_ids, [{"source": "import", "is_silent": True}])
        self.assertFalse(self.env["crm.value.grant"].search([("benefit_id", "=", gift.id)]))
        self.invoice(customer, TODAY, 1.0)
        self.assertFalse(value.tier_cause, "what comes after it is not silent")

    # merges

    def test_a_merge_and_a_contact_that_joins_a_company(self):
        customer, other = self.customer(), self.customer("Other")
        self.opening(customer, reference="A")
        self.opening(other, reference="A", amount=11.0)
        self.refresh()
        self.env["base.partner.merge.automatic.wizard"]._merge((customer | other).ids, customer)
        self.assertFigures(customer, revenue_total=111.0)
        company = self.customer("Company", is_company=True)
        customer.parent_id = company
        self.assertFigures(company, revenue_total=111.0)

    # bad input

    def test_rows_that_cannot_be(self):
        customer = self.customer()
        for text, vals in {
            "lies in the past": {"day": TODAY + timedelta(days=1)},
            "the amount is missing": {"amount": 0.001},
            "beyond any range": {"amount": float("inf")},
            "is no purchase": {"amount": -5.0, "purchase_count": 2},
            "for 1 to 999": {"purchase_count": 0},
            "1 to 999 purchases": {"purchase_count": 10**6},
            "after the last one": {"first_date": "2025-02-01", "purchase_count": 2},
        }.items():
            with self.subTest(text), self.refused(text):
                self.opening(customer, **vals)
        self.opening(customer, reference="A")
        with self.refused("is loaded already"):
            self.opening(customer, reference="A")

    # the import screen

    def test_the_import_screen(self):
        self.customer("Imported")
        wizard = self.env["base_import.import"].create(
            {
                "res_model": "crm.value.opening",
                "file": b"Customer,Date,Amount,Margin,Purchases,Reference\n"
                b"Imported,2024-03-15,1250.00,480.00,1,S-1\nImported,2023-12-31,9600.00,,12,S-2\n",
                "file_type": "text/csv",
            }
        )
        options = {"quoting": '"', "separator": ",", "has_headers": True, "float_decimal_separator": "."}
        options |= {"date_format": "%Y-%m-%d", "encoding": "utf-8", "float_thousand_separator": ","}
        columns = ["partner_id", "date", "amount", "margin", "purchase_count", "reference"]
        result = wizard.execute_import(columns, columns, options)
        self.assertFalse(result["messages"])
        self.assertRecordValues(
            self.env["crm.value.opening"].browse(result["ids"]),
            [
                {"margin": 480.0, "is_margin_known": True, "purchase_count": 1},
                {"margin": 3840.0, "is_margin_known": False, "purchase_count": 12},
            ],
        )
        self.refresh()
        self.assertEqual(self.value(self.env["res.partner"].search([("name", "=", "Imported")])).purchase_count, 13)

    # rights

    @mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_a_seller_reads_and_loads_nothing(self):
        row = self.opening(self.customer())
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        seller = new_test_user(self.env, "opening_seller", "sales_team.group_sale_salesman", **company)
        self.assertEqual(row.with_user(seller).amount, 100.0)
        with self.assertRaises(AccessError):
            row.with_user(seller).margin  # noqa: B018
        with self.assertRaises(AccessError):
            row.with_user(seller).copy()
        manager = new_test_user(self.env, "opening_manager", "sales_team.group_sale_manager", **company)
        with self.assertRaises(ValidationError):
            row.with_user(manager).copy({"reference": "A", "date": "2030-01-01"})
        invoice = self.invoice(row.partner_id, "2025-02-02")
        mine = row.with_user(manager).copy({"reference": "A", "move_id": invoice.id})
        self.assertFalse(mine.move_id, "which document replaces a row is not for anybody to say")
        mine.move_id = invoice
        self.env.invalidate_all()
        self.assertFalse(mine.move_id)

    def test_a_day_opens_its_rows(self):
        customer = self.customer()
        row = self.opening(customer)
        day = self.env["crm.value.purchase"].search([("partner_id", "=", customer.id)])
        self.assertEqual(day.action_open_documents()["domain"], [("id", "in", row.ids)])
        self.invoice(customer, row.date)
        self.env.invalidate_all()
        day = self.env["crm.value.purchase"].search([("partner_id", "=", customer.id)])
        self.assertEqual(day.action_open_documents()["res_model"], "account.move")

    def test_without_a_row_nothing_is_asked(self):
        self.env["crm.value.opening"].search([]).unlink()
        self.customer()
        self.refresh()
        self.assertFalse([s for s in self.env["crm.value.purchase"]._sources() if "crm_value_opening" in s.code])
