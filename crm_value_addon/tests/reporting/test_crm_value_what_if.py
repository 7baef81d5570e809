from datetime import timedelta
from unittest.mock import patch

import numpy as np
from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user

from ..common import TODAY
from ..tiers.test_crm_value_tier_assignment import TierCase


@freeze_time(TODAY)
class TestWhatIf(TierCase):
    """The equity with other rates; without a model, the last 12 months are carried forward."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"value_retention_rate": 0.75, "value_discount_rate": 0.1, "value_horizon_months": 36})
        cls.big, cls.small = cls.customer("Big"), cls.customer("Small")
        cls.invoice(cls.big, "2025-05-01", 6000.0)
        cls.invoice(cls.small, "2025-05-01", 150.0)
        cls.refresh()

    def ask(self, **vals):
        wizard = self.env["crm.value.what.if"].create(vals)
        wizard.action_compute()
        return wizard

    def equity(self):
        return sum(self.Value.search([("company_id", "=", self.company.id)]).mapped("equity"))

    def test_nothing_changed(self):
        wizard = self.ask()
        self.assertAlmostEqual(wizard.equity_now, self.equity(), 2)
        self.assertEqual(wizard.equity_change, 0.0)
        self.assertEqual(
            {line.tier_id: (line.customer_count, line.equity_now) for line in wizard.tier_line_ids},
            {
                self.top: (1, self.value(self.big).equity),
                self.low: (1, self.value(self.small).equity),
            },
        )
        self.assertEqual(sum(wizard.stage_line_ids.mapped("customer_count")), 2)

    def test_as_the_settings_would_say(self):
        """Each change alone is what a refresh with this setting says."""
        for name, change in {
            "value_discount_rate": {"discount_rate": 0.25},
            "value_horizon_months": {"horizon_months": 12},
            "value_retention_rate": {"retention_points": 10.0},
        }.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                wizard = self.ask(**change)
                said = wizard.equity_then
                then = {line.tier_id: line.equity_then for line in wizard.tier_line_ids}
                self.company[name] = {"retention_points": 0.85}.get(*change) or next(iter(change.values()))
                self.refresh()
                self.assertAlmostEqual(said, self.equity(), 1)
                self.assertAlmostEqual(then[self.top], self.value(self.big).equity, 1)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_spend(self):
        wizard = self.ask(spend_percent=10.0)
        self.assertAlmostEqual(wizard.equity_then, 1.1 * wizard.equity_now, 2)

    def test_nothing_is_written(self):
        before, queue = self.row_versions(), self.env["crm.value.queue"].search_count([])
        self.ask(spend_percent=50.0, retention_points=-5.0)
        self.assertEqual(self.row_versions(), before)
        self.assertEqual(self.env["crm.value.queue"].search_count([]), queue)

    def test_the_model_scores_twice_and_nothing_else(self):
        Prediction = self.env.registry["crm.value.prediction"]
        with patch.object(Prediction, "_predict", autospec=True, side_effect=Prediction._predict) as predict:
            self.ask(spend_percent=5.0)
        self.assertEqual(predict.call_count, 2)

    def test_a_customer_who_objects(self):
        self.big.value_opt_out = True
        self.refresh()
        wizard = self.ask(spend_percent=10.0)
        self.assertEqual(sum(wizard.tier_line_ids.mapped("customer_count")), 1)

    def test_what_cannot_be(self):
        for vals in (
            {"retention_points": 26.0},
            {"retention_points": -75.0},
            {"spend_percent": -101.0},
            {"discount_rate": -0.5},
            {"horizon_months": 0},
        ):
            with self.subTest(vals), self.assertRaises(ValidationError):
                self.ask(**vals)
        self.Value.search([("company_id", "=", self.company.id)]).partner_id.value_opt_out = True
        self.refresh()
        with self.assertRaises(UserError):
            self.ask()

    def test_who_may_ask(self):
        seller = new_test_user(self.env, "what_if_seller", "sales_team.group_sale_salesman")
        with self.assertRaises(AccessError):
            self.env["crm.value.what.if"].with_user(seller).create({})

    def test_with_a_model(self):
        generator = np.random.default_rng(7)
        for number in range(60):
            customer = self.customer(str(number))
            for days in generator.integers(10, 700, size=generator.integers(1, 6)):
                self.invoice(customer, TODAY - timedelta(days=int(days)), 100.0 + number)
        self.company.value_method = "model"
        self.env["crm.value.fit"].with_company(self.company)._fit_company(self.company)
        self.refresh()
        wizard = self.ask()
        self.assertAlmostEqual(wizard.equity_change, 0.0, 2)
        more = self.ask(retention_points=5.0)
        self.assertGreater(more.equity_change, 0.0)
        said = self.ask(discount_rate=0.3).equity_then
        self.company.value_discount_rate = 0.3
        self.refresh()
        self.assertAlmostEqual(said, self.equity(), 1)
