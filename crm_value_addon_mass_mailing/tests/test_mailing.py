from datetime import timedelta

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.outreach.common import TODAY, OutreachCase
from odoo.exceptions import ValidationError


@freeze_time(TODAY)
class TestMailing(OutreachCase):
    """A mailing measured on what its customers buy, against those held out; and what it costs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.buyers = cls.env["res.partner"].concat(
            *(cls.customer(f"Buyer {number}", email=f"buyer{number}@example.com") for number in range(100))
        )
        for buyer in cls.buyers:
            cls.invoice(buyer, TODAY - timedelta(days=20), 100)
        cls.person = cls.customer("Ann", email="ann@example.com", parent_id=cls.buyers[0].id)
        cls.refresh()

    def mailing(self, **vals):
        return self.env["mailing.mailing"].create(
            {
                "subject": "News",
                "body_html": "<p>News</p>",
                "mailing_model_id": self.env["ir.model"]._get_id("res.partner"),
                "mailing_domain": repr([("id", "in", (self.buyers + self.person).ids)]),
                "value_company_id": self.company.id,
                "value_holdout_percent": 50,
                **vals,
            }
        )

    def send(self, mailing):
        mailing.action_send_mail()
        return self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id)])

    def test_a_share_is_held_out_and_measured(self):
        mailing = self.mailing()
        traces = self.send(mailing)
        followups = self.env["crm.value.followup"].search([("rule_id", "=", mailing.value_rule_id.id)])
        groups = followups.grouped("group")
        self.assertEqual(len(followups), 100)
        self.assertGreater(len(groups["control"]), 15)
        got = self.env["res.partner"].browse(traces.mapped("res_id")).commercial_partner_id
        self.assertEqual(got, groups["treated"].partner_id)
        # the contacts of a company are in one group
        self.assertEqual(self.person.id in traces.mapped("res_id"), self.buyers[0].id in traces.mapped("res_id"))
        with freeze_time(TODAY + timedelta(days=1)):
            for buyer in groups["treated"].partner_id:
                self.invoice(buyer, TODAY + timedelta(days=1), 500)
        with freeze_time(TODAY + timedelta(days=70)):
            self.refresh()
            self.run_rules()
            self.env.invalidate_all()
            rule = mailing.value_rule_id.with_company(self.company)
            self.assertEqual(rule.measured_count, 100)
            self.assertGreater(rule.uplift_revenue, 300)
            self.assertIn("It pays", rule.verdict)
            self.assertFalse(rule.active)

    def test_sent_in_two_steps_the_groups_stay(self):
        mailing = self.mailing()
        first = set(mailing._get_recipients())
        self.send(mailing)
        self.assertEqual(set(mailing._get_recipients()), first)
        count = self.env["crm.value.followup"].search_count([("rule_id", "=", mailing.value_rule_id.id)])
        mailing._value_remember()
        self.assertEqual(
            self.env["crm.value.followup"].search_count([("rule_id", "=", mailing.value_rule_id.id)]), count
        )

    def test_without_a_control_group_nothing_is_remembered(self):
        mailing = self.mailing(value_holdout_percent=0)
        self.assertEqual(len(self.send(mailing)), 101)
        self.assertFalse(mailing.value_rule_id)

    def test_what_it_cost_is_borne_by_who_got_it(self):
        mailing = self.mailing(value_cost=1000, value_holdout_percent=0)
        self.send(mailing)
        query = self.env["crm.value.cost.source"]._query(self.company, TODAY)
        rows = [row for row in self.env.execute_query_dict(query) if row["driver"] == "mailings"]
        self.assertEqual(len(rows), 100)
        self.assertEqual({(float(row["cost"]), float(row["cost_12m"])) for row in rows}, {(10.0, 10.0)})

    def test_what_makes_no_sense_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "at most 90"):
            self.mailing(value_holdout_percent=95)
        with self.assertRaisesRegex(ValidationError, "not negative"):
            self.mailing(value_cost=-1)
        with self.assertRaisesRegex(ValidationError, "to contacts"):
            self.mailing(mailing_model_id=self.env["ir.model"]._get_id("mailing.list"), mailing_domain="[]")
