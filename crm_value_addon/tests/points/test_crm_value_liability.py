from calendar import monthrange
from datetime import date, timedelta

from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..common import TODAY
from .common_points import PointsCase


@freeze_time(TODAY)
class TestLiability(PointsCase):
    """What is owed, against the cards."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.loyalty.reward_ids[1:].unlink()
        cls.loyalty.reward_ids.write(
            {"reward_type": "discount", "discount_mode": "per_point", "discount": 0.25, "required_points": 1}
        )

    def make_card(self, program, points, day="2025-01-10", **vals):
        card = (
            self.env["loyalty.card"]
            .with_context(loyalty_no_mail=True)
            .create({"program_id": program.id, "points": 0, **vals})
        )
        self.env.flush_all()
        self.env.cr.execute("UPDATE loyalty_card SET create_date = %s WHERE id = %s", [day, card.id])
        self.env.invalidate_all()
        return self.move(card, points, day)

    def move(self, card, points, day, **vals):
        card.points += points
        line = self.env["loyalty.history"].create(
            {"card_id": card.id, "issued": max(points, 0), "used": max(-points, 0), "description": "Moved", **vals}
        )
        self.env.flush_all()
        self.env.cr.execute("UPDATE loyalty_history SET create_date = %s WHERE id = %s", [day, line.id])
        self.env.invalidate_all()
        return card

    def owed(self, day, *programs):
        rows = self.env["crm.value.liability"].search(
            [("date", "=", day), ("program_id", "in", [program.id for program in programs])]
        )
        return {row.kind: (row.points, row.amount) for row in rows}

    def test_the_cards_sums_to_the_cent(self):
        wallet, gift = self.program("ewallet"), self.program("gift_card")
        customer = self.bought(5000)
        self.make_card(self.loyalty, 40.11, partner_id=customer.id)
        self.make_card(wallet, 10.01, partner_id=customer.id)
        self.make_card(wallet, 0.02, partner_id=customer.id)
        self.make_card(gift, 99.99)
        rows = self.env["crm.value.liability"].search([("date", "=", TODAY)])
        for program in (self.loyalty, wallet, gift):
            cards = self.env["loyalty.card"].search([("program_id", "=", program.id)])
            of_program = rows.filtered(lambda row, program=program: row.program_id == program)
            self.assertEqual(round(sum(of_program.mapped("points")), 2), round(sum(cards.mapped("points")), 2))
            self.assertEqual(of_program.mapped("card_count"), [len(cards)])
        self.assertEqual(self.owed(TODAY, wallet, gift), {"ewallet": (10.03, 10.03), "gift_card": (99.99, 99.99)})
        self.assertEqual(self.owed(TODAY, self.loyalty), {"points": (40.11, 10.03)})
        self.assertEqual(rows.filtered(lambda row: row.kind == "points").tier_id, self.top)

    def test_as_of_a_past_month_end(self):
        card = self.make_card(self.loyalty, 100, "2025-02-10", partner_id=self.customer().id)
        self.move(card, 50, "2025-03-31 23:00:00")
        self.move(card, -120, "2025-05-02")
        self.assertEqual(self.owed("2025-01-31", self.loyalty), {})
        for day, points in (("2025-02-28", 100), ("2025-03-31", 150), ("2025-04-30", 150), (TODAY, 30)):
            self.assertEqual(self.owed(day, self.loyalty), {"points": (points, points / 4)})

    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 400), st.integers(-60, 120)), min_size=1, max_size=12))
    def test_any_month_end_is_what_the_cards_held(self, steps):
        """Cards of three kinds get and lose on random days; the report of each month's end equals what was on them."""
        savepoint = self.env.cr.savepoint()
        try:
            programs = [self.loyalty, self.program("ewallet"), self.program("gift_card")]
            first = TODAY - timedelta(days=400)
            cards = [self.make_card(program, 0, f"{first} 00:00:00") for program in programs]
            held = [{first: 0.0} for _card in cards]
            for which, days, points in sorted(steps, key=lambda step: -step[1]):
                day = TODAY - timedelta(days=days)
                points = max(points, -round(cards[which].points, 2))
                self.move(cards[which], points, f"{day} 12:00:00")
                held[which][day] = round(cards[which].points, 2)
            for month in {(day.year, day.month) for days in held for day in days}:
                end = min(date(*month, monthrange(*month)[1]), TODAY)
                expected = sum(days[max(day for day in days if day <= end)] for days in held)
                rows = self.env["crm.value.liability"].search(
                    [("date", "=", end), ("program_id", "in", [program.id for program in programs])]
                )
                self.assertAlmostEqual(sum(rows.mapped("points")), expected, 2, end)
        finally:
            savepoint.rollback()
            savepoint.close(rollback=False)
            self.env.invalidate_all()
            self.env.registry.clear_cache()

    def test_age(self):
        card = self.make_card(self.loyalty, 100, "2024-01-10", partner_id=self.customer().id)
        ages = {
            row.date: row.age for row in self.env["crm.value.liability"].search([("program_id", "=", self.loyalty.id)])
        }
        self.assertEqual(ages[date(2024, 3, 31)], "m3")
        self.assertEqual(ages[date(2024, 12, 31)], "m12")
        self.assertEqual(ages[TODAY], "older")
        self.move(card, 1, "2025-06-01")
        self.assertEqual(
            self.env["crm.value.liability"].search([("program_id", "=", self.loyalty.id), ("date", "=", TODAY)]).age,
            "m3",
        )

    def test_what_lapsed(self):
        card = self.make_card(self.loyalty, 100, "2025-02-10", partner_id=self.customer().id)
        self.move(card, -100, "2025-04-15", value_lapsed_points=100)
        [row] = self.env["crm.value.liability"].search(
            [("program_id", "=", self.loyalty.id), ("date", "=", "2025-04-30")]
        )
        self.assertEqual((row.points, row.lapsed, row.card_count), (0.0, 25.0, 0))
        coupon = self.program("coupons")
        self.make_card(coupon, 1, "2025-02-10", expiration_date="2025-05-15")
        kinds = {
            row.date: (row.points, row.card_count)
            for row in self.env["crm.value.liability"].search([("program_id", "=", coupon.id)])
        }
        self.assertEqual(kinds[date(2025, 4, 30)], (1.0, 1))
        self.assertNotIn(TODAY, kinds)

    def test_a_gift_of_a_tier(self):
        program = self.program("coupons")
        self.refresh()
        self.benefit("gift", program_id=program.id)
        customer = self.customer()
        self.invoice(customer, TODAY, 6000.0)
        self.refresh(customer)
        self.env["crm.value.gift.calendar"].sudo()._on_tier_changes(self.value(customer).tier_change_ids)
        grants = self.env["crm.value.grant"].search([("value_id", "=", self.value(customer).id)])
        self.assertTrue(grants.card_id)
        self.env.flush_all()
        self.env.cr.execute("UPDATE loyalty_card SET create_date = %s WHERE id = %s", [TODAY, grants.card_id.id])
        self.assertEqual(set(self.owed(TODAY, program)), {"gift"})

    def test_an_empty_database(self):
        self.env["loyalty.history"].search([]).unlink()
        self.env["loyalty.card"].search([]).unlink()
        self.assertFalse(self.env["crm.value.liability"].search([]))
