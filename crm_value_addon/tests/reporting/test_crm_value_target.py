from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueTarget(ValueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_method = "history"
        cls.manager = new_test_user(
            cls.env,
            "manager",
            groups="sales_team.group_sale_manager",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        cls.bakery, cls.inn = cls.customer("Bakery"), cls.customer("Inn")

    def target(self, metric, goal, **vals):
        return self.env["crm.value.target"].create(
            {"company_id": self.company.id, "metric": metric, "goal": goal, "user_id": self.manager.id, **vals}
        )

    def check(self, target):
        self.refresh()
        target._check_last_month(self.company)
        return target.state

    def test_equity_and_one_activity_for_a_miss(self):
        self.invoice(self.bakery, "2025-05-01", 1000)
        self.refresh()
        equity = self.value(self.bakery).clv
        target = self.target("equity", equity + 100)
        self.assertEqual((self.check(target), target.actual), ("missed", equity))
        self.assertEqual(target.activity_ids.user_id, self.manager)
        self.check(target)
        with freeze_time(date(2025, 7, 31)):
            self.assertEqual(self.check(target), "missed")
            self.assertEqual(len(target.activity_ids), 1)
        with freeze_time(date(2025, 8, 31)):
            self.invoice(self.inn, "2025-08-20", 5000)
            self.assertEqual(self.check(target), "met")
            self.assertFalse(target.activity_ids)

    def test_retention(self):
        target = self.target("retention", 60)
        self.invoice(self.bakery, "2025-05-01", 1000)
        self.invoice(self.inn, "2025-05-01", 1000)
        self.assertEqual(self.check(target), "unknown")
        with freeze_time(date(2026, 6, 30)):
            self.invoice(self.bakery, "2026-05-01", 1000)
            self.assertEqual(self.check(target), "missed")
        # one of the two customers of last year bought again
        self.assertEqual(target.actual, 50)

    def test_top_tiers_of_a_team(self):
        self.env["crm.value.tier"].search([]).active = False
        tier = self.env["crm.value.tier"].create(
            {
                "name": "Top",
                "sequence": 10,
                "company_id": self.company.id,
                "downgrade_policy": "immediate",
                "criterion_ids": [Command.create({"metric": "revenue_12m", "enter_min": 500, "keep_min": 500})],
            }
        )
        team = self.env["crm.team"].create(
            {"name": "North", "company_id": self.company.id, "member_ids": [Command.set(self.manager.ids)]}
        )
        self.bakery.user_id = self.manager
        for partner in (self.bakery, self.inn):
            self.invoice(partner, "2025-05-01", 1000)
        of_team = self.target("top_tiers", 1, tier_id=tier.id, team_id=team.id)
        of_all = self.target("top_tiers", 3, tier_id=tier.id)
        self.assertEqual((self.check(of_team), of_team.actual), ("met", 1))
        self.assertEqual((self.check(of_all), of_all.actual), ("missed", 2))

    def test_rules_and_rights(self):
        with self.assertRaises(ValidationError):
            self.target("top_tiers", 1)
        seller = new_test_user(
            self.env,
            "seller",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        target = self.target("equity", 1)
        self.assertEqual(target.with_user(self.manager).goal, 1)
        with self.assertRaises(AccessError):
            target.with_user(seller).read(["goal"])
        other = self.env["res.company"].create({"name": "Other"})
        foreign = self.env["crm.value.target"].create({"company_id": other.id, "metric": "equity", "goal": 1})
        with self.assertRaises(AccessError):
            foreign.with_user(self.manager).read(["goal"])
