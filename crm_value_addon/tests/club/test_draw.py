from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user

from ...lib.lottery import draw_lots
from ..common import TODAY
from .common import EarningCase


@freeze_time(TODAY)
class TestDraw(EarningCase):
    """The draw of each quarter: who takes part, who wins, and that nobody draws twice."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prize = cls.benefit(
            "gift", tier=cls.top, program_id=cls.program("coupons").id, occasion="drawn", draw_winners=2
        )
        cls.made_on(cls.prize, "2025-05-01")

    @classmethod
    def made_on(cls, benefit, day):
        cls.env.flush_all()
        cls.env.cr.execute("UPDATE crm_value_benefit SET create_date = %s WHERE id = %s", (day, benefit.id))
        cls.env.invalidate_all()

    def draws(self):
        return self.env["crm.value.draw"].search([("company_id", "=", self.company.id)])

    def test_quarters(self):
        for day, quarter in (
            ("2025-06-30", ("2025-Q1", date(2025, 3, 31))),
            ("2025-07-01", ("2025-Q2", date(2025, 6, 30))),
            ("2026-01-01", ("2025-Q4", date(2025, 12, 31))),
            ("2024-12-31", ("2024-Q3", date(2024, 9, 30))),
        ):
            self.assertEqual(self.env["crm.value.draw"]._quarter(date.fromisoformat(day)), quarter)

    def test_winners(self):
        members = [self.bought(6000, name=f"Member {number}") for number in range(5)]
        self.bought(1000, name="Other tier")
        with freeze_time("2025-07-02"):
            for _time in range(2):
                self.run_cron()
        [draw] = self.draws()
        self.assertEqual((draw.period, draw.participant_count, draw.winner_count), ("2025-Q2", 5, 2))
        values = [self.value(member).id for member in members]
        self.assertEqual(sorted(draw.participants), sorted(values))
        self.assertEqual(set(draw.grant_ids.value_id.ids), set(draw_lots(draw.seed, values, 2)))
        self.assertEqual(draw.grant_ids.mapped("occasion_text"), ["Drawn by lot each quarter 2025-Q2"] * 2)
        self.assertEqual(len(draw.grant_ids.card_id), 2)
        with freeze_time("2025-10-01"):
            self.run_cron()
        self.assertEqual(self.draws().mapped("period"), ["2025-Q3", "2025-Q2"])

    def test_who_takes_no_part(self):
        fine, late, objects, gone = (
            self.bought(6000, name="Fine"),
            self.bought(6000, name="Late"),
            self.bought(6000, name="Objects"),
            self.bought(6000, name="Gone"),
        )
        self.env.flush_all()
        self.env.cr.execute("UPDATE crm_value SET tier_since = '2025-07-01' WHERE id = %s", [self.value(late).id])
        self.env.invalidate_all()
        objects.value_opt_out = True
        gone.active = False
        with freeze_time("2025-07-02"):
            self.run_cron()
        self.assertEqual(self.draws().participants, self.value(fine).ids)

    def test_a_new_benefit_draws_at_the_end_of_its_first_quarter(self):
        self.made_on(self.prize, "2025-07-01 08:00")
        self.bought(6000)
        with freeze_time("2025-07-02"):
            self.run_cron()
        self.assertFalse(self.draws())

    def test_nobody_has_the_tier(self):
        with freeze_time("2025-07-02"):
            self.run_cron()
        self.assertRecordValues(self.draws(), [{"participant_count": 0, "winner_count": 0}])

    def test_drawn_again(self):
        for number in range(4):
            self.bought(6000, name=f"Member {number}")
        with freeze_time("2025-07-02"):
            self.run_cron()
        [draw] = self.draws()
        self.assertIn("the same 2 of 4", draw.action_check()["params"]["message"])
        loser = next(one for one in draw.participants if one not in draw.grant_ids.value_id.ids)
        draw.grant_ids[0].value_id = loser
        self.assertEqual(draw.action_check()["params"]["type"], "warning")

    def test_nobody_draws_until_they_like_it(self):
        self.bought(6000)
        with freeze_time("2025-07-02"):
            self.run_cron()
        manager = new_test_user(self.env, "draw_manager", "sales_team.group_sale_manager")
        draw = self.draws().with_user(manager)
        for change in (draw.unlink, lambda: draw.write({"seed": "mine"}), lambda: draw.copy()):
            with self.assertRaises(AccessError):
                change()

    def test_bad_numbers(self):
        for winners in (0, -1, 10_001):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.prize.draw_winners = winners

    def test_a_gift_on_a_date(self):
        holiday = self.env["crm.value.holiday"].create(
            {"name": "Founders' day", "date": date(2020, 6, 30), "is_yearly": True}
        )
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="holiday")
        self.benefit(
            "gift",
            tier=self.mid,
            program_id=self.program("coupons").id,
            occasion="holiday",
            holiday_id=holiday.id,
        )
        customer = self.bought(1000)
        self.assertIn("A gift: Founders' day", self.page(customer)["tier"]["benefits"])
        for day in ("2025-06-30", "2025-07-01", "2026-06-30"):
            with freeze_time(day):
                self.run_cron()
        self.assertEqual(sorted(self.gifts(customer).mapped("occasion")), ["holiday 2025", "holiday 2026"])
        self.assertIn("A date of the year 2025", self.gifts(customer).mapped("occasion_text"))
