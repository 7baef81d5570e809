from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, RedirectWarning
from odoo.tests import HttpCase, JsonRpcException, new_test_user
from odoo.tools import mute_logger

from ..common import TODAY, view_text
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


class MarginGuardCase(BenefitCase):
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


@freeze_time(TODAY)
class TestMarginGuard(MarginGuardCase):
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

    def test_approval_is_for_that_customer_and_shortfall(self):
        self.company.value_margin_guard = True
        order = self.make_order()
        # sells 10 pieces at 65 that cost 60: 50, and 65 are asked for
        order.with_user(self.boss).action_approve_margin()
        self.assertEqual(order.value_approved_shortfall, 15)
        order.order_line.product_uom_qty = 11
        self.assertFalse(order.value_is_below_floor, "a tenth more")
        order.order_line.product_uom_qty = 1000
        with self.assertRaises(RedirectWarning), self.env.cr.savepoint():
            order.with_user(self.seller).action_confirm()
        order.order_line.product_uom_qty = 10
        order.partner_id = self.bought(5000)
        with self.assertRaises(RedirectWarning), self.env.cr.savepoint():
            order.with_user(self.seller).action_confirm()

    def test_every_way_to_confirm(self):
        self.company.value_margin_guard = True
        order = self.make_order().with_user(self.seller)
        vals = {
            "partner_id": order.partner_id.id,
            "company_id": self.company.id,
            "order_line": [Command.create({"product_id": self.product.id, "product_uom_qty": 10, "price_unit": 65})],
        }
        orders = order | order.copy()
        ways = {
            "button": order.action_confirm,
            "many": orders.action_confirm,
            "write": lambda: order.write({"state": "sale"}),
            "cancelled": lambda: (order.write({"state": "cancel"}), order.write({"state": "sale"})),
            "create": lambda: order.create({**vals, "state": "sale"}),
            "default": lambda: order.with_context(default_state="sale").create({**vals}),
            "import": lambda: order.load([".id", "state"], [[str(order.id), "sale"]]),
            "with its lines": lambda: order.write(
                {"state": "sale", "order_line": [Command.update(order.order_line.id, {"price_unit": 10})]}
            ),
        }
        for way, confirm in ways.items():
            with self.subTest(way=way):
                if way == "import":
                    self.assertIn("has to approve it", confirm()["messages"][0]["message"])
                else:
                    with self.assertRaises(RedirectWarning), self.env.cr.savepoint():
                        confirm()
                self.env.invalidate_all()
                self.assertEqual(order.state, "draft")

    def test_rewards_count_as_they_are_confirmed(self):
        self.env["crm.value.benefit"].search([]).active = False
        self.company.value_margin_guard = True
        self.program(
            reward_ids=[Command.create({"reward_type": "discount", "discount": 35, "discount_applicability": "order"})]
        )
        order = self.order(self.bought(5000), 1, user_id=self.seller.id)
        order._update_programs_and_rewards()
        for coupon, rewards in order._get_claimable_rewards().items():
            order._apply_program_reward(rewards, coupon)
        self.assertEqual(order.amount_untaxed, 65)
        order.order_line[0].product_uom_qty = 10
        self.assertFalse(order.value_is_below_floor, "the reward is still that of one piece")
        with self.assertRaises(RedirectWarning):
            order.with_user(self.seller).action_confirm()

    def test_orders_of_nothing_and_typed_costs(self):
        self.company.value_margin_guard = True
        order = self.make_order()
        for name, vals in {
            "free": {"price_unit": 0},
            "below zero": {"price_unit": -1},
            "cost typed": {"purchase_price": 1},
        }.items():
            with self.subTest(name=name), self.assertRaises(RedirectWarning), self.env.cr.savepoint():
                order.order_line.with_user(self.seller).write(vals)
                order.with_user(self.seller).action_confirm()
            self.env.invalidate_all()
        order.order_line.purchase_price = 55
        order.order_line.product_id.standard_price = 55
        self.assertFalse(order.value_is_below_floor, "the cost fell")

    def test_what_was_decided_is_not_written(self):
        order = self.make_order().with_user(self.boss)
        line, Order = order.order_line, order.browse()
        vals = order.copy_data()[0]
        for write in (
            lambda: order.write({"value_margin_approved_by_id": self.boss.id}),
            lambda: order.write({"value_approved_shortfall": 1e9}),
            lambda: Order.create({**vals, "value_margin_approved_by_id": self.boss.id}),
            lambda: Order.with_context(default_value_approved_shortfall=1e9).create(vals),
            lambda: Order.with_context(default_value_tier_id=self.top.id).create(vals),
            lambda: line.write({"value_benefit_cost": 0}),
            lambda: order.write({"order_line": [Command.update(line.id, {"value_benefit_kind": False})]}),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                write()
        self.assertTrue(order.fields_get(["value_margin_approved_by_id"])["value_margin_approved_by_id"]["readonly"])

    def test_customers_who_pay_were_promised_the_price(self):
        self.company.value_margin_guard = True
        order = self.make_order()
        order.sudo().with_user(self.env.ref("base.public_user")).sudo().action_confirm()
        self.assertEqual(order.state, "sale")

    def test_manager_and_orders_without_benefits(self):
        self.company.value_margin_guard = True
        self.make_order().with_user(self.boss).action_confirm()
        order = self.order(self.customer("Other"), user_id=self.seller.id)
        order.order_line.price_unit = 1
        order.with_user(self.seller).action_confirm()
        self.assertEqual(order.state, "sale")

    def test_form_shows_no_margin(self):
        arch = view_text(self.env["sale.order"].with_user(self.seller))
        self.assertNotIn('name="margin"', arch)
        self.assertNotIn('name="purchase_price"', arch)
        arch = view_text(self.env["sale.order"].with_user(self.all_seller))
        self.assertIn('name="margin"', arch)
        order = self.make_order()
        self.assertNotIn("margin left", order.with_user(self.seller).value_summary)
        self.assertIn("margin left", order.with_user(self.all_seller).value_summary)
        self.assertNotIn("CLV", order.with_user(self.seller).value_summary)


@freeze_time(TODAY)
class TestMarginGuardInPortal(MarginGuardCase, HttpCase):
    """Odoo confirms as the superuser what was signed in the portal."""

    def sign(self, order, login):
        self.authenticate(login, login)
        pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        answer = self.make_jsonrpc_request(
            f"/my/orders/{order.id}/accept",
            {"access_token": order._portal_ensure_token(), "name": "Somebody", "signature": pixel},
        )
        order.invalidate_recordset()
        return answer

    @mute_logger("odoo.http")
    def test_signature(self):
        self.company.write({"value_margin_guard": True, "portal_confirmation_sign": True})
        order = self.make_order()
        self.assertTrue(order._has_to_be_signed())
        with self.assertRaisesRegex(JsonRpcException, "RedirectWarning"):
            self.sign(order, "seller")
        self.assertEqual(order.state, "draft")
        self.assertFalse(order.signature)
        new_test_user(self.env, "buyer", groups="base.group_portal")
        self.assertNotIn("error", self.sign(order, "buyer"))
        self.assertEqual(order.state, "sale")
