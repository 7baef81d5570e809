from freezegun import freeze_time

from odoo import Command

from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestCrmValueLineKind(SalesCase):
    """What a line earns follows from what it is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.crate = cls.env["product.product"].create({"name": "Crate", "list_price": 50, "standard_price": 0})

    def goods(self, quantity=1, price=100.0, product=None):
        return {"product_id": (product or self.product).id, "quantity": quantity, "price_unit": price}

    # advances

    def test_gift_card(self):
        program = self.env["loyalty.program"].create(
            self.env["loyalty.program"]._get_template_values()["gift_card"]
            | {"name": "Gift cards", "program_type": "gift_card"}
        )
        card_product = program.trigger_product_ids[:1] or program.reward_ids.discount_line_product_id
        program.rule_ids.product_ids = [Command.link(card_product.id)]
        customer = self.customer()
        bought = self.document_of(customer, "2025-05-01", self.goods(price=100, product=card_product))
        self.assertFigures(customer, revenue_total=100, margin_total=0, purchase_count=0, refund_total=0)
        self.assertEqual(self.document(bought).role, "advance")
        redeemed = program.reward_ids.discount_line_product_id
        paid = self.document_of(customer, "2025-06-01", self.goods(), self.goods(price=-100, product=redeemed))
        self.assertEqual(paid.amount_untaxed, 0)
        self.assertFigures(
            customer, revenue_total=100, margin_total=40, purchase_count=1, monetary_value=100, refund_total=0
        )

    def test_gift_card_on_an_order(self):
        program = self.env["loyalty.program"].create(
            {
                "name": "Gift cards",
                "program_type": "gift_card",
                "applies_on": "future",
                "trigger": "auto",
                "rule_ids": [Command.create({"reward_point_mode": "money", "reward_point_amount": 1})],
                "reward_ids": [
                    Command.create(
                        {
                            "reward_type": "discount",
                            "discount_mode": "per_point",
                            "discount": 1,
                            "discount_applicability": "order",
                        }
                    )
                ],
            }
        )
        card = (
            self.env["loyalty.card"].with_context(loyalty_no_mail=True).create({"program_id": program.id, "points": 30})
        )
        customer = self.customer()
        order = self.env["sale.order"].create(
            {
                "partner_id": customer.id,
                "order_line": [Command.create({"product_id": self.product.id, "tax_ids": [Command.clear()]})],
            }
        )
        status = order._try_apply_code(card.code)
        for coupon, rewards in status.items():
            order._apply_program_reward(rewards, coupon)
        self.assertEqual(order.amount_total, 70)
        brings = self.env["crm.value.order.summary"]._open_amounts(order)
        self.assertEqual(brings, {"amount": 70, "margin": 40, "purchase": 100, "qualifying": 100})
        order.action_confirm()
        self.bill(order, "2025-06-01")
        self.assertFigures(customer, revenue_total=70, margin_total=40, purchase_count=1, monetary_value=100)

    def test_deposit_and_order_preview(self):
        customer = self.customer()
        order = self.sell(customer)
        self.bill(order, "2025-05-01", "percentage", amount=30)
        self.refresh(customer)
        before = self.value(customer).revenue_total
        brings = self.env["crm.value.order.summary"]._open_amounts(order)
        self.bill(order, "2025-06-01")
        self.assertFigures(
            customer,
            revenue_total=before + brings["amount"],
            margin_total=brings["margin"],
            monetary_value=brings["purchase"],
            purchase_count=1,
        )
        self.assertEqual(brings, {"amount": 700, "margin": 400, "purchase": 1000, "qualifying": 1000})

    def test_kept_deposit_of_a_cancelled_order(self):
        customer = self.customer()
        order = self.sell(customer, delivered=0)
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.assertFigures(customer, revenue_total=500, margin_total=0, purchase_count=0)
        order._action_cancel()
        self.assertFigures(customer, revenue_total=500, margin_total=500, purchase_count=0)
        order.action_draft()
        self.assertFigures(customer, revenue_total=500, margin_total=0, purchase_count=0)
        order._action_cancel()
        self.credit_note(order.invoice_ids, "2025-06-10", amount=200)
        self.assertFigures(customer, revenue_total=300, margin_total=300, purchase_count=0, refund_total=0)

    def test_deposit_in_a_moving_currency(self):
        currency = self.setup_other_currency("EUR", rates=[("2025-01-01", 1.0), ("2025-06-01", 0.8)])
        pricelist = self.env["product.pricelist"].create({"name": "EUR", "currency_id": currency.id})
        customer = self.customer()
        order = self.sell(customer, delivered=0, order_vals={"pricelist_id": pricelist.id})
        order.order_line.purchase_price = 0  # then the product's cost, in the company's currency, is not asked for
        self.bill(order, "2025-05-01", "percentage", amount=50)
        self.deliver(order, 10)
        final = self.bill(order, "2025-06-01")
        self.assertAlmostEqual(final.amount_untaxed_signed, 625)
        self.assertFigures(customer, revenue_total=1125, margin_total=1125, purchase_count=1, monetary_value=1250)

    # given back, or taken off

    def test_crates(self):
        customer = self.customer()
        self.document_of(customer, "2025-05-01", self.goods(), self.goods(price=50, product=self.crate))
        self.document_of(customer, "2025-06-01", self.goods(), self.goods(-1, 50, self.crate))
        self.assertFigures(customer, revenue_total=200, margin_total=80, purchase_count=2)
        other = self.customer("With a negative price, on one invoice")
        self.document_of(
            other, "2025-05-01", self.goods(2), self.goods(price=50, product=self.crate), self.goods(1, -50, self.crate)
        )
        self.assertFigures(other, revenue_total=200, margin_total=80, purchase_count=1, monetary_value=200)
        third = self.customer("Sold before the books begin")
        self.document_of(third, "2025-05-01", self.goods(1, 50, self.crate), move_type="out_refund")
        self.assertFigures(third, revenue_total=-50, margin_total=-20, refund_total=50, purchase_count=0)

    def test_bonus_as_a_credit_note(self):
        customer = self.customer()
        self.invoice(customer, "2025-05-01", product=self.product, quantity=100)
        self.document_of(customer, "2025-06-01", {"quantity": 1, "price_unit": 500}, move_type="out_refund")
        self.assertFigures(
            customer, revenue_total=9500, margin_total=3500, refund_total=500, purchase_count=1, monetary_value=10000
        )

    def test_bonus_of_a_service_and_of_the_reversal_wizard(self):
        bonus = self.env["product.product"].create({"name": "Bonus", "type": "service"})
        customer = self.customer()
        invoice = self.invoice(customer, "2025-05-01", product=self.product, quantity=100)
        self.document_of(customer, "2025-06-01", self.goods(1, 500, bonus), move_type="out_refund")
        self.assertFigures(customer, revenue_total=9500, margin_total=3500)
        note = self.credit_note_of(invoice, "2025-06-02", {"name": "Discount", "quantity": 1, "price_unit": 200})
        self.assertFigures(customer, revenue_total=9300, margin_total=3300, monetary_value=9800)
        self.assertEqual(self.document(note).reversed_move_id, invoice)

    def credit_note_of(self, invoice, day, *lines):
        return self.document_of(invoice.partner_id, day, *lines, move_type="out_refund", reversed_entry_id=invoice.id)

    def test_price_correction(self):
        for number, (by_wizard, from_order) in enumerate(((True, False), (False, False), (True, True))):
            with self.subTest(by_wizard=by_wizard, from_order=from_order):
                customer = self.customer(f"Customer {number}")
                if from_order:
                    invoice = self.bill(self.sell(customer, 100, delivered=100), "2025-05-01")
                else:
                    invoice = self.invoice(customer, "2025-05-01", product=self.product, quantity=100)
                if by_wizard:
                    self.credit_note(invoice, "2025-06-01", amount=5)
                else:
                    self.document_of(customer, "2025-06-01", self.goods(100, 5), move_type="out_refund")
                self.assertFigures(
                    customer,
                    revenue_total=9500,
                    margin_total=3500,
                    refund_total=500,
                    purchase_count=1,
                    monetary_value=9500 if by_wizard else 10000,
                )

    def test_border_between_return_and_price_correction(self):
        for price, margin in ((100, 0), (70, 30), (50, 50), (49.99, 40 - 49.99), (5, 35), (200.01, 40 - 200.01)):
            with self.subTest(price=price):
                customer = self.customer(f"At {price}")
                invoice = self.invoice(customer, "2025-05-01", product=self.product)
                self.credit_note(invoice, "2025-06-01", amount=price)
                self.refresh(customer)
                self.assertAlmostEqual(self.value(customer).margin_total, margin)

    def test_price_by_another_unit(self):
        dozen = self.env.ref("uom.product_uom_dozen")
        customer = self.customer()
        self.document_of(customer, "2025-05-01", self.goods(1, 1200) | {"product_uom_id": dozen.id})
        self.document_of(customer, "2025-06-01", self.goods(2, 100), move_type="out_refund")
        self.assertFigures(customer, revenue_total=1000, margin_total=400, refund_total=200)
        self.document_of(
            customer, "2025-06-02", self.goods(1, 60) | {"product_uom_id": dozen.id}, move_type="out_refund"
        )
        self.assertFigures(customer, revenue_total=940, margin_total=340)

    def test_goods_back_at_a_low_price(self):
        """The price of the order line was lowered before the goods went back: the delivered quantity says it."""
        customer = self.customer()
        order = self.sell(customer, delivered=10)
        self.bill(order, "2025-05-01")
        self.deliver(order, 8)
        note = self.bill(order, "2025-06-01", post=False)
        note.invoice_line_ids.price_unit = 30
        note.action_post()
        self.assertFigures(customer, revenue_total=940, margin_total=400 - 60 + 120)

    def test_discounts_and_their_reversal(self):
        discount = self.env["product.product"].create({"name": "Discount", "type": "service", "list_price": 100})
        self.company.sale_discount_product_id = discount
        customer = self.customer()
        invoice = self.document_of(
            customer, "2025-05-01", self.goods(10), self.goods(1, -100, discount), {"quantity": 1, "price_unit": -50}
        )
        self.assertFigures(customer, revenue_total=850, margin_total=250, monetary_value=850, refund_total=0)
        self.credit_note(invoice, "2025-06-01")
        self.assertFigures(customer, revenue_total=0, margin_total=0, purchase_count=0, refund_total=850)

    # costs

    def test_cost_of_zero_on_an_order_line(self):
        customer = self.customer()
        order = self.sell(customer, quantity=2)
        order.order_line.purchase_price = 0
        self.assertEqual(self.document_margin(self.bill(order, "2025-05-01")), 200)
        self.product.standard_price = 0
        order = self.sell(customer, quantity=2)
        self.assertEqual(self.document_margin(self.bill(order, "2025-05-02")), 80, "neither has a cost")

    def document_margin(self, move):
        self.refresh(move.partner_id)
        return self.document(move).margin

    def test_cash_rounding(self):
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "To 0.05",
                "rounding": 0.05,
                "strategy": "add_invoice_line",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )
        customer = self.customer()
        invoice = self.document_of(customer, "2025-05-01", self.goods(1, 100.03), invoice_cash_rounding_id=rounding.id)
        self.assertEqual(invoice.amount_untaxed, 100.05)
        self.assertFigures(customer, revenue_total=100.05, margin_total=40.05, monetary_value=100.05)

    def test_other_company(self):
        other = self.setup_other_company(name="Other company")["company"]
        other.value_margin_rate = 0.1
        customer = self.customer()
        self.invoice(customer, "2025-05-01", product=self.product, quantity=100)
        self.document_of(
            customer, "2025-06-01", {"quantity": 1, "price_unit": 500}, move_type="out_refund", company_id=other.id
        )
        self.assertFigures(customer, revenue_total=10000, margin_total=4000, refund_total=0)
        self.Refresh.with_company(other)._refresh_company()
        value = self.Value.search([("partner_id", "=", customer.id), ("company_id", "=", other.id)])
        self.assertRecordValues(value, [{"revenue_total": -500, "margin_total": -500, "refund_total": 500}])
