from datetime import date

from freezegun import freeze_time

from odoo.exceptions import UserError

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestOpeningStanding(BenefitCase):
    """Tiers and points that customers had elsewhere."""

    def standing(self, customer, **vals):
        return self.env["crm.value.opening.standing"].create(
            {"partner_id": customer.id, "company_id": self.company.id, **vals}
        )

    def test_a_tier_and_since_when(self):
        customer = self.customer()
        self.refresh()
        self.standing(customer, tier_id=self.top.id, tier_since="2022-05-01")
        self.env["crm.value.opening"].create(
            {"partner_id": customer.id, "company_id": self.company.id, "date": "2025-05-05", "amount": 4000.0}
        )
        for partners in (customer, None):
            self.refresh(partners)
            value = self.value(customer)
            self.assertEqual((value.tier_id, value.tier_since), (self.top, date(2022, 5, 1)), "4,000 keep it")
        self.assertRecordValues(value.tier_change_ids, [{"source": "import", "is_silent": True}])

    def test_the_rules_decide_from_then_on(self):
        customer = self.customer()
        self.refresh()
        self.standing(customer, tier_id=self.top.id, tier_since="2022-05-01")
        self.refresh(customer)
        value = self.value(customer)
        self.assertFalse(value.tier_id, "nothing keeps it")
        self.assertEqual(value.tier_change_ids.mapped("source"), ["import", "import"])
        self.invoice(customer, TODAY, 4000.0)
        self.refresh(customer)
        self.assertEqual((value.tier_id, value.tier_since), (self.top, date(2022, 5, 1)), "loaded in another order")

    def test_points(self):
        customer, program = self.customer(email="a@example.com"), self.program("loyalty")
        mails = self.env["mail.mail"].search_count([])
        rows = self.standing(customer, program_id=program.id, points=240.0)
        rows |= self.standing(customer, program_id=program.id, points=60.0)
        self.assertEqual(len(rows.card_id), 1)
        self.assertEqual(rows.card_id.points, 300.0)
        self.assertEqual(rows.card_id.history_ids.sorted("id").mapped("issued"), [240.0, 60.0])
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)

    def test_rows_that_cannot_be(self):
        customer, program = self.customer(), self.program("loyalty")
        for text, vals in {
            "a tier or points": {},
            "which program": {"points": 5.0},
            "from 0 up": {"points": -5.0, "program_id": program.id},
            "Points are a number": {"points": float("nan"), "program_id": program.id},
            "keeps no points": {"points": 5.0, "program_id": self.program("promotion").id},
            "of the future": {"tier_id": self.top.id, "tier_since": "2030-01-01"},
            "the tier is missing": {
                "tier_since": "2020-01-01",
                "program_id": program.id,
                "points": 1.0,
            },
        }.items():
            with self.subTest(text), self.refused(text):
                self.standing(customer, **vals)

    def test_a_row_is_kept_as_it_was_loaded(self):
        row = self.standing(self.customer(), tier_id=self.top.id)
        with self.assertRaises(UserError):
            row.points = 10
