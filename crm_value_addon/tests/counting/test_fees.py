import numpy as np
from freezegun import freeze_time

from odoo import Command
from odoo.tools import SQL

from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestFees(SalesCase):
    """Products that are no purchase, wherever lines are read. A widget sells at 100 and costs 60."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postage, cls.catalogue = (
            cls.env["product.product"].create(
                {
                    "name": name,
                    "type": "service",
                    "list_price": 10.0,
                    "invoice_policy": "order",
                    "taxes_id": [Command.clear()],
                    mark: True,
                }
            )
            for name, mark in (("Postage", "value_no_purchase"), ("Catalogue", "value_not_for_tiers"))
        )

    def line(self, product, price, quantity=1):
        return {"product_id": product.id, "price_unit": price, "quantity": quantity}

    def bought(self, customer):
        """Return what the table of products says: product → (revenue, margin)."""
        self.company.value_product_level = "product"
        self.refresh()
        rows = self.env["crm.value.product"].search([("partner_id", "=", customer.id)])
        return {row.product_tmpl_id: (row.revenue_12m, row.margin_12m) for row in rows}

    # what customers buy

    def test_a_fee_is_not_bought(self):
        customer = self.customer()
        self.document_of(customer, "2025-06-01", self.line(self.product, 100), self.line(self.postage, 10))
        self.assertEqual(self.bought(customer), {self.product.product_tmpl_id: (100, 40)})
        self.assertEqual(self.value(customer).margin_total, 44, "the fee's 4 are the customer's, not the widget's")

    def test_fees_alone_are_nothing_bought(self):
        customer = self.customer()
        self.document_of(customer, "2025-06-01", self.line(self.postage, 10))
        self.assertEqual(self.bought(customer), {})
        self.assertFigures(customer, revenue_total=10, margin_total=4, purchase_count=0)

    def test_a_fee_given_back(self):
        customer = self.customer()
        invoice = self.document_of(customer, "2025-06-01", self.line(self.product, 100), self.line(self.postage, 10))
        note = self.credit_note(invoice, "2025-06-10")
        self.assertEqual(self.bought(customer), {})
        self.assertEqual(self.document(note).purchase_revenue, -100)
        self.assertFigures(customer, revenue_total=0, margin_total=0, purchase_count=0, refund_total=100)

    def test_a_category_of_fees_comes_and_goes(self):
        customer = self.customer()
        self.postage.product_tmpl_id.value_no_purchase = False
        self.postage.categ_id = self.env["product.category"].create({"name": "Services"})
        self.document_of(customer, "2025-06-01", self.line(self.product, 100), self.line(self.postage, 10))
        both = {self.product.product_tmpl_id: (100, 40), self.postage.product_tmpl_id: (10, 4)}
        self.assertEqual(self.bought(customer), both)
        self.postage.categ_id.value_no_purchase = True
        self.assertEqual(self.bought(customer), {self.product.product_tmpl_id: (100, 40)})
        self.postage.categ_id.value_no_purchase = False
        self.assertEqual(self.bought(customer), both)

    def test_a_fee_is_not_suggested(self):
        templates = (self.product + self.postage).product_tmpl_id.sorted("id")
        offered = self.env["crm.value.recommender.fit"]._are_offered(self.company, np.array(templates.ids))
        self.assertEqual(
            dict(zip(templates, offered.tolist(), strict=True)),
            {self.product.product_tmpl_id: True, self.postage.product_tmpl_id: False},
        )

    # one rule

    def test_what_is_plain_is_goods(self):
        """The quick condition and the long one part all lines in the same way."""
        customer = self.customer()
        discount = self.env["product.product"].create({"name": "Off", "type": "service"})
        self.company.sale_discount_product_id = discount
        card = self.env["product.product"].create({"name": "Card", "type": "service"})
        self.env["loyalty.program"].create(
            {
                "name": "Cards",
                "program_type": "gift_card",
                "rule_ids": [Command.create({"product_ids": [Command.set(card.ids)]})],
                "reward_ids": [Command.create({"discount": 1, "discount_mode": "per_point"})],
            }
        )
        lines = [
            self.line(self.product, 100),
            self.line(self.product, -100),
            self.line(self.product, 0),
            self.line(self.postage, 10),
            self.line(self.catalogue, 10),
            self.line(discount, 5),
            self.line(card, 25),
            {"name": "No product", "price_unit": 30},
        ]
        moves = self.document_of(customer, "2025-06-01", *lines)
        moves += self.credit_note(moves, "2025-06-02")
        order = self.sell(customer)
        moves += self.bill(order, "2025-06-03", "fixed", fixed_amount=50)
        moves += self.bill(order, "2025-06-04")
        Kind = self.env["crm.value.line.kind"]
        self.env.flush_all()

        def kinds(condition):
            select = Kind._select(self.company, SQL("= ANY(%s)", moves.ids), 2, lines=condition)
            rows = self.env.execute_query(SQL("SELECT kind, count(*) FROM (%s) line GROUP BY kind", select))
            return dict(rows)

        plain = Kind._is_plain(self.company)
        self.assertEqual(kinds(plain), {"goods": 4 - 1}, "the widget, the catalogue, and the order's widgets")
        others = kinds(SQL("NOT (%s)", plain))
        self.assertEqual(set(others), {"goods", "advance", "allowance", "fee"})
        self.assertEqual(others["fee"], 2)
        self.assertEqual(others["advance"], 4)
        everything = kinds(SQL("TRUE"))
        self.assertEqual(everything["goods"], others["goods"] + 3)

    # order lines

    def test_a_fee_takes_nothing_back_from_another_invoice(self):
        """Postage was invoiced last; what comes back is goods of the first invoice."""
        customer = self.customer()
        order = self.sell(customer, delivered=10)
        order.order_line = [Command.create({"product_id": self.postage.id, "price_unit": 10.0, "tax_ids": False})]
        fee = order.order_line.filtered(lambda line: line.product_id == self.postage)
        fee.product_uom_qty = 0
        first = self.bill(order, "2025-05-01")
        fee.product_uom_qty = 1
        second = self.bill(order, "2025-05-20")
        self.assertEqual((first.amount_untaxed, second.amount_untaxed), (1000, 10))
        fee.product_uom_qty = 0
        self.deliver(order, 9)
        note = self.bill(order, "2025-06-10")
        self.assertEqual(note.amount_untaxed_signed, -110)
        self.refresh()
        links = self.env["crm.value.document.origin"].search([("move_id", "=", note.id)])
        self.assertRecordValues(links, [{"counted_id": first.id, "amount": -100}])
        self.assertFigures(customer, revenue_total=900, margin_total=360, purchase_count=1, monetary_value=900)

    # before it is invoiced

    def qualifying_tier(self, enter):
        return self.env["crm.value.tier"].create(
            {
                "name": f"From {enter}",
                "company_id": self.company.id,
                "criterion_ids": [
                    Command.create({"metric": "qualifying_12m", "enter_min": enter, "keep_min": enter / 2})
                ],
            }
        )

    def test_an_order_raises_what_qualifies(self):
        self.env["crm.value.tier"].search([]).active = False
        tier = self.qualifying_tier(1000)
        customer = self.customer()
        order = self.sell(customer, 10, 99.0)
        order.order_line = [
            Command.create({"product_id": product.id, "price_unit": 10.0, "tax_ids": [Command.clear()]})
            for product in (self.postage, self.catalogue)
        ]
        Summary, none = self.env["crm.value.order.summary"], self.env["crm.value"]
        preview = Summary._tier_preview(order, none)
        self.assertEqual((preview["tier_id"], preview["amount"]), (None, 10), "1010 in all, of which 990 qualify")
        self.assertEqual(
            Summary._open_amounts(order), {"amount": 1010, "margin": 400 - 10 + 20, "purchase": 1000, "qualifying": 990}
        )
        invoice = self.bill(order, "2025-06-30")
        self.refresh()
        self.assertEqual((self.value(customer).qualifying_12m, self.value(customer).tier_id), (990, none.tier_id))
        self.invoice(customer, "2025-06-30", 10, product=self.product)
        self.refresh()
        self.assertEqual(self.value(customer).tier_id, tier)
        self.assertEqual(invoice.amount_untaxed, 1010)

    def test_an_order_of_fees_is_no_purchase(self):
        tiers = self.env["crm.value.tier"]
        tiers.search([]).active = False
        tier = tiers.create(
            {
                "name": "Buyers",
                "company_id": self.company.id,
                "criterion_ids": [Command.create({"metric": "purchase_count", "enter_min": 1, "keep_min": 1})],
            }
        )
        customer = self.customer()
        fees, goods = (
            self.env["sale.order"].create(
                {"partner_id": customer.id, "order_line": [Command.create({"product_id": product.id})]}
            )
            for product in (self.postage, self.product)
        )
        Summary = self.env["crm.value.order.summary"]
        found = [Summary._tier_preview(order, self.env["crm.value"])["tier_id"] for order in (fees, goods)]
        self.assertEqual(found, [None, tier.id])

    def test_a_draft_says_what_then_qualifies(self):
        customer = self.customer()
        sold = self.document_of(customer, "2025-05-01", self.line(self.product, 100, 10))
        self.refresh()
        drafts = [
            self.document_of(
                customer,
                "2025-06-10",
                self.line(self.product, 100),
                self.line(self.postage, 10),
                self.line(self.catalogue, 10),
                post=False,
            ),
            self.document_of(customer, "2025-06-11", self.line(self.postage, 10), post=False),
            self.document_of(
                customer,
                "2025-06-12",
                self.line(self.product, 100),
                self.line(self.catalogue, 10),
                move_type="out_refund",
                reversed_entry_id=sold.id,
                post=False,
            ),
        ]
        names = ["revenue_12m", "qualifying_12m", "qualifying_total", "purchase_count", "margin_12m"]
        self.qualifying_tier(1)
        for draft in drafts:
            after = self.env["crm.value.tier.preview"]._after_draft(self.value(customer), self.company, draft)
            draft.action_post()
            self.assertFigures(customer, **{name: after[name] for name in names})
