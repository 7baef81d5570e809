from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.tests import new_test_user, tagged

from ..common import TODAY
from .test_crm_value_followup_trigger import FollowupCase


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestCrmValueFollowupActivity(FollowupCase):
    """Activities outlive their users, and one call is one activity whatever the number of its reasons."""

    def at_risk(self, name="Slowing", **vals):
        return self.bought(name, 80, 110, 140, **vals)

    def new_user(self, login):
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        return new_test_user(self.env, login, "sales_team.group_sale_salesman", **company)

    # users who leave

    def test_whoever_is_responsible_now_gets_it(self):
        ways = {
            "archived": lambda user: user.action_archive(),
            "deleted": lambda user: user.unlink(),
            "switched off": lambda user: user.write({"active": False}),
        }
        leaving = {way: self.new_user(f"leaving{number}") for number, way in enumerate(ways)}
        customers = {way: self.at_risk(way, user_id=user.id) for way, user in leaving.items()}
        self.refresh()
        rule = self.rule("at_risk")
        self.run_rules()
        followup = {one.partner_id.name: one for one in self.followups(rule)}
        self.assertEqual({way: one.user_id for way, one in followup.items()}, leaving)
        for way, leave in ways.items():
            customers[way].user_id = False
            leave(leaving[way])
            self.assertEqual(followup[way].state, "open", way)
        self.run_rules()
        for way, one in followup.items():
            self.assertEqual((one.state, one.user_id, one.activity_id.user_id), ("open", self.seller, self.seller), way)
            self.assertEqual(one.activity_id.summary, way)
        self.assertEqual(len(self.followups(rule)), 3)
        self.assertFalse(self.env["mail.followers"].search([("partner_id", "=", self.seller.partner_id.id)]))
        followup["archived"].activity_id.action_feedback("Called")
        followup["deleted"].activity_id.unlink()
        self.assertEqual([followup[way].state for way in ways], ["done", "cancelled", "open"])

    def test_of_a_plan_only_the_part_of_whoever_leaves(self):
        call = self.env.ref("mail.mail_activity_data_call")
        leaving = self.new_user("leaving")
        plan = self.env["mail.activity.plan"].create(
            {
                "name": "Two",
                "res_model": "res.partner",
                "company_id": False,
                "template_ids": [
                    Command.create({"activity_type_id": call.id, "summary": "One"}),
                    Command.create(
                        {
                            "activity_type_id": call.id,
                            "summary": "Two",
                            "responsible_type": "other",
                            "responsible_id": leaving.id,
                        }
                    ),
                ],
            }
        )
        self.at_risk()
        self.refresh()
        rule = self.rule("at_risk", action_type="plan", plan_id=plan.id)
        self.run_rules()
        followup = self.followups(rule)
        leaving.action_archive()
        followup.activity_ids.filtered("user_id").action_feedback("Done")
        self.assertEqual(followup.state, "open", "the other half is not done")
        self.run_rules()
        self.assertEqual(followup.activity_ids.user_id, self.seller)
        followup.activity_ids.action_feedback("Done")
        self.assertEqual(followup.state, "done")

    def test_without_anybody_it_waits(self):
        self.at_risk()
        self.refresh()
        rule = self.rule("at_risk")
        self.run_rules()
        self.seller.action_archive()
        managers = self.env.ref("sales_team.group_sale_manager").all_user_ids
        self.env.cr.execute("UPDATE res_users SET active = FALSE WHERE id = ANY(%s)", [managers.ids])
        self.env.invalidate_all()
        self.run_rules()
        self.assertEqual((self.followups(rule).state, self.followups(rule).activity_id.user_id.id), ("open", False))
        self.seller.active = True
        self.run_rules()
        self.assertEqual(self.followups(rule).activity_id.user_id, self.seller)

    # one call, several reasons

    def three_reasons(self, **vals):
        customer = self.bought("Slowing", 80, 110, 140)
        self.refresh()
        rules = self.env["crm.value.followup.rule"].union(
            self.rule("at_risk", sequence=1, summary="At risk", note="<p>Ask</p>", delay_days=3),
            self.rule("purchase_overdue", sequence=2, summary="Overdue", note="<p>Tell</p>", delay_days=1),
            self.rule("no_contact", sequence=3, summary="No contact <b>", days=60, delay_days=2, **vals),
        )
        self.env["mail.message"].search([("model", "=", "res.partner")]).date = "2025-01-01"
        self.run_rules()
        followups = self.env["crm.value.followup"].search([("rule_id", "in", rules.ids)], order="id")
        self.assertEqual(followups.mapped("state"), ["open"] * 3)
        return customer, rules, followups

    def test_one_activity_says_all_reasons(self):
        customer, _rules, followups = self.three_reasons()
        [activity] = followups.activity_id
        self.assertEqual(customer.activity_ids, activity)
        self.assertEqual(activity.summary, "At risk; Overdue; No contact <b>")
        self.assertEqual(activity.date_deadline, TODAY + timedelta(days=1), "that of the first")
        for text in ("<p>Ask</p>", "<p>Tell</p>", "<strong>Overdue</strong>", "No contact &lt;b&gt;"):
            self.assertIn(text, activity.note)
        self.assertEqual(len(set(followups.mapped("deadline"))), 3)
        self.run_rules()
        self.assertEqual(customer.activity_ids, activity)

    def test_done_is_done_for_all(self):
        _customer, _rules, followups = self.three_reasons()
        with freeze_time(TODAY + timedelta(days=2)):
            followups.activity_id.action_feedback("Called")
        self.assertEqual(followups.mapped("state"), ["done"] * 3)
        self.assertEqual(followups.mapped("is_in_time"), [True, False, True], "each by its own deadline")

    def test_unlinked_is_cancelled_for_all(self):
        _customer, _rules, followups = self.three_reasons()
        followups.activity_id.unlink()
        self.assertEqual(followups.mapped("state"), ["cancelled"] * 3)

    def test_a_reason_that_is_gone_leaves_the_text(self):
        customer, _rules, followups = self.three_reasons()
        [activity] = followups.activity_id
        customer.message_post(body="Hello", message_type="comment")  # pylint: disable=translation-required
        self.run_rules()
        self.assertEqual(followups.mapped("state"), ["open", "open", "closed"])
        self.assertEqual((activity.active, activity.summary), (True, "At risk; Overdue"))
        self.assertNotIn("No contact", activity.note)
        self.assertIn("No contact", customer.message_ids[0].body)
        # the first, to which the activity belongs
        followups[0]._close(TODAY)
        self.assertEqual((activity.active, activity.summary, activity.note), (True, "Overdue", followups[1].note))
        self.assertEqual(activity.value_followup_id, followups[1])
        activity.action_feedback("Called")
        self.assertEqual(followups.mapped("state"), ["closed", "done", "closed"])

    def test_the_last_reason_ends_it(self):
        customer, _rules, followups = self.three_reasons()
        [activity] = followups.activity_id
        self.invoice(customer, TODAY, 100)
        self.refresh()
        self.run_rules()
        self.assertEqual(followups.mapped("state"), ["closed"] * 3)
        self.assertEqual((activity.active, activity.feedback), (False, "the customer bought again"))
        log = "".join(customer.message_ids.mapped("body"))
        for text in ("At risk", "Overdue", "No contact"):
            self.assertIn(text, log)

    def test_another_call_is_another_activity(self):
        """Of another type, for another user, or on another day and due on another."""
        other = self.new_user("other")
        customer = self.at_risk()
        self.refresh()
        self.rule("at_risk", sequence=1)
        self.rule("at_risk", sequence=2, activity_type_id=self.env.ref("mail.mail_activity_data_email").id)
        self.rule("at_risk", sequence=3, responsible_type="user", user_id=other.id)
        self.run_rules()
        self.assertEqual(len(customer.activity_ids), 3)
        with freeze_time(TODAY + timedelta(days=1)):
            self.rule("at_risk", sequence=4, delay_days=30)
            self.run_rules()
            self.assertEqual(len(customer.activity_ids), 4)
            self.rule("at_risk", sequence=5, delay_days=20)
            self.run_rules()
            self.assertEqual(len(customer.activity_ids), 4, "the same day")

    def test_whoever_is_held_out_by_one_rule_is_called_for_the_other(self):
        customer = self.at_risk()
        self.refresh()
        called, held_out = self.rule("at_risk", sequence=1), self.rule("at_risk", sequence=2, summary="Never")
        self.env["crm.value.followup"].create(
            {
                "rule_id": held_out.id,
                "value_id": self.value(customer).id,
                "company_id": self.company.id,
                "date": TODAY,
                "closed_date": TODAY,
                "occasion": "x",
                "group": "control",
                "state": "control",
            }
        )
        self.run_rules()
        self.assertEqual(self.followups(called).activity_id, customer.activity_ids)
        self.assertNotIn("Never", customer.activity_ids.summary)

    def test_the_leaver_of_three_reasons(self):
        customer, _rules, followups = self.three_reasons()
        customer.user_id = self.new_user("next")
        self.seller.action_archive()
        self.run_rules()
        self.assertEqual(followups.activity_id.user_id, customer.user_id)
        self.assertEqual(followups.user_id, customer.user_id)
        self.assertEqual(followups.activity_id.summary, "At risk; Overdue; No contact <b>")
