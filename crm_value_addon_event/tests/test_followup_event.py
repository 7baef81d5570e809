from datetime import timedelta

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.outreach.common import TODAY, OutreachCase
from odoo.exceptions import ValidationError
from odoo.tools import mute_logger


@freeze_time(TODAY)
class TestFollowupEvent(OutreachCase):
    """Invitations: who gets one, what it says, and when the rule stops."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.event = cls.env["event.event"].create(
            {
                "name": "Tasting",
                "company_id": cls.company.id,
                "date_begin": TODAY + timedelta(days=20),
                "date_end": TODAY + timedelta(days=21),
            }
        )
        cls.template = cls.env.ref("crm_value_addon_event.mail_template_invitation")

    def invitation(self, **vals):
        return self.mail_rule(**{"action_type": "event", "event_id": self.event.id, **vals})

    def test_everybody_but_who_comes_anyway(self):
        comes = self.at_risk("Comes")
        person = self.customer("Ann", parent_id=comes.id)
        self.at_risk("Invited")
        self.refresh()
        self.env["event.registration"].create({"event_id": self.event.id, "partner_id": person.id})
        rule = self.invitation()
        hindered = rule.env["crm.value.followup.due"]._hindered(rule, self.company)
        self.assertEqual([reason for _value, reason in hindered], ["registered"])
        self.run_rules()
        self.run_rules()
        mail = self.mails(rule)
        self.assertEqual((mail.subject, mail.recipient_ids.name), ("You are invited: Tasting", "Invited"))
        self.assertEqual(self.followups(rule).channel, "event")

    def test_an_event_that_is_over_stops_the_rule(self):
        self.at_risk("Invited")
        self.refresh()
        rule = self.invitation()
        self.event.write({"date_begin": TODAY - timedelta(days=3), "date_end": TODAY - timedelta(days=2)})
        with mute_logger("odoo.addons.crm_value_addon.models.followups.crm_value_followup_run"):
            self.run_rules()
        self.assertFalse(self.followups(rule))
        self.assertIn("Tasting", rule.stop_reason)

    def test_what_does_not_fit_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "e-mail template"):
            self.invitation(mail_template_id=False)
        self.event.company_id = self.env["res.company"].create({"name": "Elsewhere"})
        with self.assertRaisesRegex(ValidationError, "Elsewhere"):
            self.invitation()
