import random
from dataclasses import asdict, astuple
from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.tests import new_test_user

from ...models.dashboard.crm_value_dashboard_sums import Sums
from ...models.refresh.crm_value_writer import TooManyLeftOut
from ...models.sums import crm_value_sum
from ..common import TODAY
from ..dashboard.common_dashboard import DashboardCase

_STAGES = ("lead", "prospect", "new", "active", "loyal", "at_risk", "lost", "won_back", False)


@freeze_time(TODAY)
class TestSums(DashboardCase):
    """Kept sums are the bare aggregate, to the cent, whatever wrote the customers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.setup_other_company(name="Sister", currency_id=cls.company.currency_id.id)["company"].with_env(
            cls.env
        )
        cls.manager.company_ids = cls.company | cls.other
        cls.partners = cls.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(12)])
        for number, partner in enumerate(cls.partners[:9]):
            for back in range(0, number * 60, 50):
                cls.invoice(partner, TODAY - timedelta(days=back), 123.45 * (number + 1) + back)
        cls.credit_note(cls.invoice(cls.partners[0], "2025-03-03", 900.1), "2025-06-03", 100.01)
        cls.refresh()
        # the last three have a value and no document: PostgreSQL may delete them
        cls.env["crm.value"].create(
            [{"partner_id": partner.id, "company_id": cls.company.id} for partner in cls.partners[9:]]
            + [{"partner_id": partner.id, "company_id": cls.other.id} for partner in cls.partners[:4]]
        )
        cls.env["crm.value.refresh"].with_company(cls.other)._refresh_company()
        cls.env.flush_all()

    def sums(self, companies=None, period="month", user=None, filters=None):
        """Return the kept sums, None where there are none, and those of the customers themselves."""
        companies = companies or self.company
        env = self.env(user=user or self.manager, context=dict(self.env.context, allowed_company_ids=companies.ids))
        conditions = env["crm.value.dashboard.filter"]._conditions(filters)
        scope = env["crm.value.dashboard"]._scope(period, False, conditions)
        return env["crm.value.dashboard.sums"]._read(scope)[1], env["crm.value.dashboard.live"]._read(scope)

    def assert_kept(self, message=None):
        for companies in (self.company, self.other, self.company | self.other):
            for period in ("month", "quarter", "year"):
                for user in (self.manager, self.seller) if companies == self.company else (self.manager,):
                    kept, live = self.sums(companies, period, user)
                    self.assertTrue(kept, message)
                    self.assertEqual(self.comparable(kept), self.comparable(live), message)

    @classmethod
    def comparable(cls, node):
        """Return sums as data: to a hundredth of a cent, as what adds them up in Python does so in binary."""
        if isinstance(node, Sums):
            groups = {}  # kept ones are those of each company
            for group in map(astuple, node.groups):
                amounts = groups.setdefault(group[:5], [0] * 7)
                groups[group[:5]] = [one + other for one, other in zip(amounts, group[5:], strict=True)]
            return cls.comparable(asdict(node) | {"groups": groups})
        if isinstance(node, dict):
            return {name: cls.comparable(child) for name, child in node.items()}
        if isinstance(node, list):
            children = [cls.comparable(child) for child in node]
            return sorted(children, key=repr) if children and isinstance(children[0], dict) else children
        is_number = isinstance(node, int | float) and not isinstance(node, bool)
        return round(float(node), 4) if is_number else node

    def values(self):
        return self.env["crm.value"].search([("company_id", "in", (self.company | self.other).ids)], order="id")

    def write_at_random(self, dice):
        """Write some customers as an ORM, a statement or a refresh does."""
        values = self.values()
        some = values.browse(dice.sample(values.ids, min(len(values), dice.randint(1, 5))))
        days = [TODAY - timedelta(days=dice.randint(0, 900)) for _number in range(3)]
        vals = {
            "tier_id": dice.choice([*self.env["crm.value.tier"].search([]).ids, False]),
            "lifecycle_stage": dice.choice(_STAGES),
            "lifecycle_since": dice.choice([*days, False]),
            "purchase_count": dice.randint(0, 4),
            "frequency": dice.randint(0, 3),
            "first_purchase_date": days[0],
            "last_purchase_date": days[1],
            "purchase_quarters": dice.getrandbits(14),
            "revenue_12m": dice.randint(-9999, 999999) / 100,
            "revenue_at_risk": dice.randint(0, 999) / 100,
            "margin_12m": dice.randint(-999, 99999) / 100,
            "clv": dice.randint(-9999, 9999999) / 100,
            "referral_value": dice.choice([0, 12.34]),
            "r_score": dice.randint(0, 5),
            "f_score": dice.randint(0, 5),
            "method": dice.choice(["model", "history"]),
            "fit_id": dice.choice([*self.env["crm.value.fit"].search([]).ids, False]),
            "probability_alive": dice.random(),
            "expected_purchases": dice.randint(0, 999) / 100,
            "expected_spend": dice.randint(0, 99999) / 100,
            "expected_margin_12m": dice.randint(-99, 9999) / 100,
        }
        names = dice.sample(sorted(vals), dice.randint(1, len(vals)))
        some.write({name: vals[name] for name in names})
        if dice.random() < 0.3:
            self.refresh(some.partner_id[:2])

    def test_random_writes(self):
        fit = self.env["crm.value.fit"].create(
            {"company_id": self.company.id, "model": "mbg", "r": 0.5, "p": 4.0, "q": 3.0}
        )
        for seed in range(12):
            self.write_at_random(random.Random(seed))  # noqa: S311
            self.assert_kept(f"seed {seed}")
        with patch.object(crm_value_sum, "_MANY_CHANGES", 0):
            self.env["crm.value.sum"]._add_up(self.company)
        self.assert_kept("added up")
        self.assertFalse(
            self.env["crm.value.sum"].search_count([("company_key", "=", self.company.id), ("is_change", "=", True)])
        )
        # what a customer's variance comes from is no longer there to be taken away: until all are counted again
        self.values().write({"fit_id": False, "method": "model", "expected_purchases": 1, "expected_spend": 9})
        self.Value.search([("company_id", "=", self.company.id)]).fit_id = fit
        fit.p = 2.0
        self.assertIsNone(self.sums()[0])
        self.refresh()
        self.assert_kept("counted")

    def test_merged_archived_erased_deleted(self):
        first, second, third, fourth, *_rest = self.partners
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((first + second).ids, second)
        self.assert_kept("merged")
        third.active = False
        self.assert_kept("archived")
        self.env["crm.value.snapshot"]._take(self.company, date(2025, 5, 31))
        self.env["crm.value.snapshot"]._take(self.other, date(2025, 5, 31))
        self.assert_kept("month end")
        fourth.action_erase_profile()
        self.assert_kept("erased")
        self.partners[9:11].unlink()
        self.assert_kept("deleted")
        self.assertTrue(self.value(second).tier_id)
        self.value(second).tier_id = False
        self.assert_kept("tier taken")
        self.env["crm.value.snapshot"].search([], limit=3).unlink()
        self.assert_kept("month ends deleted")
        self.refresh()
        self.assert_kept("refreshed")

    def test_a_rule_saved_for_all(self):
        lowest = self.env["crm.value.tier"].search([], limit=1)
        held = self.Value.search_count([("tier_id", "=", lowest.id)])
        lowest.active = False
        self.Assignment._assign_company()
        self.assertTrue(held and not self.Value.search_count([("tier_id", "=", lowest.id)]))
        self.assert_kept()

    def test_sums_are_of_no_use_while_a_refresh_is_under_way(self):
        run = self.env["crm.value.run"]._start(self.company, "full", TODAY)
        refresh = self.env["crm.value.refresh"].with_company(self.company)
        queue, columns, skipped = refresh._read_company(run, 0)
        columns["clv"] = columns["clv"] + 1
        refresh._store_company(run, columns, queue, skipped, lambda work: work())
        self.assertIsNone(self.sums()[0], "killed before its end")
        self.assertTrue(self.sums(self.other)[0])
        self.value(self.partners[2]).revenue_12m += 5  # counted at the end, once
        self.refresh()
        self.assert_kept()

    def test_what_is_rolled_back_is_in_no_sum(self):
        self.env.flush_all()
        with self.assertRaises(TooManyLeftOut), self.env.cr.savepoint():
            self.values().write({"clv": 1})
            self.env.flush_all()
            raise TooManyLeftOut(self.env, "no")
        self.env.invalidate_all()
        self.assert_kept()

    def test_a_refresh_that_changes_nothing_adds_no_row(self):
        self.refresh(self.partners[:9])
        count = self.env["crm.value.sum"].search_count([])
        self.refresh(self.partners[:9])
        self.assertEqual(self.env["crm.value.sum"].search_count([]), count)

    def test_whoever_sees_less_than_a_company_gets_no_kept_sum(self):
        self.assertTrue(self.sums(user=self.seller)[0])
        self.assertIsNone(self.sums(filters={"user_id": self.seller.id})[0])
        self.env["ir.rule"].create(
            {
                "name": "Own customers",
                "model_id": self.env["ir.model"]._get_id("crm.value"),
                "domain_force": "[('partner_id.user_id', '=', user.id)]",
                "groups": [Command.link(self.env.ref("sales_team.group_sale_salesman").id)],
            }
        )
        self.partners[3].user_id = self.seller
        kept, live = self.sums(user=self.seller)
        self.assertIsNone(kept)
        self.assertEqual(sum(group.count for group in live.groups), 1)
        self.assertEqual(self.dashboard(self.seller)["customers"]["known"]["count"], 1)

    def test_nobody_but_an_administrator_reads_sums(self):
        for user in (self.seller, self.manager):
            self.assertFalse(self.env["crm.value.sum"].with_user(user).has_access("read"))
        clerk = new_test_user(self.env, "sum_admin", groups="base.group_system")
        self.assertTrue(self.env["crm.value.sum"].with_user(clerk).has_access("read"))
        self.assertFalse(self.env["crm.value.sum"].with_user(clerk).has_access("write"))
