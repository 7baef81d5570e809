from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.tests import Form, new_test_user

from ..benefits.test_crm_value_caution import MarginGuardCase
from ..common import TODAY


@freeze_time(TODAY)
class TestMarginDoors(MarginGuardCase):
    """What a salesperson tries who wants to sell below the floor (docs/rights.md has the list)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"value_margin_guard": True, "value_margin_floor": 0.1})
        cls.vip_customer = cls.customer("VIP")
        cls.invoice(cls.vip_customer, "2025-06-01", 5000)
        cls.refresh()

    def quotation(self, **vals):
        """Return a quotation of the salesperson: 10 pieces at 65 that cost 60; 50 of margin, 65 are asked for."""
        order = self.order(self.vip_customer, 10, user_id=self.seller.id, **vals)
        self.assertEqual(order.amount_untaxed, 650)
        return order.with_user(self.seller)

    def confirmed(self):
        """Return a confirmed order that leaves 200 where 80 are asked for."""
        order = self.quotation()
        order.order_line.price_unit = 80
        order.action_confirm()
        return order

    def assert_stopped(self, tries, errors=(RedirectWarning,)):
        for name, work in tries.items():
            with self.subTest(door=name):
                try:
                    with self.env.cr.savepoint():
                        work()
                except errors:
                    self.env.invalidate_all()
                else:
                    self.fail("the door is open")

    def test_ways_to_confirm(self):
        order = self.quotation()
        vals = order.copy_data()[0]
        partner, lead = self.vip_customer.with_user(self.seller), self.env["crm.lead"].with_user(self.seller)
        lead = lead.create({"name": "Lead", "partner_id": partner.id, "user_id": self.seller.id, "type": "opportunity"})
        order.opportunity_id = lead
        state = [Command.update(order.id, {"state": "sale"})]
        self.assert_stopped(
            {
                "button": order.action_confirm,
                "write": lambda: order.write({"state": "sale"}),
                "assignment": lambda: setattr(order, "state", "sale"),
                "from the contact": lambda: partner.write({"sale_order_ids": state}),
                "from the opportunity": lambda: lead.write({"order_ids": state}),
                "new, from the opportunity": lambda: lead.write(
                    {"order_ids": [Command.create({**vals, "state": "sale"})]}
                ),
                "copy": lambda: order.copy({"state": "sale"}),
                "context default": lambda: order.with_context(default_state="sale").copy(),
                "create": lambda: order.create({**vals, "state": "sale"}),
                "sent, then confirmed": lambda: (order.action_quotation_sent(), order.action_confirm()),
                "cancelled, then confirmed": lambda: (order._action_cancel(), order.write({"state": "sale"})),
                "cancelled, set back": lambda: (order._action_cancel(), order.action_draft(), order.action_confirm()),
                "among good ones": lambda: (self.good() | order).action_confirm(),
            }
        )

    def good(self):
        order = self.quotation()
        order.order_line.price_unit = 90
        return order

    def test_figures_that_are_written(self):
        order = self.quotation()
        line = order.order_line
        product = self.env["product.product"].create({"name": "Cheap", "standard_price": 5, "list_price": 10})
        back = {"product_id": product.id, "product_uom_qty": -100, "price_unit": 0}
        self.assert_stopped(
            {
                name: lambda work=work: (work(), self.env.flush_all(), order.action_confirm())
                for name, work in {
                    "margin of the line": lambda: line.write({"margin": 1e6}),
                    "margin of the order": lambda: order.write({"margin": 1e6, "margin_percent": 1}),
                    "amount of the order": lambda: order.write({"amount_untaxed": 1}),
                    "amount of the line": lambda: line.write({"price_subtotal": 1e6}),
                    "cost typed": lambda: line.write({"purchase_price": 0}),
                    "cost below zero": lambda: line.write({"purchase_price": -1000}),
                    "called a down payment": lambda: line.write({"is_downpayment": True, "purchase_price": 0}),
                    "called an expense": lambda: line.write({"is_expense": True, "purchase_price": 0}),
                    "called a note": lambda: line.write({"display_type": "line_note"}),
                    "taken back at a high cost": lambda: order.write(
                        {"order_line": [Command.create({**back, "purchase_price": 1000})]}
                    ),
                    "discount": lambda: line.write({"price_unit": 130, "discount": 51}),
                }.items()
            },
            (RedirectWarning, UserError),
        )

    def test_confirmed_orders_that_change(self):
        order = self.confirmed()
        line, other = order.order_line, self.quotation().order_line
        tiny = self.setup_other_currency("EUR", rates=[("1900-01-01", 1000.0)])
        cheap = self.make_pricelist("EUR", 0, currency_id=tiny.id)
        self.assert_stopped(
            {
                "price": lambda: line.write({"price_unit": 1}),
                "through the order": lambda: order.write({"order_line": [Command.update(line.id, {"price_unit": 1})]}),
                "through the contact": lambda: order.partner_id.write(
                    {"sale_order_ids": [Command.update(order.id, {"order_line": [Command.delete(line.id)]})]}
                ),
                "discount": lambda: line.write({"discount": 90}),
                "assignment": lambda: setattr(line, "price_unit", 61),
                "a line below zero": lambda: line.create(
                    {"order_id": order.id, "product_id": self.product.id, "price_unit": -200, "purchase_price": 0}
                ),
                "an expense": lambda: line.create(
                    {"order_id": order.id, "product_id": self.product.id, "price_unit": -200, "is_expense": True}
                ),
                "a loss moved into it": lambda: other.write({"order_id": order.id, "price_unit": 10}),
                "Odoo's discount": lambda: (
                    self.env["sale.order.discount"]
                    .with_user(self.seller)
                    .create({"sale_order_id": order.id, "discount_type": "so_discount", "discount_percentage": 0.5})
                    .action_apply_discount()
                ),
                "import": lambda: self.import_price(line),
                "another currency": lambda: order.write({"pricelist_id": cheap.id}),
                "a currency by itself": lambda: order.write({"currency_id": tiny.id}),
                "through the contact, in another currency": lambda: order.partner_id.write(
                    {"sale_order_ids": [Command.update(order.id, {"pricelist_id": cheap.id})]}
                ),
            },
            (RedirectWarning, UserError),
        )
        self.assertEqual((order.state, order.amount_untaxed), ("sale", 800))

    def import_price(self, line):
        result = line.load([".id", "price_unit"], [[str(line.id), "1"]])
        if result["messages"]:
            raise UserError(result["messages"][0]["message"])

    def test_what_stays_allowed_on_confirmed_orders(self):
        order = self.confirmed()
        line = order.order_line
        line.price_unit = 79
        line.product_uom_qty = 12
        line.name = "Widgets"
        order.write({"order_line": [Command.create({"product_id": self.product.id, "price_unit": 100})]})
        line.with_user(self.boss).price_unit = 50
        self.assertEqual(line.price_unit, 50, "a manager decides")
        line.price_unit = 55
        self.assertEqual(line.price_unit, 55, "less of a loss")

    def pay(self, order, user):
        """Begin to pay for an order on its page, as the portal does."""
        method = self.env.ref("payment.payment_method_unknown")
        provider = self.env["payment.provider"].create(
            {"name": "Card", "code": "none", "state": "test", "company_id": self.company.id}
        )
        # sudo: the portal makes transactions as its own user, in the name of whoever is signed in
        return (
            self.env["payment.transaction"]
            .with_user(user)
            .sudo()
            .create(
                {
                    "provider_id": provider.id,
                    "payment_method_id": method.id,
                    "reference": f"{order.name} {user.login}",
                    "amount": 1,
                    "currency_id": order.currency_id.id,
                    "partner_id": order.partner_id.id,
                    "sale_order_ids": [Command.set(order.ids)],
                }
            )
        )

    def test_who_pays(self):
        order = self.quotation(require_payment=True, prepayment_percent=0.01)
        portal = new_test_user(self.env, "visitor", groups="base.group_portal")
        self.assert_stopped({"paid in a customer's name": lambda: self.pay(order, self.seller)}, (UserError,))
        self.assertFalse(order.sudo().transaction_ids)
        good = self.good()
        own = self.order(self.seller.partner_id, 10)
        own.sudo().value_tier_id = order.value_tier_id
        own.order_line.price_unit = 1
        for name, paid, user in (
            ("a customer", order, portal),
            ("somebody without a login", order, self.env.ref("base.public_user")),
            ("a manager", order, self.boss),
            ("enough margin", good, self.seller),
            ("an own order", own, self.seller),
        ):
            with self.subTest(payer=name):
                self.assertEqual(self.pay(paid, user).sale_order_ids, paid)

    def test_approvals(self):
        order = self.quotation()
        order.with_user(self.boss).action_approve_margin()
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.001)])
        own = self.make_pricelist("EUR", 0, currency_id=euro.id)
        child = self.customer("Child", parent_id=self.vip_customer.id)
        line = order.order_line
        self.assert_stopped(
            {
                "copied": lambda: order.copy().action_confirm(),
                "another contact": lambda: (order.write({"partner_id": child.id}), order.action_confirm()),
                "there and back": lambda: (
                    order.write({"partner_id": child.id}),
                    order.write({"partner_id": self.vip_customer.id}),
                    order.action_confirm(),
                ),
                "another currency": lambda: (
                    order.write({"pricelist_id": own.id}),
                    line.write({"price_unit": 0.061}),
                    order.action_confirm(),
                ),
                "more than a tenth more": lambda: (line.write({"product_uom_qty": 11.01}), order.action_confirm()),
                "a cent less a piece": lambda: (line.write({"price_unit": 64.8}), order.action_confirm()),
                "after it was confirmed": lambda: (order.action_confirm(), line.write({"price_unit": 60})),
            }
        )
        line.product_uom_qty = 11
        order.action_confirm()
        self.assertEqual(order.state, "sale", "a tenth more is good")

    def test_who_approves(self):
        margins = self.env.ref("crm_value_addon.group_value_margin")
        order = self.quotation()
        for seller in (self.seller, self.all_seller):
            with self.assertRaises(AccessError):
                order.with_user(seller).action_approve_margin()
        for group in self.env["res.groups"].search([("implied_ids", "in", margins.ids)]):
            group.implied_ids -= margins
        self.boss.group_ids -= margins
        self.env.registry.clear_cache("groups")
        self.assertFalse(self.boss.has_group("crm_value_addon.group_value_margin"))
        order.with_user(self.boss).action_approve_margin()
        order.action_confirm()
        self.assertEqual(order.sudo().value_margin_approved_by_id, self.boss)

    def test_the_floor_itself(self):
        with self.assertRaises(AccessError):
            self.company.with_user(self.seller).write({"value_margin_floor": 0})
        with self.assertRaises(AccessError):
            self.company.with_user(self.seller).write({"value_margin_guard": False})
        with self.assertRaises(AccessError):
            self.product.with_user(self.seller).standard_price = 1

    def test_the_screen_tells_in_time(self):
        order = self.quotation(order_line=[Command.create({"product_id": self.product.id, "product_uom_qty": 10})])
        self.assertTrue(order.value_is_below_floor)
        with Form(order) as form, form.order_line.edit(0) as line:
            line.price_unit = 90
        self.assertFalse(order.value_is_below_floor)
