import contextlib
from datetime import date, timedelta
from unittest.mock import patch

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueSnapshot(ValueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_method = "history"
        cls.bakery = cls.customer("Bakery")

    def snapshots(self):
        return self.env["crm.value.snapshot"].search([("company_id", "=", self.company.id)], order="as_of_date, id")

    def test_first_refresh_on_or_after_the_end_of_a_month(self):
        self.invoice(self.bakery, "2025-05-01", 1000)
        self.refresh()  # on the 30th of June
        value = self.value(self.bakery)
        [taken] = self.snapshots()
        self.assertEqual(taken.as_of_date, TODAY)
        for name in ("clv", "realised_value", "revenue_12m", "probability_alive", "tier_id", "lifecycle_stage"):
            self.assertEqual(taken[name], value[name], name)
        self.assertEqual(taken.equity, value.clv - value.referral_value)
        for day, count in (
            (date(2025, 6, 30), 1),
            (date(2025, 7, 30), 1),
            (date(2025, 8, 3), 2),
            (date(2025, 8, 4), 2),
            (date(2025, 8, 31), 3),
        ):
            with freeze_time(day):
                self.refresh()
                self.assertEqual(len(self.snapshots()), count, day)
        self.assertEqual(self.snapshots().mapped("as_of_date"), [TODAY, date(2025, 8, 3), date(2025, 8, 31)])

    def test_an_interrupted_months_end_goes_on(self):
        customers = [self.customer(str(number)) for number in range(5)]
        for customer in customers:
            self.invoice(customer, "2025-05-01", 1000)

        def die_after_two_snapshots(work):
            if len(self.snapshots()) == 2:
                raise RuntimeError("killed")
            return work()

        with patch("odoo.addons.crm_value_addon.models.reporting.crm_value_snapshot._BATCH", 2):
            # not assertRaises: it would roll the first batch back
            with contextlib.suppress(RuntimeError):
                self.Refresh._refresh_company(die_after_two_snapshots)
            self.assertEqual(self.snapshots().mapped("partner_id.name"), ["0", "1"])
            with freeze_time(TODAY + relativedelta(days=1)):
                self.refresh()
            with freeze_time(TODAY + relativedelta(days=2)):
                self.refresh()
        self.assertEqual(self.snapshots().mapped("partner_id"), self.env["res.partner"].union(*customers))
        self.assertEqual(self.snapshots().mapped("as_of_date"), [TODAY] * 5)

    def test_incremental_refresh_takes_none(self):
        self.invoice(self.bakery, "2025-05-01", 1000)
        self.refresh(self.bakery)
        self.assertFalse(self.snapshots())

    def test_source_of_the_first_won_opportunity(self):
        source = self.env["utm.source"].create({"name": "Fair"})
        self.invoice(self.bakery, "2025-05-01", 1000)
        self.env["crm.lead"].create(
            {
                "name": "Deal",
                "type": "opportunity",
                "partner_id": self.bakery.id,
                "company_id": self.company.id,
                "source_id": source.id,
            }
        ).action_set_won()
        self.refresh()
        self.assertEqual(self.snapshots().source_id, source)

    def test_old_ones_are_forgotten(self):
        self.invoice(self.bakery, "2025-05-01", 1000)
        self.refresh()
        self.company.value_snapshot_months = 2
        self.env["crm.value.snapshot"]._gc_snapshots()
        self.assertEqual(len(self.snapshots()), 1)
        with freeze_time(TODAY + relativedelta(months=2, days=2)):
            self.env["crm.value.snapshot"]._gc_snapshots()
        self.assertFalse(self.snapshots())

    def test_rights(self):
        self.invoice(self.bakery, "2025-05-01", 1000)
        self.refresh()
        taken = self.snapshots()
        other = self.env["res.company"].create({"name": "Other"})
        seller, stranger, manager = (
            new_test_user(self.env, login, groups=groups, company_id=company.id, company_ids=[Command.set(company.ids)])
            for login, groups, company in (
                ("seller", "sales_team.group_sale_salesman", self.company),
                ("stranger", "sales_team.group_sale_manager", other),
                ("manager", "sales_team.group_sale_manager", self.company),
            )
        )
        self.assertEqual(taken.with_user(seller).revenue_12m, 1000)
        with self.assertRaises(AccessError):
            taken.with_user(seller).read(["clv"])
        with self.assertRaises(AccessError):
            taken.with_user(stranger).read(["revenue_12m"])
        with self.assertRaises(AccessError):
            taken.with_user(manager).unlink()
        self.assertEqual(taken.with_user(manager).clv, self.value(self.bakery).clv)

    def test_equity(self):
        company, Equity = self.company, self.env["crm.value.equity"].with_company(self.company)
        company.write(
            {
                "value_retention_rate": 1.0,
                "value_discount_rate": 0.0,
                "value_horizon_months": 12,
                "value_referral_share": 0.5,
                "value_referral_months": 12,
            }
        )
        other = self.customer("Inn", referred_by_id=self.bakery.id)
        self.invoice(self.bakery, "2025-05-01", 1000)
        self.refresh()
        with freeze_time(TODAY + timedelta(days=10)):
            self.invoice(self.bakery, "2025-07-05", 500)
            self.invoice(other, "2025-07-05", 3000)
            self.refresh()
            summary = Equity.equity_summary()
        # margins of 12 months carried over 12 months: 1,500 × 40 % = 600 and 3,000 × 40 % = 1,200; without referral
        self.assertGreater(self.value(self.bakery).referral_value, 0)
        self.assertEqual(summary["total"], 1800)
        self.assertEqual(summary["change"]["since"], "2025-06-30")
        effects = {effect["name"]: effect["amount"] for effect in summary["change"]["effects"]}
        # the inn is new; the bakery was worth 400 and bought at 1,000 a time (1 a year), now at 750 (2 a year)
        self.assertEqual(effects["new_customers"], 1200)
        # 200 = L (ln 2 + ln 0.75) with L = 200 / ln 1.5 = 493.26: purchases 341.90, spend -141.90
        self.assertAlmostEqual(effects["purchases"], 341.90, places=2)
        self.assertAlmostEqual(effects["spend"], -141.90, places=2)
        self.assertEqual(round(sum(effects.values()), 2), summary["total"] - 400)
        # the best 1 % of two customers is one
        self.assertAlmostEqual(summary["concentration"][0]["share"], 1200 / 1800, places=4)

    def test_cost_of_winning_and_of_keeping(self):
        self.company.write(
            {
                "value_cost_acquisition": "lead",
                "value_cost_won_lead": 100,
                "value_cost_credit_notes": True,
                "value_cost_credit_note": 30,
            }
        )
        won, walked_in, old = (self.customer(name) for name in ("Won", "Walked in", "Old"))
        lead = self.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "partner_id": won.id, "company_id": self.company.id}
        )
        lead.action_set_won()
        for customer, day in ((won, "2025-03-01"), (walked_in, "2025-04-01"), (old, "2023-01-01"), (old, "2025-05-01")):
            invoice = self.invoice(customer, day, 100)
        self.credit_note(invoice, "2025-06-01", amount=10)
        self.refresh()
        summary = self.env["crm.value.equity"].with_company(self.company).equity_summary()
        # one won opportunity of 100 among two new customers; one credit note of 30 among three who bought
        self.assertEqual((summary["winning_cost"], summary["keeping_cost"]), (50, 10))

    def test_month_ends_do_not_add_up_over_months(self):
        """A total is that of the last month end: of all rows, of a year, of a tier."""
        inn = self.customer("Inn")
        for month, amount in ((4, 100), (5, 300), (6, 600)):
            with freeze_time(date(2025, month, 1) + relativedelta(day=31)):
                self.invoice(self.bakery, date(2025, month, 1), amount)
                if month == 5:
                    self.invoice(inn, "2025-05-02", 50)
                self.refresh()
        Snapshot = self.env["crm.value.snapshot"]
        mine, spec = [("company_id", "=", self.company.id)], ["revenue_12m:sum"]
        by_month = Snapshot._read_group(mine, ["as_of_date:month"], spec)
        self.assertEqual([total for _month, total in by_month], [100, 450, 1050])
        self.assertEqual(Snapshot._read_group(mine, [], spec), [(1050,)])
        for span in ("quarter", "year"):
            [[_start, total]] = Snapshot._read_group(mine, [f"as_of_date:{span}"], spec)
            self.assertEqual(total, 1050, span)
        by_customer = dict(Snapshot._read_group(mine, ["value_id"], spec))
        self.assertEqual(
            {value.partner_id.name: total for value, total in by_customer.items()}, {"Bakery": 1000, "Inn": 50}
        )
        sets = Snapshot._read_grouping_sets(mine, [[], ["as_of_date:month"], ["as_of_date:year"]], spec)
        self.assertEqual(sets[0], [(1050,)])
        self.assertEqual([total for _month, total in sets[1]], [100, 450, 1050])
        self.assertEqual([total for _year, total in sets[2]], [1050])
        until_may = [*mine, ("as_of_date", "<", "2025-06-01")]
        self.assertEqual(Snapshot._read_group(until_may, [], spec), [(450,)])
        self.assertEqual(Snapshot._read_group([*mine, ("id", "=", 0)], [], spec), [(False,)])
        pivot = Snapshot.formatted_read_grouping_sets(mine, [[], ["as_of_date:month"], ["tier_id"]], spec)
        self.assertEqual(pivot[0][0]["revenue_12m:sum"], 1050)

    def test_its_name_is_a_date_of_the_users_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.invoice(self.bakery, "2025-05-01", 100)
        self.refresh()
        [taken] = self.snapshots()
        day = self.env["crm.value.purchase"].search([("company_id", "=", self.company.id)])
        fit = self.env["crm.value.fit"].with_company(self.company)._fit_company(self.company)
        for lang, snapshot, purchase, fitted in (
            ("en_US", "06/30/2025", "05/01/2025", "6/30/25"),
            ("fr_FR", "30/06/2025", "01/05/2025", "30/06/2025"),
        ):
            self.env.invalidate_all()
            self.assertEqual(taken.with_context(lang=lang).display_name, snapshot)
            self.assertEqual(day.with_context(lang=lang).display_name, purchase)
            self.assertTrue(fit.with_context(lang=lang).display_name.startswith(fitted))
