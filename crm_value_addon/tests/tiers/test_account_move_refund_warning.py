from freezegun import freeze_time

from odoo import Command
from odoo.tests import new_test_user

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestAccountMoveRefundWarning(ValueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_method = "history"
        cls.env["crm.value.tier"].search([]).active = False
        cls.tier = cls.env["crm.value.tier"].create(
            {
                "name": "Silver",
                "sequence": 10,
                "company_id": cls.company.id,
                "downgrade_policy": "immediate",
                "criterion_ids": [Command.create({"metric": "revenue_12m", "enter_min": 1000, "keep_min": 1000})],
            }
        )
        cls.bakery = cls.customer("Bakery")
        cls.sold = cls.invoice(cls.bakery, "2025-05-01", 900, product=cls.product, quantity=1)
        cls.invoice(cls.bakery, "2025-03-01", 400)
        cls.refresh()

    def draft(self, amount, invoice=None, **vals):
        if invoice:
            wizard = (
                self.env["account.move.reversal"]
                .with_context(
                    active_model="account.move",
                    active_ids=invoice.ids,
                )
                .create({"date": TODAY, "journal_id": invoice.journal_id.id})
            )
            note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
            note.invoice_line_ids.price_unit = amount
            return note
        return self.invoice(self.bakery, TODAY, amount, move_type="out_refund", post=False, **vals)

    def assert_as_announced(self, note):
        value = self.value(self.bakery)
        announced = self.env["crm.value.tier.preview"].sudo()._after_draft(value.sudo(), self.company, note)
        note.action_post()
        self.refresh(self.bakery)
        for name in ("revenue_total", "revenue_12m", "margin_total", "purchase_count", "clv", "realised_value"):
            self.assertAlmostEqual(announced[name], value[name], places=2, msg=name)
        self.assertEqual(announced["tier_id"], value.tier_id)

    def test_figures_after_posting_are_those(self):
        self.assertEqual(self.value(self.bakery).tier_id, self.tier)
        note = self.draft(500, self.sold)
        # 900 + 400 - 500 = 800, less than the 1,000 of Silver
        self.assertIn("800.00", note.value_refund_warning)
        self.assertIn("now Silver", note.value_refund_warning)
        self.assert_as_announced(note)
        self.assertFalse(note.value_refund_warning)
        self.assertFalse(self.value(self.bakery).tier_id)

    def test_a_whole_purchase_given_back(self):
        self.assert_as_announced(self.draft(900, self.sold))
        self.assertEqual(self.value(self.bakery).purchase_count, 1)

    def test_free_credit_note_keeps_the_tier(self):
        note = self.draft(100)
        self.assertIn("1,200.00", note.value_refund_warning)
        self.assertNotIn("Silver", note.value_refund_warning)
        self.assert_as_announced(note)

    def test_a_tier_that_is_kept_for_a_while_only(self):
        self.tier.write({"downgrade_policy": "grace", "grace_days": 60})
        self.refresh()
        note = self.draft(500, self.sold)
        self.assertIn("To keep Silver it needs Revenue 12 Months $\xa01,000.00", note.value_refund_warning)
        self.assert_as_announced(note)
        self.assertEqual(self.value(self.bakery).tier_id, self.tier)

    def test_nothing_else_is_warned_of(self):
        self.assertFalse(self.invoice(self.bakery, TODAY, 10, post=False).value_refund_warning)
        self.assertFalse(
            self.invoice(self.customer("Stranger"), TODAY, 10, move_type="out_refund", post=False).value_refund_warning
        )

    def test_who_keeps_the_books_only_sees_no_warning(self):
        accountant = new_test_user(
            self.env,
            "accountant",
            groups="account.group_account_invoice",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        note = self.draft(500, self.sold).with_user(accountant)
        self.assertNotIn("value_refund_warning", note.fields_get())
        note.get_view(view_type="form")
        note.action_post()
