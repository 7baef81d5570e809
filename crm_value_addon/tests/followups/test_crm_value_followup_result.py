from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from ..common import TODAY
from .test_crm_value_followup_trigger import FollowupCase


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestCrmValueFollowupResult(FollowupCase):
    """Nothing but a secret draw tells treated and held-out customers apart, and each of them counts once."""

    def at_risk_values(self, count):
        """Return customers at risk, each with a larger revenue than the one before: ids of customer values."""
        partners = self.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(count)])
        self.env.cr.execute(
            """INSERT INTO crm_value (partner_id, company_id, lifecycle_stage, last_purchase_date, purchase_count,
                                      revenue_12m)
               SELECT partner.id, %s, 'at_risk', '2025-01-01', 3, 100 * partner.number
                 FROM unnest(%s) WITH ORDINALITY AS partner(id, number) RETURNING id""",
            [self.company.id, partners.ids],
        )
        values = self.Value.browse([value_id for [value_id] in self.env.cr.fetchall()])
        self.env.invalidate_all()
        return values

    def run_for_days(self, days):
        for day in range(days):
            with freeze_time(TODAY + timedelta(days=day)):
                self.run_rules()

    def follow_up(self, rule, values, group, revenue, day=TODAY, **vals):
        return self.env["crm.value.followup"].create(
            [
                {
                    "rule_id": rule.id,
                    "value_id": value.id,
                    "company_id": self.company.id,
                    "occasion": f"{group} {day}",
                    "date": day,
                    "group": group,
                    "state": "done" if group == "treated" else "control",
                    "is_measured": True,
                    "outcome_revenue": revenue,
                    "outcome_margin": revenue * 0.4,
                    **vals,
                }
                for value in values
            ]
        )

    def test_what_is_not_known_says_why(self):
        rule = self.rule("at_risk", holdout_percent=50)
        self.assertEqual(rule.verdict, "Nobody was followed up yet.")
        values = self.at_risk_values(3)
        self.follow_up(rule, values, "treated", 0, is_measured=False)
        rule.invalidate_recordset()
        self.assertIn("3 followed up, none measured yet", rule.verdict)
        rule.holdout_percent = 0
        rule.invalidate_recordset()
        self.assertIn("Without a control group", rule.verdict)

    # the draw

    def test_whoever_is_held_out_takes_a_place(self):
        """Four places a day, the largest first: treated and held out are four together, day after day."""
        self.company.value_followup_cap = 4
        values = self.at_risk_values(20)
        rule = self.rule("at_risk", holdout_percent=50, responsible_type="user", cooldown_days=300)
        self.run_for_days(4)
        followups = self.followups(rule)
        for day in range(4):
            today = followups.filtered(lambda one, day=day: one.date == TODAY + timedelta(days=day))
            self.assertEqual(today.value_id, values[::-1][4 * day : 4 * day + 4].sorted("id"), f"day {day}")
            self.assertEqual(today.user_id, self.seller)
        self.assertEqual(set(followups.mapped("group")), {"treated", "control"})
        self.assertFalse(followups.filtered(lambda one: one.group == "control").activity_id)
        self.assertEqual(set(followups.mapped("is_compared")), {True})
        self.assertEqual(followups.mapped("revenue_before"), followups.value_id.mapped("revenue_12m"))

    def test_whoever_has_nobody_is_in_neither_group(self):
        self.at_risk_values(6)
        rule = self.rule("at_risk", holdout_percent=50)
        everybody = self.env["res.users"].search([("share", "=", False)])
        self.env.cr.execute("UPDATE res_users SET active = FALSE WHERE id = ANY(%s)", [everybody.ids])
        self.env.invalidate_all()
        self.run_rules()
        self.assertFalse(self.followups(rule))

    def test_both_groups_had_the_same_revenue_before(self):
        """The way of the cron under a cap, without an effect, for several rules: the ranks of both groups are alike."""
        self.company.value_followup_cap = 25
        self.at_risk_values(120)
        deviations = []
        for _rule in range(6):
            rule = self.rule("at_risk", holdout_percent=50, responsible_type="user", cooldown_days=300)
            self.run_for_days(3)
            rule.active = False
            followups = self.followups(rule).sorted("revenue_before")
            self.assertEqual(len(followups), 75)
            ranks = {group: [] for group in ("treated", "control")}
            for rank, followup in enumerate(followups, 1):
                ranks[followup.group].append(rank)
            treated, control = len(ranks["treated"]), len(ranks["control"])
            spread = (treated * control * 76 / 12) ** 0.5
            deviations.append((sum(ranks["treated"]) - treated * 38) / spread)
            self.env["crm.value.followup"].search([]).date = "2024-01-01"  # free the places of these days
        self.assertLess(abs(sum(deviations)) / 6**0.5, 4, deviations)

    def test_the_preview_says_what_the_run_does(self):
        self.company.value_followup_cap = 5
        self.at_risk_values(12)
        rule = self.rule("at_risk", holdout_percent=50, responsible_type="user")
        table = self.env["crm.value.followup.preview"]._prepare_table(rule.sudo(), self.company)
        self.assertEqual((table["count"] + table["held_out"], table["waiting"], len(table["rows"])), (5, 7, 12))
        self.run_rules()
        followups = self.followups(rule)
        self.assertEqual(
            [row["customer"] for row in table["rows"] if row["is_held_out"]],
            followups.filtered(lambda one: one.group == "control")
            .sorted("revenue_before", reverse=True)
            .mapped("partner_id.name"),
        )
        self.assertEqual(table["count"], len(followups.activity_id))

    def test_a_seller_cannot_guess_the_draw(self):
        values = self.at_risk_values(40)
        rule = self.rule("at_risk", holdout_percent=50)
        plan, due = rule.env["crm.value.followup.plan"], self.due_customers(rule)
        drawn = plan._draw(rule, due)
        self.assertEqual(plan._draw(rule, due), drawn)
        self.assertLess(drawn, set(values.ids))
        self.env["ir.config_parameter"].set_param("database.secret", "of another database")
        self.assertNotEqual(plan._draw(rule, due), drawn)

    # the comparison

    def test_each_customer_counts_once_with_the_first(self):
        """Whoever is held out comes back sooner, and buys more then: no effect, in either direction."""
        rule = self.rule("at_risk", measure_days=30)
        values = self.at_risk_values(80)
        self.follow_up(rule, values[:40], "treated", 100)
        self.follow_up(rule, values[40:], "control", 100)
        for month in (1, 2):
            self.follow_up(rule, values[40:], "control", 900, TODAY + timedelta(days=30 * month))
        self.assertEqual((rule.treated_revenue, rule.control_revenue, rule.uplift_revenue), (100, 100, 0))
        self.assertEqual((rule.uplift_revenue_low, rule.uplift_revenue_high), (0, 0))
        self.assertIn("No difference", rule.verdict)
        self.assertEqual((rule.control_count, rule.measured_count), (120, 160), "the counts are of follow-ups")

    def test_a_later_one_does_not_stand_for_the_first(self):
        rule = self.rule("at_risk")
        values = self.at_risk_values(80)
        self.follow_up(rule, values[:40], "treated", 100)
        self.follow_up(rule, values[40:], "control", 0, is_measured=False)
        self.follow_up(rule, values[40:], "control", 50, TODAY + timedelta(days=90))
        self.assertFalse(rule.has_enough_data)
        self.assertIn("40 customers followed up and 0 of the control group", rule.verdict)

    def test_the_months_of_another_share_are_no_effect(self):
        """10 % held out while customers bought for 1,000, then 50 % while they bought for 100."""
        rule = self.rule("at_risk")
        values = self.at_risk_values(180)
        for number, (group, count, share, revenue) in enumerate(
            (("treated", 90, 10, 1000), ("control", 10, 10, 1000), ("treated", 40, 50, 100), ("control", 40, 50, 100))
        ):
            before = (0, 90, 100, 140)[number]
            self.follow_up(rule, values[before : before + count], group, revenue, holdout_percent=share)
        self.assertEqual((rule.uplift_revenue, rule.uplift_revenue_low), (0, 0))
        self.assertNotIn("It pays", rule.verdict)

    def test_one_large_customer_proves_nothing(self):
        rule = self.rule("at_risk")
        values = self.at_risk_values(120)
        self.follow_up(rule, values[:80], "treated", 10)
        self.follow_up(rule, values[80:], "control", 10)
        self.followups(rule)[0].outcome_revenue = 1_000_000
        self.assertLess(rule.uplift_revenue, 1)
        self.assertNotIn("It pays", rule.verdict)

    def test_follow_ups_before_the_update_are_not_compared(self):
        rule = self.rule("at_risk")
        values = self.at_risk_values(80)
        self.follow_up(rule, values[:40], "treated", 900, is_compared=False)
        self.follow_up(rule, values[40:], "control", 100, is_compared=False)
        self.assertFalse(rule.has_enough_data)
        self.assertEqual((rule.treated_revenue, rule.control_revenue), (900, 100), "but they are still told")

    def test_a_rule_that_holds_nobody_out_compares_nobody(self):
        self.at_risk_values(3)
        rule = self.rule("at_risk", responsible_type="user")
        self.run_rules()
        self.assertEqual(self.followups(rule).mapped("is_compared"), [False] * 3)
