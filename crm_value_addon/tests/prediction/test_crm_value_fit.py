import base64
from datetime import date, timedelta
from unittest.mock import patch

import numpy as np
from freezegun import freeze_time

from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.service.model import call_kw
from odoo.tests import new_test_user
from odoo.tools import SQL

from ...lib import customer_base
from ...lib.postgres.binary_copy import day_number
from ..common import TODAY, ValueCase

START = TODAY - timedelta(days=540)
CUSTOMERS = 300


def simulated_purchases(seed=1):
    """Return arrays (customer number, day since 1970, revenue) of customers who buy, and leave, as the model says."""
    dice = np.random.default_rng(seed)
    rows = []
    for customer in range(CUSTOMERS):
        rate, leaving = dice.gamma(1.2, 1 / 40), dice.beta(1.0, 3.0)
        day, mean = int(dice.integers(0, 270)), 20 + dice.gamma(4.0, 15.0)
        while day < 540:
            rows.append((customer, day_number(START) + day, round(float(dice.gamma(6.0, mean / 6)), 2)))
            if dice.random() < leaving:
                break
            day += 1 + int(dice.exponential(1 / rate))
    return tuple(map(np.array, zip(*rows, strict=True)))


@freeze_time(TODAY)
class TestCrmValueFit(ValueCase, CronMixinCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.env["res.partner"].create([{"name": f"Buyer {number}"} for number in range(CUSTOMERS)])
        cls.purchases = simulated_purchases()
        cls.Fit = cls.env["crm.value.fit"].with_company(cls.company)

    def setUp(self):
        super().setUp()
        self.feed(self.purchases)

    def feed(self, purchases, margin=0.5):
        """Make the purchases a source of their own: the seam that a till or a shop would use."""
        partners = np.array(self.customers.ids)[purchases[0]].tolist()
        company = self.company.id

        def _sources(model):
            return [
                SQL(
                    """SELECT -row_number() OVER () AS id, partner_id, %s AS company_id,
                           date '1970-01-01' + day AS date,
                          revenue, revenue * %s::numeric AS margin, 0::numeric AS refund, revenue AS purchase_revenue,
                          TRUE AS is_frozen
                     FROM unnest(%s::int[], %s::int[], %s::numeric[]) AS bought(partner_id, day, revenue)""",
                    company,
                    margin,
                    partners,
                    purchases[1].tolist(),
                    purchases[2].tolist(),
                )
            ]

        self.patch(type(self.env["crm.value.purchase"]), "_sources", _sources)

    def test_fit_is_the_kernels(self):
        fit = self.Fit._fit_company(self.company)
        customers = customer_base.holdout.summarise(*self.purchases, as_of=day_number(TODAY))
        model = customer_base.ModifiedBetaGeo(prior=True).fit(customers.x, customers.t_x, customers.T)
        spend = customer_base.GammaGamma(prior=True).fit(customers.n, customers.mean, mean_log=customers.mean_log)
        for name, value in {**model.parameters_, **spend.parameters_}.items():
            self.assertAlmostEqual(fit[name] / value, 1, 9, name)
        self.assertAlmostEqual(fit.log_likelihood, model.log_likelihood_, 1)
        self.assertEqual((fit.customer_count, fit.repeat_count), (len(customers.x), (customers.x > 0).sum()))
        self.assertEqual((fit.reliability, fit.converged), ("reliable", True))
        self.assertEqual(set(fit.standard_errors), set("rabpqv") | {"alpha"})
        self.assertTrue(fit.verdict and fit.reliability_reason and fit.standard_errors_text)
        self.assertEqual(len(fit.chart_calibration["series"][0]["values"]), len(fit.chart_calibration["labels"]))

    def test_segments_that_the_past_speaks_for(self):
        """Customers of one country buy for four times as much every year: they are told apart, also one by one."""
        rich, poor = self.env.ref("base.ch"), self.env.ref("base.pt")
        for number, customer in enumerate(self.customers):
            customer.country_id = rich if number % 2 else poor
        who, day, value = simulated_purchases()
        begin = day_number(START)
        who, day = np.tile(who, 3), np.concatenate([day - 720, day - 360, day])
        growth = np.where(who % 2 == 1, 6.0 ** ((day - begin) / 365), 1.0)
        self.feed((who, day, np.round(np.tile(value, 3) * growth, 2)))
        self.company.value_method = "model"
        self.refresh()  # who is a customer
        fit = self.Fit._fit_company(self.company)
        self.assertEqual(fit.ensemble["segments"]["name"], "country")
        factors = fit.ensemble["segments"]["factors"]
        self.assertGreater(factors[str(rich.id)], factors[str(poor.id)])
        self.assertIn("told apart by country", fit.segments_text)
        self.refresh()
        shown = {value.partner_id: value.expected_purchases for value in self.Value.search([])}
        kept = fit.ensemble
        fit.ensemble = {**kept, "segments": False}
        self.assertFalse(fit.segments_text)
        self.refresh()
        for number in (2, 3):
            value = self.value(self.customers[number])
            factor = factors[str(value.partner_id.country_id.id)]
            self.assertAlmostEqual(shown[value.partner_id], value.expected_purchases * factor, 2)
        fit.ensemble = kept
        self.refresh(self.customers[2:4])
        for number in (2, 3):
            value = self.value(self.customers[number])
            self.assertAlmostEqual(shown[value.partner_id], value.expected_purchases, 4)

    def test_segments_by_chance_are_none(self):
        for number, customer in enumerate(self.customers):
            customer.country_id = self.env.ref("base.ch") if number % 3 else self.env.ref("base.pt")
        self.refresh()
        fit = self.Fit._fit_company(self.company)
        self.assertFalse(fit.ensemble["segments"] or fit.segments_text)

    def test_the_button_of_the_list(self):
        """The list's button sends the ids of the ticked rows, an API call sends nothing."""
        for args in ([[]], [[1, 2]], []):
            action = call_kw(self.Fit, "action_fit_now", args, {})
            self.assertEqual(self.Fit.browse(action["res_id"]).company_id, self.company)

    def test_expected_revenue_by_month(self):
        """540 days are too short for a season: the months fade evenly, and add up to what customers are expected."""
        self.company.value_method = "model"
        fit = self.Fit._fit_company(self.company)
        self.refresh()
        values = self.Value.search([("company_id", "=", self.company.id)])
        expected = sum(value.expected_purchases * value.expected_spend for value in values)
        self.assertAlmostEqual(sum(fit.season["expected"]) / expected, 1, 2)
        self.assertIn("two whole years are needed", fit.season_text)
        self.assertEqual(fit.chart_expected["labels"][0], "Jul 25")
        self.assertEqual(len(fit.chart_expected["series"][1]["values"]), 12)
        year = self.purchases[1] > day_number(TODAY) - 365
        self.assertAlmostEqual(sum(fit.season["before"]), self.purchases[2][year].sum(), 2)

    def test_a_season_is_used_where_it_forecasts_better(self):
        days = np.arange(day_number(TODAY) - 4 * 365, day_number(TODAY) + 1)
        december = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 == 11
        Season = self.env["crm.value.fit.season"]
        known = {"date": days, "purchase_revenue": np.where(december, 300.0, 100.0)}
        found = Season._learn(known, day_number(TODAY), [1000.0 - 10 * month for month in range(12)])
        self.assertTrue(found["is_used"])
        self.assertAlmostEqual(sum(found["expected"]), 11340, 4)
        self.assertEqual(max(range(12), key=found["expected"].__getitem__), 5, "the sixth month is December")
        self.assertGreater(found["expected"][5], 2 * found["expected"][3])
        self.assertIn("December brings", Season._describe(found))
        known["purchase_revenue"] = np.random.default_rng(1).gamma(1.0, 100.0, len(days))
        self.assertIn("No season is used", Season._describe(Season._learn(known, day_number(TODAY), [1.0] * 12)))
        self.assertFalse(Season._describe(False))

    def test_fit_without_prior_may_be_too_flat_for_standard_errors(self):
        self.company.value_prior_strength = 0
        estimators = customer_base.ModifiedBetaGeo, customer_base.GammaGamma
        for cls in estimators:
            original = cls.fit

            def flat(model, *args, original=original, **kwargs):
                model = original(model, *args, **kwargs)
                model.covariance_ = model.covariance_ * float("nan")
                model.standard_errors_ = dict.fromkeys(model.standard_errors_, float("nan"))
                return model

            self.patch(cls, "fit", flat)
        fit = self.Fit._fit_company(self.company)
        self.env.flush_all()
        self.assertFalse(fit.purchase_covariance or fit.standard_errors)
        self.assertEqual(fit._estimators()[0].r_, fit.r)

    def test_backtest_is_the_kernels(self):
        fit = self.Fit._fit_company(self.company)
        end = day_number(TODAY)
        split = end - (end - int(self.purchases[1].min())) // 2
        retention = self.company.value_retention_rate
        expected = customer_base.holdout.backtest(*self.purchases, split, end, retention=retention)
        shown, history = expected.accuracy["stack"], expected.accuracy["carry_forward_12m"]
        self.assertEqual(fit.holdout_days, end - split)
        self.assertAlmostEqual(fit.mae_model, shown.mae, 2)
        self.assertAlmostEqual(fit.mae_history, history.mae, 2)
        self.assertAlmostEqual(fit.deviance_model, shown.deviance, 2)
        self.assertAlmostEqual(fit.deviance_history, history.deviance, 2)
        self.assertAlmostEqual(fit.top_decile_model, shown.top_decile, 6)
        self.assertEqual(fit.is_used, shown.deviance < history.deviance)

    def test_history_is_tested_as_it_is_shown(self):
        """The last 12 months are thinned by the retention rate when they are shown, and so they are when tested."""
        biases = []
        for retention in (1.0, 0.5):
            self.company.value_retention_rate = retention
            fit = self.Fit._fit_company(self.company)
            biases.append(1 + fit.bias_history)
        months = fit.holdout_days / 30.44
        thinned = customer_base.fallback.retention_running(0.5, fit.holdout_days) / months
        self.assertAlmostEqual(biases[1] / biases[0], float(thinned), 6)

    def test_next_fit_begins_at_the_one_in_use_and_tries_it(self):
        self.company.value_method = "model"
        searches = []
        search = customer_base._estimation.minimize

        def counted(*args, **kwargs):
            searches.append(args)
            return search(*args, **kwargs)

        with patch.object(customer_base._estimation, "minimize", counted):
            first = self.Fit._fit_company(self.company)
            cold = len(searches)
            second = self.Fit._fit_company(self.company)
            self.assertLess(len(searches) - cold, cold)
        self.assertTrue(second.is_used and not first.is_used)
        for name in ("r", "alpha", "a", "b", "p", "q", "v"):
            self.assertAlmostEqual(second[name] / first[name], 1, 5, name)
        self.assertIsNone(first.backtest["deviance_in_use"], "there was none in use")
        split = day_number(TODAY) - second.holdout_days
        known = self.env["crm.value.fit.segment"]._known(self.company)
        self.assertAlmostEqual(
            second.backtest["deviance_in_use"],
            customer_base.holdout.deviance_of(first._ensemble(), *self._kernel_days(), split, day_number(TODAY), known),
            6,
        )

    def _kernel_days(self):
        days = self.Fit._purchase_days(self.company, TODAY)
        return days["partner"], days["date"], days["purchase_revenue"]

    def test_how_it_did_is_told_in_words_of_a_salesperson(self):
        fit = self.Fit._fit_company(self.company)
        figures = fit.backtest["accuracy"]
        self.assertAlmostEqual(fit.gini_model, figures["stack"]["gini"], 9)
        self.assertAlmostEqual(fit.gini_history, figures["carry_forward_12m"]["gini"], 9)
        self.assertAlmostEqual(fit.deviance_gain, 1 - fit.deviance_model / fit.deviance_history, 9)
        fit.write({"bias_model": 0.031, "bias_history": -0.112, "deviance_model": 87.0, "deviance_history": 100.0})
        self.assertIn("the forecast was 3 % too high and the last 12 months carried forward 11 % too low", fit.verdict)
        self.assertIn("the forecast was 13 % better", fit.verdict)
        fit.write({"bias_model": 0.001, "deviance_model": 120.0})
        self.assertIn("the forecast was right and", fit.verdict)
        self.assertIn("the forecast was 20 % worse", fit.verdict)
        fit.backtest = False
        self.assertFalse(fit.gini_model or fit.gini_history)

    def test_weights_are_the_kernels_and_are_told(self):
        fit = self.Fit._fit_company(self.company)
        expected = customer_base.fit_ensemble(*self.purchases, day_number(TODAY))
        self.assertEqual(fit._ensemble().stack, expected.stack)
        self.assertEqual(fit._ensemble().bands, expected.bands)
        self.assertEqual(len(fit._ensemble().windows), 4)
        share = round(100 * expected.stack.shares["purchase_model"])
        self.assertIn(f"{share} % purchase model", fit.weights_text)
        fit.ensemble = False
        self.assertFalse(fit.weights_text)
        self.assertEqual(fit._ensemble().stack, customer_base.stack.alone())

    def test_values_come_from_the_model(self):
        self.company.write({"value_method": "model", "value_basis": "margin"})
        fit = self.Fit._fit_company(self.company)
        self.refresh()
        values = self.Value.search([("company_id", "=", self.company.id)])
        self.assertEqual(set(values.mapped("method")), {"model"})
        self.assertEqual(values.fit_id, fit)
        customers = customer_base.holdout.summarise(*self.purchases, as_of=day_number(TODAY))
        view = customer_base.ensemble.View(*customer_base.merge_days(*self.purchases), day_number(TODAY))
        scores = customer_base.shown_scores(
            customer_base.fit_ensemble(*self.purchases, day_number(TODAY)),
            customers.x,
            customers.t_x,
            customers.T,
            np.round(customers.mean, 2),
            view.recent,
            view.log_gaps,
            months=36,
            yearly_discount=0.1,
            margin_ratio=0.5,
        )
        for number in (0, 7, 42):
            partner = self.customers[customers.customer[number]]
            value = self.value(partner)
            self.assertAlmostEqual(value.probability_alive, scores.probability_alive[number], 4)
            self.assertAlmostEqual(value.clv, scores.clv[number], delta=0.02 + abs(scores.clv[number]) * 1e-3)
            self.assertEqual(value.clv, value.transaction_value)
            self.assertAlmostEqual(value.expected_purchases, scores.expected_purchases[number], 3)
            self.assertAlmostEqual(value.clv_high, scores.clv_high[number], delta=0.02 + value.clv_high * 1e-3)
            self.assertLessEqual(value.clv_low, value.clv_high)
            self.assertAlmostEqual(
                value.expected_margin_12m, scores.expected_12m[number], delta=0.02 + value.clv * 1e-3
            )
        self.assertEqual(set(values.mapped("churn_risk")), {"low", "medium", "high"})
        for value in values:
            risk = "high" if value.lifecycle_stage == "at_risk" else value.churn_risk
            self.assertEqual(value.churn_risk, risk, "the badge agrees with the stage")
            if value.churn_risk != "high":
                self.assertEqual(value.churn_risk == "low", value.churn_probability <= 0.3)
            else:
                self.assertGreaterEqual(value.churn_probability, 0.6)

    def test_incremental_equals_full_with_a_fit(self):
        self.company.value_method = "model"
        self.Fit._fit_company(self.company)
        self.refresh()
        full = self.stored()
        some = self.customers[3:40]
        self.env.cr.execute(
            SQL(
                "UPDATE crm_value SET clv = 0, probability_alive = 0, value_percentile = 0, clv_low = 1, method = NULL"
                " WHERE partner_id = ANY(%s)",
                some.ids,
            )
        )
        self.env.invalidate_all()
        self.refresh(some)
        self.assertEqual(self.stored(), full)

    def test_percentiles(self):
        self.refresh()
        values = self.Value.search([("company_id", "=", self.company.id)])
        best = max(values, key=lambda value: value.clv)
        self.assertEqual(best.value_percentile, 100)
        top = values.filtered(lambda value: value.value_percentile >= 90)
        self.assertEqual(len(top), round(len(values) / 10))
        for value in values[:20]:
            below = sum(other.clv < value.clv for other in values)
            self.assertAlmostEqual(value.value_percentile, 100 * below / (len(values) - 1), 3)

    def test_little_data_falls_back(self):
        few = tuple(column[self.purchases[0] < 4] for column in self.purchases)
        self.feed(few)
        fit = self.Fit._fit_company(self.company)
        self.assertEqual((fit.reliability, fit.decision, fit.is_used), ("fallback", "not_usable", False))
        self.refresh()
        self.assertEqual(set(self.Value.search([]).mapped("method")), {"history"})
        self.feed(tuple(column[:0] for column in self.purchases))
        fit = self.Fit._fit_company(self.company)
        self.assertEqual((fit.reliability, fit.reliability_code), ("fallback", "no_history"))
        self.assertTrue(fit.reliability_reason)
        with self.assertRaises(UserError):
            fit.action_pin()

    def test_decisions(self):
        fit = self.Fit._fit_company(self.company)
        fit.write({"holdout_days": 100, "deviance_model": 80, "deviance_history": 100, "is_used": True})

        def next_fit(deviance_model, deviance_history, in_use=None):
            def tested(model, fit, days):
                fit.write(
                    {
                        "holdout_days": 100,
                        "deviance_model": deviance_model,
                        "deviance_history": deviance_history,
                        "backtest": {"deviance_in_use": in_use},
                    }
                )

            with patch.object(type(self.env["crm.value.fit.backtest"]), "_try_out", tested):
                return self.Fit._fit_company(self.company)

        worse = next_fit(101, 100)
        self.assertEqual((worse.decision, worse.is_used, fit.is_used), ("history_better", False, False))
        fit.is_used = True
        fit.write({"deviance_model": 50, "is_used": True})
        much_worse = next_fit(90, 100)
        self.assertEqual((much_worse.decision, much_worse.is_used, fit.is_used), ("much_worse", False, True))
        self.assertIn("much worse", much_worse.verdict)
        self.assertNotIn("the model in use was", much_worse.verdict)
        told = next_fit(90, 100, in_use=81)
        self.assertEqual((told.decision, told.is_used, fit.is_used), ("much_worse", False, True))
        self.assertIn("On the same days, the model in use was 10 % better.", told.verdict)
        problems = "".join(self.env["crm.value.health"]._check(self.company)["problems"])
        self.assertIn("was set aside", problems)
        fit.action_pin()
        fit.is_pinned = False
        changed = next_fit(90, 100, in_use=95)
        self.assertEqual(
            (changed.decision, changed.is_used, fit.is_used),
            ("model_better", True, False),
            "a company that has changed for good does not keep the fit of how it was",
        )
        fit.action_pin()
        better = next_fit(10, 100)
        self.assertEqual((better.decision, better.is_used, fit.is_used), ("other_pinned", False, True))
        problems = "".join(self.env["crm.value.health"]._check(self.company)["problems"])
        self.assertNotIn("was set aside", problems)
        better.action_pin()
        self.assertEqual((better.is_pinned, fit.is_pinned, self.Fit._current(self.company)), (True, False, better))
        better.action_release()
        latest = next_fit(10, 100)
        self.assertEqual((latest.decision, self.Fit._current(self.company)), ("model_better", latest))
        self.company.value_method = "history"
        self.assertFalse(self.Fit._current(self.company))

    def test_settings_are_checked_and_noted(self):
        self.company.value_horizon_months = 24
        note = self.company.partner_id.message_ids[0].body
        self.assertIn("36 → 24", note)
        for name, wrong in (
            ("value_horizon_months", 0),
            ("value_retention_rate", 1.5),
            ("value_discount_rate", -0.1),
            ("value_margin_rate", 2),
            ("value_prior_strength", -1),
            ("value_fit_months", -1),
            ("value_low_risk", 0.1),
        ):
            with self.assertRaises(ValidationError, msg=name):
                self.company[name] = wrong

    def test_history_window(self):
        self.company.value_fit_months = 6
        fit = self.Fit._fit_company(self.company)
        self.assertLess(fit.history_days, 190)

    def test_cron_fits_every_company_whatever_one_of_them_does(self):
        Fit = type(self.Fit)
        original = Fit._fit_company
        other = self.env["res.company"].create({"name": "Broken"})

        def fit_company(model, company):
            if company == other:
                raise ZeroDivisionError
            return original(model, company)

        self.env.flush_all()
        with (
            patch.object(Fit, "_fit_company", fit_company),
            self.assertLogs("odoo.addons.crm_value_addon", "ERROR"),
            self.enter_registry_test_mode(),
        ):
            self.env.ref("crm_value_addon.ir_cron_fit").method_direct_trigger()
        self.env.invalidate_all()
        self.assertTrue(self.Fit.search([("company_id", "=", self.company.id)]))

    def test_wizard(self):
        wizard = self.env["crm.value.backtest"].with_company(self.company).create({})
        self.assertEqual(wizard.holdout_end, TODAY)
        history = day_number(TODAY) - int(self.purchases[1].min())
        self.assertEqual(wizard.calibration_end, TODAY - timedelta(days=history // 2))
        wizard.calibration_end = date(2024, 12, 31)
        wizard.action_run()
        expected = customer_base.holdout.backtest(
            *self.purchases,
            day_number(date(2024, 12, 31)),
            day_number(TODAY),
            retention=self.company.value_retention_rate,
        )
        for line in wizard.line_ids:
            figures = expected.accuracy[line.method]
            self.assertAlmostEqual(line.spearman, figures.spearman, 9)
            if line.has_level:
                self.assertAlmostEqual(line.mae, figures.mae, 2)
                self.assertAlmostEqual(line.aggregate_error, figures.aggregate_error, 9)
        self.assertEqual(len(wizard.line_ids), len(expected.accuracy))
        table = base64.b64decode(wizard.file).decode()
        self.assertIn(repr(expected.accuracy["carry_forward"].mae), table)
        self.assertIn(str(expected.customers), wizard.summary)
        with self.assertRaises(ValidationError):
            wizard.calibration_end = TODAY
        with self.assertRaises(ValidationError):
            wizard.holdout_end = TODAY + timedelta(days=1)
        wizard.calibration_end = date(2001, 1, 1)
        with self.assertRaises(UserError):
            wizard.action_run()

    def test_rights(self):
        fit = self.Fit._fit_company(self.company)
        company = {"company_id": self.company.id, "company_ids": [(6, 0, self.company.ids)]}
        seller = new_test_user(self.env, "fit_seller", "sales_team.group_sale_salesman", **company)
        manager = new_test_user(self.env, "fit_manager", "sales_team.group_sale_manager", **company)
        for action in (
            fit.with_user(seller).action_pin,
            fit.with_user(seller).action_release,
            fit.with_user(seller).action_fit_now,
        ):
            with self.assertRaises(AccessError):
                action()
        with self.assertRaises(AccessError):
            fit.with_user(seller).read(["margin_ratio"])
        fit.with_user(manager).action_pin()
        self.assertTrue(fit.is_pinned)
        with self.assertRaises(AccessError):
            fit.with_user(manager).write({"r": 1})
