import re
from datetime import timedelta

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.outreach.common import TODAY, OutreachCase
from odoo.exceptions import ValidationError


@freeze_time(TODAY)
class TestFollowupRating(OutreachCase):
    """Who is asked how it was, what the answer does, and where a low one goes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.question = cls.env.ref("crm_value_addon_rating.mail_template_how_was_it")
        cls.cause = cls.env.ref("crm_value_addon.feedback_cause_delivery")
        cls.cause.user_id = cls.env.ref("base.user_admin")

    def asking(self, **vals):
        return self.mail_rule(
            "after_purchase",
            **{
                "action_type": "rating",
                "mail_template_id": self.question.id,
                "days": 7,
                "cooldown_days": 90,
                "asked_cause_id": self.cause.id,
                **vals,
            },
        )

    def answers(self):
        return self.env["rating.rating"].search([("res_model", "=", "crm.value")], order="id")

    def test_asked_once_in_a_while(self):
        buyer = self.bought("Ann", 7, email="ann@example.com")
        self.bought("Bob", 6, email="bob@example.com")
        self.refresh()
        rule = self.asking()
        self.run_rules()
        self.run_rules()
        self.assertEqual(self.mails(rule).recipient_ids, buyer)
        answer = self.answers()
        self.assertRecordValues(
            answer,
            [{"res_id": self.value(buyer).id, "partner_id": buyer.id, "consumed": False, "value_rule_id": rule.id}],
        )
        body = self.mails(rule).body_html
        self.assertEqual(
            re.findall(r"/rate/(\w+)/(\d)", body), [(answer.access_token, stars) for stars in ("5", "3", "1")]
        )
        self.assertNotIn("value-rating-token", body)
        self.invoice(buyer, TODAY, 100)
        with freeze_time(TODAY + timedelta(days=7)):
            self.refresh()
            self.run_rules()
            self.assertEqual(len(self.mails(rule)), 2, "Bob is asked by then, Ann is not asked again")

    def test_from_a_tier_on_and_not_who_objects(self):
        self.bought("Small", 7, email="small@example.com")
        self.bought("Silent", 7, email="silent@example.com").value_opt_out = True
        self.refresh()
        self.asking(tier_id=self.mid.id)
        self.run_rules()
        self.assertFalse(self.answers())

    def test_the_preview_asks_nobody(self):
        self.bought("Ann", 7, email="ann@example.com")
        self.refresh()
        preview = self.env["crm.value.followup.preview"].create({"rule_id": self.asking().id})
        self.assertIn("How was it", preview.message)
        self.assertFalse(self.answers())

    def asked(self, **vals):
        buyer = self.bought("Ann", 7, email="ann@example.com")
        self.refresh()
        self.asking(**vals)
        self.run_rules()
        return buyer, self.answers()

    def rate(self, answer, stars, feedback=None):
        self.value(answer.partner_id).rating_apply(stars, rating=answer, feedback=feedback)
        self.env.flush_all()
        self.env.cr.execute("UPDATE rating_rating SET write_date = %s WHERE id = %s", (TODAY, answer.id))

    def test_a_good_answer(self):
        buyer, answer = self.asked()
        self.rate(answer, 5, "Great")
        self.refresh()
        self.assertRecordValues(self.value(buyer), [{"satisfaction": 5.0, "satisfaction_count": 1}])
        self.assertFalse(answer.value_feedback_id)

    def test_a_low_answer_is_a_complaint(self):
        buyer, answer = self.asked()
        self.rate(answer, 1, "Came late\nand wet")
        complaint = answer.value_feedback_id
        self.assertRecordValues(
            complaint,
            [
                {
                    "partner_id": buyer.id,
                    "company_id": self.company.id,
                    "cause_id": self.cause.id,
                    "user_id": self.cause.user_id.id,
                    "description": "Came late",
                    "state": "open",
                }
            ],
        )
        self.assertEqual(self.value(buyer).open_complaint_count, 1)
        self.rate(answer, 1, "Came late")
        self.assertEqual(answer.value_feedback_id, complaint, "one complaint for an answer")
        low = self.rule("low_rating", rating_max=2)
        self.assertEqual(list(self.due(low)), ["Ann"])

    def test_no_complaint_where_the_rule_wants_none(self):
        _buyer, answer = self.asked(asked_limit=0)
        self.rate(answer, 1)
        self.assertFalse(answer.value_feedback_id)

    def test_another_company_does_not_hear_it(self):
        _buyer, answer = self.asked()
        self.rate(answer, 1)
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        query = self.env["crm.value.knowledge"]._select_ratings(elsewhere, TODAY)
        self.assertFalse(self.env.execute_query(query))

    def test_privacy(self):
        buyer, answer = self.asked()
        self.rate(answer, 1, "Came late")
        data = self.env["crm.value.privacy"]._privacy_export(buyer)
        self.assertIn("Came late", str(data["records"]))
        self.env["crm.value.privacy"]._erase(buyer)
        self.assertFalse(answer.exists())

    def test_what_does_not_fit_is_refused(self):
        with self.assertRaises(ValidationError):
            self.asking(mail_template_id=False)
        with self.assertRaises(ValidationError):
            self.asking(asked_limit=7)
