from datetime import datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError
from odoo.tools import mute_logger

from .common import TODAY, OutreachCase


@freeze_time(TODAY)
class TestFollowupMessage(OutreachCase):
    """Messages to customers: what they say, who gets none and why, and that nobody gets one twice."""

    def hindered(self, rule):
        rows = rule.env["crm.value.followup.due"]._hindered(rule, self.company)
        return {self.env["crm.value"].browse(value_id).partner_id.name: reason for value_id, reason in rows}

    def test_in_the_language_of_the_customer(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.template.with_context(lang="fr_FR").subject = "Bonjour {{ object.partner_id.name }}"
        self.at_risk("Ann", lang="fr_FR")
        self.at_risk("Bob", lang="en_US")
        self.refresh()
        rule = self.mail_rule()
        self.run_rules()
        self.assertEqual(set(self.mails(rule).mapped("subject")), {"Bonjour Ann", "Hello Bob"})

    def test_one_customer_reads_nothing_of_another(self):
        self.template.body_html = (
            '<t t-if="object.partner_id.name == \'Ann\'"><t t-set="secret" t-value="\'for Ann\'"/></t>'
            "<p>[<t t-out=\"secret or 'none'\"/>]</p>"
        )
        self.at_risk("Ann")
        self.at_risk("Bob")
        self.refresh()
        rule = self.mail_rule()
        self.run_rules()
        said = {mail.subject: "[for Ann]" in mail.body_html for mail in self.mails(rule)}
        self.assertEqual(said, {"Hello Ann": True, "Hello Bob": False})

    def test_who_gets_none_is_told_why(self):
        self.company.value_message_limit = 1
        refuses = self.at_risk("Refuses")
        refuses.value_refused_kind_ids = self.kind
        self.at_risk("Nowhere", email=False)
        self.at_risk("Blocked")
        self.env["mail.blacklist"].create({"email": "blocked@example.com"})
        self.at_risk("Opted", value_opt_out=True)
        gone = self.at_risk("Gone")
        had = self.at_risk("Had")
        self.at_risk("Gets")
        self.refresh()
        gone.active = False
        self.env.cr.execute("UPDATE crm_value SET lifecycle_stage = 'at_risk' WHERE company_id = %s", [self.company.id])
        self.env.invalidate_all()
        first = self.mail_rule(domain=f"[('partner_id', '=', {had.id})]")
        self.run_rules()
        self.assertEqual(len(self.followups(first)), 1)
        rule = self.mail_rule()
        reasons = {
            "Refuses": "refused",
            "Nowhere": "no_address",
            "Blocked": "blacklisted",
            "Opted": "opt_out",
            "Gone": "archived",
            "Had": "limit",
        }
        self.assertEqual(self.hindered(rule), reasons)
        self.assertGreaterEqual(set(self.env["crm.value.manners"]._reasons()), set(reasons.values()))
        preview = self.env["crm.value.followup.preview"].create({"rule_id": rule.id})
        for text in ("refused this kind of messages", "blacklisted", "no e-mail address", "archived", "opted out"):
            self.assertIn(text, preview.preview)
        self.assertIn("Hello Gets", preview.message)
        self.run_rules()
        self.assertEqual(self.followups(rule).partner_id.mapped("name"), ["Gets"])
        # another kind of messages is not refused, and the limit is over after its days
        other = self.mail_rule(message_kind_id=self.env.ref("crm_value_addon.message_kind_greetings").id)
        self.assertIn("Refuses", self.due(other))
        with freeze_time(TODAY + timedelta(days=self.company.value_message_days)):
            self.assertIn("Had", self.due(rule))

    def test_a_text_that_fails_leaves_out_one_customer(self):
        self.template.subject = "Since {{ object.partner_id.comment.strip() and 1 / len(object.partner_id.ref) }}"
        self.at_risk("Good", ref="x", comment="y")
        self.at_risk("Bad", comment="y")
        self.refresh()
        rule = self.mail_rule()
        with mute_logger("odoo.addons.crm_value_addon.models.outreach.crm_value_message"):
            self.run_rules()
        self.assertEqual(self.followups(rule).partner_id.mapped("name"), ["Good"])
        self.assertIn("Bad", rule.failures)
        self.assertIn("TypeError", rule.failures)
        self.env["res.partner"].search([("name", "=", "Bad")]).ref = "z"
        self.run_rules()
        self.assertEqual(set(self.followups(rule).partner_id.mapped("name")), {"Good", "Bad"})
        self.assertFalse(rule.failures)

    @mute_logger("odoo.sql_db", "odoo.addons.crm_value_addon.models.outreach.crm_value_message")
    def test_a_text_that_breaks_the_transaction_leaves_out_one_customer(self):
        self.template.subject = (
            "{{ object.env.cr.execute('SELECT 1 / %s' % (object.partner_id.name != 'Bad' and 1 or 0)) or 'Hello' }}"
        )
        self.at_risk("Good")
        self.at_risk("Bad")
        self.refresh()
        rule = self.mail_rule()
        self.run_rules()
        self.assertEqual(self.followups(rule).partner_id.mapped("name"), ["Good"], rule.failures or rule.stop_reason)
        self.assertIn("Bad", rule.failures)

    def test_killed_before_the_end_nobody_gets_it_twice(self):
        for name in ("Ann", "Bob"):
            self.at_risk(name)
        self.refresh()
        rule = self.mail_rule()
        with (
            mute_logger("odoo.addons.crm_value_addon.models.followups.crm_value_followup_run"),
            patch.object(
                self.env.registry["crm.value.message"],
                "_footer",
                side_effect=[KeyboardInterrupt],
            ),
            self.assertRaises(KeyboardInterrupt),
            self.env.cr.savepoint(),
        ):
            self.run_rules()
        self.assertFalse(self.followups(rule), "follow-ups and mails are one transaction")
        self.run_rules()
        self.run_rules()
        self.assertEqual(len(self.mails(rule)), 2)
        self.assertEqual(self.followups(rule).message_id, self.mails(rule).mail_message_id)

    def test_quiet_until_the_office_opens(self):
        self.company.write({"value_message_quiet": True})
        self.company.resource_calendar_id.tz = "UTC"
        self.at_risk("Ann")
        self.refresh()
        for now, expected in (
            (datetime(2025, 6, 30, 3, 0), datetime(2025, 6, 30, 8, 0)),  # Monday night
            (datetime(2025, 6, 28, 12, 0), datetime(2025, 6, 30, 8, 0)),  # Saturday
        ):
            with patch.object(self.env.cr, "now", lambda now=now: now):
                send_at = self.env["crm.value.manners"]._send_at(self.company)
                self.assertLess(abs(send_at - expected), timedelta(minutes=1), now)
        with patch.object(self.env.cr, "now", lambda: datetime(2025, 6, 30, 10, 0)):
            self.assertFalse(self.env["crm.value.manners"]._send_at(self.company))
        rule = self.mail_rule()
        with patch.object(self.env.cr, "now", lambda: datetime(2025, 6, 30, 3, 0)):
            self.run_rules()
        self.assertEqual(self.mails(rule).scheduled_date.hour, 8)

    def test_a_mail_server_that_is_down_loses_nothing(self):
        for name in ("Ann", "Bob"):
            self.at_risk(name)
        self.refresh()
        rule = self.mail_rule()
        self.run_rules()
        mails = self.mails(rule)
        Server, Message = self.env.registry["ir.mail_server"], self.env["crm.value.message"]
        with patch.object(Server, "_connect__", side_effect=ConnectionRefusedError), mute_logger("odoo.addons.mail"):
            mails.send()
        self.assertEqual(mails.mapped("state"), ["exception"] * 2, "Odoo tries once")
        mails[1].failure_type = "mail_email_invalid"
        Message._retry()
        self.assertEqual(mails.mapped("state"), ["outgoing", "exception"])
        with (
            patch.object(Server, "_disable_send", return_value=False),
            patch.object(Server, "_connect__", return_value=None),
            patch.object(Server, "send_email", return_value="<id>") as sent,
        ):
            mails[0].send()
            Message._retry()
        self.assertEqual(sent.call_count, 1)
        self.assertNotEqual(mails[0].exists().state, "outgoing", "what was sent is not sent again")

    def test_no_mail_is_tried_for_ever(self):
        self.at_risk("Ann")
        self.refresh()
        rule = self.mail_rule()
        self.run_rules()
        mail = self.mails(rule)
        mail.state = "exception"
        with freeze_time(TODAY + timedelta(days=6)):
            self.env["crm.value.message"]._retry()
        self.assertEqual(mail.state, "exception")

    def test_a_neutralised_copy_sends_nothing(self):
        self.at_risk("Ann")
        self.refresh()
        rule = self.mail_rule()
        self.env["ir.config_parameter"].set_param("database.is_neutralized", "true")
        with mute_logger("odoo.addons.crm_value_addon.models.followups.crm_value_followup_run"):
            self.run_rules()
        self.assertFalse(self.followups(rule))
        self.assertIn("neutralised", rule.stop_reason)
        with self.assertRaisesRegex(UserError, "neutralised"):
            self.env["crm.value.followup.preview"].create({"rule_id": rule.id}).action_send_test()

    def test_held_out_customers_get_none_and_are_measured(self):
        for number in range(40):
            self.at_risk(f"Customer{number}")
        self.refresh()
        rule = self.mail_rule(holdout_percent=50)
        self.run_rules()
        groups = self.followups(rule).grouped("group")
        self.assertEqual(set(groups), {"treated", "control"})
        self.assertEqual(len(self.mails(rule)), len(groups["treated"]))
        self.assertFalse(groups["control"].message_id)
        self.assertEqual(set(groups["control"].mapped("channel")), {"mail"})

    def test_the_customers_way(self):
        self.at_risk("Mail", preferred_channel="mail")
        self.at_risk("Call", preferred_channel="activity")
        self.at_risk("Nowhere", preferred_channel="mail", email=False)
        answers = self.at_risk("Answers")
        meets = self.at_risk("Meets")
        self.env["mail.message"].create(
            {"model": "res.partner", "res_id": answers.id, "author_id": answers.id, "message_type": "email"}
        )
        self.env["mail.message"].create(
            {
                "model": "res.partner",
                "res_id": meets.id,
                "message_type": "notification",
                "mail_activity_type_id": self.env.ref("mail.mail_activity_data_call").id,
            }
        )
        self.refresh()
        rule = self.mail_rule(action_type="preferred")
        self.run_rules()
        self.assertEqual(
            {followup.partner_id.name: followup.channel for followup in self.followups(rule)},
            {"Mail": "mail", "Call": "activity", "Nowhere": "activity", "Answers": "mail", "Meets": "activity"},
        )

    def test_messages_take_no_place_in_a_day(self):
        self.company.value_followup_cap = 1
        for name in ("Ann", "Bob"):
            self.at_risk(name)
        self.refresh()
        mail, call = self.mail_rule(), self.rule("at_risk")
        self.run_rules()
        self.assertEqual((len(self.followups(mail)), len(self.followups(call))), (2, 1))

    def test_a_server_action_that_fails_for_one(self):
        self.at_risk("Good")
        self.at_risk("Bad")
        self.refresh()
        action = self.server_action("for one in records:\n    one.write({'ref': 1 / (one.name != 'Bad')})")
        rule = self.rule("at_risk", action_type="server", server_action_id=action.id)
        with mute_logger("odoo.addons.base.models.ir_actions", "odoo.tools.safe_eval"):
            self.run_rules()
        self.assertEqual(self.followups(rule).partner_id.mapped("name"), ["Good"])
        self.assertIn("Bad", rule.failures)

    def test_a_rule_whose_means_are_gone(self):
        self.at_risk("Ann")
        self.refresh()
        action = self.server_action("pass")
        rule = self.rule("at_risk", action_type="server", server_action_id=action.id)
        action.unlink()
        with mute_logger("odoo.addons.crm_value_addon.models.followups.crm_value_followup_run"):
            self.run_rules()
        self.assertIn("is gone", rule.stop_reason)
        with self.assertRaisesRegex(ValidationError, "an e-mail template"):
            self.rule("at_risk", action_type="mail")

    def test_a_rule_that_launches_itself_is_refused(self):
        rule = self.rule("at_risk")
        action = self.env["ir.actions.server"].create(
            {
                "name": "Again",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "state": "value_followup",
                "value_followup_rule_id": rule.id,
            }
        )
        with self.assertRaisesRegex(ValidationError, "launches the rule itself"):
            rule.write({"action_type": "server", "server_action_id": action.id})

    def test_a_test_for_the_manager(self):
        self.at_risk("Ann")
        self.refresh()
        rule = self.mail_rule()
        self.env.user.partner_id.email = "me@example.com"
        preview = self.env["crm.value.followup.preview"].create({"rule_id": rule.id})
        preview.action_send_test()
        mail = self.env["mail.mail"].search([], limit=1)
        self.assertEqual((mail.subject, mail.recipient_ids), ("[Test] Hello Ann", self.env.user.partner_id))
        self.assertFalse(self.followups(rule))

    def test_an_automatic_message_is_no_contact(self):
        self.bought("Quiet", 100, email="quiet@example.com")
        self.refresh()
        rule, talk = self.mail_rule("first_purchase", days=100), self.rule("no_contact", days=60)
        self.assertEqual(list(self.due(talk)), ["Quiet"])
        self.env["crm.value.followup.run"].with_company(self.company)._schedule(rule, self.company)
        self.assertEqual(len(self.mails(rule)), 1)
        self.assertEqual(list(self.due(talk)), ["Quiet"])

    def test_the_style_of_the_person_it_is_about(self):
        customer = self.at_risk("Firm", contact_style="analytical")
        person = self.customer("Ann", parent_id=customer.id, contact_style="sociable", birthdate_date="1980-06-30")
        hint = self.env["crm.value.contact.style"].search([("style", "=", "sociable")])
        hint.hint = "Ask after the dog"
        self.refresh()
        rule = self.rule("birthday")
        self.run_rules()
        self.assertIn("Ask after the dog", self.followups(rule).note)
        self.assertEqual(person.contact_style_hint, "Ask after the dog")
        lead = self.env["crm.lead"].create({"name": "Big", "partner_id": person.id})
        self.assertEqual(lead.contact_style_hint, "Ask after the dog")
        order = self.env["sale.order"].create({"partner_id": customer.id})
        self.assertIn("never bluff", self.env["crm.value.order.summary"]._prepare_summary(order)["style_hint"])
