from datetime import date, timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged

from ..common import TODAY, ValueCase


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class ProductCase(ValueCase):
    """Two categories with products, and what customers buy of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_product_level = "category"
        cls.coffee, cls.tea = cls.env["product.category"].create([{"name": "Coffee"}, {"name": "Tea"}])
        cls.beans = cls.make_product("Beans", cls.coffee)
        cls.leaves = cls.make_product("Leaves", cls.tea)

    @classmethod
    def make_product(cls, name, category, **vals):
        return cls.env["product.product"].create(
            {
                "name": name,
                "categ_id": category.id,
                "list_price": 100.0,
                "standard_price": 60.0,
                "invoice_policy": "order",
                "taxes_id": [Command.clear()],
                **vals,
            }
        )

    @classmethod
    def buy(cls, partner, product, *days_ago, amount=100.0, **vals):
        moves = cls.env["account.move"]
        for days in days_ago:
            moves += cls.invoice(partner, TODAY - timedelta(days=days), amount, product=product, **vals)
        return moves

    @classmethod
    def row(cls, partner, item):
        field = "category_id" if item._name == "product.category" else "product_tmpl_id"
        return cls.env["crm.value.product"].search(
            [("partner_id", "=", partner.id), ("company_id", "=", cls.company.id), (field, "=", item.id)]
        )

    @classmethod
    def stored_rows(cls):
        names = [
            name
            for name, field in cls.env["crm.value.product"]._fields.items()
            if field.store and name not in ("id", "figures_digest")
        ]
        rows = cls.env["crm.value.product"].search([("company_id", "=", cls.company.id)])
        return sorted(
            (tuple(str(row[name]) for name in names) for row in rows.read(names, load=None)),
        )


class TestProduct(ProductCase):
    def test_history_of_a_category(self):
        customer = self.customer()
        self.buy(customer, self.beans, 500, 410, 200, 110, 20)
        self.refresh()
        row = self.row(customer, self.coffee)
        self.assertEqual(row.first_date, TODAY - timedelta(days=500))
        self.assertEqual(row.last_date, TODAY - timedelta(days=20))
        self.assertEqual(row.purchase_count, 5)
        self.assertEqual(row.usual_days, 90)
        self.assertEqual(row.expected_date, row.last_date + timedelta(days=90))
        self.assertEqual((row.revenue_12m, row.revenue_previous_12m), (300, 200))
        self.assertEqual((row.margin_12m, row.margin_previous_12m), (120, 80))
        self.assertEqual(row.quantity_12m, 3)
        self.assertEqual(row.state, "regular")
        self.assertEqual(row.value_id, self.value(customer))
        self.assertEqual(row.display_name, "Coffee")

    def test_states(self):
        expected = {
            "new": (20,),
            "regular": (130, 80, 30),
            "due": (200, 130, 60 + 15),
            "slipping": (290, 220, 150),
            "lost": (700, 660, 620),
            "back": (700, 660, 620, 10),
        }
        customers = {state: self.customer(state) for state in expected}
        for state, days in expected.items():
            self.buy(customers[state], self.beans, *days)
        self.refresh()
        found = {state: self.row(customers[state], self.coffee).state for state in expected}
        self.assertEqual(found, {state: state for state in expected})
        self.assertEqual(self.row(customers["lost"], self.coffee).revenue_at_stake, 300, "a year before it was lost")

    def test_returns_are_net_and_take_their_day_back(self):
        customer = self.customer()
        _first, second = self.buy(customer, self.beans, 60, 30)
        self.credit_note(second, TODAY)
        self.refresh()
        row = self.row(customer, self.coffee)
        self.assertEqual((row.revenue_12m, row.quantity_12m, row.purchase_count), (100, 1, 1))
        self.assertEqual(row.last_date, TODAY - timedelta(days=60))

    def test_what_was_wholly_given_back_is_no_row(self):
        customer = self.customer()
        self.credit_note(self.buy(customer, self.beans, 30), TODAY)
        self.refresh()
        self.assertFalse(self.row(customer, self.coffee))

    def test_a_return_without_a_sale_is_taken_from_the_latest_purchase(self):
        customer = self.customer()
        self.buy(customer, self.beans, 60, 30)
        self.buy(customer, self.beans, 2, move_type="out_refund")
        self.refresh()
        self.assertEqual(self.row(customer, self.coffee).last_date, TODAY - timedelta(days=60))

    def test_a_bonus_is_all_margin_and_shared_among_the_goods(self):
        customer = self.customer()
        move = self.buy(customer, self.beans, 30, post=False)
        move.invoice_line_ids = [
            Command.create({"product_id": self.leaves.id, "quantity": 1, "price_unit": 300, "tax_ids": []}),
            Command.create({"name": "Bonus", "quantity": 1, "price_unit": -40, "tax_ids": []}),
        ]
        move.action_post()
        self.refresh()
        coffee, tea = self.row(customer, self.coffee), self.row(customer, self.tea)
        self.assertEqual((coffee.revenue_12m, tea.revenue_12m), (90, 270))
        self.assertEqual(coffee.revenue_12m + tea.revenue_12m, self.value(customer).revenue_12m)
        self.assertEqual(coffee.margin_12m + tea.margin_12m, self.value(customer).margin_12m)

    def test_margins_are_those_recorded(self):
        customer = self.customer()
        self.buy(customer, self.beans, 30)
        self.refresh()
        self.beans.standard_price = 90
        self.refresh()
        self.assertEqual(self.row(customer, self.coffee).margin_12m, 40)

    def test_a_down_payment_is_no_purchase(self):
        customer = self.customer()
        move = self.buy(customer, self.beans, 30, post=False)
        move.invoice_line_ids.is_downpayment = True
        move.action_post()
        self.refresh()
        self.assertFalse(self.row(customer, self.coffee))

    def test_changed_customers_get_what_all_get(self):
        first, second = self.customer("First"), self.customer("Second")
        self.buy(first, self.beans, 300, 200, 100)
        self.buy(second, self.leaves, 40)
        self.refresh()
        self.buy(first, self.leaves, 5, amount=33.33)
        self.credit_note(self.buy(second, self.beans, 20), TODAY, 50)
        self.refresh(first | second)
        changed = self.stored_rows()
        self.refresh()
        self.assertEqual(self.stored_rows(), changed)

    def test_nothing_is_written_twice(self):
        self.buy(self.customer(), self.beans, 300, 200, 100)
        self.refresh()
        self.env.cr.execute("SELECT id, ctid::text FROM crm_value_product")
        before = self.env.cr.fetchall()
        self.refresh()
        self.env.cr.execute("SELECT id, ctid::text FROM crm_value_product")
        self.assertEqual(self.env.cr.fetchall(), before)

    def test_levels(self):
        customer = self.customer()
        roast = self.env["product.category"].create({"name": "Roast", "parent_id": self.coffee.id})
        self.buy(customer, self.make_product("Dark", roast), 30)
        self.buy(customer, self.beans, 20)
        self.refresh()
        self.assertEqual(self.row(customer, roast).revenue_12m, 100)
        self.assertEqual(self.value(customer).category_count, 2)
        self.company.value_product_level = "top"
        self.refresh()
        self.assertFalse(self.row(customer, roast))
        self.assertEqual(self.row(customer, self.coffee).revenue_12m, 200)
        self.assertEqual(self.value(customer).category_count, 1)
        self.company.value_product_level = "product"
        self.refresh()
        self.assertEqual(self.row(customer, self.beans.product_tmpl_id).revenue_12m, 100)
        self.assertEqual(self.row(customer, self.beans.product_tmpl_id).display_name, "Beans")
        self.company.value_product_level = "none"
        self.refresh()
        self.assertFalse(self.env["crm.value.product"].search([("partner_id", "=", customer.id)]))
        self.assertEqual(self.value(customer).category_count, 0)

    def test_few_products_are_told_apart(self):
        self.company.value_product_level = "auto"
        customer = self.customer()
        self.buy(customer, self.beans, 30)
        self.refresh()
        has_few = self.env["product.template"].search_count(
            [("sale_ok", "=", True), ("company_id", "in", [False, self.company.id])]
        )
        self.assertLess(has_few, 200)
        self.assertTrue(self.row(customer, self.beans.product_tmpl_id))

    def test_a_product_takes_its_history_to_another_category(self):
        customer = self.customer()
        self.buy(customer, self.beans, 30)
        self.refresh()
        self.beans.categ_id = self.tea
        self.coffee.unlink()
        self.beans.active = False
        self.refresh()
        self.assertEqual(self.row(customer, self.tea).revenue_12m, 100)

    def test_other_companies_and_currencies(self):
        other = self.env["res.company"].create({"name": "Other"})
        customer = self.customer()
        currency = self.env["res.currency"].create(
            {"name": "TST", "symbol": "T", "rate_ids": [Command.create({"name": date(2020, 1, 1), "rate": 2.0})]}
        )
        self.invoice(customer, TODAY, 100, product=self.beans, currency_id=currency.id)
        self.refresh()
        row = self.row(customer, self.coffee)
        self.assertEqual(row.revenue_12m, 50, "in the currency of the company")
        self.assertEqual(row.company_id, self.company)
        user = new_test_user(self.env, "other_seller", "sales_team.group_sale_salesman", company_id=other.id)
        theirs = row.with_user(user).with_context(allowed_company_ids=other.ids)
        self.assertFalse(theirs.search([("id", "=", row.id)]))
        with self.assertRaises(AccessError):
            theirs.read(["revenue_12m"])

    def test_sellers_see_no_margin_and_write_nothing(self):
        customer = self.customer()
        self.buy(customer, self.beans, 30)
        self.refresh()
        user = new_test_user(self.env, "own_seller", "sales_team.group_sale_salesman", company_id=self.company.id)
        row = self.row(customer, self.coffee).with_user(user)
        self.assertEqual(row.revenue_12m, 100)
        for name in ("margin_12m", "margin_previous_12m"):
            with self.assertRaises(AccessError):
                row.read([name])
        with self.assertRaises(AccessError):
            row.write({"revenue_12m": 1})
        portal = new_test_user(self.env, "portal_buyer", "base.group_portal")
        with self.assertRaises(AccessError):
            self.row(customer, self.coffee).with_user(portal).read(["revenue_12m"])

    def test_customers_who_opted_out_have_no_rows(self):
        customer = self.customer()
        self.buy(customer, self.beans, 30)
        self.refresh()
        self.assertTrue(self.row(customer, self.coffee))
        customer.value_opt_out = True
        self.refresh()
        self.assertFalse(self.row(customer, self.coffee))

    def test_erasing_deletes_rows_and_dismissals(self):
        customer = self.customer()
        self.buy(customer, self.beans, 30)
        self.refresh()
        dismissal = self.env["crm.value.dismissal"].create(
            {"partner_id": customer.id, "company_id": self.company.id, "category_id": self.coffee.id, "reason": "price"}
        )
        self.env["crm.value.privacy"]._erase(customer)
        self.assertFalse(self.row(customer, self.coffee))
        self.assertFalse(dismissal.exists())

    def test_merged_customers_have_one_history(self):
        first, second = self.customer("First"), self.customer("Second")
        self.buy(first, self.beans, 300)
        self.buy(second, self.beans, 100)
        self.refresh()
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((first | second).ids, second)
        self.refresh()
        row = self.row(second, self.coffee)
        self.assertEqual((row.purchase_count, row.revenue_12m), (2, 200))
        self.assertEqual(row.value_id, self.value(second))

    def test_old_purchases_are_forgotten(self):
        customer = self.customer()
        self.buy(customer, self.beans, 800)
        self.refresh()
        self.assertTrue(self.row(customer, self.coffee))
        self.company.value_product_months = 12
        self.refresh()
        self.assertFalse(self.row(customer, self.coffee))

    def test_one_line_customers_and_no_products(self):
        self.invoice(self.customer(), TODAY, 100)
        self.refresh()
        self.assertFalse(self.env["crm.value.product"].search([("company_id", "=", self.company.id)]))

    def test_dismissed_until_bought_again(self):
        customer = self.customer()
        self.buy(customer, self.beans, 700, 660, 620)
        self.refresh()
        Dismissal, row = self.env["crm.value.dismissal"], self.row(customer, self.coffee)
        self.assertFalse(row.is_dismissed)
        vals = {"partner_id": customer.id, "company_id": self.company.id, "reason": "competitor"}
        with self.assertRaises(ValidationError):
            Dismissal.create(vals)
        Dismissal.create({**vals, "category_id": self.coffee.id})
        row.invalidate_recordset()
        self.assertTrue(row.is_dismissed)
        self.assertEqual(self.env["crm.value.product"].search([("is_dismissed", "=", True)]), row)
        self.assertNotIn(row, self.env["crm.value.product"].search([("is_dismissed", "=", False)]))
        with freeze_time(TODAY + timedelta(days=5)):
            self.invoice(customer, TODAY + timedelta(days=5), 100, product=self.beans)
            self.refresh()
        self.assertFalse(self.row(customer, self.coffee).is_dismissed)

    def test_a_tier_asks_for_categories(self):
        self.assertIn("category_count", self.env["crm.value"]._metrics())

    def test_buttons(self):
        self.company.value_product_level = "product"
        customer = self.customer()
        self.buy(customer, self.beans, 30)
        self.refresh()
        row = self.row(customer, self.beans.product_tmpl_id)
        action = row.action_quote()
        order = self.env["sale.order"].browse(action["res_id"])
        self.assertEqual((order.partner_id, order.order_line.product_id), (customer, self.beans))
        self.assertEqual(row.action_quote()["res_id"], order.id, "the same quotation, and no second line")
        self.assertEqual(len(order.order_line), 1)
        self.assertIn("Beans", row.action_ask()["context"]["default_summary"])

    def test_expected_demand_adds_up(self):
        self.company.value_product_level = "category"
        customer = self.customer()
        self.buy(customer, self.beans, 300, 200, 100, 10)
        self.buy(customer, self.leaves, 200, 10, amount=50)
        self.buy(self.customer(), self.leaves, 700, 660, 620)
        self.refresh()
        rows = self.env["crm.value.demand"].search([("company_id", "=", self.company.id)])
        self.assertEqual(rows.category_id, self.coffee | self.tea)
        self.assertEqual(len(set(rows.mapped("month"))), 12)
        value = self.value(customer)
        self.assertGreater(value.expected_revenue, 0)
        self.assertAlmostEqual(sum(rows.mapped("expected_revenue")), value.expected_revenue, delta=0.2)
        coffee = rows.filtered(lambda row: row.category_id == self.coffee)
        self.assertAlmostEqual(sum(coffee.mapped("expected_revenue")), value.expected_revenue * 0.8, delta=0.2)
        index = [2.0 if month == 11 else 10 / 11 for month in range(12)]
        fit = self.env["crm.value.fit"].create(
            {
                "company_id": self.company.id,
                "model": "mbg",
                "is_used": True,
                "season": {"index": index, "is_used": True, "expected": []},
            }
        )
        before = sum(rows.mapped("expected_revenue"))
        self.env.invalidate_all()
        december = rows.filtered(lambda row: row.month.month == 12)
        self.assertAlmostEqual(sum(rows.mapped("expected_revenue")), before, delta=0.2, msg="the year's total stays")
        self.assertAlmostEqual(sum(december.mapped("expected_revenue")), before / 12 * 2, delta=0.2)
        fit.season = {**fit.season, "is_used": False}
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertAlmostEqual(sum(december.mapped("expected_revenue")), before / 12, delta=0.2)
        bought = self.env["crm.value.product"].search([("value_id", "=", value.id)])
        of_coffee = bought.filtered(lambda row: row.category_id == self.coffee)
        self.assertAlmostEqual(sum(bought.mapped("expected_revenue")), value.expected_revenue, delta=0.02)
        self.assertAlmostEqual(of_coffee.expected_revenue, sum(coffee.mapped("expected_revenue")), delta=0.2)
        self.assertAlmostEqual(of_coffee.expected_margin, sum(coffee.mapped("expected_margin")), delta=0.2)
        self.assertFalse(self.env["crm.value.product"].search([("state", "=", "lost")]).expected_revenue)
        user = new_test_user(self.env, "demand_seller", "sales_team.group_sale_salesman", company_id=self.company.id)
        with self.assertRaises(AccessError):
            rows.with_user(user).read(["expected_margin"])
