import json
from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from ..common import TODAY
from .common_dashboard import DashboardCase


@freeze_time(TODAY)
class TestDashboardProducts(DashboardCase):
    """A customer who stopped buying tea, one who buys less coffee, and one who buys as before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_product_level = "category"
        cls.coffee, cls.tea = cls.env["product.category"].create([{"name": "Coffee"}, {"name": "Tea"}])
        cls.beans, cls.leaves = (
            cls.env["product.product"].create({"name": name, "categ_id": category.id, "taxes_id": [Command.clear()]})
            for name, category in (("Beans", cls.coffee), ("Leaves", cls.tea))
        )
        cls.gone, cls.less, cls.same, cls.once = (cls.customer(name) for name in ("Gone", "Less", "Same", "Once"))
        cls.buy(cls.gone, cls.leaves, 700, 660, 620)
        cls.buy(cls.less, cls.beans, 500, 440, amount=500)
        cls.buy(cls.less, cls.beans, 60, 10, amount=100)
        cls.buy(cls.same, cls.beans, 500, 20)
        cls.buy(cls.once, cls.leaves, 900)
        cls.refresh()

    @classmethod
    def buy(cls, partner, product, *days_ago, amount=100.0):
        for days in days_ago:
            cls.invoice(partner, TODAY - timedelta(days=days), amount, product=product)

    def section(self, user=None, **asked):
        """Return the section as the browser reads it: by what the dashboard says is to be asked."""
        [name, *arguments] = self.dashboard(user, **asked)["products"]["asked"]
        env = self.env(user=user or self.manager, context=dict(self.env.context, allowed_company_ids=self.company.ids))
        return json.loads(json.dumps(env["crm.value.dashboard"].read_section(name, *arguments)))

    def test_what_is_at_stake(self):
        section = self.section()
        self.assertEqual((section["lost"]["count"], section["lost"]["customers"]), (1, 1))
        self.assertEqual(section["lost"]["revenue"], 300, "the year before it was lost")
        self.assertEqual((section["shrinking"]["count"], section["shrinking"]["revenue"]), (1, 800))
        self.assertEqual([row["name"] for row in section["rows"]], ["Less", "Gone"])
        self.assert_lists_match(section)

    def test_dismissed_is_settled(self):
        self.env["crm.value.dismissal"].create(
            {"partner_id": self.gone.id, "company_id": self.company.id, "category_id": self.tea.id, "reason": "price"}
        )
        section = self.section()
        self.assertEqual(section["lost"]["count"], 0)
        self.assertEqual([row["name"] for row in section["rows"]], ["Less"])
        self.assert_lists_match(section)

    def test_for_a_seller_and_a_filter(self):
        self.gone.user_id = self.seller
        section = self.section(self.seller, filters={"user_id": self.seller.id})
        self.assertEqual([row["name"] for row in section["rows"]], ["Gone"])
        self.assertEqual(section["shrinking"]["count"], 0)
        self.assert_lists_match(section, self.seller)

    def test_other_companies_are_not_counted(self):
        other = self.env["res.company"].create({"name": "Other", "currency_id": self.company.currency_id.id})
        self.env["crm.value.product"].search([("partner_id", "=", self.gone.id)]).company_id = other
        self.assertEqual(self.section()["lost"]["count"], 0)

    def test_nothing_is_at_stake(self):
        self.env["crm.value.product"].search([]).revenue_at_stake = 0
        section = self.section()
        self.assertEqual((section["lost"]["revenue"], section["rows"]), (0, []))

    def test_switched_off_it_is_not_there(self):
        self.company.value_product_level = "none"
        self.assertNotIn("products", self.dashboard())

    def test_only_what_is_left_to_a_call_of_its_own(self):
        for name in ("customers", "nothing", "filter", ""):
            with self.assertRaises(UserError):
                self.env["crm.value.dashboard"].read_section(name)
        portal = new_test_user(self.env, "stake_portal", "base.group_portal")
        with self.assertRaises(AccessError):
            self.env["crm.value.dashboard"].with_user(portal).read_section("products")

    def test_few_queries(self):
        env = self.env(user=self.manager, context={"lang": "en_US"})
        env["crm.value.dashboard"].read_section("products")
        env.invalidate_all()
        with self.assertQueryCount(4):
            env["crm.value.dashboard"].read_section("products")
