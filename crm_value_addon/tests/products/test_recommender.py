import random
from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from ..common import TODAY
from .test_crm_value_product import ProductCase


class RecommenderCase(ProductCase):
    """Four kinds of customers, each with products of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_product_level = "product"
        cls.company.value_suggestion_holdout = 0
        cls.products = [cls.make_product(f"Product {number}", cls.coffee) for number in range(24)]
        cls.Fit = cls.env["crm.value.recommender.fit"].with_company(cls.company)

    @classmethod
    def buy_many(cls, customers, seed=1):
        """Each customer buys of its own quarter of the products, and two more of them in the time held out."""
        chance, moves = random.Random(seed), cls.env["account.move"]
        for number, customer in enumerate(customers):
            own = cls.products[6 * (number % 4) :][:6]
            chance.shuffle(own)
            moves += cls._invoice_of(customer, 300, own[:3])
            moves += cls._invoice_of(customer, 20, own[3:5])
        moves.action_post()

    @classmethod
    def _invoice_of(cls, customer, days, products):
        return cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": TODAY - timedelta(days=days),
                "invoice_line_ids": [
                    Command.create({"product_id": product.id, "quantity": 1, "price_unit": 100, "tax_ids": []})
                    for product in products
                ],
            }
        )

    @classmethod
    def customers(cls, count):
        return cls.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(count)])


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestRecommender(RecommenderCase):
    def test_a_method_that_beats_the_best_sellers_is_used(self):
        customers = self.customers(120)
        self.buy_many(customers[:116])
        self.buy(customers[119], self.products[0], 100)
        self.refresh()
        fit = self.Fit._fit(self.company)
        self.assertEqual(fit.state, "used", fit.backtest)
        self.assertGreater(fit.backtest[fit.method]["recall"], fit.backtest["best_sellers"]["recall"])
        found = self.env["crm.value.suggestion"]._open_for(customers[119], self.company)
        self.assertLessEqual(set(found.product_tmpl_id.mapped("name")), {f"Product {number}" for number in range(1, 6)})
        self.assertRegex(found[0].reason, r"^\d+ % of those who buy Product 0 buy it$")
        self.assertGreater(found[0].expected_margin, 0)
        self.assertTrue(self.value(customers[119]).suggestion_ids)

    def test_too_few_customers_get_nothing(self):
        self.buy_many(self.customers(10))
        self.refresh()
        fit = self.Fit._fit(self.company)
        self.assertEqual((fit.state, fit.suggestion_count), ("few", 0))
        self.assertIn("Not enough yet", fit.verdict)
        self.assertFalse(fit.has_proof)
        self.assertIn("Not enough yet", fit.proof)

    def test_no_products_and_one(self):
        self.assertEqual(self.Fit._fit(self.company).state, "nothing")
        self.buy(self.customer(), self.beans, 30)
        self.refresh()
        self.assertEqual(self.Fit._fit(self.company).state, "nothing")

    def test_what_is_never_suggested(self):
        customers = self.customers(70)
        self.buy_many(customers[:66])
        buyer = customers[69]
        self.buy(buyer, self.products[0], 100)
        self.credit_note(self.buy(buyer, self.products[1], 90), TODAY)
        self.products[2].product_tmpl_id.sale_ok = False
        self.refresh()
        self.Fit._fit(self.company)
        Suggestion = self.env["crm.value.suggestion"]
        shown = Suggestion._open_for(buyer, self.company)
        names = set(shown.product_tmpl_id.mapped("name"))
        self.assertTrue(names)
        self.assertFalse(names & {"Product 0", "Product 1", "Product 2"})
        self.env["crm.value.dismissal"].create(
            {
                "partner_id": buyer.id,
                "company_id": self.company.id,
                "product_tmpl_id": shown[0].product_tmpl_id.id,
                "reason": "wrong",
            }
        )
        self.assertNotIn(shown[0], Suggestion._open_for(buyer, self.company))
        dismissed = shown[0].product_tmpl_id
        self.Fit._fit(self.company)
        self.assertNotIn(dismissed, self.value(buyer).suggestion_ids.product_tmpl_id)
        others = Suggestion._open_for(buyer, self.company).product_tmpl_id
        others.active = False
        self.assertFalse(Suggestion._open_for(buyer, self.company).product_tmpl_id & others)
        buyer.value_opt_out = True
        self.Fit._fit(self.company)
        self.assertFalse(Suggestion.search([("partner_id", "=", buyer.id)]))

    def test_the_order_shows_and_adds(self):
        customers = self.customers(70)
        self.buy_many(customers[:68])
        buyer = customers[69]
        self.buy(buyer, self.products[0], 100)
        self.refresh()
        self.Fit._fit(self.company)
        order = self.env["sale.order"].create({"partner_id": buyer.id, "company_id": self.company.id})
        shown = order.value_suggestion_ids
        self.assertTrue(shown)
        shown[0].with_context(order_id=order.id).action_add()
        self.assertEqual(order.order_line.product_id.product_tmpl_id, shown[0].product_tmpl_id)
        self.assertNotIn(shown[0], order.value_suggestion_ids)
        self.company.value_suggestions = False
        order.invalidate_recordset(["value_suggestion_ids"])
        self.assertFalse(order.value_suggestion_ids)

    def test_queries_of_an_order(self):
        customers = self.customers(70)
        self.buy_many(customers[:68])
        self.refresh()
        self.Fit._fit(self.company)
        order = self.env["sale.order"].create({"partner_id": customers[0].id, "company_id": self.company.id})
        self.env.flush_all()
        order.read()
        order.partner_id.read()
        order.company_id.read()
        order.invalidate_recordset(["value_suggestion_ids"])
        with self.assertQueryCount(1):
            order.value_suggestion_ids  # noqa: B018

    def test_the_control_group_gets_best_sellers(self):
        self.company.value_suggestion_holdout = 50
        customers = self.customers(80)
        self.buy_many(customers)
        self.refresh()
        fit = self.Fit._fit(self.company)
        self.assertEqual(self.company.value_suggestion_since, TODAY)
        suggestions = self.env["crm.value.suggestion"].search([("company_id", "=", self.company.id)])
        control = suggestions.filtered("is_control")
        self.assertTrue(control and control < suggestions)
        self.assertFalse(control.because_id, "best sellers have no product as their reason")
        again = self.Fit._fit(self.company)
        groups = {one.partner_id: one.is_control for one in suggestions.exists()}
        new = self.env["crm.value.suggestion"].search([("company_id", "=", self.company.id), ("state", "=", "open")])
        self.assertFalse([one for one in new if groups.get(one.partner_id, one.is_control) != one.is_control])
        self.assertTrue(again.has_proof)
        self.assertIn("No difference", again.proof)
        self.assertEqual(fit.bought_count, 0)

    def test_what_was_bought_is_counted(self):
        customers = self.customers(70)
        self.buy_many(customers[:68])
        buyer = customers[69]
        self.buy(buyer, self.products[0], 100)
        self.refresh()
        self.Fit._fit(self.company)
        suggestion = self.env["crm.value.suggestion"]._open_for(buyer, self.company)[0]
        self.invoice(buyer, TODAY, 100, product=suggestion.product_id)
        self.refresh(buyer)
        self.assertNotIn(suggestion, self.env["crm.value.suggestion"]._open_for(buyer, self.company))
        fit = self.Fit._fit(self.company)
        self.assertEqual((suggestion.state, fit.bought_count), ("bought", 1))

    def test_rights(self):
        user = new_test_user(self.env, "rec_seller", "sales_team.group_sale_salesman", company_id=self.company.id)
        with self.assertRaises(AccessError):
            self.env["crm.value.recommender"].with_user(user).action_fit_now()
        with self.assertRaises(AccessError):
            self.env["crm.value.suggestion"].with_user(user).create({})
