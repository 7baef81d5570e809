from datetime import date

from freezegun import freeze_time

from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user

from ..common import TODAY
from .test_crm_value_tier_assignment import TierCase

DAY = date(2025, 8, 1)


class TestCrmValueTierPlan(TierCase, CronMixinCase):
    @classmethod
    @freeze_time(TODAY)
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = {}
        for amount in (500, 1500, 6000):
            cls.customers[amount] = cls.customer(f"Bought for {amount}")
            cls.customers[amount].email = f"{amount}@example.com"
            cls.invoice(cls.customers[amount], "2025-03-01", amount)
        cls.refresh()

    def plan(self, day=DAY, **thresholds):
        """Return rules that are planned for a day: name of the tier = what it asks for."""
        simulation = self.env["crm.value.tier.simulation"].with_company(self.company).create({"from_date": day})
        for criterion in simulation.criterion_ids:
            if criterion.tier_id.name in thresholds:
                criterion.enter_min = criterion.keep_min = thresholds[criterion.tier_id.name]
        simulation.action_preview()
        return self.env["crm.value.tier.plan"].browse(simulation.action_plan()["res_id"])

    def run_cron(self, name, day):
        self.env.flush_all()
        with freeze_time(day), self.enter_registry_test_mode():
            self.env.ref(f"crm_value_addon.{name}").with_user(self.env.ref("base.user_root")).method_direct_trigger()
        self.env.invalidate_all()

    def apply(self, day):
        self.run_cron("ir_cron_plans", day)
        with freeze_time(day):
            self.refresh()

    def tiers(self):
        return {amount: self.value(customer).tier_id.name for amount, customer in self.customers.items()}

    def mails(self, day):
        before = self.env["mail.mail"].search([])
        self.run_cron("ir_cron_mails", day)
        told = self.env["crm.value.mail"].search([("kind", "=", "rules"), ("company_id", "=", self.company.id)])
        return told.partner_id, self.env["mail.mail"].search([]) - before

    @freeze_time(TODAY)
    def test_nothing_counts_before_the_day(self):
        rules = self.env["crm.value.tier"]._rules_of(self.company)
        plan = self.plan(Mid=2000)
        self.assertEqual(self.env["crm.value.tier"]._rules_of(self.company), rules)
        self.assertEqual(self.tiers(), {500: "Low", 1500: "Mid", 6000: "Top"})
        self.apply("2025-07-31")
        self.assertEqual((plan.state, self.mid.criterion_ids.enter_min), ("planned", 1000))
        self.assertEqual(self.tiers(), {500: "Low", 1500: "Mid", 6000: "Top"})

    @freeze_time(TODAY)
    def test_they_hold_from_their_day(self):
        plan = self.plan(Mid=2000)
        self.apply("2025-08-01")
        self.assertEqual((plan.state, self.mid.criterion_ids.enter_min), ("applied", 2000))
        self.assertEqual(self.tiers(), {500: "Low", 1500: "Low", 6000: "Top"})
        self.assertEqual(self.tier_changes(self.customers[1500])[-1], ("Mid", "Low", "rules"))
        [before] = self.env["crm.value.snapshot"].search(
            [("value_id", "=", self.value(self.customers[1500]).id), ("as_of_date", "=", "2025-06-30")]
        ) or [False]
        self.assertEqual(before and before.tier_id.name, "Mid", "the months before keep their tiers")
        with self.assertRaises(UserError, msg="what held stays as a record"):
            plan.unlink()

    @freeze_time(TODAY)
    def test_how_a_tier_is_lost_and_what_counts(self):
        simulation = self.env["crm.value.tier.simulation"].with_company(self.company).create({"from_date": DAY})
        simulation._line_of(self.mid).write({"downgrade_policy": "grace", "grace_days": 60})
        simulation.criterion_ids.filtered(lambda line: line.tier_id == self.mid).write(
            {"enter_min": 2000, "keep_min": 2000}
        )
        simulation.action_preview()
        self.assertEqual((simulation.down_count, simulation.later_count), (0, 1))
        plan = self.env["crm.value.tier.plan"].browse(simulation.action_plan()["res_id"])
        plan.tiers_count = "paid"
        again = self.env["crm.value.tier.simulation"].browse(plan.action_simulate()["res_id"])
        self.assertEqual((again.is_previewed, again.down_count, again.later_count), (True, 0, 1))
        self.apply("2025-08-01")
        self.assertEqual(self.company.value_tiers_count, "paid")
        value = self.value(self.customers[1500])
        self.assertEqual((value.tier_id, value.tier_review_date), (self.mid, date(2025, 9, 30)))

    @freeze_time(TODAY)
    def test_rules_that_cannot_hold_any_more(self):
        plan = self.plan(Mid=2000)
        # meanwhile Top asks for less than Mid will
        self.top.criterion_ids.write({"enter_min": 1200, "keep_min": 1200})
        plan.criterion_ids.filtered(lambda line: line.tier_id == self.top).unlink()
        plan.line_ids.filtered(lambda line: line.tier_id == self.top).unlink()
        plan.criterion_ids.filtered(lambda line: line.tier_id == self.low).enter_min = 3000
        rules = self.env["crm.value.tier"]._rules_of(self.company)
        with self.assertLogs("odoo.addons.crm_value_addon.models.tiers.crm_value_tier_plan", "WARNING"):
            self.apply("2025-08-02")
        self.assertEqual(plan.state, "failed")
        self.assertIn("Mid", plan.failure)
        self.assertEqual(plan.activity_ids.user_id, plan.create_uid)
        self.assertEqual(self.env["crm.value.tier"]._rules_of(self.company), rules, "nothing is half written")
        plan.action_cancel()
        self.assertEqual(plan.state, "cancelled")

    @freeze_time(TODAY)
    def test_whom_it_is_announced_to(self):
        self.assertEqual(self.mails("2025-07-15")[0], self.env["res.partner"], "no mail is chosen")
        self.company.value_mail_rules_id = self.env.ref("crm_value_addon.mail_template_rules_change")
        plan = self.plan(Mid=2000)
        self.assertFalse(self.mails("2025-07-01")[0], "too early")
        told, mails = self.mails("2025-07-02")
        self.assertEqual(told, self.customers[1500], "only who falls")
        self.assertIn("Low", mails.body_html)
        self.assertIn("2,000", mails.body_html)
        self.assertFalse(self.mails("2025-07-03")[1], "told once")
        with freeze_time("2025-07-04"):
            plan.action_cancel()
            self.assertIsNone(plan._tell(self.value(self.customers[1500])))

    @freeze_time(TODAY)
    def test_days_that_are_refused(self):
        simulation = self.env["crm.value.tier.simulation"].with_company(self.company).create({})
        with self.assertRaisesRegex(ValidationError, "Choose the day"):
            simulation.action_plan()
        simulation.from_date = TODAY
        with self.assertRaisesRegex(ValidationError, "tomorrow at the earliest"):
            simulation.action_plan()
        self.plan(Mid=2000)
        with self.assertRaisesRegex(ValidationError, "already"):
            self.plan(Mid=3000)
        self.plan(date(2025, 9, 1), Mid=3000)

    @freeze_time(TODAY)
    def test_two_plans_follow_each_other(self):
        first, second = self.plan(Mid=2000), self.plan(date(2025, 9, 1), Mid=1200)
        self.apply("2025-09-02")  # the cron did not run for a month
        self.assertEqual((first.state, second.state), ("applied", "applied"))
        self.assertEqual(self.mid.criterion_ids.enter_min, 1200)

    @freeze_time(TODAY)
    def test_rights(self):
        seller = new_test_user(self.env, "plan_seller", "sales_team.group_sale_salesman", company_id=self.company.id)
        plan = self.plan(Mid=2000)
        for work in (lambda plan: plan.action_cancel(), lambda plan: plan.action_simulate(), lambda plan: plan.read()):
            with self.assertRaises(AccessError):
                work(plan.with_user(seller))
