from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from ..common import TODAY
from ..components.test_crm_value_component import PartsCase


@freeze_time(TODAY)
class TestCrmValueExplanation(PartsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "value_referral_share": 0.1,
                "value_cost_credit_notes": True,
                "value_cost_credit_note": 30,
                "value_knowledge_cap": 100,
            }
        )
        cls.idea = cls.env.ref("crm_value_addon.feedback_kind_idea")
        cls.idea.amount = 60
        cls.bakery = cls.customer("Bakery")
        for days in (40, 71, 102):
            cls.invoice(cls.bakery, TODAY - timedelta(days=days), 240)
        returned = cls.invoice(cls.bakery, TODAY - timedelta(days=102), 50)
        cls.note = cls.credit_note(returned, TODAY - timedelta(days=100))
        cls.lead = cls.opportunity(cls.bakery, expected_revenue=1000)
        cls.at_odds(cls.lead, 50)
        cls.order = cls.quotation(cls.bakery, 500)
        cls.referred = cls.customer("Inn", referred_by_id=cls.bakery.id)
        cls.invoice(cls.referred, TODAY - timedelta(days=5), 900)
        cls.feedback = cls.env["crm.value.feedback"].create(
            {
                "partner_id": cls.bakery.id,
                "company_id": cls.company.id,
                "kind_id": cls.idea.id,
                "date": TODAY,
                "description": "Smaller boxes",
            }
        )

    def person(self, login, groups, company=None):
        company = company or self.company
        return new_test_user(
            self.env, login, groups=groups, company_id=company.id, company_ids=[Command.set(company.ids)]
        )

    def test_the_components_add_up(self):
        self.refresh()
        value = self.value(self.bakery)
        explained = value.explain_value()
        self.assertEqual(
            round(sum(part["sign"] * part["amount"] for part in explained["parts"]), 2), round(explained["clv"], 2)
        )
        self.assertEqual(explained["clv"], value.clv)
        parts = {part["name"]: part for part in explained["parts"]}
        self.assertTrue(all(part["amount"] and part["configured"] for part in parts.values()))
        # three days of purchases, 31 days apart
        amount = self.env["crm.value.explanation"]._money(value, 240)
        self.assertEqual(
            parts["transaction_value"]["inputs"][0], f"3 purchases, every 31 days, {amount} each, last 40 days ago"
        )
        self.assertIn("Deal", parts["growth_value"]["inputs"][0])
        self.assertIn("1 × Idea", parts["knowledge_value"]["inputs"][0])
        realised = explained["realised"]
        self.assertEqual(realised["cost"], 30)
        self.assertEqual(round(realised["margin"] - realised["cost"], 2), value.realised_value)
        self.assertEqual(value.value_explanation, explained)

    def test_records_of_a_part(self):
        self.refresh()
        value = self.value(self.bakery)
        for key, expected in (
            ("opportunities", self.lead),
            ("quotations", self.order),
            ("referred", self.value(self.referred)),
            ("feedback", self.feedback),
            ("credit_notes", self.note),
        ):
            action = value.action_open_part(key)
            self.assertEqual(self.env[action["res_model"]].search(action["domain"]), expected, key)
        for part in value.explain_value()["parts"]:
            for record in part["records"]:
                self.assertEqual(value.action_open_part(record["key"])["type"], "ir.actions.act_window")
        for key in ("work", "late_payment", "benefits", "acquisition"):
            self.assertTrue(value.action_open_part(key)["type"])
        with self.assertRaises(UserError):
            value.action_open_part("write")

    def test_what_documents_counted_as(self):
        self.refresh()
        value = self.value(self.bakery)
        seller = self.person("worth", "sales_team.group_sale_salesman,crm_value_addon.group_value_margin")
        for user in (self.env.user, seller):
            sentences = value.with_user(user).explain_value()["documents"]
            self.assertEqual(len(sentences), 5)
            [given_back] = [text for text in sentences if text.startswith(self.note.name)]
            self.assertIn("Given Back", given_back)
            self.assertIn(self.note.reversed_entry_id.name, given_back)
            self.assertEqual(sum("A purchase of" in text for text in sentences), 4)
        action = value.action_open_part("documents")
        self.assertEqual(len(self.env["crm.value.document"].search(action["domain"])), 5)

    def test_not_configured(self):
        self.company.write({"value_referral_share": 0, "value_cost_credit_notes": False})
        self.idea.amount = 0
        self.refresh()
        parts = {part["name"]: part for part in self.value(self.bakery).explain_value()["parts"]}
        for name in ("referral_value", "knowledge_value", "service_cost"):
            self.assertEqual((parts[name]["amount"], parts[name]["configured"]), (0, False))

    def test_since_the_last_month(self):
        self.refresh()
        before = self.value(self.bakery).clv
        self.assertFalse(self.value(self.bakery).explain_value()["since"])
        with freeze_time(TODAY + timedelta(days=9)):
            self.invoice(self.bakery, TODAY + timedelta(days=8), 1000)
            self.refresh()
            since = self.value(self.bakery).explain_value()["since"]
        self.assertEqual((since["as_of_date"], since["clv"]), (TODAY.isoformat(), before))
        self.assertEqual(since["change"], round(self.value(self.bakery).clv - before, 2))
        self.assertEqual(round(sum(part["change"] for part in since["parts"]), 2), since["change"])

    def test_rights(self):
        self.refresh()
        value = self.value(self.bakery)
        seller = self.person("seller", "sales_team.group_sale_salesman")
        stranger = self.person("stranger", "sales_team.group_sale_manager", self.other_company)
        manager = self.person("manager", "sales_team.group_sale_manager")
        for user in (seller, stranger):
            with self.assertRaises(AccessError):
                value.with_user(user).explain_value()
            with self.assertRaises(AccessError):
                value.with_user(user).action_open_part("feedback")
        self.assertEqual(value.with_user(manager).explain_value()["clv"], value.clv)
