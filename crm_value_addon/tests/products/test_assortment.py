from datetime import datetime

from freezegun import freeze_time

from odoo import Command
from odoo.tests import tagged

from ..common import TODAY
from .test_recommender import RecommenderCase


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestAssortment(RecommenderCase):
    """A product that the customer's pricelist, or the order's, does not sell is not suggested."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref("product.group_product_pricelist")
        cls.env.ref("base.group_user").implied_ids += cls.env.ref("product.group_product_pricelist")
        cls.pricelist = cls.env["product.pricelist"].create({"name": "Hospitals", "company_id": cls.company.id})

    def rule(self, pricelist=None, **vals):
        return self.env["product.pricelist.item"].create({"pricelist_id": (pricelist or self.pricelist).id, **vals})

    def withheld(self, *products):
        found = self.env["crm.value.product.assortment"]._withheld(
            self.company, self.pricelist, [product.product_tmpl_id.id for product in products]
        )
        ids = {template_id for _pricelist_id, template_id in found}
        return [product for product in products if product.product_tmpl_id.id in ids]

    def test_given_away_is_not_sold(self):
        first, second, third, fourth = self.products[:4]
        template = {"applied_on": "1_product"}
        self.rule(**template, product_tmpl_id=first.product_tmpl_id.id, compute_price="fixed", fixed_price=0)
        self.rule(**template, product_tmpl_id=second.product_tmpl_id.id, compute_price="fixed", fixed_price=7)
        self.rule(**template, product_tmpl_id=third.product_tmpl_id.id, compute_price="percentage", percent_price=100)
        self.assertEqual(self.withheld(first, second, third, fourth), [first, third])

    def test_the_rule_that_applies_decides(self):
        first, second = self.products[:2]
        self.rule(
            applied_on="2_product_category", categ_id=self.coffee.id, compute_price="percentage", percent_price=100
        )
        self.rule(
            applied_on="1_product", product_tmpl_id=first.product_tmpl_id.id, compute_price="fixed", fixed_price=7
        )
        self.assertEqual(
            self.withheld(first, second, self.leaves), [second], "the product's rule before the category's"
        )
        self.rule(
            applied_on="1_product",
            product_tmpl_id=second.product_tmpl_id.id,
            compute_price="fixed",
            fixed_price=7,
            date_end=datetime(2025, 1, 1),
        )
        self.rule(
            applied_on="1_product",
            product_tmpl_id=second.product_tmpl_id.id,
            compute_price="fixed",
            fixed_price=5,
            min_quantity=10,
        )
        self.assertEqual(self.withheld(first, second), [second], "neither past nor for ten pieces")

    def test_only_what_the_pricelist_names(self):
        self.company.value_suggestions_priced = True
        below = self.env["product.category"].create({"name": "Roast", "parent_id": self.coffee.id})
        roast = self.make_product("Roast", below)
        self.assertEqual(self.withheld(roast, self.leaves), [roast, self.leaves])
        self.rule(applied_on="2_product_category", categ_id=self.coffee.id, compute_price="percentage", percent_price=5)
        self.assertEqual(self.withheld(roast, self.leaves), [self.leaves])
        self.rule(applied_on="3_global", compute_price="percentage", percent_price=5)
        self.assertEqual(self.withheld(roast, self.leaves), [])

    def test_the_fit_and_the_order(self):
        customers = self.customers(72)
        self.buy_many(customers[:68])
        restricted, free = customers[70], customers[71]
        restricted.property_product_pricelist = self.pricelist
        for buyer in (restricted, free):
            self.buy(buyer, self.products[0], 100)
        self.refresh()
        self.Fit._fit(self.company)
        Suggestion = self.env["crm.value.suggestion"]
        best = Suggestion._open_for(free, self.company)[0].product_tmpl_id
        self.assertIn(best, Suggestion._open_for(restricted, self.company).product_tmpl_id)
        self.rule(applied_on="1_product", product_tmpl_id=best.id, compute_price="fixed", fixed_price=0)
        orders = {
            buyer: self.env["sale.order"].create({"partner_id": buyer.id, "company_id": self.company.id})
            for buyer in (restricted, free)
        }
        self.assertEqual(orders[restricted].pricelist_id, self.pricelist)
        self.assertNotIn(best, orders[restricted].value_suggestion_ids.product_tmpl_id, "at once")
        self.assertTrue(orders[restricted].value_suggestion_ids)
        self.assertIn(best, orders[free].value_suggestion_ids.product_tmpl_id)
        self.Fit._fit(self.company)
        self.assertNotIn(best, self.value(restricted).suggestion_ids.product_tmpl_id, "by the next fit")
        ranks = self.value(restricted).suggestion_ids.mapped("rank")
        self.assertEqual(ranks, list(range(1, len(ranks) + 1)))
        self.assertIn(best, self.value(free).suggestion_ids.product_tmpl_id)

    def test_queries_of_an_order_with_a_pricelist(self):
        customers = self.customers(70)
        self.buy_many(customers[:68])
        self.refresh()
        self.Fit._fit(self.company)
        self.rule(applied_on="3_global", compute_price="percentage", percent_price=5)
        order = self.env["sale.order"].create(
            {"partner_id": customers[0].id, "company_id": self.company.id, "pricelist_id": self.pricelist.id}
        )
        order.order_line = [Command.clear()]
        self.env.flush_all()
        order.read()
        order.partner_id.read()
        order.company_id.read()
        order.invalidate_recordset(["value_suggestion_ids"])
        with self.assertQueryCount(2):
            order.value_suggestion_ids  # noqa: B018
