from freezegun import freeze_time
from lxml import html

from odoo import Command
from odoo.tests import new_test_user

from ..common import TODAY
from .test_crm_value_tier_assignment import TierCase


@freeze_time(TODAY)
class TestCrmValueTierExplanation(TierCase):
    def text(self, record, field="tier_explanation"):
        return " ".join(html.fromstring(record[field]).text_content().split())

    def explain(self, customer):
        explained = self.env["crm.value.tier.explanation"]._explain_tiers(self.value(customer))[self.value(customer).id]
        return {step["kind"]: step for step in explained["steps"]}

    def test_have_need_missing(self):
        customer = self.bought(850)
        steps = self.explain(customer)
        [criterion] = steps["next"]["criteria"]
        self.assertEqual(
            [criterion[key] for key in ("have", "need", "missing", "passed", "share")],
            ["$\xa0850.00", "$\xa01,000.00", "$\xa0150.00", False, 85],
        )
        self.assertEqual(steps["next"]["tier"], self.mid)
        self.assertTrue(steps["keep"]["is_met"])
        text = self.text(self.value(customer))
        self.assertIn("To reach Mid", text)
        self.assertIn("150.00 missing", text)
        self.assertIn("To keep Low met", text)
        self.assertEqual(text, self.text(customer.with_company(self.company), "value_tier_explanation"))

    def test_the_reason_of_a_change_is_in_the_language_of_its_reader(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        customer = self.bought(850)
        self.invoice(customer, "2025-06-25", 150)
        self.Refresh.with_context(lang="zh_CN")._refresh_customers(self.company, customer.ids)
        change = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(customer).id)], limit=1)
        self.assertEqual((change.from_tier_id, change.to_tier_id), (self.low, self.mid))
        self.assertEqual(change.asked, {"revenue_12m": 1000})
        english, chinese = (change.with_context(lang=lang).reason for lang in ("en_US", "zh_CN"))
        self.assertEqual(english, "Revenue 12 Months $\xa01,000.00 (needs $\xa01,000.00)")
        self.assertIn("需要", chinese)
        self.assertNotIn("needs", chinese)
        self.assertFalse(change.words)

    def test_the_reason_of_a_lock_is_the_persons(self):
        customer = self.bought(850)
        self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(customer).id, "tier_id": self.top.id, "reason": "Old friend"}
        )
        change = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(customer).id)], limit=1)
        self.assertEqual((change.reason, change.words, change.asked), ("Old friend", "Old friend", False))

    def test_restricted_figures_are_named_without_a_number(self):
        change = self.env["crm.value.tier.change"].create(
            {
                "value_id": self.value(self.bought(5000)).id,
                "date": TODAY,
                "source": "refresh",
                "asked": {"clv": 1000, "gone_figure": 3},
                "figures": {"clv": 4321},
            }
        )
        self.assertEqual(change.reason, "CLV")

    def test_meeting_it_upgrades(self):
        customer = self.bought(850)
        self.invoice(customer, "2025-06-02", 150)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.mid)

    def test_tier_in_danger(self):
        self.mid.write({"downgrade_policy": "grace", "grace_days": 10})
        customer = self.bought(1000)
        self.credit_note(self.last_invoice, "2025-06-10", 300)
        self.refresh(customer)
        step = self.explain(customer)["keep"]
        self.assertFalse(step["is_met"])
        self.assertEqual(step["criteria"][0]["missing"], "$\xa0100.00")
        self.assertIn("in danger: 07/10/2025", self.text(self.value(customer)))

    def test_lock_and_domain(self):
        self.mid.partner_domain = "[('country_id.code', '=', 'BE')]"
        customer = self.bought(850)
        self.assertEqual(list(self.explain(customer)), ["next", "keep"])
        self.assertEqual(self.explain(customer)["next"]["tier"], self.top, "Mid is for others")
        self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(customer).id, "tier_id": self.mid.id, "reason": "Board decision"}
        )
        text = self.text(self.value(customer))
        self.assertIn("Board decision", text)
        self.assertIn("not among them", text)

    def test_margins_are_not_for_everybody(self):
        self.mid.criterion_ids = [Command.create({"metric": "margin_12m", "enter_min": 321})]
        customer = self.bought(850)
        user = new_test_user(
            self.env,
            "plain",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        customer.user_id = user
        text = self.text(self.value(customer).with_user(user))
        self.assertIn("Margin 12 Months", text)
        self.assertNotIn("321", text)
        self.assertNotIn("340", text, "40 % of 850")
        self.assertIn("150.00 missing", text)
        self.assertIn("reached", text)
        self.invoice(customer, "2025-06-25", 500)
        self.refresh(customer)
        message = self.value(customer).message_ids.body
        self.assertIn("Margin 12 Months", message)
        self.assertNotIn("540", message)
        partner = customer.with_user(user).with_company(self.company)
        self.assertNotIn("540", self.text(partner, "value_tier_explanation"))

    def test_text_is_no_html(self):
        customer = self.bought(850)
        self.mid.name = "<b>Mid</b>"
        self.assertIn("&lt;b&gt;Mid", self.value(customer).tier_explanation)
