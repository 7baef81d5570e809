from datetime import date, timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueReplay(ValueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_method = "history"
        cls.bakery, cls.inn = cls.customer("Bakery"), cls.customer("Inn")
        cls.first = cls.invoice(cls.bakery, "2025-03-01", 1000)
        cls.invoice(cls.bakery, "2025-05-01", 500)
        cls.invoice(cls.inn, "2025-04-01", 300)

    def replay(self, day, values=None, user=None):
        wizard = (
            self.env["crm.value.replay"]
            .with_user(user or self.env.user)
            .create(
                {
                    "as_of_date": day,
                    "company_id": self.company.id,
                    "value_ids": [Command.set((values or self.Value).ids)],
                }
            )
        )
        wizard.action_replay()
        return wizard

    def test_equals_the_snapshot_of_then(self):
        self.refresh()
        taken = self.value(self.bakery).snapshot_ids
        then = {
            name: self.value(self.bakery)[name]
            for name in ("revenue_total", "revenue_12m", "margin_total", "transaction_value", "purchase_count")
        }
        later = TODAY + timedelta(days=60)
        with freeze_time(later):
            self.invoice(self.bakery, later, 700)
            self.credit_note(self.first, later)  # gives back the first purchase, after the day
            self.refresh()
            stored = self.stored()
            line = self.replay(TODAY).line_ids.filtered(lambda line: line.partner_id == self.bakery)
            self.assertEqual({name: line[name] for name in then}, then)
            self.assertEqual(line.revenue_12m, taken.revenue_12m)
            self.assertNotEqual(self.value(self.bakery).revenue_total, line.revenue_total)
            self.assertEqual(self.stored(), stored)

    def test_company_and_selection(self):
        self.refresh()
        wizard = self.replay(date(2025, 4, 30))
        self.assertEqual((wizard.revenue_total, wizard.customer_count), (1300, 2))
        # 1,300 × 40 %
        self.assertEqual(wizard.margin_total, 520)
        wizard = self.replay(date(2025, 4, 30), self.value(self.inn))
        self.assertEqual((wizard.revenue_total, wizard.line_ids.partner_id), (300, self.inn))
        with self.assertRaises(UserError):
            self.replay(TODAY + timedelta(days=1))

    def test_lists_what_was_posted_since(self):
        self.refresh()
        self.env.flush_all()
        self.env.cr.execute("UPDATE crm_value_document SET frozen_at = '2025-05-02'")
        self.env["crm.value.document"].invalidate_model()
        with freeze_time(TODAY + timedelta(days=3)):
            late = self.invoice(self.inn, "2025-06-15", 40)
            self.refresh()
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE crm_value_document SET frozen_at = %s WHERE move_id = %s", (TODAY + timedelta(days=3), late.id)
            )
            wizard = self.replay(TODAY)
        self.assertEqual(wizard.posted_since_count, 1)
        action = wizard.action_open_posted_since()
        self.assertEqual(self.env["crm.value.document"].search(action["domain"]).move_id, late)
        self.assertEqual(self.replay(TODAY, self.value(self.bakery)).posted_since_count, 0)

    def test_rights(self):
        self.refresh()
        users = [
            new_test_user(
                self.env,
                login,
                groups=f"sales_team.group_sale_{login}",
                company_id=self.company.id,
                company_ids=[Command.set(self.company.ids)],
            )
            for login in ("salesman", "manager")
        ]
        with self.assertRaises(AccessError):
            self.replay(TODAY, user=users[0])
        self.assertEqual(self.replay(TODAY, user=users[1]).revenue_total, 1800)
        other = self.env["res.company"].create({"name": "Other"})
        with self.assertRaises(AccessError):
            self.env["crm.value.replay"].with_user(users[1]).create(
                {"as_of_date": TODAY, "company_id": other.id}
            ).action_replay()
