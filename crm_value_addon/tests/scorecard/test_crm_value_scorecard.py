from datetime import date, timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError

from ..common import TODAY
from ..listening.common import ListeningCase

FORMER, BEFORE = date(2024, 6, 30), date(2025, 5, 31)


@freeze_time(TODAY)
class TestCrmValueScorecard(ListeningCase):
    """What the customers of each salesperson did up to a month's end."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.value.snapshot"].search([("company_id", "=", cls.company.id)]).unlink()
        cls.env["crm.value.scorecard"].search([("company_id", "=", cls.company.id)]).unlink()
        cls.team = cls.env["crm.team"].create({"name": "Cards", "company_id": cls.company.id})
        cls.env["crm.team.member"].create({"crm_team_id": cls.team.id, "user_id": cls.ann.id})
        cls.kept, cls.left, cls.fresh, cls.back, cls.bobs = (
            cls.buyer(name, 100, user_id=user.id)
            for name, user in (
                ("Kept", cls.ann),
                ("Left", cls.ann),
                ("Fresh", cls.ann),
                ("Back", cls.ann),
                ("Bobs", cls.bob),
            )
        )
        cls.refresh()
        cls.env["crm.value.snapshot"].search([("company_id", "=", cls.company.id)]).unlink()
        cls.env["crm.value.scorecard"].search([("company_id", "=", cls.company.id)]).unlink()
        cls.first_purchases(
            Fresh=date(2025, 6, 10), **dict.fromkeys(("Kept", "Left", "Back", "Bobs"), date(2023, 1, 1))
        )
        for customer, stages, revenues in (
            (cls.kept, ("active", "active", "loyal"), (50, 60, 70)),
            (cls.left, ("active", "at_risk", "lost"), (40, 10, 0)),
            (cls.fresh, (None, None, "new"), (None, None, 30)),
            (cls.back, ("lost", "lost", "won_back"), (0, 0, 20)),
            (cls.bobs, ("active", "active", "active"), (10, 10, 10)),
        ):
            for day, stage, revenue in zip((FORMER, BEFORE, TODAY), stages, revenues, strict=True):
                if stage:
                    cls.snapshot(customer, day, stage, revenue)

    @classmethod
    def first_purchases(cls, **days):
        for name, day in days.items():
            partner = cls.env["res.partner"].search([("name", "=", name)], limit=1, order="id desc")
            cls.env.cr.execute(
                "UPDATE crm_value SET first_purchase_date = %s WHERE id = %s", [day, cls.value(partner).id]
            )
        cls.env.invalidate_all()

    @classmethod
    def snapshot(cls, customer, day, stage, revenue):
        return cls.env["crm.value.snapshot"].create(
            {
                "value_id": cls.value(customer).id,
                "company_id": cls.company.id,
                "as_of_date": day,
                "lifecycle_stage": stage,
                "revenue_12m": revenue,
                "equity": revenue * 2,
                "satisfaction": 4 if stage == "loyal" else 2 if stage == "new" else 0,
            }
        )

    def take(self, day=TODAY):
        self.env["crm.value.scorecard"]._take(self.company, day)

    def card(self, user, day=TODAY):
        return self.env["crm.value.scorecard"].search(
            [("company_id", "=", self.company.id), ("date", "=", day), ("user_id", "=", user.id)]
        )

    def test_what_the_customers_did(self):
        self.take()
        self.assertRecordValues(
            self.card(self.ann),
            [
                {
                    "team_id": self.team.id,
                    "customer_count": 3,
                    "before_count": 2,
                    "kept_count": 1,
                    "retention": 50.0,
                    "won_count": 1,
                    "lost_count": 1,
                    "won_back_count": 1,
                    "satisfaction": 3.0,
                    "rated_count": 2,
                    "revenue_12m": 120.0,
                    "equity": 240.0,
                    "equity_change": 100.0,
                }
            ],
        )
        self.assertRecordValues(
            self.card(self.bob), [{"customer_count": 1, "retention": 100.0, "won_count": 0, "equity_change": 0.0}]
        )
        self.take()
        self.assertEqual(len(self.card(self.ann)), 1, "twice is once")

    def test_the_first_month_end_knows_no_change(self):
        self.take(FORMER)
        self.assertRecordValues(
            self.card(self.ann, FORMER),
            [{"lost_count": 0, "won_back_count": 0, "equity_change": 0.0, "retention": 0.0, "customer_count": 2}],
        )

    def test_a_reconstructed_year_before_is_compared_with(self):
        Card = self.env["crm.value.scorecard"]
        self.take(BEFORE)
        self.assertEqual(self.card(self.ann, BEFORE).before_count, 0)
        self.snapshot(self.kept, date(2024, 5, 31), "active", 50)
        Card._take_missing(self.company)
        self.assertEqual(self.card(self.ann, BEFORE).before_count, 0, "nothing is missing")
        Card._take_missing(self.company, again=True)
        self.assertEqual(self.card(self.ann, BEFORE).kept_count, 1)

    def test_follow_ups(self):
        rule = self.env["crm.value.followup.rule"].create(
            {"name": "Call", "trigger": "manual", "company_id": self.company.id, "user_id": self.boss.id}
        )
        for number, (deadline, state, in_time, group) in enumerate(
            (
                (TODAY, "done", True, "treated"),
                (TODAY, "done", False, "treated"),
                (TODAY, "open", False, "treated"),
                (TODAY, "closed", False, "treated"),
                (TODAY, "control", False, "control"),
                (BEFORE, "done", True, "treated"),
                (TODAY + timedelta(days=1), "open", False, "treated"),
            )
        ):
            self.env["crm.value.followup"].create(
                {
                    "rule_id": rule.id,
                    "value_id": self.value(self.kept if number < 4 else self.left).id
                    if state != "open"
                    else self.value(self.fresh if number == 2 else self.back).id,
                    "company_id": self.company.id,
                    "occasion": str(number),
                    "date": BEFORE,
                    "deadline": deadline,
                    "state": state,
                    "is_in_time": in_time,
                    "group": group,
                    "user_id": self.boss.id,
                }
            )
        self.take()
        card = self.card(self.boss)
        self.assertRecordValues(card, [{"due_count": 3, "in_time_count": 1, "customer_count": 0}])
        self.assertAlmostEqual(card.in_time_rate, 100 / 3, places=1)

    def test_rates_of_groups_are_ratios(self):
        self.take()
        self.take(BEFORE)
        Card = self.env["crm.value.scorecard"]
        ours = [("company_id", "=", self.company.id)]
        [(retention, won, customers)] = Card._read_group(
            [*ours, ("date", "=", TODAY)], [], ["retention:avg", "won_count:sum", "customer_count:sum"]
        )
        self.assertAlmostEqual(float(retention), 200 / 3, places=4)
        self.assertEqual((won, customers), (1, 4))
        [(customers,)] = Card._read_group(ours, [], ["customer_count:sum"])
        rows = Card.search(ours)
        self.assertEqual(customers, round(sum(rows.mapped("customer_count")) / 2), "over months, their mean")
        [(revenue,)] = Card._read_group(ours, [], ["revenue_12m:sum_currency"])
        self.assertAlmostEqual(float(revenue), sum(rows.mapped("revenue_12m")) / 2, 2, "as pivot and graph ask")

    def test_rhythm_kept_by_tier(self):
        Snapshot = self.env["crm.value.snapshot"]
        for customer, is_kept in ((self.kept, True), (self.left, False), (self.fresh, None), (self.back, True)):
            self.env.cr.execute(
                "UPDATE crm_value_snapshot SET is_rhythm_kept = %s, tier_id = %s WHERE value_id = %s",
                [is_kept, None if customer == self.back else self.mid.id, self.value(customer).id],
            )
        self.env.invalidate_all()
        rates = dict(
            Snapshot._read_group(
                [("company_id", "=", self.company.id), ("as_of_date", "=", TODAY)], ["tier_id"], ["rhythm_rate:avg"]
            )
        )
        self.assertEqual(float(rates[self.mid]), 50.0, "who has no rhythm does not count")
        self.assertEqual(float(rates[self.env["crm.value.tier"]]), 100.0)

    def test_everybody_their_own(self):
        self.take()
        Card = self.env["crm.value.scorecard"]
        self.assertEqual(Card.with_user(self.bob).search([]).user_id, self.bob)
        self.assertLessEqual(self.ann | self.bob, Card.with_user(self.boss).search([]).user_id)
        with self.assertRaises(AccessError):
            self.card(self.ann).with_user(self.bob).read(["customer_count"])
        with self.assertRaises(AccessError):
            self.card(self.bob).with_user(self.bob).read(["equity"])
        self.assertTrue(self.card(self.ann).with_user(self.ann).equity)

    def test_the_refresh_takes_it(self):
        self.env["crm.value.snapshot"].search([("company_id", "=", self.company.id)]).unlink()
        self.refresh()
        self.assertEqual(self.card(self.ann).customer_count, 4)

    def target(self, metric, goal=1, **vals):
        target = self.env["crm.value.target"].create(
            {"company_id": self.company.id, "metric": metric, "goal": goal, **vals}
        )
        target._check_last_month(self.company)
        return target.actual

    def test_targets(self):
        self.assertEqual(self.target("won"), 1)
        self.assertEqual(self.target("won_back", seller_id=self.ann.id), 1)
        self.assertEqual(self.target("won_back", seller_id=self.bob.id), 0)
        self.assertEqual(self.target("satisfaction"), 3)
        self.assertEqual(self.target("revenue_per_customer"), 32.5)
        self.assertEqual(self.target("revenue_per_customer", team_id=self.team.id), 40)
        self.assertEqual(self.target("retention", seller_id=self.ann.id), 50)
