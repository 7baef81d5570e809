from datetime import timedelta

from freezegun import freeze_time

from ..common import TODAY
from .test_crm_value_tier_cause import CauseCase


@freeze_time(TODAY)
class TestCauseBorders(CauseCase):
    """Moves that look earned and are not, and the other way round: what they say they were, and what they bring."""

    def case_corrected_by_a_credit_note_and_a_new_invoice(self):
        customer = self.bought_on(("2025-06-01", 5000), name="Corrected")
        self.credit_note(self.last_invoice, "2025-06-30")
        self.refresh(customer)
        self.invoice(customer, "2025-06-30", 5000)
        self.refresh(customer)
        return customer, [(False, "Top", "history"), ("Top", False, "refresh"), (False, "Top", "regained")], (0, 0, 0)

    def case_a_zero_too_many(self):
        """Posted with a zero too many, which was loud; put right, it was never more than Low."""
        customer = self.bought_on(("2025-06-30", 5000), name="Typo")
        self.last_invoice.button_draft()
        self.last_invoice.invoice_line_ids.price_unit = 500
        self.last_invoice.action_post()
        self.refresh(customer)
        return customer, [(False, "Top", "refresh"), ("Top", "Low", "refresh")], None

    def case_bought_today_for_a_part_that_history_gave_back(self):
        customer = self.bought_on(("2025-06-01", 4900), name="Part")
        self.credit_note(self.last_invoice, "2025-06-05", amount=3900)
        self.invoice(customer, "2025-06-30", 4000)
        self.refresh(customer)
        return customer, [(False, "Mid", "history"), ("Mid", "Top", "refresh")], (1, 1, 1)

    def case_a_draft_posted_late_with_its_day(self):
        customer = self.customer("Late")
        draft = self.invoice(customer, TODAY - timedelta(days=8), 5000, post=False)
        self.refresh(customer)
        draft.action_post()
        self.refresh(customer)
        return customer, [(False, "Top", "history")], (0, 0, 0)

    def case_another_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("2025-01-01", 0.5)])
        customer = self.customer("Euro")
        self.invoice(customer, "2025-06-30", 2500, currency_id=euro.id)
        self.refresh(customer)
        return customer, [(False, "Top", "refresh")], (1, 1, 1)

    def test_cases(self):
        cases = [name for name in dir(self) if name.startswith("case_")]
        self.assertGreaterEqual(len(cases), 5)
        for name in cases:
            with self.subTest(case=name):
                customer, changes, brought = getattr(self, name)()
                self.assertEqual(self.tier_changes(customer), changes)
                if brought:
                    self.assertEqual(self.brought(customer), brought)
