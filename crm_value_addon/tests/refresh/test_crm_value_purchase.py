from datetime import date

import numpy as np
from freezegun import freeze_time

from odoo.tests import new_test_user
from odoo.tools import SQL

from ...models.refresh.basis import Basis
from ...report import crm_value_purchase_reader
from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValuePurchase(ValueCase):
    def days(self, customer):
        return self.env["crm.value.purchase"].search([("partner_id", "=", customer.id)], order="date")

    def test_several_invoices_a_day_are_one_purchase(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 100)
        self.invoice(customer, "2025-06-01", 50)
        self.invoice(customer, "2025-06-02", 0)
        self.refresh(customer)
        self.assertRecordValues(
            self.days(customer),
            [
                {"date": date(2025, 6, 1), "revenue": 150, "document_count": 2, "is_purchase": True},
                {"date": date(2025, 6, 2), "revenue": 0, "document_count": 1, "is_purchase": False},
            ],
        )
        self.assertRecordValues(self.value(customer), [{"purchase_count": 1, "frequency": 0, "monetary_value": 150}])

    def test_full_reversal_undoes_the_purchase_and_keeps_revenue_on_its_days(self):
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01")
        self.credit_note(invoice, "2025-06-10")
        self.refresh(customer)
        self.assertRecordValues(
            self.days(customer),
            [
                {"date": date(2025, 5, 1), "revenue": 100, "refund": 0, "is_purchase": False},
                {"date": date(2025, 6, 10), "revenue": -100, "refund": 100, "is_purchase": False},
            ],
        )
        self.assertRecordValues(
            self.value(customer),
            [{"purchase_count": 0, "revenue_total": 0, "refund_total": 100, "last_purchase_date": False}],
        )

    def test_partial_reversal_makes_the_purchase_smaller(self):
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01")
        self.credit_note(invoice, "2025-06-10", amount=30)
        self.refresh(customer)
        self.assertRecordValues(
            self.value(customer), [{"purchase_count": 1, "monetary_value": 70, "revenue_total": 70}]
        )

    def test_refund_without_origin_is_no_purchase_and_undoes_none(self):
        customer = self.customer()
        self.invoice(customer, "2025-05-01")
        self.invoice(customer, "2025-05-01", 150, move_type="out_refund")
        self.refresh(customer)
        self.assertRecordValues(
            self.value(customer), [{"purchase_count": 1, "monetary_value": 100, "revenue_total": -50}]
        )

    def test_reversal_of_an_invoice_that_went_back_to_draft(self):
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01")
        note = self.credit_note(invoice, "2025-06-10")
        note.button_draft()
        self.refresh(customer)
        self.assertRecordValues(self.value(customer), [{"purchase_count": 1, "revenue_total": 100}])

    def test_another_module_adds_a_source(self):
        customer = self.customer()
        self.invoice(customer, "2025-05-01")
        Purchase = type(self.env["crm.value.purchase"])
        original = Purchase._sources

        def _sources(model):
            return [
                *original(model),
                SQL(
                    "SELECT -1 AS id, %s AS partner_id, %s AS company_id, date '2025-06-05' AS date, 30 AS revenue,"
                    " 10 AS margin, 0 AS refund, 30 AS purchase_revenue, TRUE AS is_frozen",
                    customer.id,
                    self.company.id,
                ),
            ]

        self.patch(Purchase, "_sources", _sources)
        for partners in (customer, None):  # the one, then all
            self.env.cr.execute("DELETE FROM crm_value WHERE partner_id = %s", [customer.id])
            self.env.invalidate_all()
            self.refresh(partners)
            self.assertRecordValues(
                self.value(customer),
                [
                    {
                        "purchase_count": 2,
                        "revenue_total": 130,
                        "margin_total": 50,
                        "last_purchase_date": date(2025, 6, 5),
                    }
                ],
            )
        self.assertEqual(len(self.days(customer)), 2)

    def test_rows_of_other_modules_correct_a_day_and_make_none(self):
        customer = self.customer()
        self.invoice(customer, "2025-05-01", 100)
        Purchase = type(self.env["crm.value.purchase"])
        original = Purchase._sources
        self.patch(
            Purchase,
            "_sources",
            lambda model: [
                *original(model),
                *(
                    SQL(
                        "SELECT NULL::int AS id, %s AS partner_id, %s AS company_id, %s::date AS date, 0 AS revenue, 0 "
                        "AS margin, 0 AS refund, -30 AS purchase_revenue, TRUE AS is_frozen",
                        customer.id,
                        self.company.id,
                        day,
                    )
                    for day in ("2025-05-01", "2025-05-02")
                ),
            ],
        )
        for partners in (customer, None):
            self.env.cr.execute("DELETE FROM crm_value WHERE partner_id = %s", [customer.id])
            self.env.invalidate_all()
            self.refresh(partners)
            self.assertRecordValues(self.value(customer), [{"purchase_count": 1, "monetary_value": 70}])

    def test_documents_that_the_user_may_not_read_are_counted(self):
        customer = self.customer()
        seller = new_test_user(
            self.env,
            "own_seller",
            "sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
        self.invoice(customer, "2025-05-01", invoice_user_id=seller.id)
        self.invoice(customer, "2025-05-01", invoice_user_id=self.env.user.id)
        self.refresh(customer)
        day = self.days(customer).with_user(seller)
        action = day.action_open_documents()
        readable = self.env["account.move"].with_user(seller).search_count(action["domain"])
        self.assertEqual(readable, 1)
        self.assertIn("1 not shown", action["name"])

    def test_all_customers_are_read_as_the_view_reads_them(self):
        """The bulk reading joins in numpy what the view joins in SQL: the same rows, whatever the documents."""
        first, second = self.customer("First"), self.customer("Second")
        invoice = self.invoice(first, "2025-04-01", 100)
        self.invoice(first, "2025-04-01", 20, product=self.product)
        self.invoice(second, "2025-04-01", 0.3)
        for amount in (0.1, 0.2):
            self.credit_note(self.invoice(second, "2025-04-02", amount), "2025-06-03")
        self.credit_note(invoice, "2025-06-10", amount=30)
        # reverses the first one's invoices: once on a day on which the second has a document, once on another
        self.credit_note(invoice, "2025-06-11", amount=7)
        other = self.invoice(first, "2025-04-03", 40)
        for reversed_move in (invoice, other):
            note = self.credit_note(reversed_move, "2025-06-12", amount=5)
            self.env.cr.execute(
                "UPDATE account_move SET commercial_partner_id = %s, partner_id = %s WHERE id = %s",
                [second.id, second.id, note.id],
            )
        self.invoice(first, "2025-06-14", 60, move_type="out_refund")
        down_payment = self.invoice(second, "2025-06-15", 500)
        self.refresh()
        self.env.cr.execute(
            "UPDATE crm_value_document SET role = 'advance', purchase_revenue = 0 WHERE move_id = %s",
            [down_payment.id],
        )
        self.invoice(second, "2025-06-16", 80)  # not frozen yet
        self.invoice(self.customer("Third"), "2025-06-17", 90)

        Purchase = self.env["crm.value.purchase"]
        self.patch(crm_value_purchase_reader, "_ROW_SPAN", 1)
        self.patch(crm_value_purchase_reader, "_CHUNK_ROWS", 2)
        Reader, today = self.env["crm.value.purchase.reader"], self.company._value_today()
        chunks = list(Reader._iter_days(Basis(self.company, today)))
        self.assertGreater(len(chunks), 1)
        read = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
        self.env.cr.execute(
            SQL(
                """SELECT partner_id, date - date '1970-01-01', revenue, margin, refund, purchase_revenue,
                        unfrozen_count
                 FROM (%s) purchase ORDER BY 1, 2""",
                Purchase._query(SQL("source.company_id = %s", self.company.id)),
            )
        )
        viewed = [tuple(map(float, row)) for row in self.env.cr.fetchall()]
        names = ("partner", "date", "revenue", "margin", "refund", "purchase_revenue", "unfrozen")
        for found in (read, *Reader._iter_days(Basis(self.company, today, [first.id, second.id]))):
            rows = [
                tuple(round(float(value), 6) for value in row)
                for row in zip(*(found[name] for name in names), strict=True)
            ]
            self.assertEqual(rows, [row for row in viewed if row[0] in found["partner"]])
        self.assertEqual(len(set(read["partner"].tolist())), 3)
        self.assertGreater(read["unfrozen"].sum(), 1)
