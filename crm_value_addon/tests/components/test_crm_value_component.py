import random
from datetime import timedelta
from unittest.mock import patch

import numpy as np
from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user

from ...lib import components
from ..common import TODAY, ValueCase

PARTS = ("transaction_value", "growth_value", "referral_value", "knowledge_value")


class PartsCase(ValueCase):
    """A company with 10 % discount a year, no churn in the fallback, a horizon of 24 months and every rate at 0."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "value_method": "history",
                "value_retention_rate": 1.0,
                "value_discount_rate": 0.1,
                "value_horizon_months": 24,
            }
        )
        cls.other_company = cls.env["res.company"].create({"name": "Other"})

    @classmethod
    def opportunity(cls, partner, **vals):
        return cls.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "partner_id": partner.id, "company_id": cls.company.id, **vals}
        )

    @classmethod
    def at_odds(cls, lead, percent):
        """Fix the automated probability, which Odoo learns from all leads of the database."""
        cls.env.flush_all()
        cls.env.cr.execute("UPDATE crm_lead SET automated_probability = %s WHERE id = %s", (percent, lead.id))
        lead.invalidate_recordset()

    @classmethod
    def quotation(cls, partner, amount, **vals):
        order = cls.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "company_id": cls.company.id,
                "validity_date": False,
                **vals,
                "order_line": [
                    Command.create({"product_id": cls.product.id, "price_unit": amount, "tax_ids": [Command.clear()]})
                ],
            }
        )
        order.action_quotation_sent()
        return order

    @classmethod
    def factor(cls, months):
        """Return what 1 in so many months is worth today, at 10 % a year."""
        return 1.1 ** (-months / 12)


@freeze_time(TODAY)
class TestGrowthValue(PartsCase):
    def test_opportunity(self):
        customer = self.customer("Bakery")
        lead = self.opportunity(customer, expected_revenue=10000, date_deadline=TODAY + timedelta(days=100))
        self.at_odds(lead, 30)
        self.refresh()
        # 10,000 × 30 % × margin rate 40 % = 1,200; 100 days = 3.29 months: in the 4th month; 1,200 × 1.1^(-4/12)
        self.assertAlmostEqual(self.value(customer).growth_value, 1162.48, places=2)
        self.assertAlmostEqual(1200 * self.factor(4), 1162.48, places=2)
        self.assertEqual(self.value(customer).clv, self.value(customer).growth_value)
        self.assertEqual(self.value(customer).lifecycle_stage, "lead")

    def test_revenue_basis_has_no_margin_rate(self):
        self.company.value_basis = "revenue"
        customer = self.customer("Bakery")
        self.at_odds(self.opportunity(customer, expected_revenue=1000), 50)
        self.refresh()
        # no date: the coming month; 1,000 × 50 % × 1.1^(-1/12)
        self.assertAlmostEqual(self.value(customer).growth_value, round(500 * self.factor(1), 2), places=2)

    def test_what_does_not_count(self):
        customer = self.customer("Bakery")
        for vals in (
            {"type": "lead"},
            {"active": False},
            {"company_id": self.other_company.id},
            {"date_deadline": TODAY + timedelta(days=24 * 31)},
        ):
            self.at_odds(self.opportunity(customer, expected_revenue=1000, **vals), 50)
        self.opportunity(customer, expected_revenue=1000).action_set_lost()
        self.quotation(customer, 1000).action_cancel()
        self.quotation(customer, 1000, validity_date=TODAY - timedelta(days=1))
        self.quotation(customer, 1000).date_order = TODAY - timedelta(days=366)
        self.refresh()
        self.assertEqual(self.value(customer).growth_value, 0)

    def test_quotation_with_and_without_opportunity(self):
        customer, other = self.customer("Bakery"), self.customer("Inn")
        lead = self.opportunity(customer, expected_revenue=1000)
        self.quotation(customer, 1500, opportunity_id=lead.id)
        self.quotation(customer, 1200, opportunity_id=lead.id)  # the same business, told otherwise
        self.at_odds(lead, 20)
        self.quotation(other, 1000)
        self.refresh()
        # the largest quotation, once: 1,500 × 20 % × 40 % = 120, in the coming month
        self.assertAlmostEqual(self.value(customer).growth_value, round(120 * self.factor(1), 2), places=2)
        # 1,000 × 50 % (settings) × 40 % = 200
        self.assertAlmostEqual(self.value(other).growth_value, round(200 * self.factor(1), 2), places=2)


@freeze_time(TODAY)
class TestReferralValue(PartsCase):
    def test_share_of_the_first_months(self):
        self.company.write({"value_referral_share": 0.1, "value_referral_months": 12})
        referrer = self.customer("Referrer")
        referred = self.customer("Referred", referred_by_id=referrer.id)
        second = self.customer("Referred by the referred", referred_by_id=referred.id)
        # 92 days ago = 3.02 months: 8 whole months are left of 12
        for partner in (referred, second):
            self.invoice(partner, TODAY - timedelta(days=92), 3000)
        self.refresh()
        # margin of 12 months 1,200 = 100 a month, for 8 months at d = 1.1^(1/12) - 1, and 10 % of it
        expected = sum(100 * self.factor(month) for month in range(1, 9)) * 0.1
        self.assertAlmostEqual(self.value(referrer).referral_value, round(expected, 2), places=2)
        self.assertAlmostEqual(round(expected, 2), 77.20, places=2)
        # one level: the referrer has nothing from the second
        self.assertAlmostEqual(self.value(referred).referral_value, round(expected, 2), places=2)
        self.assertEqual(self.value(referrer).referred_realised_value, 1200)

    def test_not_configured_and_over(self):
        referrer = self.customer("Referrer")
        referred = self.customer("Referred", referred_by_id=referrer.id)
        self.invoice(referred, TODAY - timedelta(days=92), 3000)
        self.invoice(referrer, TODAY, 10)
        self.refresh()
        self.assertEqual(self.value(referrer).referral_value, 0)
        self.company.write({"value_referral_share": 0.1, "value_referral_months": 3})
        self.refresh()
        self.assertEqual(self.value(referrer).referral_value, 0)

    def test_kept_at_conversion(self):
        referrer = self.customer("Referrer")
        lead = self.env["crm.lead"].create(
            {"name": "Lead", "partner_name": "New Ltd", "contact_name": "Nina New", "referred_by_id": referrer.id}
        )
        lead._handle_partner_assignment()
        self.assertEqual(lead.partner_id.commercial_partner_id.name, "New Ltd")
        self.assertEqual(lead.partner_id.commercial_partner_id.referred_by_id, referrer)
        with self.assertRaises(ValidationError):
            referrer.referred_by_id = lead.partner_id.commercial_partner_id


@freeze_time(TODAY)
class TestKnowledgeValue(PartsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.idea = cls.env.ref("crm_value_addon.feedback_kind_idea")
        cls.idea.amount = 60

    def feedback(self, partner, *days_ago):
        self.env["crm.value.feedback"].create(
            [
                {
                    "partner_id": partner.id,
                    "company_id": self.company.id,
                    "kind_id": self.idea.id,
                    "description": "Idea",
                    "date": TODAY - timedelta(days=days),
                }
                for days in days_ago
            ]
        )

    def test_rate_and_cap(self):
        customer, eager = self.customer("Bakery"), self.customer("Eager")
        for partner in (customer, eager):
            self.invoice(partner, TODAY - timedelta(days=800), 100)  # too old to expect a purchase
        self.company.value_knowledge_cap = 150
        self.feedback(customer, 10, 300, 400)  # the last is more than a year ago
        self.feedback(eager, 1, 2, 3, 4)
        self.refresh()
        # 2 items a year × 60 = 120 a year = 10 a month for 24 months
        year = sum(self.factor(month) for month in range(1, 25))
        self.assertAlmostEqual(self.value(customer).knowledge_value, round(10 * year, 2), places=2)
        # 4 × 60 = 240, at most 150 a year = 12.50 a month
        self.assertAlmostEqual(self.value(eager).knowledge_value, round(12.5 * year, 2), places=2)


@freeze_time(TODAY)
class TestServiceCost(PartsCase):
    def cost(self, partner):
        self.refresh()
        return self.value(partner).cost_to_serve, self.value(partner).service_cost

    def monthly(self, amount):
        return round(sum(amount * self.factor(month) for month in range(1, 25)), 2)

    def test_off_by_default(self):
        customer = self.customer("Bakery")
        self.credit_note(self.invoice(customer, "2025-03-01", 1000), "2025-03-10", 100)
        self.assertEqual(self.cost(customer), (0, 0))
        self.assertEqual(self.value(customer).realised_value, 300, "a credited price is all margin")

    def test_credit_notes(self):
        self.company.write({"value_cost_credit_notes": True, "value_cost_credit_note": 30})
        customer = self.customer("Bakery")
        for day in ("2023-03-01", "2025-03-01", "2025-04-01"):
            self.credit_note(self.invoice(customer, day, 100), day)
        # 3 × 30 so far; 2 × 30 in the last year = 5 a month
        self.assertEqual(self.cost(customer), (90, self.monthly(5)))
        # all was given back: no margin, a cost of 90
        self.assertEqual(self.value(customer).realised_value, -90)
        self.assertEqual(self.value(customer).clv, -self.monthly(5))

    def test_profit_of_12_months(self):
        self.company.write({"value_cost_credit_notes": True, "value_cost_credit_note": 30})
        customer, idle = self.customer("Bakery"), self.customer("Idle")
        self.invoice(idle, "2023-01-10", 100)
        for day in ("2023-03-01", "2025-03-01"):
            self.credit_note(self.invoice(customer, day, 1000), day, 100)
        self.refresh()
        value = self.value(customer)
        profit = value.margin_12m - 30
        self.assertRecordValues(value, [{"cost_to_serve_12m": 30, "cost_to_serve": 60, "profit_12m": profit}])
        self.assertEqual(round(value.profit_rate_12m, 1), round(100 * profit / value.revenue_12m, 1))
        self.assertEqual(self.value(idle).profit_rate_12m, 0.0, "nothing was bought")
        # lists sort by both, and groups add the profit up
        both = value + self.value(idle)
        Value = self.env["crm.value"]
        self.assertEqual(Value.search([("id", "in", both.ids)], order="profit_rate_12m desc"), both)
        [(total,)] = Value._read_group([("id", "in", both.ids)], [], ["profit_12m:sum"])
        self.assertEqual(total, profit)

    def test_activities_and_messages(self):
        self.company.write(
            {"value_cost_work": True, "value_activity_minutes": 30, "value_message_minutes": 6, "value_hourly_cost": 80}
        )
        customer = self.customer("Bakery")
        contact = self.customer("Baker", parent_id=customer.id)
        lead = self.opportunity(customer)
        self.at_odds(lead, 0)
        worker = new_test_user(
            self.env,
            "worker",
            groups="sales_team.group_sale_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        for record in (contact, lead):
            record.with_user(worker).message_post(  # pylint: disable=translation-required
                body="Hello", message_type="comment"
            )
        activity = lead.activity_schedule("mail.mail_activity_data_call", user_id=worker.id)
        activity.with_user(worker).action_done()
        self.env.flush_all()
        self.env.cr.execute("UPDATE mail_activity SET date_done = %s WHERE id = %s", (TODAY, activity.id))
        self.env.cr.execute("UPDATE mail_message SET date = %s WHERE author_id = %s", (TODAY, worker.partner_id.id))
        # an activity of 30 minutes and two messages of 6 = 42 minutes at 80 an hour = 56
        self.assertEqual(self.cost(customer), (56, self.monthly(56 / 12)))

    def test_late_payment(self):
        self.company.write({"value_cost_late_payment": True, "value_cost_interest": 0.073})
        customer = self.customer("Bakery")
        paid = self.invoice(customer, "2025-01-01", 10000, invoice_date_due="2025-01-31")
        self.env["account.payment.register"].with_context(active_model="account.move", active_ids=paid.ids).create(
            {"payment_date": "2025-02-10"}
        )._create_payments()
        self.invoice(customer, "2025-05-01", 1000, invoice_date_due="2025-05-31")
        # 7.3 % a year = 0.02 % a day: 10 days × 10,000 = 20; still open: 30 days × 1,000 = 6
        self.assertEqual(self.cost(customer), (26, self.monthly(26 / 12)))

    def test_acquisition(self):
        customer = self.customer("Bakery")
        source = self.env["utm.source"].create({"name": "Fair"})
        source.with_company(self.company).value_acquisition_cost = 250
        self.invoice(customer, "2022-05-01", 1000)
        for _number in range(2):
            lead = self.opportunity(customer, source_id=source.id)
            lead.action_set_won()
            lead.date_closed = TODAY
        # an acquisition is not expected again
        self.company.write({"value_cost_acquisition": "lead", "value_cost_won_lead": 100})
        self.assertEqual(self.cost(customer), (200, 0))
        self.company.value_cost_acquisition = "source"
        self.assertEqual(self.cost(customer), (250, 0))


@freeze_time(TODAY)
class TestParts(PartsCase):
    @classmethod
    def configure(cls):
        cls.company.write(
            {
                "value_referral_share": 0.15,
                "value_referral_months": 12,
                "value_cost_credit_notes": True,
                "value_cost_credit_note": 17.35,
                "value_cost_late_payment": True,
                "value_cost_interest": 0.0815,
            }
        )
        cls.env.ref("crm_value_addon.feedback_kind_idea").amount = 33.33

    def mixed_customers(self, count):
        """Return customers with random invoices, credit notes, opportunities, referrers and feedback."""
        chance = random.Random(7)
        customers = self.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(count)])
        for number, customer in enumerate(customers):
            for _purchase in range(chance.randint(0, 3)):
                day = TODAY - timedelta(days=chance.randint(1, 700))
                invoice = self.invoice(customer, day, round(chance.uniform(5, 3000), 2))
                if chance.random() < 0.2:
                    self.credit_note(invoice, day + timedelta(days=1), round(invoice.amount_untaxed / 3, 2))
            if chance.random() < 0.5:
                self.at_odds(
                    self.opportunity(
                        customer,
                        expected_revenue=round(chance.uniform(10, 9000), 2),
                        date_deadline=TODAY + timedelta(days=chance.randint(-20, 900)),
                    ),
                    chance.randint(1, 99),
                )
            if number and chance.random() < 0.4:
                customer.referred_by_id = customers[chance.randint(0, number - 1)]
            self.env["crm.value.feedback"].create(
                [
                    {
                        "partner_id": customer.id,
                        "company_id": self.company.id,
                        "description": "Idea",
                        "kind_id": self.env.ref("crm_value_addon.feedback_kind_idea").id,
                        "date": TODAY,
                    }
                    for _item in range(chance.randint(0, 2))
                ]
            )
        return customers

    def assert_sums(self, values):
        for value in values:
            cents = {name: round(value[name] * 100) for name in (*PARTS, "service_cost", "clv")}
            self.assertEqual(
                cents["clv"], sum(cents[name] for name in PARTS) - cents["service_cost"], value.partner_id.name
            )
            self.assertEqual(
                round(value.realised_value * 100), round(value.margin_total * 100) - round(value.cost_to_serve * 100)
            )

    def test_parts_add_up(self):
        self.configure()
        customers = self.mixed_customers(40)
        self.refresh()
        values = self.value(customers[0]).browse([value.id for partner in customers for value in self.value(partner)])
        self.assert_sums(values)
        for name in (*PARTS, "service_cost", "cost_to_serve"):
            self.assertTrue(any(values.mapped(name)), name)
        # a refresh of some keeps what only the refresh of all computes, and changes nothing
        before, versions = self.stored(), self.row_versions()
        self.refresh(customers)
        self.assertEqual(self.stored(), before)
        self.refresh()
        self.assertEqual(self.row_versions(), versions)
        # with another invoice each, the sums hold before the next night and after it
        for customer in customers[:5]:
            self.invoice(customer, TODAY, 123.45)
        self.refresh(customers)
        self.assert_sums(values)
        self.refresh()
        self.assert_sums(values)

    def test_thousand_customers_add_up(self):
        customers = self.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(1000)])
        self.Value.create([{"partner_id": partner.id, "company_id": self.company.id} for partner in customers])
        chance, names = np.random.default_rng(11), self.env["crm.value.component"]._nightly_fields()
        Prediction, Component = type(self.env["crm.value.prediction"]), type(self.env["crm.value.component"])
        predict, find = Prediction._predict_some, Component._find

        def random_predict(prediction, basis, fit, columns):
            columns = predict(prediction, basis, fit, columns)
            columns["transaction_value"] = np.round(chance.uniform(-1e5, 1e6, len(columns["partner_id"])), 2)
            return columns

        def random_find(component, basis, columns):
            found = find(component, basis, columns)
            return found | {name: chance.lognormal(5, 2, len(columns["partner_id"])) for name in names}

        with patch.object(Prediction, "_predict_some", random_predict), patch.object(Component, "_find", random_find):
            self.refresh()
        values = self.Value.search([("partner_id", "in", customers.ids)])
        self.assertEqual(len(values), 1000)
        self.assertTrue(all(values.mapped("growth_value")))
        self.assert_sums(values)

    def test_sum_is_exact_for_many(self):
        chance = random.Random(3)
        names = (*PARTS, "service_cost")
        parts = {name: np.array([round(chance.uniform(-1e6, 1e6), 2) for _number in range(1000)]) for name in names}
        signs = dict.fromkeys(PARTS, 1) | {"service_cost": -1}
        total = components.add_up(parts, signs, 2)
        for row in range(1000):
            self.assertEqual(
                round(total[row] * 100), sum(sign * round(parts[name][row] * 100) for name, sign in signs.items())
            )

    def test_span_moves_with_the_parts(self):
        customer = self.customer("Bakery")
        self.invoice(customer, "2025-05-01", 1000)
        self.refresh()
        self.assertEqual((self.value(customer).clv_low, self.value(customer).clv_high), (0, 0))

    def test_rights(self):
        customer = self.customer("Bakery")
        self.invoice(customer, "2025-05-01", 1000)
        self.refresh()
        seller = new_test_user(
            self.env,
            "seller",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        value = self.value(customer).with_user(seller)
        self.assertEqual(value.satisfaction, 0)
        for name in ("growth_value", "referral_value", "knowledge_value", "service_cost", "cost_to_serve"):
            with self.assertRaises(AccessError):
                value.read([name])
        feedback = self.env["crm.value.feedback"].create(
            {
                "partner_id": customer.id,
                "company_id": self.other_company.id,
                "description": "Idea",
                "kind_id": self.env.ref("crm_value_addon.feedback_kind_idea").id,
            }
        )
        with self.assertRaises(AccessError):
            feedback.with_user(seller).read(["description"])
        with self.assertRaises(AccessError):
            self.env["crm.value.feedback.kind"].with_user(seller).create({"name": "Praise"})

    def test_settings_are_checked(self):
        for vals in ({"value_referral_share": 1.5}, {"value_cost_credit_note": -1}):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.company.write(vals)
