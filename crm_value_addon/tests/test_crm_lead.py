from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .common import TODAY, ValueCase, view_text


@freeze_time(TODAY)
class TestCrmLead(ValueCase):
    """What an opportunity shows of its customer's value, to whom, and in which order the pipeline stands."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time(TODAY):
            cls.other = cls.setup_other_company()["company"].with_env(cls.env)
            cls.small, cls.big = cls.customer("Small"), cls.customer("Big", is_company=True)
            cls.child = cls.customer("Child", parent_id=cls.big.id)
            cls.invoice(cls.small, "2025-05-01", 100)
            cls.invoice(cls.big, "2025-06-01", 30000)
            cls.refresh()
            cls.env["crm.value.refresh"].with_company(cls.other)._refresh_company()
            cls.Value.search([("partner_id", "=", cls.small.id)]).churn_risk = "high"
        cls.elsewhere = cls.Value.create({"partner_id": cls.big.id, "company_id": cls.other.id, "revenue_12m": 7})
        cls.tier = cls.env.ref("crm_value_addon.tier_bronze")
        cls.team = cls.env["crm.team"].create({"name": "Shared", "company_id": False})
        cls.seller = new_test_user(
            cls.env,
            "lead_seller",
            "sales_team.group_sale_salesman",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        cls.Lead = cls.env["crm.lead"].with_company(cls.company)
        cls.of_small, cls.of_child, cls.of_nobody = cls.Lead.create(
            [
                {
                    "name": name,
                    "type": "opportunity",
                    "partner_id": partner.id,
                    "company_id": cls.company.id,
                    "user_id": cls.seller.id,
                    "team_id": cls.team.id,
                }
                for name, partner in (
                    ("Small's", cls.small),
                    ("Child's", cls.child),
                    ("Nobody's", cls.env["res.partner"]),
                )
            ]
        )
        cls.leads = cls.of_small + cls.of_child + cls.of_nobody

    def found(self, *conditions, user=None):
        Lead = self.Lead.with_user(user) if user else self.Lead
        return Lead.search([("id", "in", self.leads.ids), *conditions])

    def test_it_shows_the_value_of_the_commercial_partner(self):
        self.assertEqual(self.of_child.value_id, self.value(self.big))
        self.assertEqual(self.of_child.revenue_12m, 30000)
        self.assertEqual(self.of_child.value_tier_id, self.value(self.big).tier_id)
        self.assertTrue(self.of_child.value_tier_id)
        self.assertEqual(self.of_small.churn_risk, "high")
        self.assertFalse(self.of_nobody.value_id)
        self.assertFalse(self.of_nobody.revenue_12m)

    def test_the_pipeline_stands_in_order_of_value(self):
        # names: two recordsets are equal in any order
        for order, names in (
            ("revenue_12m desc", ["Child's", "Small's", "Nobody's"]),
            ("revenue_12m", ["Nobody's", "Small's", "Child's"]),
            ("value_tier_id desc", ["Child's", "Small's", "Nobody's"]),
        ):
            self.assertEqual(self.Lead.search([("id", "in", self.leads.ids)], order=order).mapped("name"), names, order)

    def test_searching(self):
        self.assertEqual(self.found(("revenue_12m", ">", 1000)), self.of_child)
        self.assertEqual(self.found(("churn_risk", "=", "high")), self.of_small)
        self.assertEqual(self.found(("value_id", "=", False)), self.of_nobody)
        self.assertEqual(self.found(("value_id", "!=", False)), self.of_small + self.of_child)
        self.assertEqual(self.found(("revenue_12m", "!=", 100)), self.of_child + self.of_nobody)
        self.assertEqual(self.found(("value_tier_id", "=", self.of_child.value_tier_id.id)), self.of_child)
        self.assertEqual(self.found(("value_tier_id", "=", False)), self.of_nobody)

    def test_grouping_by_tier(self):
        groups = self.Lead._read_group([("id", "in", self.leads.ids)], ["value_tier_id"], ["id:recordset"])
        self.assertEqual(
            dict(groups),
            {
                self.of_child.value_tier_id: self.of_child,
                self.of_small.value_tier_id: self.of_small,
                self.env["crm.value.tier"]: self.of_nobody,
            },
        )

    def test_an_archived_customer_keeps_its_value(self):
        self.small.active = False
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(self.of_small.revenue_12m, 100)
        self.assertEqual(self.found(("revenue_12m", "=", 100)), self.of_small)

    def test_another_customer_has_another_value(self):
        self.assertEqual(self.of_nobody.revenue_12m, 0)
        self.of_nobody.partner_id = self.small
        self.assertEqual(self.of_nobody.revenue_12m, 100)

    # companies

    def lead_of(self, company=None, team_company=None, user=None):
        """Return an opportunity of the big customer; its company is written past Odoo's own proposal and check."""
        team = self.env["crm.team"].create({"name": "T", "company_id": team_company.id if team_company else False})
        lead = self.Lead.create(
            {
                "name": "L",
                "type": "opportunity",
                "partner_id": self.big.id,
                "team_id": team.id,
                "user_id": user.id if user else False,
            }
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_lead SET company_id = %s WHERE id = %s", [company.id if company else None, lead.id]
        )
        self.env.invalidate_all()
        return lead

    def shown(self, lead, companies):
        """Return the value that a lead shows to who works in the first of these companies, read and searched."""
        Lead = self.Lead.with_context(allowed_company_ids=companies.ids)
        read = Lead.browse(lead.id).value_id
        for value in self.value(self.big) + self.elsewhere:
            hits = Lead.search([("id", "=", lead.id), ("value_id", "=", value.id)])
            self.assertEqual(bool(hits), value == read, "searching finds what reading shows")
        return read

    def test_the_company_of_a_lead_is_asked(self):
        here, both = self.company, self.company + self.other
        lead = self.lead_of(company=self.other)
        self.assertEqual(self.shown(lead, both), self.elsewhere)
        self.assertFalse(self.shown(lead, here), "not of a company that is not selected")

    def test_a_lead_without_company_belongs_to_its_team_s(self):
        lead = self.lead_of(team_company=self.other)
        self.assertFalse(lead.company_id)
        self.assertEqual(self.shown(lead, self.company + self.other), self.elsewhere)
        self.assertFalse(self.shown(lead, self.company))

    def test_else_to_its_salesperson_s(self):
        lead = self.lead_of(user=self.seller)
        self.assertFalse(lead.company_id)
        self.assertEqual(self.shown(lead, self.other + self.company), self.value(self.big))

    def test_else_everybody_sees_the_value_to_the_own_company(self):
        lead = self.lead_of()
        self.assertEqual(self.shown(lead, self.company + self.other), self.value(self.big))
        self.assertEqual(self.shown(lead, self.other + self.company), self.elsewhere)

    # who sees what

    def test_a_seller_sees_revenue_and_no_margins(self):
        lead = self.of_child.with_user(self.seller).with_context(allowed_company_ids=self.company.ids)
        self.env.invalidate_all()
        self.assertEqual(lead.revenue_12m, 30000)
        self.assertTrue(lead.value_tier_id.name)
        for name in ("clv", "expected_margin_12m"):
            with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
                lead.read([name])
            with self.assertRaises(AccessError):
                self.found((name, ">", 0), user=self.seller)
            with self.assertRaises(AccessError):
                self.Lead.with_user(self.seller).search([], order=name)
        views = view_text(self.env["crm.lead"].with_user(self.seller), view=self.env.ref("crm.crm_lead_view_form"))
        self.assertIn("value_ribbon", views)
        self.assertNotIn('name="clv"', views)

    def test_opening_the_value(self):
        lead = self.of_child.with_user(self.seller)
        self.assertEqual(lead.action_open_value()["res_id"], self.value(self.big).id)
        self.assertIn("No customer", self.of_nobody.with_user(self.seller).action_open_value()["params"]["message"])
        stranger = self.customer("Stranger")
        self.of_nobody.partner_id = stranger
        self.assertIn("Stranger", self.of_nobody.with_user(self.seller).action_open_value()["params"]["message"])
        portal = new_test_user(self.env, "lead_portal", "base.group_portal")
        with self.assertRaises(AccessError):
            self.of_child.with_user(portal).action_open_value()

    # cost

    def test_a_page_costs_the_same_for_one_and_for_a_hundred(self):
        names = ["name", "value_tier_id", "value_tier_color", "churn_risk", "revenue_12m", "clv"]
        many = self.Lead.create(
            [
                {
                    "name": f"L{number}",
                    "type": "opportunity",
                    "company_id": self.company.id,
                    "partner_id": (self.small, self.big, self.child)[number % 3].id,
                }
                for number in range(100)
            ]
        )
        self.env.flush_all()

        self.queries_to_read(many, names)
        self.assertEqual(self.queries_to_read(many[:1], names), self.queries_to_read(many, names))
        with self.assertQueryCount(1):
            self.Lead.search([("id", "in", many.ids)], order="revenue_12m desc")

    # one way for all

    def test_orders_leads_and_contacts_show_the_same(self):
        order = self.env["sale.order"].create({"partner_id": self.child.id, "company_id": self.company.id})
        partner = self.child.with_company(self.company)
        self.assertEqual(order.value_id, self.of_child.value_id)
        self.assertEqual(partner.value_id, self.of_child.value_id)
        for record in (order, partner, self.of_child):
            Model = record.browse().with_context(allowed_company_ids=self.company.ids)
            self.assertIn(record, Model.search([("value_id", "=", record.value_id.id)]))
            self.assertNotIn(record, Model.search([("value_id", "!=", record.value_id.id)]))
        self.assertEqual(order.customer_tier_id, partner.value_tier_id)
