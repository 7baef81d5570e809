from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import Command
from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..common import TODAY, strangers
from .test_crm_value_followup_trigger import FollowupCase


@freeze_time(TODAY)
class TestCrmValueFollowup(FollowupCase, CronMixinCase):
    """What happens to due customers: one activity, for the right person, in the right words, without noise."""

    def at_risk(self, name="Slowing", amount=100, **vals):
        return self.bought(name, 80, 110, 140, amount=amount, **vals)

    def test_once_and_again_after_the_cooldown(self):
        self.at_risk()
        self.refresh()
        rule = self.rule("at_risk", cooldown_days=30)
        self.run_rules()
        self.run_rules()
        self.assertEqual(self.followups(rule).mapped("state"), ["open"])
        self.followups(rule).activity_id.action_feedback("Called")
        self.assertRecordValues(self.followups(rule), [{"state": "done", "is_in_time": True, "closed_date": TODAY}])
        for days, count in ((1, 1), (29, 1), (30, 2)):
            with freeze_time(TODAY + timedelta(days=days)):
                self.run_rules()
                self.assertEqual(len(self.followups(rule)), count, f"after {days} days")

    def test_cancelled_and_late(self):
        customers = self.at_risk("One") + self.at_risk("Two")
        self.refresh()
        rule = self.rule("at_risk", delay_days=1)
        self.run_rules()
        cancelled, late = self.followups(rule)
        cancelled.activity_id.unlink()
        self.assertEqual(cancelled.state, "cancelled")
        with freeze_time(TODAY + timedelta(days=5)):
            late.activity_id.action_feedback("Called at last")
            self.assertRecordValues(late, [{"state": "done", "is_in_time": False}])
            self.run_rules()
        self.assertEqual(len(self.followups(rule)), 2)
        self.assertEqual(customers.activity_ids.mapped("active"), [])

    def test_what_closes_by_itself_costs_no_working_time(self):
        self.company.write({"value_cost_work": True, "value_hourly_cost": 60})
        gone, called = self.at_risk("Gone"), self.at_risk("Called")
        self.refresh()
        rule = self.rule("at_risk")
        self.run_rules()
        self.followups(rule).filtered(lambda one: one.partner_id == called).activity_id.action_feedback("Called")
        self.invoice(gone, TODAY)
        self.refresh()
        self.run_rules()
        self.assertEqual(set(self.followups(rule).mapped("state")), {"closed", "done"})
        work = self.env["crm.value.cost.source"]._select_work(self.company, TODAY)
        self.assertEqual([(row[0], row[3]) for row in self.env.execute_query(work)], [(called.id, 20)])

    def test_one_run_a_day(self):
        self.at_risk()
        self.refresh()
        rule = self.rule("at_risk")
        run = self.env["crm.value.followup.run"].with_company(self.company)
        self.assertEqual(run._run_company(self.company).state, "done")
        self.at_risk("Later")
        self.refresh()
        self.assertFalse(run._run_company(self.company))
        self.assertEqual(len(self.followups(rule)), 1)

    def test_constraints_forbid_a_second(self):
        customer = self.at_risk()
        self.refresh()
        rule = self.rule("at_risk")
        vals = {
            "rule_id": rule.id,
            "value_id": self.value(customer).id,
            "company_id": self.company.id,
            "date": TODAY,
            "group": "treated",
            "state": "open",
        }
        self.env["crm.value.followup"].create({**vals, "occasion": "one"})
        for again in ({"occasion": "two"}, {"occasion": "one", "state": "done"}):
            with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self.env["crm.value.followup"].create({**vals, **again})

    def test_no_mail_no_follower_and_few_queries(self):
        partners = self.env["res.partner"].create(
            [{"name": f"Customer {number}", "is_company": True} for number in range(300)]
        )
        self.env.cr.execute(
            """
            INSERT INTO crm_value (partner_id, company_id, lifecycle_stage, last_purchase_date, purchase_count,
                                   revenue_12m)
            SELECT unnest(%s), %s, 'at_risk', '2025-01-01', 3, 100""",
            [partners.ids, self.company.id],
        )
        self.env.invalidate_all()
        rule = self.rule("at_risk", responsible_type="user")
        due, run = self.due_customers(rule), rule.env["crm.value.followup.run"]
        mails = self.env["mail.mail"].search_count([])
        messages = self.env["mail.message"].search_count([])
        run._schedule_batch(rule, self.company, due[:10])
        before = self.env.cr.sql_log_count
        run._schedule_batch(rule, self.company, due[10:])
        if not strangers(self.env, "mail.activity"):  # activity teams, for one, cost a query each
            self.assertLessEqual(self.env.cr.sql_log_count - before, 40)
        self.assertEqual(len(self.followups(rule).filtered("activity_id")), 300)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)
        self.assertEqual(self.env["mail.message"].search_count([]), messages)
        self.assertFalse(
            partners.message_follower_ids.filtered(lambda follower: follower.partner_id == self.seller.partner_id)
        )

    def test_text_in_the_language_of_its_reader(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.seller.lang = "fr_FR"
        self.at_risk("Zoë & Söhne <b>", contact_style="analytical")
        self.refresh()
        rule = self.rule(
            "at_risk", note="<p>{customer}: {last_purchase}, {revenue}</p>", summary="{customer} silent for {days} days"
        )
        rule.with_context(lang="fr_FR").summary = "{customer} muet depuis {days} jours"
        self.run_rules()
        activity = self.followups(rule).activity_id
        self.assertEqual(activity.summary, "Zoë & Söhne <b> muet depuis 80 jours")
        self.assertIn("Zoë &amp; Söhne &lt;b&gt;: 11/04/2025, ", activity.note)
        self.assertIn("300,00", activity.note)
        self.assertIn(self.company.name, activity.note)
        self.assertIn("figures", activity.note)

    def test_texts_cannot_show_margin_or_clv(self):
        for text in ("{clv}", "{margin_12m}", "{customer.clv}", "{0}", "{realised_value}"):
            if text in ("{customer.clv}",):
                continue  # not a placeholder: it stays as it is written
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.rule("at_risk", summary=text)
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.rule("at_risk", note=f"<p>{text}</p>")
        self.at_risk()
        self.refresh()
        rule = self.rule("at_risk", summary="{customer.clv} {customer!r}")
        self.run_rules()
        self.assertEqual(self.followups(rule).activity_id.summary, "{customer.clv} {customer!r}")

    def test_figures_stay_where_another_company_reads(self):
        customer = self.at_risk()
        self.refresh()
        other = self.setup_other_company(name="Other")["company"]
        self.env.cr.execute("INSERT INTO crm_value (partner_id, company_id) VALUES (%s, %s)", [customer.id, other.id])
        rule = self.rule("at_risk", summary="{revenue} {revenue_total}")
        self.run_rules()
        self.assertNotIn("300", self.followups(rule).activity_id.summary)

    def test_deadline_in_working_days(self):
        rule = self.rule("at_risk", delay_days=2)
        self.company.resource_calendar_id = self.env["resource.calendar"].create(
            {"name": "Weekdays", "tz": "Europe/Paris", "company_id": self.company.id}
        )
        friday = date(2025, 7, 4)

        def deadline():
            return self.env["crm.value.followup.activity"]._deadline(rule, self.company, friday)

        self.assertEqual(deadline(), date(2025, 7, 8))
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": self.company.resource_calendar_id.id,
                "company_id": self.company.id,
                "date_from": "2025-07-06 22:00:00",
                "date_to": "2025-07-07 21:59:59",
            }
        )
        self.assertEqual(deadline(), date(2025, 7, 9))
        self.company.resource_calendar_id = False
        self.assertEqual(deadline(), date(2025, 7, 8))
        rule.delay_days = 0
        self.assertEqual(deadline(), friday)

    def responsible_of(self, rule, customer):
        [row] = [row for row in self.due_customers(rule) if row.partner_id == customer.id]
        return rule.env["crm.value.followup.assignee"]._assign(rule, self.company, [row])[row.value_id]

    def test_responsible_falls_back_in_order(self):
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        salesperson, order_seller, leader = (
            new_test_user(self.env, login, "sales_team.group_sale_salesman", **company)
            for login in ("sal", "ord", "lea")
        )
        team = self.env["crm.team"].create({"name": "Team", "company_id": self.company.id, "user_id": leader.id})
        customer = self.at_risk(user_id=salesperson.id)
        order = self.env["sale.order"].create(
            {"partner_id": customer.id, "user_id": order_seller.id, "team_id": team.id, "state": "sale"}
        )
        self.refresh()
        rule = self.rule("at_risk")
        self.assertEqual(self.responsible_of(rule, customer), salesperson)
        salesperson.active = False
        self.assertEqual(self.responsible_of(rule, customer), order_seller)
        order_seller.active = False
        self.assertEqual(self.responsible_of(rule, customer), leader)
        rule.responsible_type = "team_leader"
        self.assertEqual(self.responsible_of(rule, customer), leader)
        order.team_id = False
        self.assertEqual(self.responsible_of(rule, customer), self.seller)
        self.seller.active = False
        self.assertTrue(self.responsible_of(rule, customer).has_group("sales_team.group_sale_manager"))
        self.assertIn(self.company, self.responsible_of(rule, customer).company_ids)

    def test_user_of_another_company_gets_nothing(self):
        other = self.setup_other_company(name="Other")["company"]
        stranger = new_test_user(
            self.env,
            "stranger",
            "sales_team.group_sale_salesman",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        customer = self.at_risk(user_id=stranger.id)
        self.refresh()
        self.assertEqual(self.responsible_of(self.rule("at_risk"), customer), self.seller)

    def test_members_of_a_team_in_turn(self):
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        members = self.env["res.users"].union(
            *(
                new_test_user(self.env, f"member{number}", "sales_team.group_sale_salesman", **company)
                for number in range(3)
            )
        )
        team = self.env["crm.team"].create(
            {"name": "Team", "company_id": self.company.id, "member_ids": [Command.set(members.ids)]}
        )
        rule = self.rule("at_risk", responsible_type="round_robin", team_id=team.id)
        for number in range(5):
            self.at_risk(f"Customer {number}")
        self.refresh()
        self.run_rules()
        given = self.followups(rule).user_id
        self.assertEqual(given, members)
        self.assertEqual(
            sorted(len(self.followups(rule).filtered(lambda row, user=user: row.user_id == user)) for user in members),
            [1, 2, 2],
        )
        self.at_risk("Sixth")
        self.refresh()
        self.run_rules()
        self.assertEqual(
            [len(self.followups(rule).filtered(lambda row, user=user: row.user_id == user)) for user in members],
            [2, 2, 2],
        )

    def test_daily_cap_takes_the_largest_first(self):
        self.company.value_followup_cap = 2
        for amount in (10, 30, 20):
            self.at_risk(f"Customer {amount}", amount=amount)
        self.refresh()
        rules = self.rule("at_risk") + self.rule("at_risk")
        self.run_rules()
        self.assertEqual(self.followups(rules[0]).partner_id.mapped("name"), ["Customer 30", "Customer 20"])
        self.assertFalse(self.followups(rules[1]))
        with freeze_time(TODAY + timedelta(days=1)):
            self.run_rules()
        self.assertEqual(len(self.followups(rules[0])), 3)
        self.assertEqual(self.followups(rules[1]).partner_id.mapped("name"), ["Customer 30"])

    def test_plan(self):
        call, todo = (self.env.ref(f"mail.mail_activity_data_{name}") for name in ("call", "todo"))
        plan = self.env["mail.activity.plan"].create(
            {
                "name": "Win back",
                "res_model": "res.partner",
                "company_id": False,
                "template_ids": [
                    Command.create(
                        {
                            "activity_type_id": call.id,
                            "summary": "Call",
                            "delay_count": 1,
                            "delay_from": "after_plan_date",
                        }
                    ),
                    Command.create(
                        {
                            "activity_type_id": todo.id,
                            "summary": "Letter",
                            "delay_count": 10,
                            "delay_from": "after_plan_date",
                            "responsible_type": "other",
                            "responsible_id": self.manager.id,
                        }
                    ),
                ],
            }
        )
        self.at_risk()
        self.refresh()
        rule = self.rule("at_risk", action_type="plan", plan_id=plan.id, delay_days=0)
        self.run_rules()
        followup = self.followups(rule)
        self.assertRecordValues(
            followup.activity_ids.sorted("date_deadline"),
            [
                {"summary": "Call: Slowing", "date_deadline": TODAY + timedelta(days=1), "user_id": self.seller.id},
                {"summary": "Letter: Slowing", "date_deadline": TODAY + timedelta(days=10), "user_id": self.manager.id},
            ],
        )
        followup.activity_ids[0].action_feedback("Done")
        self.assertEqual(followup.state, "open")
        followup.activity_ids.action_feedback("Done")
        self.assertEqual(followup.state, "done")

    def test_closing_says_why_and_notifies_nobody(self):
        customer = self.at_risk()
        self.refresh()
        rule = self.rule("at_risk")
        self.run_rules()
        activity = self.followups(rule).activity_id
        self.invoice(customer, TODAY, 10)
        with self.capture_triggers("crm_value_addon.ir_cron_followup") as capture:
            self.refresh(customer)
        self.assertTrue(capture.records, "the purchase wakes the cron")
        mails = self.env["mail.mail"].search_count([])
        self.run_rules()
        self.assertRecordValues(activity, [{"active": False, "feedback": "the customer bought again"}])
        self.assertIn("the customer bought again", customer.message_ids[0].body)
        self.assertFalse(customer.message_ids[0].notified_partner_ids)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)

    def test_preview_writes_nothing(self):
        for number in range(4):
            self.at_risk(f"Customer {number}")
        self.refresh()
        rule = self.rule("at_risk", holdout_percent=50).with_user(self.manager)
        self.env.flush_all()
        tables = (
            "crm_value_followup",
            "mail_activity",
            "crm_value_followup_preview",
            "crm_value_followup_rule",
            "crm_value_run",
            "mail_message",
        )

        def versions():
            self.env.cr.execute(
                " UNION ALL ".join(
                    f"SELECT '{table}', count(*), max(xmin::text::bigint) FROM {table}" for table in tables
                )
            )
            return self.env.cr.fetchall()

        before = versions()
        action = rule.action_preview()
        wizard = (
            self.env[action["res_model"]]
            .with_user(self.manager)
            .with_context(**action["context"], allowed_company_ids=self.company.ids)
            .new({"rule_id": rule.id})
        )
        html = wizard.preview
        due = self.env["crm.value"].search(
            rule.with_company(self.company)
            .with_context(allowed_company_ids=self.company.ids)
            .action_open_due()["domain"]
        )
        self.env.flush_all()
        self.assertEqual(versions(), before)
        self.run_rules()
        followups = self.followups(rule)
        self.assertEqual(len(followups), 4)
        for partner in followups.partner_id:
            self.assertIn(partner.name, html)
        treated = followups.filtered(lambda followup: followup.group == "treated")
        self.assertEqual(treated.value_id, due, "the preview was right, and the list names nobody who is held out")

    def test_control_group_is_stable(self):
        rule = self.rule("at_risk", holdout_percent=50)
        for number in range(12):
            self.at_risk(f"Customer {number}")
        self.refresh()
        self.run_rules()
        followups, due = self.followups(rule), self.due_customers(self.rule("at_risk"))
        treated = followups.filtered(lambda followup: followup.group == "treated").value_id
        again = rule.copy({"active": True})
        self.assertTrue(followups.value_id - treated)
        for listed in (rule, again):
            ids = listed.with_context(allowed_company_ids=self.company.ids).action_open_due()["domain"][0][2]
            shown = self.Value.browse(ids)
            held_out = rule.env["crm.value.followup.plan"]._draw(listed, self.due_customers(listed))
            self.assertFalse(held_out & set(shown.ids), "who is held out is on no list of whom to call")
        self.assertEqual(len(shown), 12 - len(held_out))
        control = rule.env["crm.value.followup.plan"]._draw(rule, due)
        for followup in followups:
            self.assertEqual(
                (followup.group, followup.state, bool(followup.activity_id)),
                ("control", "control", False) if followup.value_id.id in control else ("treated", "open", True),
            )
        self.assertEqual(len(set(followups.mapped("group"))), 2)
        self.run_rules()
        self.assertEqual(len(self.followups(rule)), 12)

    def test_outcome_and_uplift(self):
        rule = self.rule("at_risk", holdout_percent=50, measure_days=30)
        customers = self.env["res.partner"]
        for number in range(16):  # in one group all of them once in 30,000 runs
            customers += self.at_risk(f"Customer {number}")
        self.refresh()
        self.run_rules()
        for customer in customers:
            self.invoice(customer, TODAY, 5)  # the same day does not count
            self.invoice(customer, TODAY + timedelta(days=30), 100)
            self.invoice(customer, TODAY + timedelta(days=31), 1000)
        self.refresh(customers)
        with freeze_time(TODAY + timedelta(days=30)):
            self.run_rules()
            self.assertFalse(any(self.followups(rule).mapped("is_measured")))
        with freeze_time(TODAY + timedelta(days=31)):
            self.run_rules()
        self.assertEqual(self.followups(rule).mapped("outcome_revenue"), [100] * 16)
        self.assertEqual(self.followups(rule).mapped("outcome_margin"), [40] * 16)
        self.assertFalse(rule.has_enough_data)
        self.assertIn("Not enough data", rule.verdict)
        self.assertEqual((rule.treated_revenue, rule.control_revenue), (100, 100))

    def test_uplift_of_enough_customers(self):
        rule = self.rule("at_risk")
        partners = self.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(80)])
        self.env.cr.execute(
            "INSERT INTO crm_value (partner_id, company_id) SELECT unnest(%s), %s RETURNING id",
            [partners.ids, self.company.id],
        )
        self.env["crm.value.followup"].create(
            [
                {
                    "rule_id": rule.id,
                    "value_id": value_id,
                    "company_id": self.company.id,
                    "occasion": "x",
                    "date": TODAY,
                    "group": "treated" if number < 40 else "control",
                    "state": "done" if number < 40 else "control",
                    "is_measured": True,
                    "outcome_revenue": (200 if number < 40 else 100) + number % 5,
                    "outcome_margin": 10 + number % 5,
                    "is_in_time": number < 10,
                }
                for number, (value_id,) in enumerate(self.env.cr.fetchall())
            ]
        )
        self.assertTrue(rule.has_enough_data)
        self.assertAlmostEqual(rule.uplift_revenue, 100)
        self.assertTrue(99 < rule.uplift_revenue_low < 100 < rule.uplift_revenue_high < 101)
        self.assertTrue(rule.uplift_margin_low < 0 < rule.uplift_margin_high)
        self.assertEqual(
            (rule.treated_count, rule.control_count, rule.done_count, rule.in_time_count), (40, 40, 40, 10)
        )
        self.assertIn("It pays", rule.verdict)

    def test_a_rule_that_fails_does_not_stop_the_others(self):
        self.at_risk()
        self.refresh()
        broken, sound = self.rule("at_risk", sequence=1), self.rule("at_risk", sequence=2)
        broken.name = "Broken"
        Trigger = type(self.env["crm.value.followup.trigger"])
        original = Trigger._due_at_risk

        def fail(trigger, rule, *args, **kwargs):
            if rule == broken:
                raise ValueError("no such luck")
            return original(trigger, rule, *args, **kwargs)

        with (
            patch.object(Trigger, "_due_at_risk", fail),
            mute_logger("odoo.addons.crm_value_addon.models.followups.crm_value_followup_run"),
        ):
            self.run_rules()
        self.assertEqual(len(self.followups(sound)), 1)
        self.assertIn("no such luck", self.env["crm.value.run"].search([("kind", "=", "followup")], limit=1).message)

    def test_a_killed_run_and_its_rerun_are_one(self):
        for number in range(5):
            self.at_risk(f"Customer {number}")
        self.refresh()
        rule = self.rule("at_risk")
        done = []

        def die_in_the_third(work):
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(1)
            return work()

        with patch("odoo.addons.crm_value_addon.models.followups.crm_value_followup_run.BATCH", 1):
            try:
                self.env["crm.value.followup.run"]._schedule(rule, self.company, die_in_the_third)
                self.fail("the run was not interrupted")
            except KeyboardInterrupt:
                self.assertEqual(len(self.followups(rule)), 2)
        self.run_rules()
        self.assertEqual(len(self.followups(rule)), 5)
        self.assertEqual(len(self.followups(rule).activity_id), 5)

    def test_launched_by_an_automation_on_any_model(self):
        customer = self.bought("Happy", 5)
        self.refresh()
        rule = self.rule("manual", summary="{customer}: {detail}", cooldown_days=0)
        order = self.env["sale.order"].create({"partner_id": self.customer("Person", parent_id=customer.id).id})
        action = self.env["ir.actions.server"].create(
            {
                "name": "Follow up",
                "model_id": self.env["ir.model"]._get_id("sale.order"),
                "state": "value_followup",
                "value_followup_rule_id": rule.id,
            }
        )
        self.assertFalse(self.due(rule))
        run = action.with_context(active_model="sale.order", active_ids=order.ids, active_id=order.id)
        run.run()
        run.run()
        self.assertEqual(self.followups(rule).activity_id.summary, f"Happy: {order.name}")
        self.run_rules()
        self.assertEqual(self.followups(rule).state, "open", "what was launched is not closed by itself")
        run = self.env["crm.value.followup.run"]
        for records in (customer, self.value(customer), self.last_moves(customer)):
            with self.subTest(model=records._name):
                self.assertTrue(run._customer_path(records))
        self.assertFalse(run._customer_path(self.env["res.country"]))

    def last_moves(self, customer):
        return self.env["account.move"].search([("partner_id", "=", customer.id)])

    def test_automations_see_tier_moves_and_stages(self):
        if "base.automation" not in self.env:
            self.skipTest("the module base_automation is not installed")
        rule = self.rule("manual")
        action = self.env["ir.actions.server"].create(
            {
                "name": "Follow up",
                "model_id": self.env["ir.model"]._get_id("crm.value.tier.change"),
                "state": "value_followup",
                "value_followup_rule_id": rule.id,
                "usage": "base_automation",
            }
        )
        self.env["base.automation"].create(
            {
                "name": "Tier moved",
                "model_id": self.env["ir.model"]._get_id("crm.value.tier.change"),
                "trigger": "on_create",
                "filter_domain": "[('partner_id.lifecycle_stage', '=', 'new')]",
                "action_server_ids": [Command.set(action.ids)],
            }
        )
        customer = self.bought("Climber", 5, amount=200)
        self.refresh()
        self.assertEqual(self.followups(rule).partner_id, customer)

    def test_rights(self):
        self.at_risk("Treated")
        self.refresh()
        rule = self.rule("at_risk")
        self.run_rules()
        followup = self.followups(rule)
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        portal = new_test_user(self.env, "curious", "base.group_portal", **company)
        other = self.setup_other_company(name="Other")["company"]
        stranger = new_test_user(
            self.env,
            "stranger",
            "sales_team.group_sale_manager",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        self.assertEqual(followup.with_user(self.seller).state, "open")
        for record, field in ((followup, "outcome_margin"), (rule, "treated_margin")):
            with self.assertRaises(AccessError):
                record.with_user(self.seller).read([field])
        followup.with_user(self.manager).read(["outcome_margin"])
        for method in ("action_run", "action_preview", "action_open_due"):
            with self.assertRaises(AccessError):
                getattr(rule.with_user(self.seller), method)()
        for user in (self.seller, self.manager):
            with self.assertRaises(AccessError):
                followup.with_user(user).write({"state": "done"})
        for user in (portal, stranger):
            for record in (followup, rule):
                with self.assertRaises(AccessError):
                    record.with_user(user).read([])
        followup.write({"group": "control"})
        self.env.flush_all()
        self.assertFalse(self.env["crm.value.followup"].with_user(self.seller).search([("id", "=", followup.id)]))
        self.assertTrue(self.env["crm.value.followup"].with_user(self.manager).search([("id", "=", followup.id)]))

    def test_other_company_is_not_touched(self):
        customer = self.at_risk()
        self.refresh()
        other = self.setup_other_company(name="Other")["company"]
        rule = self.rule("at_risk", company_id=False)
        self.env["crm.value.followup.run"].with_company(other)._run_company(other)
        self.assertFalse(self.followups(rule))
        self.run_rules()
        self.assertEqual(self.followups(rule).company_id, self.company)
        self.assertEqual(self.followups(rule).partner_id, customer)

    def test_ready_made_rules(self):
        rules = self.env["crm.value.followup.rule"].with_context(active_test=False).search([("company_id", "=", False)])
        triggers = {trigger for trigger, _label in rules._fields["trigger"].selection} - {"manual"}
        self.assertEqual(set(rules.mapped("trigger")), triggers)
        data = self.env["ir.model.data"].search(
            [
                ("module", "like", "crm_value_addon"),
                ("model", "=", "crm.value.followup.rule"),
                ("res_id", "in", rules.ids),
            ]
        )
        self.assertEqual(set(data.mapped("res_id")), set(rules.ids))
        rules.active = True
        self.at_risk()
        self.refresh()
        self.run_rules()

    def test_run_now_and_cron(self):
        self.at_risk()
        self.refresh()
        rule = self.rule("at_risk")
        # its lock would last until the end of this transaction, and the cron asks for it in a session of its own
        with patch.object(type(self.env["crm.value.scheduler"]), "_is_writer", lambda *args, **kwargs: True):
            action = rule.with_user(self.manager).with_context(allowed_company_ids=self.company.ids).action_run()
        self.assertIn("1 follow-ups", action["params"]["message"])
        self.env["crm.value.run"].search([("kind", "=", "followup")]).unlink()
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("crm_value_addon.ir_cron_followup").with_user(
                self.env.ref("base.user_root")
            ).method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(len(self.followups(rule)), 1)
        run = self.env["crm.value.run"].search([("kind", "=", "followup"), ("company_id", "=", self.company.id)])
        self.assertEqual(run.state, "done")
