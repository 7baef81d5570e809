from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError

from ..common import TODAY
from .common import ListeningCase


@freeze_time(TODAY)
class TestCrmValueDeparture(ListeningCase):
    """Whoever spoke with a customer that leaves is asked why, once; the answers add up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.value.followup.rule"].search([]).active = False
        cls.price = cls.env.ref("crm_value_addon.leaving_reason_price")
        cls.market = cls.env.ref("crm_value_addon.leaving_reason_market")
        cls.gone = cls.buyer("Gone", 900, days_ago=700)
        cls.invoice(cls.gone, TODAY - timedelta(days=600), 300)
        cls.refresh()

    def rule(self, trigger, **vals):
        return self.env["crm.value.followup.rule"].create(
            {"name": trigger, "trigger": trigger, "company_id": self.company.id, "user_id": self.bob.id, **vals}
        )

    def done(self, rule, partner=None, state="done"):
        """Let a follow-up of a rule exist, and end its activity."""
        partner = partner or self.gone
        followup = self.env["crm.value.followup"].create(
            {
                "rule_id": rule.id,
                "value_id": self.value(partner).id,
                "company_id": self.company.id,
                "occasion": f"once {self.env['crm.value.followup'].search_count([])}",
                "date": TODAY,
                "group": "treated",
                "state": "open",
                "user_id": self.bob.id,
                "deadline": TODAY,
            }
        )
        activity = partner.activity_schedule(
            "mail.mail_activity_data_todo", user_id=self.bob.id, value_followup_id=followup.id
        )
        followup.activity_id = activity
        if state == "done":
            activity.with_user(self.bob).action_feedback(feedback="Spoke")
        else:
            activity.with_user(self.bob).unlink()
        return followup

    def asked(self, partner=None):
        return self.env["crm.value.departure"].search([("partner_id", "=", (partner or self.gone).id)])

    def test_asked_when_done(self):
        followup = self.done(self.rule("lost", days=3000))
        question = self.asked()
        self.assertRecordValues(
            question,
            [
                {
                    "cause": "lost",
                    "followup_id": followup.id,
                    "user_id": self.bob.id,
                    "reason_id": False,
                    "date": TODAY,
                    "revenue_lost": 1200.0,
                    "value_lost": 480.0,
                }
            ],
        )
        page = self.env["crm.value.customer.page"].with_user(self.bob).read_page(self.value(self.gone).id)
        self.assertEqual(page["question"], question.id)
        question.with_user(self.bob).write({"reason_id": self.price.id, "competitor": "Rival Ltd"})
        page = self.env["crm.value.customer.page"].with_user(self.bob).read_page(self.value(self.gone).id)
        self.assertFalse(page["question"])
        self.done(self.rule("at_risk"))
        self.assertEqual(self.asked(), question, "once for each silence")
        self.invoice(self.gone, TODAY + timedelta(days=10), 100)
        with freeze_time(TODAY + timedelta(days=400)):
            self.refresh()
            self.done(self.rule("tier_lost"))
            self.assertEqual(self.asked().mapped("cause"), ["tier_lost", "lost"])

    def test_who_is_not_asked(self):
        self.done(self.rule("birthday"))
        self.done(self.rule("lost", days=3000), state="cancelled")
        self.done(self.rule("stage_reached", stage="loyal"))
        self.assertFalse(self.asked())
        self.done(self.rule("stage_reached", stage="lost"))
        self.assertEqual(self.asked().cause, "lost")
        self.asked().unlink()
        self.gone.value_opt_out = True
        self.env["crm.value.departure"]._ask({(self.gone, self.company): ("lost", self.env["crm.value.followup"])})
        self.assertFalse(self.asked())

    def test_a_key_account_breaks_off(self):
        person = self.customer("Person", parent_id=self.gone.id)
        self.gone.with_user(self.bob).relationship_stage = "strategic"
        self.assertEqual(self.gone.relationship_since, TODAY)
        self.assertFalse(self.asked())
        with freeze_time(TODAY + timedelta(days=5)):
            self.gone.relationship_stage = "strategic"
            self.assertEqual(self.gone.relationship_since, TODAY)
            self.gone.relationship_stage = "broken_external"
            self.assertEqual(self.gone.relationship_since, TODAY + timedelta(days=5))
        self.assertEqual(self.asked().cause, "broken_off")
        person.relationship_stage = "broken_internal"
        self.assertEqual(len(self.asked()), 1)
        with self.assertRaises(AccessError):
            self.gone.with_user(self.boss).relationship_since = TODAY
        groups = self.env["res.partner"].formatted_read_group(
            [("id", "=", self.gone.id)], ["relationship_stage"], ["__count"]
        )
        self.assertEqual(groups[0]["relationship_stage"], "broken_external")

    def test_report(self):
        """What is lost stays what it was, and a group adds up to the rows that it opens."""
        other = self.buyer("Other", 500, days_ago=400)
        self.refresh()
        Leaving = self.env["crm.value.departure"].with_user(self.ann)
        for partner, reason, days in ((self.gone, self.price, 0), (other, self.price, 100), (other, self.market, 0)):
            Leaving.create({"partner_id": partner.id, "reason_id": reason.id, "date": TODAY - timedelta(days=days)})
        self.invoice(self.gone, TODAY, 99_000)
        self.refresh()
        measures = ["revenue_lost:sum", "value_lost:sum"]
        ours = [("company_id", "=", self.company.id)]
        for group, *totals in Leaving._read_group(ours, ["reason_id"], measures):
            rows = Leaving.search([*ours, ("reason_id", "=", group.id)])
            self.assertEqual(totals, [sum(rows.mapped("revenue_lost")), sum(rows.mapped("value_lost"))])
        totals = {reason: lost for reason, lost in Leaving._read_group(ours, ["reason_id"], measures[:1])}
        self.assertEqual(totals, {self.price: 1700.0, self.market: 500.0})
        quarters = [total for _quarter, total in Leaving._read_group(ours, ["date:quarter"], measures[:1])]
        self.assertEqual(quarters, [500.0, 1700.0])

    def test_rights(self):
        note = self.env["crm.value.departure"].with_user(self.bob).create({"partner_id": self.gone.id})
        self.assertEqual((note.cause, note.user_id), ("noted", self.bob))
        for vals in ({"revenue_lost": 1}, {"value_lost": 1}, {"cause": "lost"}, {"followup_id": False}):
            with self.assertRaises(AccessError):
                note.with_user(self.boss).write(vals)
        with self.assertRaises(AccessError):
            note.with_user(self.bob).read(["value_lost"])
        with self.assertRaises(AccessError):
            self.env["crm.value.departure"].with_user(self.bob).create(
                {"partner_id": self.gone.id, "revenue_lost": 1_000_000}
            )
        note.reason_id = self.price
        note.message_post(body="They moved", message_type="comment")  # pylint: disable=translation-required
        data = self.env["crm.value.privacy"].with_user(self.boss)._privacy_export(self.gone)
        self.assertIn(self.price.name, str(data["records"]))
        self.assertIn("They moved", str(data["records"]))
        self.env["crm.value.privacy"]._erase(self.gone)
        self.assertFalse(note.exists())

    def test_decider_unknown(self):
        self.gone.is_company = True
        rule = self.rule("decider_unknown")
        due = self.env["crm.value.followup.due"]
        self.assertIn(self.value(self.gone).id, [row.value_id for row in due._find(rule, self.company)])
        self.customer("Chief", parent_id=self.gone.id, contact_role="decides")
        self.assertNotIn(self.value(self.gone).id, [row.value_id for row in due._find(rule, self.company)])
