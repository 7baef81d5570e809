from datetime import datetime, timedelta
from unittest import SkipTest

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.addons.crm_value_addon.tests.listening.common import ListeningCase


@freeze_time(TODAY)
class TestSurvey(ListeningCase):
    """Scores of surveys join the ratings in one mean, where Odoo's surveys are installed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "survey.user_input" not in cls.env:
            raise SkipTest("Surveys are not installed")
        cls.customer_asked = cls.buyer("Asked")
        cls.survey = cls.env["survey.survey"].create(
            {"title": "How was it?", "scoring_type": "scoring_without_answers"}
        )

    def answer(self, percentage, survey=None, days_ago=5, state="done", partner=None, **vals):
        day = datetime.combine(TODAY, datetime.min.time()) - timedelta(days=days_ago)
        answer = self.env["survey.user_input"].create(
            {
                "survey_id": (survey or self.survey).id,
                "partner_id": (partner or self.customer_asked).id,
                "state": state,
                "end_datetime": day,
                **vals,
            }
        )
        self.env.flush_all()
        # computed from the answers to its questions, which are Odoo's business
        self.env.cr.execute(
            "UPDATE survey_user_input SET scoring_percentage = %s WHERE id = %s", [percentage, answer.id]
        )
        answer.invalidate_recordset()
        return answer

    def satisfaction(self):
        self.refresh()
        value = self.value(self.customer_asked)
        return value.satisfaction, value.satisfaction_count

    def test_the_scale(self):
        for percentage, stars in ((0, 1.0), (50, 3.0), (100, 5.0), (-20, 1.0)):
            answer = self.answer(percentage)
            self.assertEqual(self.satisfaction(), (stars, 1), percentage)
            answer.unlink()

    def test_one_mean_with_ratings(self):
        person = self.customer("Person", parent_id=self.customer_asked.id)
        self.answer(100, partner=person)
        self.env["rating.rating"].create(
            {
                "res_model_id": self.env["ir.model"]._get_id("res.partner"),
                "res_id": self.customer_asked.id,
                "partner_id": self.customer_asked.id,
                "rating": 2,
                "consumed": True,
            }
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE rating_rating SET write_date = %s WHERE partner_id = %s", (TODAY, self.customer_asked.id)
        )
        self.assertEqual(self.satisfaction(), (3.5, 2))

    def test_what_does_not_count(self):
        self.answer(0, state="in_progress")
        self.answer(0, days_ago=400)
        self.answer(0, test_entry=True)
        exam = self.env["survey.survey"].create(
            {"title": "Exam", "scoring_type": "scoring_with_answers", "certification": True}
        )
        self.answer(0, survey=exam)
        plain = self.env["survey.survey"].create({"title": "Plain", "scoring_type": "no_scoring"})
        self.answer(0, survey=plain)
        self.assertEqual(self.satisfaction(), (0, 0))


@freeze_time(TODAY)
class TestLiveChat(ListeningCase):
    """A live chat with somebody of a customer is a contact."""

    def test_a_chat_is_a_contact(self):
        customer = self.buyer("Chatting")
        person = self.customer("Visitor", parent_id=customer.id)
        channel = self.env["discuss.channel"].create({"name": "Visitor", "channel_type": "group"})
        channel._add_members(partners=person, post_joined_message=False)
        self.env.flush_all()
        # the type is the live chat's own, and the table of channels is Odoo's also where that app is not installed
        self.env.cr.execute(
            "UPDATE discuss_channel SET channel_type = 'livechat', create_date = %s WHERE id = %s",
            [TODAY - timedelta(days=4), channel.id],
        )
        self.refresh()
        self.assertRecordValues(
            self.value(customer),
            [{"last_contact_date": TODAY - timedelta(days=4), "last_contact_channel": "chat", "contact_count_12m": 1}],
        )
