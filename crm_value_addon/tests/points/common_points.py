from odoo import Command

from ..common_benefits import BenefitCase
from ..common_sales import SalesCase


class PointsCase(SalesCase, BenefitCase):
    """A loyalty program that gives a point for each 10 spent, and an order of 1,000."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.loyalty = cls.program(
            "loyalty",
            trigger="auto",
            applies_on="both",
            rule_ids=[Command.create({"reward_point_mode": "money", "reward_point_amount": 0.1, "minimum_qty": 0})],
        )

    @classmethod
    def buy(cls, customer, quantity=10, **vals):
        order = cls.order(customer, quantity, **vals)
        order._update_programs_and_rewards()
        order.action_confirm()
        return order

    @classmethod
    def bill_part(cls, order, quantity, day="2025-06-01"):
        """Return an invoice of some of what is left to invoice of an order; empty if there is nothing left."""
        left = sum(order.order_line.mapped("qty_to_invoice"))
        if left <= 0:
            return cls.env["account.move"]
        move = order._create_invoices()
        move.invoice_date = day
        move.invoice_line_ids.filtered("product_id")[:1].quantity = min(quantity, left)
        move.action_post()
        return move

    @classmethod
    def pay(cls, invoice, amount):
        wizard = cls.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        return wizard.create({"amount": amount, "payment_date": "2025-06-20"})._create_payments()

    @classmethod
    def card(cls, customer):
        return cls.env["loyalty.card"].search([("partner_id", "=", customer.id), ("program_id", "=", cls.loyalty.id)])

    def points(self, customer):
        """Refresh the customer, do what the cron does, and return the points of its card, as its history says, too."""
        self.refresh(customer)
        Due = self.env["crm.value.points.due"]
        Due.with_company(self.company)._follow_batch(self.company)
        card = self.card(customer)
        history = sum(card.history_ids.mapped("issued")) - sum(card.history_ids.mapped("used"))
        self.assertAlmostEqual(card.points, history, 2, "the history is the balance")
        return card.points
