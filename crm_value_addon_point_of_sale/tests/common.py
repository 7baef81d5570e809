from copy import deepcopy
from datetime import datetime
from uuid import uuid4

from odoo import Command, fields
from odoo.addons.crm_value_addon.tests.common_benefits import BenefitCase


class TillCase(BenefitCase):
    """A till of the test company with an open session, and factories of what its browser sends."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.product.available_in_pos = True
        cls.bank = cls.env["pos.payment.method"].create(
            {"name": "Bank", "journal_id": cls.company_data["default_journal_bank"].id, "company_id": cls.company.id}
        )
        cls.cash = cls.env["pos.payment.method"].create(
            {"name": "Cash", "journal_id": cls.company_data["default_journal_cash"].id, "company_id": cls.company.id}
        )
        cls.till = cls.make_till("Till")

    @classmethod
    def make_till(cls, name, **vals):
        till = cls.env["pos.config"].create(
            {
                "name": name,
                "company_id": cls.company.id,
                "journal_id": cls.company_data["default_journal_sale"].id,
                "invoice_journal_id": cls.company_data["default_journal_sale"].id,
                "payment_method_ids": [Command.set((cls.bank if cls.cash.config_ids else cls.bank + cls.cash).ids)],
                "use_pricelist": True,
                "available_pricelist_ids": [Command.set(cls.public.ids)],
                "pricelist_id": cls.public.id,
                **vals,
            }
        )
        till.open_ui()
        till.current_session_id.set_opening_control(0, "")
        return till

    @classmethod
    def another_cash(cls):
        """Return a way to pay in cash for another till, because each till has its own."""
        journal = cls.env["account.journal"].create(
            {"name": "Drawer", "type": "cash", "code": "DRW", "company_id": cls.company.id}
        )
        return cls.env["pos.payment.method"].create({"name": "Drawer", "journal_id": journal.id})

    @classmethod
    def goods(cls, name="Goods", price=100.0, cost=60.0, **vals):
        return cls.env["product.product"].create(
            {
                "name": name,
                "list_price": price,
                "standard_price": cost,
                "available_in_pos": True,
                "taxes_id": [Command.clear()],
                **vals,
            }
        )

    @classmethod
    def ticket(cls, customer, lines=((1, 100.0),), day="2025-06-01", till=None, payments=None, **vals):
        """Return what a till sends of a paid order.

        :param lines: tuples (quantity, price, dict of further values or nothing); an empty price is the product's
        :param day: a day, at noon, or a moment in UTC
        """
        till = till or cls.till
        commands, total = [], 0.0
        for quantity, price, *more in lines:
            values = {"product_id": cls.product.id} | (more[0] if more else {})
            amount = round(quantity * price, 2)
            total += amount
            commands.append(
                Command.create(
                    {
                        "uuid": str(uuid4()),
                        "qty": quantity,
                        "price_unit": price,
                        # as the browser does: without the sign of a refund
                        "price_subtotal": -amount if vals.get("is_refund") else amount,
                        "price_subtotal_incl": -amount if vals.get("is_refund") else amount,
                        "discount": 0,
                        "tax_ids": [],
                        "pack_lot_ids": [],
                        **values,
                    }
                )
            )
        payments = payments if payments is not None else [(cls.bank, total)]
        moment = day if isinstance(day, datetime) else fields.Datetime.to_datetime(f"{day} 12:00:00")
        return {
            "uuid": str(uuid4()),
            "access_token": str(uuid4()),
            "name": "Order",
            "state": "paid",
            "partner_id": customer.id if customer else False,
            "session_id": till.current_session_id.id,
            "company_id": till.company_id.id,
            "pricelist_id": till.pricelist_id.id,
            "fiscal_position_id": False,
            "user_id": cls.env.uid,
            "date_order": fields.Datetime.to_string(moment),
            "amount_total": total,
            "amount_tax": 0.0,
            "amount_paid": sum(amount for _method, amount in payments),
            "amount_return": 0.0,
            "to_invoice": False,
            "last_order_preparation_change": "{}",
            "lines": commands,
            "payment_ids": [
                Command.create(
                    {
                        "amount": amount,
                        "payment_method_id": method.id,
                        "name": fields.Datetime.to_string(moment),
                        "uuid": str(uuid4()),
                    }
                )
                for method, amount in payments
            ],
            **vals,
        }

    @classmethod
    def sync(cls, *tickets):
        """Send orders as a till does, all at once; return them."""
        # Odoo takes the orders that it is sent to pieces
        cls.env["pos.order"].sync_from_ui(deepcopy(list(tickets)))
        return cls.env["pos.order"].search([("uuid", "in", [ticket["uuid"] for ticket in tickets])], order="id")

    @classmethod
    def sell(cls, customer, *args, **vals):
        return cls.sync(cls.ticket(customer, *args, **vals))

    @classmethod
    def give_back(cls, order, quantity=None, day="2025-06-10", customer=None, **vals):
        """Refund the first line of an order, wholly or a part of it."""
        line = order.lines[:1]
        return cls.sell(
            customer if customer is not None else order.partner_id,
            [
                (
                    -(quantity or line.qty),
                    line.price_unit,
                    {"refunded_orderline_id": line.id, "product_id": line.product_id.id},
                )
            ],
            day,
            is_refund=True,
            **vals,
        )

    def days(self, customer):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.env["crm.value.purchase"].search(
            [("partner_id", "=", customer.commercial_partner_id.id)], order="date"
        )

    def figures(self, customer, *names):
        self.refresh(customer)
        return [self.value(customer)[name] for name in names]

    def assert_both_ways(self, customer, expected):
        """Expect figures of a customer that is refreshed alone, and with all others."""
        names = list(expected)
        self.assertEqual(dict(zip(names, self.figures(customer, *names), strict=True)), expected, "alone")
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM crm_value WHERE partner_id = %s", [customer.commercial_partner_id.id])
        self.env.invalidate_all()
        self.refresh()
        self.assertEqual({name: self.value(customer)[name] for name in names}, expected, "with all")

    def assert_books_agree(self):
        """The customers' revenue is that of the invoices and of the till's part that the run names."""
        run = self.refresh()
        self.env.cr.execute(
            """SELECT COALESCE(sum(amount_untaxed_signed), 0) FROM account_move WHERE company_id = %s
                AND state = 'posted' AND move_type IN ('out_invoice', 'out_refund', 'out_receipt')
                AND commercial_partner_id IS NOT NULL""",
            [self.company.id],
        )
        invoiced = float(self.env.cr.fetchone()[0])
        values = self.Value.search([("company_id", "=", self.company.id)])
        self.assertAlmostEqual(
            sum(values.mapped("revenue_total")), invoiced + run.till_revenue - run.intercompany_revenue, places=2
        )
        return run
