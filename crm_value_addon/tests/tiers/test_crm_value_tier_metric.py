from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ...models.refresh.basis import Basis
from ..common import TODAY
from ..products.test_crm_value_product import ProductCase


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestCategoryCriterion(ProductCase):
    """A tier for who spends 300 within coffee in 12 months, and keeps it from 200 on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.roast = cls.env["product.category"].create({"name": "Roast", "parent_id": cls.coffee.id})
        cls.dark = cls.make_product("Dark", cls.roast)
        cls.coffee.value_for_tiers = True
        cls.metric = f"category_12m_{cls.coffee.id}"
        cls.env["crm.value.tier"].search([]).active = False
        cls.barista = cls.env["crm.value.tier"].create(
            {
                "name": "Barista",
                "company_id": cls.company.id,
                "criterion_ids": [Command.create({"metric": cls.metric, "enter_min": 300, "keep_min": 200})],
            }
        )
        cls.barista.action_activate()

    def test_spend_within_a_category_and_those_below(self):
        rich, poor, tea = self.customer("Rich"), self.customer("Poor"), self.customer("Tea")
        self.buy(rich, self.beans, 30, amount=200)
        self.buy(rich, self.dark, 40, amount=100)
        self.buy(rich, self.beans, 500, amount=900)
        self.buy(poor, self.beans, 500, amount=900)
        self.buy(poor, self.beans, 30, amount=299)
        self.buy(tea, self.leaves, 30, amount=5000)
        self.refresh()
        self.assertEqual(self.value(rich).tier_id, self.barista)
        self.assertFalse(self.value(poor).tier_id)
        self.assertFalse(self.value(tea).tier_id)
        self.assertEqual(self.barista.qualifying_summary, "1 of 3 customers would qualify")
        step = self.env["crm.value.tier.explanation"]._explain_tiers(self.value(poor))[self.value(poor).id]["steps"][0]
        self.assertEqual(step["criteria"][0]["label"], "Revenue 12 Months of Coffee")
        self.assertIn("1.00", step["criteria"][0]["missing"])

    def test_one_customer_gets_what_all_get(self):
        customer = self.customer()
        self.buy(customer, self.dark, 30, amount=300)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.barista)
        self.credit_note(self.env["account.move"].search([("partner_id", "=", customer.id)]), TODAY, 150)
        self.refresh(customer)
        self.assertFalse(self.value(customer).tier_id, "150 are left, 200 keep it")
        change = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(customer).id)], limit=1)
        self.assertIn("Revenue 12 Months of Coffee", change.reason)

    def test_two_customers_become_one(self):
        first, second = self.customer("First"), self.customer("Second")
        for customer in (first, second):
            self.buy(customer, self.beans, 30, amount=160)
        self.refresh()
        together = self.env["crm.value.merge"]._preview(self.value(first) | self.value(second), self.company, first)
        self.assertEqual(together["tier_id"], self.barista)

    def test_the_months_before(self):
        customer = self.customer()
        self.buy(customer, self.beans, 40, amount=300)
        self.refresh()
        Metric = self.env["crm.value.tier.metric"]
        for days, amount in ((50, 0), (30, 300)):
            day = TODAY - timedelta(days=days)
            basis = Basis(self.company, day, customer.ids, until=day)
            self.assertEqual(Metric._column(basis, customer.ids, self.metric).tolist(), [amount])

    def test_the_simulation(self):
        customer = self.customer()
        self.buy(customer, self.beans, 30, amount=250)
        self.refresh()
        simulation = self.env["crm.value.tier.simulation"].with_company(self.company).create({})
        simulation.criterion_ids.filtered(lambda line: line.metric == self.metric).write(
            {"enter_min": 250, "keep_min": 200}
        )
        simulation._preview_all()
        self.assertEqual(simulation.up_count, 1)
        simulation.action_apply()
        self.assertEqual(self.value(customer).tier_id, self.barista)

    def test_what_a_tier_asks_for_stays(self):
        with self.assertRaisesRegex(ValidationError, "Barista asks for what is spent within Coffee"):
            self.coffee.value_for_tiers = False
        with self.assertRaisesRegex(ValidationError, "Barista"):
            self.coffee.unlink()
        with self.assertRaises(ValidationError):
            self.barista.criterion_ids.metric = f"category_12m_{self.tea.id}"
        self.tea.value_for_tiers = True
        self.barista.criterion_ids.metric = f"category_12m_{self.tea.id}"
        self.coffee.value_for_tiers = False
        self.assertNotIn(self.metric, self.env["crm.value.tier.metric"]._names())

    def test_a_configuration_file_names_the_category(self):
        Metric = self.env["crm.value.tier.metric"]
        self.assertEqual(Metric._to_file(self.metric), "category_12m:Coffee")
        self.assertEqual(Metric._from_file("category_12m:Coffee"), self.metric)
        self.assertEqual(Metric._from_file("category_12m:Unknown"), "category_12m:Unknown")
        data = self.env["crm.value.configuration.export"]._export(self.company)
        exported = [row["values"]["metric"] for row in data["records"] if row["model"] == "crm.value.tier.criterion"]
        self.assertIn("category_12m:Coffee", exported)
