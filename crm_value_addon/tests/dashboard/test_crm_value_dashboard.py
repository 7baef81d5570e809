import json
from datetime import date
from math import sqrt
from pathlib import Path

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user
from odoo.tools import file_path

from ..common import TODAY
from .common_dashboard import DashboardCase, numbers_of


@freeze_time(TODAY)
class TestDashboardFigures(DashboardCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bakery, cls.cafe, cls.diner, cls.grocer, cls.eatery, cls.lead = (
            cls.customer(name) for name in ("Bakery", "Cafe", "Diner", "Grocer", "Eatery", "Interested")
        )
        for partner, day, amount in (
            (cls.bakery, "2024-09-02", 1000),
            (cls.bakery, "2025-06-10", 2000),
            (cls.cafe, "2025-06-20", 500),
            (cls.diner, "2024-02-01", 800),
            (cls.diner, "2024-03-01", 800),
            (cls.eatery, "2025-01-20", 700),
            (cls.eatery, "2025-03-10", 700),
        ):
            cls.invoice(partner, day, amount)
        cls.credit_note(cls.invoice(cls.grocer, "2025-01-15", 12000), "2025-02-01", 2000)
        cls.grocer.active = False
        cls.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "partner_id": cls.lead.id, "company_id": cls.company.id}
        )
        cls.refresh()

    def test_who_the_customers_are(self):
        payload = self.dashboard()
        customers = payload["customers"]
        self.assertEqual(customers["known"]["count"], 6)
        self.assertEqual(customers["bought"]["count"], 5)
        self.assertEqual(customers["known"]["revenue"], 3000 + 500 + 0 + 10000 + 1400)
        self.assertEqual(customers["known"]["margin"], 4760)
        self.assertEqual(customers["equity"], 1200 + 200 + 0 + 2800 + 560)
        self.assertEqual(
            {row["stage"]: row["count"] for row in payload["lifecycle"]["rows"]},
            {"lead": 1, "prospect": 0, "new": 1, "active": 0, "loyal": 0, "at_risk": 2, "lost": 1, "won_back": 1},
        )
        self.assertEqual(customers["active"]["count"], 2)
        self.assertEqual((customers["at_risk"]["count"], customers["at_risk"]["revenue"]), (2, 11400))

    def test_the_pyramid(self):
        tiers = self.dashboard()["tiers"]
        self.assertEqual(
            [(tier["name"], tier["count"], tier["revenue"], tier["clv"]) for tier in tiers["rows"]],
            [("Platinum", 0, 0, 0), ("Gold", 1, 10000, 2800), ("Silver", 1, 3000, 1200), ("Bronze", 3, 1900, 760)],
        )
        best = tiers["best"]  # the first of the four who are worth anything
        self.assertEqual((best["count"], best["of"], best["least"]), (1, 4, 2800))
        self.assertAlmostEqual(best["share"], 2800 / 4760, 5)

    def test_customers_without_a_tier_are_counted(self):
        self.env["crm.value.tier"].search([]).active = False
        self.refresh()
        [tier] = self.dashboard()["tiers"]["rows"]
        self.assertEqual((tier["name"], tier["count"], tier["revenue"]), ("No tier", 5, 14900))
        self.assert_lists_match(self.dashboard())

    def test_the_grid_holds_everybody_who_has_bought(self):
        cells = self.dashboard()["rfm"]["cells"]
        self.assertEqual(sum(cell["count"] for cell in cells), 5)
        value = self.value(self.bakery)
        [cell] = [cell for cell in cells if (cell["r"], cell["f"]) == (value.r_score, value.f_score)]
        self.assertIn(value, self.env["crm.value"].search(cell["domain"]))

    def test_periods(self):
        for period, start, bought, first_time in (
            ("month", "2025-06-01", 2, 1),
            ("quarter", "2025-03-31", 2, 1),
            ("year", "2024-07-01", 4, 4),
        ):
            payload = self.dashboard(period=period)
            self.assertEqual(payload["start"], start)
            self.assertEqual(payload["customers"]["bought_in_period"]["count"], bought, period)
            self.assertEqual(payload["customers"]["won_in_period"]["count"], first_time, period)
        with self.assertRaises(UserError):
            self.dashboard(period="decade")

    def test_cohorts(self):
        rows = {row["name"]: row for row in self.dashboard()["cohorts"]["rows"]}
        self.assertEqual(
            {name: (row["count"], [cell["count"] for cell in row["cells"]]) for name, row in rows.items()},
            {"Q1 2024": (1, [0, 0, 0, 0, 0]), "Q3 2024": (1, [0, 0, 1]), "Q1 2025": (2, [0]), "Q2 2025": (1, [])},
        )
        last = rows["Q3 2024"]["cells"][-1]
        self.assertEqual((last["share"], last["is_running"]), (1, True))
        self.assertEqual(self.env["crm.value"].search(last["domain"]), self.value(self.bakery))

    def test_a_purchase_given_back_leaves_its_quarter(self):
        self.assertEqual(self.value(self.bakery).purchase_quarters, 0b1001)
        self.credit_note(
            self.env["account.move"].search([("partner_id", "=", self.bakery.id), ("invoice_date", "=", "2025-06-10")]),
            "2025-06-25",
        )
        self.refresh(self.bakery)
        self.assertEqual(self.value(self.bakery).purchase_quarters, 0b1)
        self.assert_lists_match(self.dashboard())

    def test_expected_without_a_backtest_has_no_interval(self):
        forecast = self.dashboard()["forecast"]
        self.assertEqual((forecast["expected"]["count"], forecast["expected"]["interval"]), (4, False))
        self.assertAlmostEqual(forecast["expected"]["revenue"], 14900, 0)
        self.assertAlmostEqual(forecast["expected"]["margin"], 4760, 0)
        self.assertFalse(forecast["calibration"])

    def test_interval_and_calibration_of_a_backtest(self):
        self.fit(bias_history=0.1)
        forecast = self.dashboard()["forecast"]
        # carried forward: twice the expected purchases times the mean purchase squared
        variance = 2 * (2 * 1500**2 + 1 * 500**2 + 1 * 10000**2 + 2 * 700**2)
        reach = 1.2815515655 * sqrt(variance + 1490**2)
        self.assertEqual(forecast["expected"]["interval"][0], max(14900 - reach, 0))
        self.assertAlmostEqual(forecast["expected"]["interval"][1], 14900 + reach, 0)
        calibration = forecast["calibration"]
        self.assertEqual(
            [(row["purchases"], row["actual"], row["expected"]) for row in calibration["rows"]],
            [("1", 0.5, 0.75), ("2+", 2, 1.5)],
        )
        self.assertIn("10 % too much", calibration["trust"])
        self.assertIn("can be relied on", calibration["trust"])
        self.assertIn("tells well", calibration["trust"])

    def test_the_variance_of_a_model(self):
        fit = self.fit(is_used=True, bias_model=0.0, r=0.5, p=4.0, q=3.0)
        value = self.value(self.bakery)  # frequency 1, two purchases
        self.env["crm.value"].search([("id", "!=", value.id)]).sudo().write({"expected_purchases": 0})
        value.sudo().write(
            {
                "method": "model",
                "fit_id": fit.id,
                "probability_alive": 0.8,
                "expected_purchases": 2,
                "expected_spend": 100,
            }
        )
        unknown = 0.2 / 0.8 + 1 / (0.8 * 1.5) + 1 / (4 * 2 + 3 - 2)
        reach = 1.2815515655 * sqrt(100**2 * (2 * (1 + 1 / 4) + 2**2 * unknown))
        low, high = self.dashboard()["forecast"]["expected"]["interval"]
        self.assertAlmostEqual(high - 200, reach, 1)
        self.assertEqual(low, max(200 - reach, 0))

    def fit(self, **vals):
        name = "modified_beta_geo"
        return self.env["crm.value.fit"].create(
            {
                "company_id": self.company.id,
                "model": "mbg",
                "fitted_at": fields.Datetime.now(),
                "holdout_days": 180,
                "spearman_model": 0.6,
                "spearman_history": 0.6,
                "backtest": {
                    "calibration": [
                        {"frequency": 0, "customers": 4, "actual": 0.5, name: 0.75},
                        {"frequency": 1, "customers": 1, "actual": 2.0, name: 1.5},
                    ]
                },
                **vals,
            }
        )

    def test_trend(self):
        self.assertEqual([point["is_now"] for point in self.dashboard()["trend"]["points"]], [True])
        self.assertFalse(self.dashboard()["trend"]["change"])
        for day, equity in ((date(2025, 4, 30), 1000), (date(2025, 6, 2), 4000)):  # the latter: of May, two days late
            self.env["crm.value.snapshot"].create(
                [
                    {
                        "value_id": self.value(partner).id,
                        "company_id": self.company.id,
                        "as_of_date": day,
                        "equity": equity / 2,
                        "revenue_12m": equity,
                    }
                    for partner in (self.bakery, self.grocer)
                ]
            )
        trend = self.dashboard()["trend"]
        self.assertEqual(
            [(point["date"], point["count"], point["amount"]) for point in trend["points"]],
            [("2025-04-30", 2, 1000), ("2025-05-31", 2, 4000), ("2025-06-30", 6, 4760)],
        )
        self.assertEqual((trend["change"]["since"], trend["change"]["amount"]), ("2025-05-31", 760))
        self.assertAlmostEqual(trend["change"]["share"], 0.19)
        self.assertEqual(self.dashboard(period="year")["trend"]["change"]["since"], "2025-04-30")  # the first one known
        self.assertEqual(self.dashboard(self.seller)["trend"]["points"][1]["amount"], 8000)
        self.assert_lists_match(self.dashboard())

    def test_tier_changes(self):
        self.assertFalse(self.dashboard()["tier_changes"]["cells"])
        self.invoice(self.cafe, "2025-06-25", 3000)
        self.refresh(self.cafe)
        changes = self.dashboard()["tier_changes"]
        [cell] = changes["cells"]
        self.assertEqual((cell["from_name"], cell["to_name"]), ("Bronze", "Silver"))
        self.assertEqual((cell["count"], cell["is_up"]), (1, True))
        self.assertEqual((changes["up"]["count"], changes["down"]["count"]), (1, 0))
        pub = self.customer("Pub")
        self.invoice(pub, "2025-06-26", 3000)
        self.refresh(pub)
        changes = self.dashboard()["tier_changes"]
        self.assertEqual([changes[name]["count"] for name in ("up", "down", "entered")], [2, 0, 1])
        self.assert_lists_match(self.dashboard())

    def test_calls(self):
        rows = self.dashboard()["calls"]["rows"]
        # the archived one is not called; what is due comes before what is at risk
        self.assertEqual([(row["name"], row["is_due"], row["worth"]) for row in rows], [("Eatery", False, 560)])
        self.assertEqual(
            rows[0]["reason"], "At risk: usually every 49 days, silent for 112; was expected to buy by 04/28/2025"
        )
        rule = self.env["crm.value.followup.rule"].create({"name": "Say thanks", "trigger": "manual"})
        followup = self.env["crm.value.followup"].create(
            {
                "rule_id": rule.id,
                "value_id": self.value(self.cafe).id,
                "company_id": self.company.id,
                "occasion": "x",
                "date": TODAY,
                "group": "treated",
                "state": "open",
                "deadline": date(2025, 6, 28),
            }
        )
        rows = self.dashboard()["calls"]["rows"]
        self.assertEqual([row["name"] for row in rows], ["Cafe", "Eatery"])
        self.assertEqual(rows[0]["reason"], "Say thanks, due since 06/28/2025")
        self.eatery.user_id = self.manager
        self.assertEqual([row["name"] for row in self.dashboard()["calls"]["rows"]], ["Eatery", "Cafe"])  # own
        followup.deadline = date(2025, 7, 1)
        self.assertEqual([row["name"] for row in self.dashboard()["calls"]["rows"]], ["Eatery"])
        self.assertEqual(self.dashboard(self.seller)["calls"]["rows"][0]["worth"], 1400, "revenue, not CLV")

    def test_every_figure_opens_its_list(self):
        for period in ("month", "quarter", "year"):
            self.assert_lists_match(self.dashboard(period=period))
        self.assert_lists_match(self.dashboard(self.seller), self.seller)

    def test_a_filter_holds_for_every_figure_and_its_list(self):
        team = self.env["crm.team"].create({"name": "North", "member_ids": [Command.set(self.seller.ids)]})
        country, tag = self.env.ref("base.fr"), self.env["res.partner.category"].create({"name": "Fair"})
        (self.bakery | self.cafe).user_id = self.seller
        self.bakery.country_id, self.cafe.category_id = country, tag
        whole = self.dashboard()
        for filters, customers in (
            ({"user_id": self.seller.id}, self.bakery | self.cafe),
            ({"team_id": team.id}, self.bakery | self.cafe),
            ({"country_id": country.id}, self.bakery),
            ({"tag_id": tag.id}, self.cafe),
            ({"tag_id": tag.id, "user_id": self.seller.id, "country_id": False}, self.cafe),
        ):
            payload = self.dashboard(period="year", filters=filters)
            self.assert_lists_match(payload)
            self.assertEqual(
                self.env["crm.value"].search(payload["customers"]["known"]["domain"]).partner_id, customers
            )
            self.assertEqual(
                payload["trend"]["points"][-1]["amount"], sum(self.value(one).equity for one in customers), filters
            )
            self.assertLess(payload["customers"]["known"]["count"], whole["customers"]["known"]["count"])
            self.assertLessEqual({row["name"] for row in payload["calls"]["rows"]}, set(customers.mapped("name")))

    def test_the_trend_and_the_tier_changes_are_those_of_the_filter(self):
        with freeze_time(date(2025, 5, 31)):
            self.refresh()
        self.invoice(self.cafe, "2025-06-25", 3000)
        self.refresh()
        self.cafe.country_id = self.env.ref("base.fr")
        france, italy = ({"country_id": self.env.ref(xmlid).id} for xmlid in ("base.fr", "base.it"))
        payload = self.dashboard(filters=france)
        self.assert_lists_match(payload)
        self.assertEqual([point["count"] for point in payload["trend"]["points"]], [1, 1])
        self.assertEqual(payload["tier_changes"]["up"]["count"], 1)
        self.bakery.country_id = self.env.ref("base.it")
        self.assertFalse(self.dashboard(filters=italy)["tier_changes"]["cells"])
        self.assertEqual(self.dashboard(filters={"country_id": self.env.ref("base.jp").id})["state"], "filtered")

    def test_a_channel_is_that_of_the_first_won_opportunity(self):
        source = self.env["utm.source"].create({"name": "Fair 2024"})
        lead = self.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "partner_id": self.bakery.id, "source_id": source.id}
        )
        lead.action_set_won()
        self.env["crm.value.snapshot"].search([]).unlink()
        self.env["crm.value.snapshot"]._take(self.company, TODAY)
        choices = self.env(user=self.manager)["crm.value.dashboard.filter"].with_company(self.company).read_choices()
        self.assertIn([source.id, "Fair 2024"], choices["channel_id"])
        payload = self.dashboard(filters={"channel_id": source.id})
        self.assertEqual(payload["customers"]["known"]["count"], 1)
        self.assert_lists_match(payload)

    def test_nonsense_is_no_filter(self):
        for filters in ({"company_id": 1}, {"tag_id": "1"}, {"tag_id": True}, {"tag_id": 2**40}, [1], "tag_id"):
            with self.assertRaises(UserError):
                self.dashboard(filters=filters)

    def test_won_and_lost_beside_the_period_before(self):
        self.value(self.eatery).write({"lifecycle_stage": "lost", "lifecycle_since": date(2025, 6, 3)})
        self.value(self.grocer).write({"lifecycle_stage": "lost", "lifecycle_since": date(2025, 5, 3)})
        payload = self.dashboard()
        customers = payload["customers"]
        self.assertEqual((customers["lost_in_period"]["count"], customers["lost_before"]["count"]), (1, 1))
        self.assertEqual(customers["won_in_period"]["count"], 1)
        self.assert_lists_match(payload)
        for period, before in (("quarter", 2), ("year", 1)):
            payload = self.dashboard(period=period)
            self.assertEqual(payload["customers"]["won_before"]["count"], before, period)
            self.assert_lists_match(payload)

    def test_a_rule_on_customers_holds_for_figures_and_lists(self):
        self.env["ir.rule"].create(
            {
                "name": "Not the grocer",
                "model_id": self.env["ir.model"]._get_id("crm.value"),
                "domain_force": [("partner_id", "!=", self.grocer.id)],
            }
        )
        payload = self.dashboard(self.seller)
        self.assertEqual(payload["customers"]["bought"]["count"], 4)
        self.assertEqual(payload["tiers"]["best"]["least"], 3000)
        self.assert_lists_match(payload, self.seller)

    def test_every_section_has_its_component(self):
        components = file_path("crm_value_addon/static/src/dashboard/sections")
        self.assertEqual(
            {path.stem for path in Path(components).glob("*.js")}, set(self.env["crm.value.dashboard"]._sections())
        )

    def test_six_queries(self):
        env = self.env(user=self.manager, context={"lang": "en_US"})  # as browsers say
        env["crm.value.dashboard"].read_dashboard()  # what the registry caches once for everybody
        env.invalidate_all()
        with self.assertQueryCount(6):
            env["crm.value.dashboard"].read_dashboard()

    def test_winning_back(self):
        self.assertFalse(self.dashboard()["lifecycle"]["win_back"]["tried"]["count"])
        self.company.write({"value_activity_minutes": 30, "value_hourly_cost": 60, "value_cost_gift": 5})
        Rule = self.env["crm.value.followup.rule"]
        lost, stage, other = Rule.create(
            [
                {"name": "Lost", "trigger": "lost"},
                {"name": "Long lost", "trigger": "stage_reached", "stage": "lost", "active": False},
                {"name": "At risk", "trigger": "at_risk"},
            ]
        )

        def followup(rule, customer, **vals):
            return {
                "rule_id": rule.id,
                "value_id": self.value(customer).id,
                "company_id": self.company.id,
                "occasion": f"{rule.id} {len(vals)}",
                "date": date(2025, 3, 1),
                "group": "treated",
                "state": "done",
                **vals,
            }

        self.env["crm.value.followup"].create(
            [
                followup(lost, self.bakery),
                followup(lost, self.eatery, state="cancelled"),
                followup(stage, self.grocer, channel="gift"),
                followup(other, self.bakery),
                followup(lost, self.bakery, occasion="long ago", date=date(2024, 6, 30)),
                followup(stage, self.bakery, group="control", state="control"),
            ]
        )
        self.value(self.bakery).lifecycle_stage = "won_back"
        self.value(self.eatery).lifecycle_stage = "lost"
        self.value(self.grocer).lifecycle_stage = "lost"
        section = self.dashboard()["lifecycle"]["win_back"]
        self.assertEqual((section["tried"]["count"], section["back"]["count"]), (3, 1))
        self.assertEqual((section["rate"], section["rate_without"]), (0.3333, 1.0))
        self.assertEqual(section["cost"], 35, "an activity of half an hour, and a gift, for the one who came back")
        self.assert_lists_match(self.dashboard())
        for_seller = self.dashboard(self.seller)["lifecycle"]["win_back"]
        self.assertEqual((for_seller["tried"]["count"], for_seller["rate_without"]), (3, 1.0))
        self.assertNotIn("cost", for_seller)
        self.assert_lists_match(self.dashboard(self.seller), self.seller)

    def test_seller_sees_revenue_only(self):
        payload = self.dashboard(self.seller)
        self.assertFalse(payload["sees_worth"])
        text = json.dumps(payload)
        for word in ("margin", "clv", "equity", "realised"):
            self.assertNotIn(word, text)
        self.assertEqual(payload["tiers"]["best"]["least"], 10000)
        self.assertEqual(payload["trend"]["points"][-1]["amount"], 14900)
        numbers = {round(node, 2) for node in numbers_of(payload)}
        self.assertFalse(numbers & {4760.0, 2800.0, 1200.0, 560.0}, "a hidden amount under another name")

    def test_portal_and_public_are_refused(self):
        for login, group in (("dash_portal", "base.group_portal"), ("dash_public", "base.group_public")):
            user = new_test_user(self.env, login, groups=group)
            with self.assertRaises(AccessError):
                self.dashboard(user, companies=user.company_id)

    def test_other_companies(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        sister, foreign = (
            self.setup_other_company(name=name, **vals)["company"].with_env(self.env)
            for name, vals in (
                ("Sister", {"currency_id": self.company.currency_id.id}),
                ("Foreign", {"currency_id": euro.id}),
            )
        )
        for company in (sister, foreign):
            company.value_method = "history"
            self.env["account.move"].with_company(company).create(
                {
                    "move_type": "out_invoice",
                    "partner_id": self.cafe.id,
                    "invoice_date": "2025-06-20",
                    "invoice_line_ids": [
                        Command.create({"name": "Line", "price_unit": 100, "tax_ids": [Command.clear()]})
                    ],
                }
            ).action_post()
            self.env["crm.value.refresh"].with_company(company)._refresh_company()
        everything = self.company | sister | foreign
        with self.assertRaises(AccessError):
            self.dashboard(company_id=sister.id)
        self.manager.company_ids = everything
        payload = self.dashboard(companies=everything)
        self.assertEqual(payload["customers"]["known"]["revenue"], 14900 + 100)
        self.assertEqual(payload["customers"]["bought"]["count"], 6, "one customer of both companies")
        self.assertEqual(payload["left_out"], ["Foreign"])
        self.assertEqual(len(payload["freshness"]), 2)
        self.assert_lists_match(payload, companies=everything)
        payload = self.dashboard(companies=everything, company_id=foreign.id)
        self.assertEqual((payload["currency_id"], payload["customers"]["known"]["revenue"]), (euro.id, 100))
        self.assertEqual(payload["left_out"], [])
        self.assert_lists_match(payload, companies=everything)
        self.assertEqual(self.dashboard()["customers"]["known"]["revenue"], 14900, "active companies only")
