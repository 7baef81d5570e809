from datetime import date

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.addons.crm_value_addon.tests.listening.common import ListeningCase

MONTHS = (date(2025, 4, 30), date(2025, 5, 31))


@freeze_time(TODAY)
class TestGoals(ListeningCase):
    """Goals of Odoo follow the scorecards of the salesperson whom they are for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cards = cls.env["crm.value.scorecard"]
        for user in (cls.ann, cls.bob):
            user.write({"company_ids": [(4, cls.company.id)], "company_id": cls.company.id})
        for day, won, kept in zip(MONTHS, (2, 3), (1, 3), strict=True):
            cls.card(cls.ann, day, won_count=won, lost_count=1, before_count=4, kept_count=kept)
        cls.card(cls.bob, MONTHS[0], won_count=50, before_count=1, kept_count=1)

    @classmethod
    def card(cls, user, day, **figures):
        return cls.cards.create({"user_id": user.id, "date": day, "company_id": cls.company.id, **figures})

    def goal(self, name, user=None, start=date(2025, 1, 1), end=date(2025, 12, 31), **vals):
        return self.env["gamification.goal"].create(
            {
                "definition_id": self.env.ref(f"crm_value_addon_gamification.goal_definition_{name}").id,
                "user_id": (user or self.ann).id,
                "start_date": start,
                "end_date": end,
                "target_goal": 5,
                "state": "inprogress",
                **vals,
            }
        )

    def reached(self, name, **options):
        goal = self.goal(name, **options)
        goal.update_goal()
        return goal.current

    def test_what_happened_is_added_up(self):
        self.assertEqual(self.reached("won"), 5)
        self.assertEqual(self.reached("won", start=date(2025, 5, 1)), 3, "April is before the goal")
        self.assertEqual(self.reached("won", end=date(2025, 5, 30)), 2, "May's end is after the goal")
        self.assertEqual(self.reached("won", start=False, end=False), 5)

    def test_of_rates_the_last_one_holds(self):
        self.assertEqual(self.reached("kept"), 75.0)
        self.card(self.ann, date(2025, 6, 30))
        self.assertEqual(self.reached("kept"), 75.0, "a month's end that knows no rate says nothing")

    def test_only_their_own(self):
        self.assertEqual(self.reached("won", user=self.bob), 50)
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        self.cards.create({"user_id": self.ann.id, "date": MONTHS[1], "company_id": elsewhere.id, "won_count": 900})
        self.assertEqual(self.reached("won"), 5, "of the salesperson's company")

    def test_states(self):
        goal = self.goal("won")
        goal.update_goal()
        self.assertEqual(goal.state, "reached")
        few = self.goal("lost", target_goal=1)
        few.update_goal()
        self.assertEqual((few.current, few.state), (2, "inprogress"))
        late = self.goal("won", end=date(2025, 4, 30))
        late.update_goal()
        self.assertEqual((late.current, late.state), (2, "failed"))

    def test_nothing_known_is_nothing_reached(self):
        self.cards.search([("company_id", "=", self.company.id)]).unlink()
        names = ("kept", "won", "won_back", "lost", "satisfaction", "rhythm", "in_time")
        self.assertEqual([self.reached(name) for name in names], [0.0] * 7)

    def test_sellers_update_their_own_goal(self):
        goal = self.goal("kept")
        goal.with_user(self.ann).update_goal()
        self.assertEqual(goal.current, 75.0)

    def test_no_figure_tells_a_margin(self):
        goal = self.goal("won")
        for name in ("equity", "equity_change", "id"):
            with self.assertRaises(ValueError):
                self.cards._goal_figure(goal, name)

    def test_the_challenge(self):
        challenge = self.env.ref("crm_value_addon_gamification.challenge_customers")
        self.assertEqual(challenge.state, "draft")
        challenge.write({"start_date": TODAY.replace(month=1, day=1), "end_date": TODAY.replace(month=12, day=31)})
        challenge.action_start()
        goals = self.env["gamification.goal"].search(
            [("challenge_id", "=", challenge.id), ("user_id", "=", self.ann.id)]
        )
        self.assertEqual(sorted(goals.mapped("target_goal")), [12, 80, 90])
        self.assertEqual(goals.filtered(lambda goal: goal.target_goal == 80).current, 75.0)
