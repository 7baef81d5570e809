import random
from collections import Counter, defaultdict
from datetime import timedelta

from freezegun import freeze_time

from odoo import Command

from ..common import TODAY, ValueCase

_CODES = ("EUR", "GBP", "JPY")


@freeze_time(TODAY)
class TestCurrencies(ValueCase):
    """Two years of documents in four currencies at moving rates: our figures are those of Odoo's invoice analysis."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.random = random.Random(19)
        cls.first = TODAY - timedelta(days=730)
        months = [cls.first + timedelta(days=30 * month) for month in range(25)]
        cls.currencies = cls.company.currency_id
        for code in _CODES:
            # drawn anew every month, a hundred times as many yen
            scale = 120 if code == "JPY" else 1
            cls.currencies |= cls.setup_other_currency(
                code, rates=[(day.isoformat(), round(scale * cls.random.uniform(0.6, 1.6), 6)) for day in months]
            )
        cls.customers = [cls.customer(f"Customer {number}") for number in range(6)]
        cls.customers.append(cls.customer("Person", parent_id=cls.customers[0].id))
        cls.customers[0].is_company = True
        cls.documents = cls.env["account.move"].create([cls.document() for _number in range(80)])
        cls.documents.action_post()
        for invoice in cls.random.sample(cls.documents.filtered(lambda move: move.move_type == "out_invoice"), 8):
            # reversed at the rate of its own day
            cls.credit_note(invoice, min(TODAY, invoice.invoice_date + timedelta(days=cls.random.randint(1, 60))))

    @classmethod
    def document(cls):
        draw = cls.random
        day = cls.first + timedelta(days=draw.randint(0, 730))
        kind = draw.choices(("out_invoice", "out_refund", "out_receipt"), (7, 2, 1))[0]
        tax = cls.company_data["default_tax_sale"]
        return {
            "move_type": kind,
            "partner_id": draw.choice(cls.customers).id,
            "invoice_date": day,
            "date": day,
            "currency_id": draw.choice(cls.currencies).id,
            "invoice_line_ids": [
                Command.create(
                    {
                        "name": "Line",
                        "quantity": draw.choice((1, 3, 0.333)),
                        "price_unit": round(draw.uniform(1, 5000), 2),
                        "discount": draw.choice((0, 0, 12.5)),
                        "tax_ids": [Command.set(tax.ids if draw.random() < 0.5 else [])],
                    }
                )
                for _line in range(draw.randint(1, 4))
            ],
        }

    def analysis(self, since=None):
        """Return Odoo's own answer: commercial partner → untaxed amount in the currency of the company."""
        domain = [
            ("company_id", "=", self.company.id),
            ("state", "=", "posted"),
            ("move_type", "in", ("out_invoice", "out_refund", "out_receipt")),
        ]
        if since:
            domain += [("invoice_date", ">=", since)]
        self.env.flush_all()
        rows = self.env["account.invoice.report"]._read_group(domain, ["commercial_partner_id"], ["price_subtotal:sum"])
        return {partner: round(amount, 2) for partner, amount in rows}

    def ours(self, name="revenue_total"):
        values = self.Value.search([("company_id", "=", self.company.id)])
        return {value.partner_id: round(value[name], 2) for value in values if value.purchase_count or value[name]}

    def assertEqualToOdoo(self):
        expected = self.analysis()
        self.assertEqual({partner: amount for partner, amount in self.ours().items() if partner in expected}, expected)
        self.assertEqual(round(sum(self.ours().values()), 2), round(sum(expected.values()), 2))
        self.assertEqual(
            {partner: amount for partner, amount in self.ours("revenue_12m").items() if amount},
            {partner: amount for partner, amount in self.analysis(TODAY - timedelta(days=364)).items() if amount},
        )

    def test_full_and_incremental(self):
        used = Counter(self.documents.mapped("currency_id.name"))
        self.assertEqual(len(used), 4, used)
        self.refresh()
        self.assertEqualToOdoo()
        new = self.env["account.move"].create([self.document() for _number in range(15)])
        new.action_post()
        self.documents[:3].button_draft()
        self.Refresh._refresh_queue(lambda work: work())
        self.assertEqualToOdoo()
        incremental = self.stored()
        self.refresh()
        self.assertEqualToOdoo()
        self.assertEqual(
            [row[:14] for row in self.stored()], [row[:14] for row in incremental], "and one equals the other"
        )

    def test_a_rate_that_changes_later(self):
        """A posted document keeps the rate that it was posted at, in Odoo and here."""
        self.refresh()
        before = self.ours()
        for rate in self.env["res.currency.rate"].search([("company_id", "in", [False, self.company.root_id.id])]):
            rate.rate *= 2
        self.refresh()
        self.assertEqual(self.ours(), before)
        self.assertEqualToOdoo()

    def test_credit_notes_and_days(self):
        self.refresh()
        refunds = defaultdict(float)
        for move in self.env["account.move"].search(
            [("company_id", "=", self.company.id), ("state", "=", "posted"), ("move_type", "=", "out_refund")]
        ):
            refunds[move.commercial_partner_id] -= move.amount_untaxed_signed
        for value in self.Value.search([("company_id", "=", self.company.id)]):
            self.assertAlmostEqual(value.refund_total, refunds[value.partner_id], 2)
            days = self.env["crm.value.purchase"].search(
                [("partner_id", "=", value.partner_id.id), ("company_id", "=", self.company.id)]
            )
            self.assertAlmostEqual(sum(days.mapped("revenue")), value.revenue_total, 2)
