from datetime import timedelta

import numpy as np
from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueLeaving(ValueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.weekly = cls.bought("Twice a week", *range(16, 500, 3))
        cls.monthly = cls.bought("Monthly", *range(20, 500, 30))
        cls.slowing = cls.bought("Slowing", *range(110, 500, 30))
        cls.once = cls.bought("Once", 1095)
        cls.fresh = cls.bought("New", 10)
        cls.everybody = cls.weekly + cls.monthly + cls.slowing + cls.once + cls.fresh

    @classmethod
    def bought(cls, name, *days_ago):
        customer = cls.customer(name)
        for days in days_ago:
            cls.invoice(customer, TODAY - timedelta(days=days), 100)
        return customer

    def fit(self, **vals):
        return self.env["crm.value.fit"].create(
            {
                "company_id": self.company.id,
                "model": "mbg",
                "is_used": True,
                "reliability": "reliable",
                **dict(
                    zip(("r", "alpha", "a", "b", "p", "q", "v"), (1.0, 20.0, 1.0, 9.0, 6.0, 4.0, 50.0), strict=True)
                ),
                "margin_ratio": 0.4,
                "purchase_covariance": (1e-6 * np.eye(4)).tolist(),
                "spend_covariance": (1e-6 * np.eye(3)).tolist(),
                **vals,
            }
        )

    def test_by_their_rhythm_where_no_fit_is_possible(self):
        """A holiday makes nobody leave, and whoever bought once three years ago is not active."""
        self.refresh()
        stages = [self.value(partner).lifecycle_stage for partner in self.everybody]
        self.assertEqual(stages, ["loyal", "loyal", "at_risk", "lost", "new"])
        weekly, monthly, slowing, once, fresh = map(self.value, self.everybody)
        self.assertEqual(weekly.method, "history")
        self.assertEqual([weekly.usual_days, monthly.usual_days, once.usual_days], [3, 30, 0])
        self.assertEqual(weekly.churn_days, 30, "never asked for less than a month")
        self.assertNotEqual(weekly.churn_risk, "high")
        self.assertEqual(slowing.churn_risk, "high")
        self.assertGreater(once.churn_probability, 0.95)
        self.assertLess(monthly.churn_probability, slowing.churn_probability)
        self.assertEqual(slowing.next_purchase_date, TODAY - timedelta(days=80))
        self.assertFalse(once.next_purchase_date or fresh.next_purchase_date)

    def test_revenue_at_risk_is_revenue_times_probability(self):
        gave_back = self.bought("Gave back", 400)
        self.credit_note(self.invoice(gave_back, TODAY - timedelta(days=399), 50), TODAY)
        self.refresh()
        for partner in self.everybody:
            value = self.value(partner)
            self.assertAlmostEqual(value.revenue_at_risk, value.revenue_12m * value.churn_probability, 2)
        self.assertEqual(self.value(gave_back).revenue_at_risk, 0, "less than nothing is not at risk")
        dashboard = self.env["crm.value.dashboard"].with_company(self.company).read_dashboard()
        values = self.Value.search([("company_id", "=", self.company.id)])
        shown = dashboard["customers"]["revenue_at_risk"]
        self.assertAlmostEqual(shown["revenue"], sum(values.mapped("revenue_at_risk")), 2)
        self.assertLess(shown["revenue"], sum(values.mapped("revenue_12m")))

    def test_the_answer_stays_where_history_forecasts_money(self):
        fit = self.fit()
        self.refresh()
        by_model = [self.value(partner).churn_probability for partner in self.everybody]
        self.assertEqual(self.value(self.monthly).method, "model")
        self.company.value_method = "history"
        self.refresh()
        self.assertEqual(self.value(self.monthly).method, "history")
        self.assertEqual([self.value(partner).churn_probability for partner in self.everybody], by_model)
        fit.is_used = False
        self.refresh()
        self.assertEqual([self.value(partner).churn_probability for partner in self.everybody], by_model)
        fit.reliability = "fallback"
        self.refresh()
        self.assertNotEqual([self.value(partner).churn_probability for partner in self.everybody], by_model)

    def test_a_limit_learned_from_the_past_is_stricter(self):
        """Where too many of those called at risk came back by themselves, fewer are called."""
        self.fit(ensemble={"risk": 0.5})
        self.refresh()
        self.assertEqual(self.value(self.slowing).lifecycle_stage, "at_risk")
        probability = self.value(self.slowing).churn_probability
        self.env["crm.value.fit"].search([("company_id", "=", self.company.id)]).ensemble = {"risk": probability + 0.01}
        self.refresh()
        self.assertEqual(self.value(self.slowing).lifecycle_stage, "loyal")
        self.assertEqual(self.value(self.slowing).churn_risk, "medium")
        self.assertEqual(self.value(self.slowing).churn_probability, probability)

    def test_alone_as_among_all(self):
        self.refresh()
        among_all = self.stored()
        self.env.cr.execute("UPDATE crm_value SET churn_probability = 0, lifecycle_stage = NULL, usual_days = 1")
        self.env.invalidate_all()
        self.refresh(self.everybody)
        self.assertEqual(self.stored(), among_all)

    def test_reason_for_every_seller_without_margin(self):
        self.refresh()
        seller = new_test_user(
            self.env, "seller17", "sales_team.group_sale_salesman", company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )  # fmt: skip
        value = self.value(self.slowing).with_user(seller)
        self.assertEqual(value.churn_reason, "Usually every 30 days, silent for 110")
        self.assertEqual(self.value(self.once).with_user(seller).churn_reason, "Bought once, 1095 days ago")
        self.assertGreater(value.revenue_at_risk, 0)
        partner = self.slowing.with_user(seller).with_company(self.company)
        self.assertEqual(partner.churn_reason, value.churn_reason)
        self.assertEqual(partner.revenue_at_risk, value.revenue_at_risk)
        self.assertEqual(partner.churn_probability, value.churn_probability)
        with self.assertRaises(AccessError):
            self.env["crm.value"].with_user(seller).browse(value.id).read(["clv"])
        portal = new_test_user(self.env, "portal17", "base.group_portal")
        with self.assertRaises(AccessError):
            self.value(self.slowing).with_user(portal).read(["churn_reason"])

    def test_expected_this_week(self):
        """The filter takes the days of this week, whoever is overdue or later is not in it."""
        self.bought("Other", *range(12, 300, 30))  # every 30 days: next on July 18
        due = self.bought("Due", *range(28, 300, 30))  # next on July 2
        self.refresh()
        self.assertEqual(self.value(due).next_purchase_date, TODAY + timedelta(days=2))
        week = [("next_purchase_date", ">=", "today =week_start"), ("next_purchase_date", "<", "today =week_start +7d")]
        mine = [("company_id", "=", self.company.id)]
        self.assertEqual(self.Value.search(week + mine).partner_id, due)
        contacts = self.env["res.partner"].with_company(self.company).search(week)
        self.assertEqual(contacts, due)
        for model, name in (("crm.value", "expected_week"), ("res.partner", "value_expected_week")):
            arch = self.env[model].get_view(view_type="search")["arch"]
            self.assertIn(f'name="{name}"', arch)

    def test_who_objects_is_not_evaluated(self):
        self.slowing.value_opt_out = True
        self.refresh()
        value = self.value(self.slowing)
        self.assertFalse(value.churn_probability or value.churn_risk or value.churn_reason or value.revenue_at_risk)
        self.assertFalse(value.usual_days or value.churn_days or value.next_purchase_date)

    def test_other_company_has_its_own_answer(self):
        other = self.setup_other_company(name="Other")["company"]
        self.refresh()
        self.assertFalse(self.slowing.value_ids.filtered(lambda value: value.company_id == other))
        self.env["crm.value.refresh"].with_company(other).with_context(allowed_company_ids=other.ids)._refresh_company()
        self.assertFalse(self.slowing.with_company(other).churn_reason)

    def test_the_fit_says_how_it_did(self):
        said = {
            "days": 180,
            "called": 50.0,
            "came_back": 0.22,
            "revenue_back": 0.31,
            "calm": 100.0,
            "stayed_away": 0.04,
        }
        text = self.fit(ensemble={"said": said}).leaving_text
        self.assertIn("50 customers", text)
        self.assertIn("180 days ago, 22 % came back", text)
        self.assertIn("31 % of the revenue", text)
        self.assertIn("Of the 100 customers whom it would have expected to stay 180 days ago, 4 % did not buy", text)
        self.assertFalse(self.fit(is_used=False).leaving_text)
