from freezegun import freeze_time
from lxml import html

from odoo import Command
from odoo.tests import new_test_user

from ..common import TODAY
from .test_crm_value_tier_assignment import TierCase


@freeze_time(TODAY)
class TestBasePartnerMerge(TierCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.customer("First", email="a@example.com")
        cls.second = cls.customer("Second", email="a@example.com")

    def wizard(self, user=None):
        return (
            self.env["base.partner.merge.automatic.wizard"]
            .with_user(user or self.env.user)
            .with_context(allowed_company_ids=self.company.ids)
            .create(
                {
                    "partner_ids": [Command.set((self.first + self.second).ids)],
                    "dst_partner_id": self.second.id,
                    "state": "selection",
                }
            )
        )

    def merge(self):
        self.wizard()._merge((self.first + self.second).ids, self.second)
        self.env.flush_all()

    def shown(self, wizard):
        """Return the table of the preview: label → texts."""
        rows = html.fromstring(wizard.value_preview).xpath("//tbody/tr")
        return {row[0].text_content(): [cell.text_content() for cell in row[1:]] for row in rows}

    def test_merged_customer_is_decided_again(self):
        self.invoice(self.first, "2025-06-01", 700)
        self.invoice(self.second, "2025-06-01", 600)
        self.refresh()
        shown = self.shown(self.wizard())
        self.merge()
        value = self.value(self.second)
        self.assertRecordValues(
            value, [{"tier_id": self.mid.id, "revenue_12m": 1300, "purchase_count": 1, "next_tier_id": self.top.id}]
        )
        self.assertEqual(shown["Tier"], ["Low", "Low", "Mid"])
        self.assertEqual(shown["Purchases"], ["1", "1", "1"], "both bought on the same day")
        self.assertIn("1,300.00", shown["Revenue 12 Months"][2])
        self.assertIn(f"{value.clv:,.2f}", shown["CLV"][2])
        self.assertEqual(
            self.tier_changes(self.second),
            [(False, "Low", "initial"), (False, "Low", "initial"), ("Low", "Mid", "merge")],
        )

    def test_higher_tier_logs_locks_and_messages_follow(self):
        self.invoice(self.first, "2025-06-01", 100)
        self.invoice(self.second, "2025-06-01", 600)
        self.refresh()
        self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(self.first).id, "tier_id": self.top.id, "reason": "Old friend"}
        )
        self.assertEqual(self.value(self.first).tier_id, self.top)
        shown = self.shown(self.wizard())
        self.merge()
        value = self.value(self.second)
        self.assertEqual((value.tier_id, value.tier_lock_id.reason), (self.top, "Old friend"))
        self.assertEqual(shown["Tier"], ["Low", "Top", "Top"] if shown["Tier"][0] == "Low" else ["Top", "Low", "Top"])
        self.assertIn(("Low", "Top", "lock"), self.tier_changes(self.second))
        self.assertIn(("Low", "Top", "merge"), self.tier_changes(self.second))
        self.assertIn("Old friend", " ".join(value.message_ids.mapped("body")))
        self.assertFalse(self.Value.search([("partner_id", "=", self.first.id)]))

    def test_one_lock_is_left(self):
        for customer, tier in ((self.first, self.top), (self.second, self.mid)):
            self.invoice(customer, "2025-06-01", 100)
            self.refresh(customer)
            self.env["crm.value.tier.lock"].create(
                {"value_id": self.value(customer).id, "tier_id": tier.id, "reason": "Because"}
            )
        self.merge()
        value = self.value(self.second)
        self.assertEqual(value.tier_id, self.mid, "the lock of the contact that remains")
        self.assertEqual(len(value.with_context(active_test=False).tier_lock_ids), 2)
        self.assertEqual(len(value.tier_lock_ids), 1)

    def test_destination_without_value(self):
        self.invoice(self.first, "2025-06-01", 700)
        self.refresh()
        shown = self.shown(self.wizard())
        self.merge()
        self.assertRecordValues(self.value(self.second), [{"tier_id": self.low.id, "revenue_12m": 700}])
        self.assertEqual(self.tier_changes(self.second), [(False, "Low", "initial")])
        self.assertEqual(shown["Tier"], ["Low", "Low"])

    def test_contacts_that_are_no_customers(self):
        self.assertFalse(self.wizard().value_preview)
        self.merge()
        self.assertFalse(self.first.exists())

    def test_seller_sees_no_margin(self):
        self.invoice(self.first, "2025-06-01", 700)
        self.invoice(self.second, "2025-06-01", 600)
        self.refresh()
        seller = new_test_user(
            self.env,
            "merge_seller",
            groups="sales_team.group_sale_salesman,base.group_partner_manager,base.group_erp_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        self.assertEqual(list(self.shown(self.wizard(seller))), ["Tier", "Revenue 12 Months", "Revenue", "Purchases"])
