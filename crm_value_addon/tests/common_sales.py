from odoo import Command

from .common import ValueCase


class SalesCase(ValueCase):
    """Orders that are delivered and invoiced by Odoo's own wizards."""

    @classmethod
    def document(cls, move):
        return cls.env["crm.value.document"].search([("move_id", "=", move.id)])

    @classmethod
    def sell(cls, customer, quantity=10, price=100.0, delivered=None, order_vals=None, **line):
        """Return a confirmed order of one line.

        :param delivered: the quantity delivered; deliveries decide what is invoiced then
        """
        if delivered is not None:
            cls.product.invoice_policy = "delivery"
        order = cls.env["sale.order"].create(
            {
                "partner_id": customer.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": cls.product.id,
                            "product_uom_qty": quantity,
                            "price_unit": price,
                            "tax_ids": [Command.clear()],
                            **line,
                        }
                    )
                ],
                **(order_vals or {}),
            }
        )
        order.action_confirm()
        if delivered is not None:
            order.order_line.qty_delivered = delivered
        return order

    @classmethod
    def deliver(cls, order, quantity):
        """Set the quantity delivered so far, less after a return."""
        order.order_line.filtered(lambda line: line.product_id == cls.product).qty_delivered = quantity

    @classmethod
    def bill(cls, order, day, method="delivered", post=True, **vals):
        """Return the document that Odoo makes of what is to be invoiced of an order."""
        wizard = (
            cls.env["sale.advance.payment.inv"]
            .with_context(active_model="sale.order", active_ids=order.ids)
            .create({"advance_payment_method": method, "sale_order_ids": [Command.set(order.ids)], **vals})
        )
        before = order.invoice_ids
        wizard.create_invoices()
        move = order.invoice_ids - before
        move.invoice_date = day
        if post:
            move.action_post()
        return move

    @classmethod
    def replace(cls, invoice, day):
        """Credit an invoice and return the draft of the new one, as *Reverse and Create Invoice* does."""
        wizard = (
            cls.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"date": day, "journal_id": invoice.journal_id.id})
        )
        new = cls.env["account.move"].browse(wizard.modify_moves()["res_id"])
        new.invoice_date = day
        return new

    @classmethod
    def document_of(cls, customer, day, *lines, move_type="out_invoice", post=True, **vals):
        """Return a document of several lines, each a dict of its values."""
        move = cls.env["account.move"].create(
            {
                "move_type": move_type,
                "partner_id": customer.id,
                "invoice_date": day,
                "invoice_line_ids": [
                    Command.create({"name": "Line", "tax_ids": [Command.clear()], **line}) for line in lines
                ],
                **vals,
            }
        )
        if post:
            move.action_post()
        return move

    def payment_program(self, kind="gift_card"):
        """Return the products of a payment program: what is sold, and what redeems it."""
        Program = self.env["loyalty.program"]
        program = Program.create(Program._get_template_values()[kind] | {"name": kind, "program_type": kind})
        sold = self.env["product.product"].create({"name": f"Sold {kind}", "type": "service", "taxes_id": False})
        program.rule_ids.product_ids = [Command.set(sold.ids)]
        return sold, program.reward_ids.discount_line_product_id

    def assertFigures(self, customer, **figures):
        """Check figures of a customer after a refresh of it, and that a refresh of all says the same."""
        for partners in (customer, None):
            self.refresh(partners)
            self.assertRecordValues(self.value(customer), [figures])

    def assertCases(self, at_least):
        """Run each method ``case_…``: it gets a new customer and returns the figures expected of it.

        Nothing of one is left for the next.
        """
        cases = [name for name in dir(self) if name.startswith("case_")]
        self.assertGreaterEqual(len(cases), at_least)
        for name in cases:
            with self.subTest(case=name):
                self.env.flush_all()
                with self.env.cr.savepoint() as savepoint:
                    customer = self.customer(name)
                    self.assertFigures(customer, **getattr(self, name)(customer))
                    savepoint.rollback()
                self.env.invalidate_all()
                self.env.registry.clear_cache()

    def goods(self, quantity=1, price=100.0, **vals):
        """Return the values of a line of the product, for `document_of`."""
        return {"product_id": self.product.id, "quantity": quantity, "price_unit": price, **vals}
