from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, RedirectWarning
from odoo.tests import new_test_user

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestCrmValueCaution(BenefitCase):
    def test_off_by_default(self):
        customer = self.bought(5000)
        self.credit_note(self.last_invoice, "2025-06-10", 3000)
        self.refresh(customer)
        self.assertFalse(self.value(customer).caution)

    def test_returns(self):
        self.company.value_caution_return_rate = 0.5
        customer = self.bought(5000)
        self.credit_note(self.last_invoice, "2025-06-10", 2500)
        self.refresh(customer)
        self.assertFalse(self.value(customer).caution, "not above the limit")
        self.credit_note(self.last_invoice, "2025-06-11", 1)
        self.refresh(customer)
        value = self.value(customer)
        self.assertTrue(value.caution)
        self.assertIn("2,501.00", value.caution_reason)
        self.refresh()
        before = self.row_versions()
        self.refresh()
        self.assertEqual(before, self.row_versions())

    def test_overdue_days_and_loss(self):
        self.company.write({"value_caution_overdue_days": 15, "value_caution_loss": 100})
        customer = self.customer("Late")
        self.invoice(customer, "2025-06-01", 100, invoice_date_due="2025-06-15")
        self.product.standard_price = 201
        loss = self.customer("Loss")
        self.invoice(loss, "2025-06-01", 100, product=self.product, invoice_date_due="2025-12-31")
        self.refresh()
        self.assertFalse(self.value(customer).caution)
        self.assertEqual(self.value(loss).caution_codes, "loss")
        with freeze_time("2025-07-01"):
            self.refresh()
            self.assertEqual(self.value(customer).caution_codes, "overdue")

    def test_managers_override(self):
        self.company.write({"value_caution_return_rate": 0.1, "value_pause_caution": True})
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(9000)
        self.credit_note(self.last_invoice, "2025-06-10", 2000)
        self.refresh(customer)
        order = self.order(customer)
        self.assertFalse(order.value_tier_id)
        self.assertIn("cautioned", order.value_pause_reason)
        seller = new_test_user(self.env, "seller", groups="sales_team.group_sale_salesman")
        manager = new_test_user(
            self.env,
            "boss",
            groups="sales_team.group_sale_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        vals = {"value_id": self.value(customer).id, "reason": "Wrong delivery"}
        with self.assertRaises(AccessError):
            self.env["crm.value.caution.override"].with_user(seller).create(vals)
        override = self.env["crm.value.caution.override"].with_user(manager).create(vals)
        self.assertRecordValues(self.value(customer), [{"caution": False, "caution_reason": "Wrong delivery"}])
        self.refresh(customer)
        self.assertFalse(self.value(customer).caution)
        self.assertEqual(self.order(customer).value_tier_id, self.top)
        override.action_end()
        self.assertTrue(self.value(customer).caution)


@freeze_time(TODAY)
class TestMarginGuard(BenefitCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.benefit("pricelist", pricelist_id=cls.make_pricelist("Deep", 35).id)
        company = {"company_id": cls.company.id, "company_ids": [Command.set(cls.company.ids)]}
        cls.seller = new_test_user(cls.env, "seller", groups="sales_team.group_sale_salesman", **company)
        cls.all_seller = new_test_user(
            cls.env, "all_seller", groups="sales_team.group_sale_salesman_all_leads", **company
        )
        cls.boss = new_test_user(cls.env, "boss", groups="sales_team.group_sale_manager", **company)

    def make_order(self):
        # sells at 65 what costs 60: a margin of 7.7 %
        return self.order(self.bought(5000), 10, user_id=self.seller.id)

    def test_off_by_default(self):
        order = self.make_order().with_user(self.seller)
        order.action_confirm()
        self.assertEqual(order.state, "sale")

    def test_seller_is_stopped_with_the_figures(self):
        self.company.value_margin_guard = True
        order = self.make_order()
        self.assertTrue(order.value_is_below_floor)
        with self.assertRaises(RedirectWarning) as caught:
            order.with_user(self.seller).action_confirm()
        self.assertNotIn("7.7", caught.exception.args[0], "no margin for a user who may not see it")
        with self.assertRaises(RedirectWarning) as caught:
            order.with_user(self.all_seller).action_confirm()
        message, action_id, _label, context = caught.exception.args
        self.assertIn("50.00", message)
        self.assertIn("7.7 %", message)
        self.env["ir.actions.server"].browse(action_id).with_user(self.seller).with_context(**context).run()
        self.assertEqual(len(order.activity_ids), 1)
        self.assertTrue(order.activity_ids.user_id.has_group("sales_team.group_sale_manager"))
        order.with_user(self.seller).action_request_margin_approval()
        self.assertEqual(len(order.activity_ids), 1)
        with self.assertRaises(AccessError):
            order.with_user(self.seller).action_approve_margin()
        order.with_user(self.boss).action_approve_margin()
        self.assertFalse(order.activity_ids)
        order.with_user(self.seller).action_confirm()
        self.assertEqual(order.state, "sale")

    def test_approval_is_for_that_margin(self):
        self.company.value_margin_guard = True
        order = self.make_order()
        order.with_user(self.boss).action_approve_margin()
        order.order_line.price_unit = 61
        with self.assertRaises(RedirectWarning):
            order.with_user(self.seller).action_confirm()

    def test_manager_and_orders_without_benefits(self):
        self.company.value_margin_guard = True
        self.make_order().with_user(self.boss).action_confirm()
        order = self.order(self.customer("Other"), user_id=self.seller.id)
        order.order_line.price_unit = 1
        order.with_user(self.seller).action_confirm()
        self.assertEqual(order.state, "sale")

    def test_form_shows_no_margin(self):
        arch = self.env["sale.order"].with_user(self.seller).get_view(view_type="form")["arch"]
        self.assertNotIn('name="margin"', arch)
        self.assertNotIn('name="purchase_price"', arch)
        arch = self.env["sale.order"].with_user(self.all_seller).get_view(view_type="form")["arch"]
        self.assertIn('name="margin"', arch)
        order = self.make_order()
        self.assertNotIn("margin left", order.with_user(self.seller).value_summary)
        self.assertIn("margin left", order.with_user(self.all_seller).value_summary)
        self.assertNotIn("CLV", order.with_user(self.seller).value_summary)
