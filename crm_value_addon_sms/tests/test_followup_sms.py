from datetime import datetime
from unittest.mock import patch

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.outreach.common import TODAY, OutreachCase


@freeze_time(TODAY)
class TestFollowupSms(OutreachCase):
    """Text messages: whom they reach, when they go out, and what is remembered."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.text = cls.env["sms.template"].create(
            {
                "name": "Text",
                "model_id": cls.env["ir.model"]._get_id("res.partner"),
                "body": "Hi {{ object.name }}",
            }
        )

    def sms_rule(self, **vals):
        return self.rule(
            "at_risk",
            **{"action_type": "sms", "sms_template_id": self.text.id, "message_kind_id": self.kind.id, **vals},
        )

    def with_phone(self, name, number, **vals):
        return self.at_risk(name, phone=number, country_id=self.env.ref("base.us").id, **vals)

    def texts(self, rule):
        return self.env["sms.sms"].search(
            [("mail_message_id", "in", self.followups(rule).message_id.ids)], order="number"
        )

    def test_who_gets_a_text(self):
        self.with_phone("Ann", "+12025550101")
        self.with_phone("Bob", "+12025550102").value_refused_kind_ids = self.kind
        self.with_phone("Eve", "+12025550103")
        self.env["phone.blacklist"].create({"number": "+12025550103"})
        self.at_risk("Nowhere")
        self.refresh()
        rule = self.sms_rule()
        hindered = rule.env["crm.value.followup.due"]._hindered(rule, self.company)
        reasons = {self.env["crm.value"].browse(value_id).partner_id.name: why for value_id, why in hindered}
        self.assertEqual(reasons, {"Bob": "refused", "Eve": "blacklisted", "Nowhere": "no_number"})
        self.run_rules()
        self.run_rules()
        text = self.texts(rule)
        self.assertRecordValues(text, [{"number": "+12025550101", "body": "Hi Ann", "state": "outgoing"}])
        self.assertRecordValues(self.followups(rule), [{"state": "done", "channel": "sms", "summary": "Hi Ann"}])
        preview = self.env["crm.value.followup.preview"].create({"rule_id": self.sms_rule().id})
        self.assertIn("Hi Ann", preview.message)

    def test_at_night_it_waits(self):
        self.company.value_message_quiet = True
        self.company.resource_calendar_id.tz = "UTC"
        self.with_phone("Ann", "+12025550101")
        self.refresh()
        rule = self.sms_rule()
        with patch.object(self.env.cr, "now", lambda: datetime(2025, 6, 30, 3, 0)):
            self.run_rules()
        text = self.texts(rule)
        self.assertEqual((text.state, text.value_send_at.hour), ("value_waiting", 8))
        for hour, state in ((7, "value_waiting"), (9, "outgoing")):
            with freeze_time(datetime(2025, 6, 30, hour, 0)):
                self.env["sms.sms"]._cron_value_release()
                self.assertEqual(text.state, state)

    def test_a_customer_who_prefers_texts(self):
        self.with_phone("Ann", "+12025550101", preferred_channel="sms")
        self.refresh()
        rule = self.sms_rule(action_type="preferred", mail_template_id=self.template.id)
        self.run_rules()
        self.assertEqual(self.followups(rule).channel, "sms")
        self.assertEqual(self.texts(rule).body, "Hi Ann")
