from datetime import date

from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestDocumentBorders(SalesCase):
    """Cases that lie at the borders of kinds and roles: what comes back, in part, late, twice, by another way."""

    # advances

    def case_all_paid_before(self, customer):
        order = self.sell(customer)
        self.bill(order, "2025-04-01", "percentage", amount=100)
        self.bill(order, "2025-06-01")
        return {
            "revenue_total": 1000,
            "margin_total": 400,
            "purchase_count": 1,
            "monetary_value": 1000,
            "first_purchase_date": date(2025, 6, 1),
        }

    def case_last_invoice_reversed_and_the_deposit_kept(self, customer):
        order = self.sell(customer)
        self.bill(order, "2025-04-01", "percentage", amount=50)
        self.credit_note(self.bill(order, "2025-05-01"), "2025-06-01")
        return {"revenue_total": 500, "margin_total": 0, "purchase_count": 0, "refund_total": 1000}

    def case_everything_reversed(self, customer):
        order = self.sell(customer)
        deposit = self.bill(order, "2025-04-01", "percentage", amount=50)
        self.credit_note(self.bill(order, "2025-05-01"), "2025-06-01")
        self.credit_note(deposit, "2025-06-02")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 1000}

    def case_deposit_of_a_cancelled_order_given_back_in_part(self, customer):
        order = self.sell(customer, delivered=0)
        deposit = self.bill(order, "2025-04-01", "percentage", amount=50)
        order._action_cancel()
        self.credit_note(deposit, "2025-05-01", amount=200)
        return {"revenue_total": 300, "margin_total": 300, "purchase_count": 0, "refund_total": 0}

    def case_gift_card_with_taxed_goods(self, customer):
        sold, redeemed = self.payment_program()
        tax = self.company_data["default_tax_sale"].copy({"name": "20 %", "amount": 20})
        self.document_of(customer, "2025-04-01", {"product_id": sold.id, "price_unit": 120})
        self.document_of(
            customer,
            "2025-05-01",
            self.goods(tax_ids=[Command.set(tax.ids)]),
            {"product_id": redeemed.id, "price_unit": -120},
        )
        return {"revenue_total": 100, "margin_total": 40, "purchase_count": 1, "monetary_value": 100}

    def case_goods_paid_by_card_given_back(self, customer):
        sold, redeemed = self.payment_program()
        self.document_of(customer, "2025-04-01", {"product_id": sold.id, "price_unit": 100})
        paid = self.document_of(customer, "2025-05-01", self.goods(2), {"product_id": redeemed.id, "price_unit": -100})
        self.credit_note(paid, "2025-06-01")
        return {"revenue_total": 100, "margin_total": 0, "purchase_count": 0, "refund_total": 200}

    def case_wallet_given_back_in_part(self, customer):
        sold, _redeemed = self.payment_program("ewallet")
        top_up = self.document_of(customer, "2025-05-01", {"product_id": sold.id, "price_unit": 100})
        self.credit_note(top_up, "2025-06-01", amount=30)
        return {"revenue_total": 70, "margin_total": 0, "purchase_count": 0, "refund_total": 0}

    def case_card_sold_beside_goods_and_one_of_them_back(self, customer):
        sold, _redeemed = self.payment_program()
        invoice = self.document_of(customer, "2025-05-01", self.goods(3), {"product_id": sold.id, "price_unit": 100})
        self.document_of(customer, "2025-06-01", self.goods(), move_type="out_refund", reversed_entry_id=invoice.id)
        return {
            "revenue_total": 300,
            "margin_total": 80,
            "purchase_count": 1,
            "monetary_value": 200,
            "refund_total": 100,
        }

    def case_deposit_given_back_in_part_and_not_deducted(self, customer):
        """Odoo deducts nothing of a deposit that was credited in part: the books say so, the goods are the same."""
        order = self.sell(customer)
        deposit = self.bill(order, "2025-04-01", "percentage", amount=50)
        self.credit_note(deposit, "2025-04-10", amount=200)
        self.assertEqual(self.bill(order, "2025-06-01").amount_untaxed, 1000)
        return {
            "revenue_total": 1300,
            "margin_total": 400,
            "purchase_count": 1,
            "monetary_value": 1000,
            "refund_total": 0,
        }

    def case_deposit_deducted_by_a_credit_note_of_its_own(self, customer):
        """As the law of some countries wants it: the last invoice names all goods, the deposit is credited beside."""
        order = self.sell(customer)
        deposit = self.bill(order, "2025-04-01", "percentage", amount=50)
        last = self.bill(order, "2025-06-01", post=False)
        last.invoice_line_ids.filtered("is_downpayment").unlink()
        last.action_post()
        self.credit_note(deposit, "2025-06-01")
        return {
            "revenue_total": 1000,
            "margin_total": 400,
            "purchase_count": 1,
            "monetary_value": 1000,
            "refund_total": 0,
        }

    def case_a_card_for_goods_that_came_back(self, customer):
        sold, _redeemed = self.payment_program()
        invoice = self.document_of(customer, "2025-05-01", self.goods())
        self.document_of(
            customer,
            "2025-06-01",
            self.goods(),
            {"product_id": sold.id, "price_unit": -100},
            move_type="out_refund",
            reversed_entry_id=invoice.id,
        )
        return {"revenue_total": 100, "margin_total": 0, "purchase_count": 0, "refund_total": 100}

    # days

    def case_credit_note_dated_before_its_invoice(self, customer):
        invoice = self.document_of(customer, "2025-06-01", self.goods(10))
        self.credit_note(invoice, "2025-05-20")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 1000}

    def case_given_back_in_the_next_year(self, customer):
        invoice = self.document_of(customer, "2024-12-15", self.goods(10))
        self.credit_note(invoice, "2025-01-10")
        return {
            "revenue_total": 0,
            "revenue_previous_year": 1000,
            "revenue_year": -1000,
            "qualifying_year": -1000,
            "purchase_count": 0,
            "refund_total": 1000,
        }

    def case_two_invoices_of_a_day_one_given_back(self, customer):
        self.document_of(customer, "2025-05-01", self.goods(4))
        self.credit_note(self.document_of(customer, "2025-05-01", self.goods(6)), "2025-06-01")
        return {
            "revenue_total": 400,
            "margin_total": 160,
            "purchase_count": 1,
            "monetary_value": 400,
            "refund_total": 600,
        }

    def case_bought_and_given_back_on_one_day(self, customer):
        self.credit_note(self.document_of(customer, "2025-05-01", self.goods(6)), "2025-05-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 600}

    # costs and rates that change in between

    def case_all_back_after_the_cost_rose(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.refresh(customer)
        self.product.standard_price = 80
        self.credit_note(invoice, "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 1000}

    def case_a_part_back_after_the_cost_rose(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.refresh(customer)
        self.product.standard_price = 80
        self.document_of(customer, "2025-06-01", self.goods(4), move_type="out_refund", reversed_entry_id=invoice.id)
        return {"revenue_total": 600, "margin_total": 240, "purchase_count": 1, "refund_total": 400}

    def case_all_back_after_the_rate_changed(self, customer):
        invoice = self.document_of(customer, "2025-05-01", {"quantity": 10, "price_unit": 100})
        self.refresh(customer)
        self.company.value_margin_rate = 0.5
        self.credit_note(invoice, "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 1000}

    def case_replaced_after_the_cost_rose(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.refresh(customer)
        self.product.standard_price = 80
        self.replace(invoice, "2025-06-01").action_post()
        return {"revenue_total": 1000, "margin_total": 400, "purchase_count": 1, "refund_total": 0}

    def case_back_to_and_fro_while_the_cost_moves(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.refresh(customer)
        self.product.standard_price = 80
        note = self.credit_note(invoice, "2025-06-01")
        self.refresh(customer)
        self.product.standard_price = 30
        self.credit_note(note, "2025-06-10")
        return {"revenue_total": 1000, "margin_total": 400, "purchase_count": 1, "refund_total": 0}

    def case_all_of_several_back_after_one_cost_rose(self, customer):
        gadget = self.product.create({"name": "Gadget", "list_price": 100, "standard_price": 50})
        invoice = self.document_of(
            customer,
            "2025-05-01",
            self.goods(10),
            self.goods(product_id=gadget.id),
            self.goods(price=-30, product_id=False),
        )
        self.refresh(customer)
        self.product.standard_price = 80
        self.credit_note(invoice, "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 1070}

    def case_one_of_several_back_after_another_cost_rose(self, customer):
        gadget = self.product.create({"name": "Gadget", "list_price": 100, "standard_price": 50})
        invoice = self.document_of(customer, "2025-05-01", self.goods(10), self.goods(2, product_id=gadget.id))
        self.refresh(customer)
        self.product.standard_price = 80
        self.document_of(
            customer,
            "2025-06-01",
            self.goods(1, product_id=gadget.id),
            move_type="out_refund",
            reversed_entry_id=invoice.id,
        )
        return {"revenue_total": 1100, "margin_total": 450, "purchase_count": 1, "refund_total": 100}

    def case_back_after_the_list_price_rose(self, customer):
        self.document_of(customer, "2025-05-01", self.goods(10))
        self.product.list_price = 300
        self.document_of(customer, "2025-06-01", self.goods(10), move_type="out_refund")
        return {"revenue_total": 0, "margin_total": 0, "refund_total": 1000}

    # too much, too often

    def case_more_given_back_than_bought(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        for day in ("2025-06-01", "2025-06-02"):
            self.document_of(customer, day, self.goods(6), move_type="out_refund", reversed_entry_id=invoice.id)
        return {"revenue_total": -200, "margin_total": -80, "purchase_count": 0, "refund_total": 1200}

    def case_price_corrected_and_then_all_given_back(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.credit_note(invoice, "2025-05-10", amount=5)
        self.document_of(
            customer, "2025-06-01", self.goods(10, 95), move_type="out_refund", reversed_entry_id=invoice.id
        )
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 1000}

    def case_price_corrected_upwards(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        note = self.credit_note(invoice, "2025-06-01", amount=5)
        note.button_draft()
        note.button_cancel()
        self.document_of(customer, "2025-06-02", {"quantity": 10, "price_unit": 5, "name": "Correction"})
        return {"revenue_total": 1050, "purchase_count": 2, "refund_total": 0}

    def case_price_corrected_beside_the_same_product_at_another_price(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10), self.goods(1, 10))
        self.document_of(
            customer, "2025-06-01", self.goods(10, 9), move_type="out_refund", reversed_entry_id=invoice.id
        )
        return {"revenue_total": 920, "margin_total": 260, "purchase_count": 1, "refund_total": 90}

    def case_cheap_one_of_the_same_product_back(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10), self.goods(1, 10))
        self.document_of(
            customer, "2025-06-01", self.goods(1, 10), move_type="out_refund", reversed_entry_id=invoice.id
        )
        return {"revenue_total": 1000, "margin_total": 400, "purchase_count": 1, "refund_total": 10}

    def case_all_of_two_lines_back_in_one(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(5), self.goods(5, 98))
        self.document_of(
            customer, "2025-06-01", self.goods(10, 99), move_type="out_refund", reversed_entry_id=invoice.id
        )
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 990}

    def case_correction_and_the_correction_of_it(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.credit_note(self.credit_note(invoice, "2025-06-01", amount=5), "2025-06-10")
        return {
            "revenue_total": 1000,
            "margin_total": 400,
            "purchase_count": 1,
            "monetary_value": 1000,
            "refund_total": 0,
        }

    # kinds of documents

    def case_receipt_given_back(self, customer):
        receipt = self.document_of(customer, "2025-05-01", self.goods(2), move_type="out_receipt")
        self.credit_note(receipt, "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 200}

    def case_invoice_below_zero_turned_into_a_credit_note(self, customer):
        self.document_of(customer, "2025-05-01", self.goods(10))
        draft = self.document_of(customer, "2025-06-01", self.goods(-4), post=False)
        draft.action_switch_move_type()
        draft.action_post()
        return {"revenue_total": 600, "margin_total": 240, "purchase_count": 1, "refund_total": 400}

    def case_discount_for_early_payment(self, customer):
        tax = self.company_data["default_tax_sale"]
        term = self.env["account.payment.term"].create(
            {
                "name": "2 % within 10 days",
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 10,
                "early_pay_discount_computation": "mixed",
                "line_ids": [Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})],
            }
        )
        invoice = self.document_of(
            customer,
            "2025-05-01",
            self.goods(10, tax_ids=[Command.set(tax.ids)]),
            invoice_payment_term_id=term.id,
        )
        self.assertIn("epd", invoice.line_ids.mapped("display_type"))
        return {"revenue_total": 1000, "margin_total": 400, "purchase_count": 1, "monetary_value": 1000}

    def case_nothing_but_lines_of_nothing(self, customer):
        self.document_of(customer, "2025-05-01", self.goods(0), self.goods(5, 0, product_id=False))
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 0}

    def case_lines_that_cancel_each_other(self, customer):
        self.document_of(customer, "2025-05-01", self.goods(3), self.goods(-3))
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 0}

    def case_archived_with_its_product(self, customer):
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.product.active = False
        self.credit_note(invoice, "2025-06-01", amount=40)
        customer.active = False
        return {"revenue_total": 600, "margin_total": 0, "purchase_count": 1, "refund_total": 400}

    # orders

    def case_order_with_a_line_that_comes_back(self, customer):
        order = self.sell(customer, quantity=10)
        order.order_line = [
            Command.create(
                {
                    "product_id": self.product.id,
                    "product_uom_qty": -2,
                    "price_unit": 100,
                    "tax_ids": [Command.clear()],
                }
            )
        ]
        self.bill(order, "2025-06-01")
        return {"revenue_total": 800, "margin_total": 320, "purchase_count": 1, "monetary_value": 800}

    def case_order_of_nothing_but_goods_that_come_back(self, customer):
        self.bill(self.sell(customer), "2025-05-01")
        note = self.bill(self.sell(customer, quantity=-4), "2025-06-01")
        self.assertEqual((note.move_type, note.reversed_entry_id), ("out_refund", note.browse()))
        return {"revenue_total": 600, "margin_total": 240, "purchase_count": 1, "refund_total": 400}

    def case_order_that_came_back_after_all_did_not(self, customer):
        self.bill(self.sell(customer), "2025-05-01")
        self.credit_note(self.bill(self.sell(customer, quantity=-4), "2025-06-01"), "2025-06-05")
        return {
            "revenue_total": 1000,
            "margin_total": 400,
            "purchase_count": 1,
            "monetary_value": 1000,
            "refund_total": 0,
        }

    def case_percentage_off_a_line_in_a_reversal(self, customer):
        order = self.sell(customer, discount=20.0)
        self.credit_note(self.bill(order, "2025-05-01"), "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 800}

    def case_set_of_products(self, customer):
        combo = self.env["product.combo"].create(
            {"name": "Choice", "combo_item_ids": [Command.create({"product_id": self.product.id})]}
        )
        kit = self.env["product.product"].create(
            {"name": "Set", "type": "combo", "list_price": 100, "combo_ids": [Command.set(combo.ids)]}
        )
        order = self.env["sale.order"].create(
            {"partner_id": customer.id, "order_line": [Command.create({"product_id": kit.id, "product_uom_qty": 2})]}
        )
        order.order_line = [
            Command.create(
                {
                    "product_id": self.product.id,
                    "product_uom_qty": 2,
                    "combo_item_id": combo.combo_item_ids.id,
                    "linked_line_id": order.order_line.id,
                    "tax_ids": [Command.clear()],
                }
            )
        ]
        order.action_confirm()
        invoice = self.bill(order, "2025-05-01")
        self.assertEqual(invoice.amount_untaxed, 200)
        self.credit_note(invoice, "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 200}

    def case_order_that_nobody_invoiced(self, customer):
        self.sell(customer)
        self.refresh()  # the stage of whoever bought nothing is decided each night
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "lifecycle_stage": "prospect"}

    def case_cost_typed_after_the_invoice(self, customer):
        """What came back takes the cost that the sale had, whatever was typed on the order line in between."""
        order = self.sell(customer)
        invoice = self.bill(order, "2025-05-01")
        self.refresh(customer)
        order.order_line.purchase_price = 90
        self.credit_note(invoice, "2025-06-01")
        return {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 1000}

    def case_bonus_in_another_currency(self, customer):
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 2.0)])
        self.document_of(customer, "2025-05-01", self.goods(100))
        self.document_of(
            customer,
            "2025-06-01",
            {"quantity": 1, "price_unit": 1000, "name": "Bonus"},
            move_type="out_refund",
            currency_id=currency.id,
        )
        return {"revenue_total": 9500, "margin_total": 3500, "purchase_count": 1, "refund_total": 500}

    def test_cases(self):
        self.assertCases(43)

    def test_a_draft_credit_note_says_what_posting_then_gives(self):
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(10))
        self.refresh(customer)
        self.product.standard_price = 80
        draft = self.document_of(
            customer, "2025-06-01", self.goods(4), move_type="out_refund", reversed_entry_id=invoice.id, post=False
        )
        value = self.value(customer)
        after = self.env["crm.value.tier.preview"].with_company(self.company)._after_draft(value, self.company, draft)
        self.assertEqual((after["revenue_12m"], after["margin_12m"]), (600, 240))
        draft.action_post()
        self.assertFigures(customer, revenue_12m=600, margin_12m=240)
