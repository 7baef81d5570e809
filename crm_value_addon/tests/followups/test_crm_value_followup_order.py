from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.tests import tagged

from ..common import TODAY
from .test_crm_value_followup_trigger import FollowupCase

TRIGGERS = ("at_risk", "lost", "purchase_overdue")


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestCrmValueFollowupOrder(FollowupCase):
    """The books know of a purchase when it is invoiced; people know of it when it is ordered."""

    def silent(self, name="Silent", *days_ago, **vals):
        return self.bought(name, *(days_ago or (80, 110, 140)), **vals)

    def order(self, customer, quantity=10, day=TODAY, confirm=True, **vals):
        order = self.env["sale.order"].create(
            {
                "partner_id": customer.id,
                "company_id": self.company.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.product.id,
                            "product_uom_qty": quantity,
                            "price_unit": 100,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
                **vals,
            }
        )
        if confirm:
            order.action_confirm()
        order.date_order = f"{day} 12:00:00"
        return order

    def down_payment(self, order, day=TODAY):
        wizard = self.env["sale.advance.payment.inv"].create(
            {"sale_order_ids": order.ids, "advance_payment_method": "percentage", "amount": 50}
        )
        known = order.invoice_ids
        wizard.create_invoices()
        move = order.invoice_ids - known
        move.invoice_date = day
        move.action_post()
        return move

    def invoice_order(self, order, day, quantity=None):
        if quantity is not None:
            order.order_line.filtered(lambda line: not line.is_downpayment).qty_delivered = quantity
        move = order._create_invoices()
        move.invoice_date = day
        move.action_post()
        return move

    def test_an_order_with_a_deposit_ends_what_is_open(self):
        customer = self.silent()
        self.refresh()
        rules = self.rule("at_risk") + self.rule("purchase_overdue")
        self.run_rules()
        for rule in rules:
            self.assertEqual(self.followups(rule).state, "open")
        self.down_payment(self.order(customer, 500))
        self.refresh()
        self.run_rules()
        for rule in rules:
            self.assertRecordValues(self.followups(rule), [{"state": "closed", "close_reason": "the customer ordered"}])
            self.assertFalse(self.followups(rule).activity_id.active)
        with freeze_time(TODAY + timedelta(days=70)):
            self.refresh()
            self.run_rules()
        self.assertEqual([len(self.followups(rule)) for rule in rules], [1, 1], "it is still being built")

    def test_who_is_left_alone(self):
        """Each with purchases 80, 110 and 140 days ago; whether at risk, lost or overdue, only silence counts."""
        customers = {
            name: self.silent(name, is_company=True)
            for name in (
                "Nothing",
                "Ordered",
                "Quotation",
                "Cancelled",
                "Long ago",
                "By a person",
                "Deposit only",
                "Deposit of a cancelled order",
                "Half of it invoiced",
                "Ordered with the last purchase",
            )
        }
        self.order(customers["Ordered"])
        self.order(customers["Quotation"], confirm=False).action_quotation_sent()
        self.order(customers["Cancelled"])._action_cancel()
        self.order(customers["Long ago"], day=TODAY - timedelta(days=100))
        self.order(self.customer("Person", parent_id=customers["By a person"].id))
        self.down_payment(self.order(customers["Deposit only"], day=TODAY - timedelta(days=100)))
        cancelled = self.order(customers["Deposit of a cancelled order"])
        self.down_payment(cancelled)
        cancelled._action_cancel()
        self.product.invoice_policy = "delivery"
        half = self.order(customers["Half of it invoiced"], day=TODAY - timedelta(days=120))
        self.invoice_order(half, TODAY - timedelta(days=79), 4)
        self.order(customers["Ordered with the last purchase"], day=TODAY - timedelta(days=80))
        self.refresh()
        silent = {"Nothing", "Quotation", "Cancelled", "Long ago", "Deposit of a cancelled order"}
        self.assertEqual(set(self.due(self.rule("at_risk"))), silent)
        self.assertEqual(set(self.due(self.rule("purchase_overdue"))), silent)
        self.env.cr.execute("UPDATE crm_value SET lifecycle_stage = 'lost', lifecycle_since = %s", [TODAY])
        self.env.invalidate_all()
        self.assertEqual(set(self.due(self.rule("lost", days=30))), silent)

    def test_what_was_given_back_is_no_order_under_way(self):
        customer = self.silent()
        order = self.order(customer, day=TODAY - timedelta(days=70))
        invoice = self.invoice_order(order, TODAY - timedelta(days=70))
        self.refresh()
        rule = self.rule("at_risk")
        self.credit_note(invoice, TODAY - timedelta(days=69))
        self.refresh()
        self.assertEqual(list(self.due(rule)), ["Silent"])

    def test_invoiced_in_another_unit(self):
        customer = self.silent()
        order = self.order(customer, quantity=24)
        move = order._create_invoices()
        move.invoice_date = TODAY - timedelta(days=80)
        dozen = self.env.ref("uom.product_uom_dozen")
        move.invoice_line_ids.write({"product_uom_id": dozen.id, "quantity": 2, "price_unit": 1200})
        move.action_post()
        self.refresh()
        self.assertEqual(list(self.due(self.rule("at_risk"))), ["Silent"], "nothing is left to invoice of it")

    def test_a_forgotten_order_is_no_sign_of_life_for_ever(self):
        customers = [self.silent(name, 1000, 1030, 1060) for name in ("Forgotten", "Promised")]
        _forgotten, promised = [self.order(customer, day=TODAY - timedelta(days=900)) for customer in customers]
        promised.commitment_date = TODAY + timedelta(days=9)
        self.refresh()
        self.env.cr.execute("UPDATE crm_value SET lifecycle_since = %s WHERE lifecycle_stage = 'lost'", [TODAY])
        self.env.invalidate_all()
        self.assertEqual(list(self.due(self.rule("lost", days=3660))), ["Forgotten"])

    def test_another_company_orders_for_itself(self):
        customer = self.silent()
        other = self.setup_other_company(name="Other")["company"]
        self.env["sale.order"].with_company(other).with_context(allowed_company_ids=other.ids).create(
            {
                "partner_id": customer.id,
                "company_id": other.id,
                "order_line": [Command.create({"product_id": self.product.id, "price_unit": 10, "tax_ids": False})],
            }
        ).action_confirm()
        self.refresh()
        self.assertEqual(list(self.due(self.rule("at_risk"))), ["Silent"])

    def test_bought_again_is_the_better_reason(self):
        customer = self.silent()
        self.refresh()
        rule = self.rule("at_risk")
        self.run_rules()
        self.order(customer)
        self.invoice(customer, TODAY, 100)
        self.refresh()
        self.run_rules()
        self.assertEqual(self.followups(rule).close_reason, "the customer bought again")
        self.env["res.lang"]._activate_lang("zh_CN")
        self.assertEqual(self.followups(rule).with_context(lang="zh_CN").close_reason, "客户已再次购买")

    def test_calls_of_the_dashboard(self):
        """At risk, but ordered or held out: no call, until measured, and unless another rule asks for it."""
        held_out, ordered, at_risk = (self.silent(name) for name in ("Held out", "Ordered", "At risk"))
        self.order(ordered)
        self.refresh()
        dashboard = self.env["crm.value.dashboard"].with_context(allowed_company_ids=self.company.ids)

        def called():
            return [row["name"] for row in dashboard.read_dashboard()["calls"]["rows"]]

        rule, other = self.rule("at_risk"), self.rule("at_risk")
        vals = {"company_id": self.company.id, "value_id": self.value(held_out).id, "date": TODAY, "occasion": "x"}
        control = self.env["crm.value.followup"].create(
            {**vals, "rule_id": rule.id, "group": "control", "state": "control"}
        )
        self.assertEqual(called(), [at_risk.name])
        due = self.env["crm.value.followup"].create(
            {**vals, "rule_id": other.id, "group": "treated", "state": "open", "deadline": TODAY}
        )
        self.assertEqual(called(), ["Held out", "At risk"])
        due.unlink()
        self.assertEqual(called(), ["At risk"])
        control.is_measured = True
        self.assertEqual(set(called()), {"Held out", "At risk"})
