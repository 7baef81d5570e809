from datetime import date

from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestDocumentTable(SalesCase):
    """Documents that are unusual but legal, a row each: what the customer is worth then, to the cent."""

    def service(self, name="Restocking", **vals):
        return self.env["product.product"].create({"name": name, "type": "service", "taxes_id": False, **vals})

    def discounted(self, customer):
        order = self.sell(customer)
        self.env["sale.order.discount"].create(
            {"sale_order_id": order.id, "discount_type": "so_discount", "discount_percentage": 0.1}
        ).action_apply_discount()
        return order

    def cash_rounding(self, strategy):
        accounts = self.company_data
        return self.env["account.cash.rounding"].create(
            {
                "name": strategy,
                "rounding": 1.0,
                "strategy": strategy,
                "rounding_method": "UP",
                "profit_account_id": accounts["default_account_revenue"].id,
                "loss_account_id": accounts["default_account_expense"].id,
            }
        )

    # the cases: each gets a new customer and returns what is expected of it

    def case_deposit_with_a_tax(self, customer):
        tax = self.company_data["default_tax_sale"]
        order = self.sell(customer, delivered=0, tax_ids=[Command.set(tax.ids)])
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.deliver(order, 3)
        self.bill(order, "2025-06-01")
        return {
            "revenue_total": 300,
            "margin_total": 120,
            "purchase_count": 1,
            "monetary_value": 300,
            "refund_total": 0,
            "first_purchase_date": date(2025, 6, 1),
        }

    def case_deposit_with_an_included_tax(self, customer):
        tax = self.company_data["default_tax_sale"].copy(
            {"name": "25 % included", "price_include_override": "tax_included", "amount": 25}
        )
        order = self.sell(customer, price=125.0, tax_ids=[Command.set(tax.ids)])
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.bill(order, "2025-06-01")
        return {"revenue_total": 1000, "margin_total": 400, "purchase_count": 1, "monetary_value": 1000}

    def case_two_deposits(self, customer):
        order = self.sell(customer)
        self.bill(order, "2025-04-01", "percentage", amount=30)
        self.bill(order, "2025-05-01", "fixed", fixed_amount=200)
        self.bill(order, "2025-06-01")
        return {
            "revenue_total": 1000,
            "margin_total": 400,
            "purchase_count": 1,
            "monetary_value": 1000,
            "first_purchase_date": date(2025, 6, 1),
        }

    def case_deposit_credited_in_part(self, customer):
        order = self.sell(customer)
        deposit = self.bill(order, "2025-04-01", "percentage", amount=50)
        self.credit_note(deposit, "2025-05-01", amount=200)
        return {"revenue_total": 300, "margin_total": 0, "purchase_count": 0, "refund_total": 0}

    def case_global_discount(self, customer):
        self.bill(self.discounted(customer), "2025-06-01")
        return {"revenue_total": 900, "margin_total": 300, "purchase_count": 1, "monetary_value": 900}

    def case_global_discount_all_given_back(self, customer):
        self.credit_note(self.bill(self.discounted(customer), "2025-05-01"), "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 900}

    def case_global_discount_some_given_back(self, customer):
        invoice = self.bill(self.discounted(customer), "2025-05-01")
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"date": "2025-06-01", "journal_id": invoice.journal_id.id})
        )
        note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        note.invoice_line_ids.filtered(lambda line: line.product_id != self.product).unlink()
        note.invoice_line_ids.quantity = 4
        note.action_post()
        return {
            "revenue_total": 500,
            "margin_total": 140,
            "purchase_count": 1,
            "monetary_value": 500,
            "refund_total": 400,
        }

    def case_global_discount_billed_again(self, customer):
        order = self.discounted(customer)
        self.credit_note(self.bill(order, "2025-05-01"), "2025-06-01")
        self.bill(order, "2025-06-10")
        return {
            "revenue_total": 900,
            "margin_total": 300,
            "purchase_count": 1,
            "monetary_value": 900,
            "refund_total": 0,
            "last_purchase_date": date(2025, 5, 1),
        }

    def case_cash_rounding_line(self, customer):
        rounding = self.cash_rounding("add_invoice_line")
        self.document_of(customer, "2025-06-01", self.goods(1, 99.7), invoice_cash_rounding_id=rounding.id)
        return {"revenue_total": 100, "margin_total": 40, "purchase_count": 1, "monetary_value": 100}

    def case_cash_rounding_given_back(self, customer):
        rounding = self.cash_rounding("add_invoice_line")
        invoice = self.document_of(customer, "2025-05-01", self.goods(1, 99.7), invoice_cash_rounding_id=rounding.id)
        self.credit_note(invoice, "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 100}

    def case_receipt(self, customer):
        self.document_of(customer, "2025-06-01", self.goods(2), move_type="out_receipt")
        return {"revenue_total": 200, "margin_total": 80, "purchase_count": 1, "monetary_value": 200}

    def case_credit_by_hand_over_several_invoices(self, customer):
        for day in ("2025-04-01", "2025-05-01"):
            self.document_of(customer, day, self.goods(10))
        self.document_of(customer, "2025-06-01", self.goods(15), move_type="out_refund")
        return {"revenue_total": 500, "margin_total": 200, "purchase_count": 2, "refund_total": 1500}

    def case_reversal_of_several_invoices_at_once(self, customer):
        invoices = self.env["account.move"]
        for day in ("2025-04-01", "2025-05-01"):
            invoices += self.document_of(customer, day, self.goods(10))
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoices.ids)
            .create({"date": "2025-06-01", "journal_id": invoices.journal_id.id})
        )
        wizard.refund_moves()
        wizard.new_move_ids.action_post()
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 2000}

    def case_restocking_fee_kept(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"date": "2025-06-01", "journal_id": invoice.journal_id.id})
        )
        note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        note.invoice_line_ids = [
            Command.create({"product_id": self.service().id, "price_unit": -50.0, "tax_ids": [Command.clear()]})
        ]
        note.action_post()
        return {"revenue_total": 50, "margin_total": 20, "purchase_count": 1, "refund_total": 950}

    def case_all_discounted(self, customer):
        self.document_of(customer, "2025-06-01", self.goods(1, discount=100.0))
        return {"revenue_total": 0, "margin_total": -60, "purchase_count": 0}

    def case_sections_and_notes(self, customer):
        self.document_of(
            customer,
            "2025-06-01",
            {"display_type": "line_section", "name": "Part 1"},
            self.goods(2),
            {"display_type": "line_note", "name": "Handle with care"},
        )
        return {"revenue_total": 200, "margin_total": 80, "purchase_count": 1}

    def case_another_unit(self, customer):
        dozen = self.env.ref("uom.product_uom_dozen")
        invoice = self.document_of(customer, "2025-05-01", self.goods(1, 1200.0, product_uom_id=dozen.id))
        note = self.document_of(
            customer, "2025-06-01", self.goods(6, 100.0), move_type="out_refund", reversed_entry_id=invoice.id
        )
        self.assertEqual(note.amount_untaxed_signed, -600)
        return {
            "revenue_total": 600,
            "margin_total": 240,
            "purchase_count": 1,
            "monetary_value": 600,
            "refund_total": 600,
        }

    def case_reset_repriced_posted_and_reset_again(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.refresh(customer)
        for price in (90.0, 80.0):
            invoice.button_draft()
            invoice.invoice_line_ids.price_unit = price
            invoice.action_post()
        self.refresh(customer)
        invoice.button_draft()
        invoice.button_cancel()
        self.refresh(customer)
        invoice.button_draft()
        invoice.action_post()
        return {"revenue_total": 800, "margin_total": 200, "purchase_count": 1, "monetary_value": 800}

    def case_credited_and_then_the_invoice_reset(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.credit_note(invoice, "2025-06-01", amount=20)
        self.refresh(customer)
        invoice.button_draft()
        return {"revenue_total": -200, "margin_total": -200, "purchase_count": 0, "refund_total": 200}

    def case_merged_after_a_part_was_given_back(self, customer):
        other = self.customer("Twin")
        invoice = self.document_of(other, "2025-05-01", self.goods(10))
        self.refresh(other)
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((other | customer).ids, customer)
        self.document_of(customer, "2025-06-01", self.goods(4), move_type="out_refund", reversed_entry_id=invoice.id)
        return {"revenue_total": 600, "margin_total": 240, "purchase_count": 1, "refund_total": 400}

    def case_merged_between_credit_and_new_invoice(self, customer):
        other = self.customer("Twin")
        order = self.sell(other)
        self.credit_note(self.bill(order, "2025-05-01"), "2025-06-01")
        self.refresh(other)
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((other | customer).ids, customer)
        self.bill(order, "2025-06-10")
        return {
            "revenue_total": 1000,
            "margin_total": 400,
            "purchase_count": 1,
            "refund_total": 0,
            "first_purchase_date": date(2025, 5, 1),
        }

    def case_in_a_currency_with_a_deposit_and_a_return(self, customer):
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 2.0)])
        pricelist = self.env["product.pricelist"].create({"name": "EUR", "currency_id": currency.id})
        order = self.sell(customer, price=200.0, delivered=10, order_vals={"pricelist_id": pricelist.id})
        self.bill(order, "2025-04-01", "percentage", amount=20)
        self.bill(order, "2025-05-01")
        self.deliver(order, 8)
        self.bill(order, "2025-06-01")
        return {
            "revenue_total": 800,
            "margin_total": 320,
            "purchase_count": 1,
            "monetary_value": 800,
            "refund_total": 200,
        }

    def test_cases(self):
        self.assertCases(22)
