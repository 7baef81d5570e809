from datetime import date, datetime

from freezegun import freeze_time

from odoo import Command
from odoo.addons.crm_value_addon.models.refresh.basis import Basis
from odoo.addons.crm_value_addon.tests.common import TODAY

from .. import post_init_hook
from ..models import crm_value_till_order
from .common import TillCase


@freeze_time(TODAY)
class TestTillPurchases(TillCase):
    """What is bought at the till; a widget sells at 100 and costs 60, the margin rate is 40 %."""

    # sales

    def test_a_sale(self):
        customer = self.customer()
        self.sell(customer, [(3, 100)])
        self.assert_both_ways(
            customer,
            {
                "revenue_total": 300,
                "margin_total": 120,
                "purchase_count": 1,
                "monetary_value": 300,
                "refund_total": 0,
                "first_purchase_date": date(2025, 6, 1),
                "method": "history",
            },
        )
        self.assert_books_agree()

    def test_two_sales_and_an_invoice_on_a_day_are_one_purchase(self):
        customer = self.customer()
        self.sell(customer)
        self.sell(customer, [(1, 50)])
        self.invoice(customer, "2025-06-01", 25)
        self.refresh(customer)
        self.assertRecordValues(
            self.days(customer),
            [{"revenue": 175, "document_count": 3, "is_purchase": True, "till_order_count": 2}],
        )
        self.assert_both_ways(customer, {"purchase_count": 1, "revenue_total": 175})
        self.assert_books_agree()

    def test_the_contact_of_a_company(self):
        company = self.customer("Company", is_company=True)
        person = self.customer("Person", parent_id=company.id)
        self.sell(person)
        self.assert_both_ways(company, {"revenue_total": 100})
        self.assertFalse(self.env["crm.value"].search([("partner_id", "=", person.id)]))

    def test_several_payments(self):
        customer = self.customer()
        self.sell(customer, [(1, 100)], payments=[(self.bank, 30), (self.cash, 70)])
        self.assert_both_ways(customer, {"revenue_total": 100, "purchase_count": 1})

    def test_a_tip_is_no_purchase(self):
        customer = self.customer()
        tip = self.till.tip_product_id or self.env.ref("point_of_sale.product_product_tip")
        self.sell(customer, [(1, 100), (1, 10, {"product_id": tip.id})])
        self.assert_both_ways(customer, {"revenue_total": 100, "margin_total": 40})
        other = self.customer("Tips only")
        self.sell(other, [(1, 10, {"product_id": tip.id})])
        self.assert_both_ways(other, {"revenue_total": 0, "purchase_count": 0, "margin_total": 0})

    def test_rounding_of_cash_is_no_revenue(self):
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "Round",
                "rounding": 0.05,
                "rounding_method": "HALF-UP",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )
        till = self.make_till(
            "Rounding",
            payment_method_ids=[Command.set(self.another_cash().ids)],
            cash_rounding=True,
            rounding_method=rounding.id,
        )
        customer = self.customer()
        self.sell(customer, [(1, 99.98)], till=till, payments=[(till.payment_method_ids, 100)], amount_total=100)
        self.assert_both_ways(customer, {"revenue_total": 99.98, "margin_total": 39.98})

    def test_taxes(self):
        customer = self.customer()
        self.sell(
            customer, [(1, 100, {"price_subtotal": 80, "price_subtotal_incl": 100})], amount_total=100, amount_tax=20
        )
        self.assert_both_ways(customer, {"revenue_total": 80, "margin_total": 20})

    # margin

    def test_what_a_line_costs(self):
        customer = self.customer()
        free = self.goods("Without cost", 50, 0)
        self.sell(customer, [(2, 50, {"product_id": free.id})])
        self.assert_both_ways(customer, {"revenue_total": 100, "margin_total": 40})
        self.give_back(customer.pos_order_ids, 1)
        self.assert_both_ways(customer, {"revenue_total": 50, "margin_total": 20})

    def test_a_discount_line_is_all_margin(self):
        customer, bonus = self.customer(), self.goods("Bonus", 0, 5)
        self.sell(customer, [(1, 100), (1, -10, {"product_id": bonus.id})])
        self.assert_both_ways(customer, {"revenue_total": 90, "margin_total": 30, "monetary_value": 90})

    def test_a_price_corrected_by_a_refund(self):
        customer = self.customer()
        order = self.sell(customer)
        line = {"refunded_orderline_id": order.lines.id}
        self.sell(customer, [(-1, 5, line)], "2025-06-10", is_refund=True)
        self.assert_both_ways(customer, {"revenue_total": 95, "margin_total": 35, "purchase_count": 1})
        other = self.customer("Other")
        line = {"refunded_orderline_id": self.sell(other).lines.id}
        self.sell(other, [(-1, 80, line)], "2025-06-10", is_refund=True)
        self.assert_both_ways(other, {"revenue_total": 20, "margin_total": 20})

    def test_an_order_without_a_date(self):
        customer, other = self.customer(), self.customer("Other")
        order = self.sell(customer) + self.sell(other)
        self.env.flush_all()
        self.env.cr.execute("UPDATE pos_order SET date_order = NULL WHERE id = %s", [order[0].id])
        self.env.invalidate_all()
        self.assert_both_ways(other, {"revenue_total": 100})
        self.assert_both_ways(customer, {"revenue_total": 100})

    def test_a_given_away_product_costs(self):
        customer = self.customer()
        self.sell(customer, [(1, 100), (1, 0)])
        self.assert_both_ways(customer, {"revenue_total": 100, "margin_total": -20})

    def test_a_combo_costs_what_its_parts_cost(self):
        choice = self.env["product.combo"].create(
            {"name": "Choice", "combo_item_ids": [Command.create({"product_id": self.product.id})]}
        )
        customer = self.customer()
        combo = self.goods("Meal", 100, 60, type="combo", combo_ids=[Command.set(choice.ids)])
        self.sell(customer, [(1, 0, {"product_id": combo.id}), (1, 100)])
        self.assert_both_ways(customer, {"revenue_total": 100, "margin_total": 40})

    def test_a_later_change_of_the_cost_rewrites_no_history(self):
        customer = self.customer()
        order = self.sell(customer)
        self.refresh(customer)
        self.product.standard_price = 90
        self.assert_both_ways(customer, {"margin_total": 40})
        order.partner_id = self.customer("Other")
        self.assert_both_ways(order.partner_id, {"margin_total": 40})

    def test_a_cost_that_is_known_when_the_session_is_closed(self):
        categ = self.env["product.category"].create({"name": "FIFO", "property_cost_method": "fifo"})
        self.till.company_id.point_of_sale_update_stock_quantities = "closing"
        till = self.make_till("Closing")
        stored = self.goods("Stored", 100, 60, is_storable=True, categ_id=categ.id)
        self.env["stock.quant"]._update_available_quantity(stored, till.picking_type_id.default_location_src_id, 5)
        customer = self.customer()
        order = self.sell(customer, [(1, 100, {"product_id": stored.id})], till=till)
        self.assertFalse(order.is_total_cost_computed)
        self.assert_both_ways(customer, {"margin_total": 40})
        stored.standard_price = 70
        till.current_session_id.close_session_from_ui()
        self.assertTrue(order.is_total_cost_computed)
        self.assert_both_ways(customer, {"margin_total": 100 - order.lines.total_cost})
        self.assert_books_agree()

    # returns

    def test_a_return_takes_back_from_the_day_of_its_sale(self):
        customer = self.customer()
        order = self.sell(customer, [(3, 100)], "2025-05-01")
        self.sell(customer, [(1, 50)], "2025-05-20")
        self.give_back(order, 1)
        expected = {
            "revenue_total": 250,
            "margin_total": 120 - 10 - 40,
            "purchase_count": 2,
            "monetary_value": 125,
            "refund_total": 100,
            "last_purchase_date": date(2025, 5, 20),
        }
        self.assert_both_ways(customer, expected)
        self.give_back(order, 2)
        self.assert_both_ways(
            customer,
            {"revenue_total": 50, "purchase_count": 1, "refund_total": 300, "first_purchase_date": date(2025, 5, 20)},
        )
        self.assert_books_agree()

    def test_everything_given_back(self):
        customer = self.customer()
        order = self.sell(customer)
        self.give_back(order)
        self.assert_both_ways(
            customer,
            {"revenue_total": 0, "margin_total": 0, "purchase_count": 0, "refund_total": 100, "monetary_value": 0},
        )

    def test_a_refund_of_a_refund(self):
        customer = self.customer()
        order = self.sell(customer, day="2025-05-01")
        refund = self.give_back(order, day="2025-05-10")
        again = self.sell(
            customer, [(1, 100, {"refunded_orderline_id": refund.lines.id})], "2025-05-11", is_refund=False
        )
        self.assertEqual(again.refunded_order_id, refund)
        self.assert_both_ways(
            customer,
            {
                "revenue_total": 100,
                "margin_total": 40,
                "purchase_count": 1,
                "refund_total": 0,
                "first_purchase_date": date(2025, 5, 1),
            },
        )
        self.assert_books_agree()

    def test_an_exchange(self):
        customer = self.customer()
        order = self.sell(customer, day="2025-05-01")
        self.sell(customer, [(-1, 100, {"refunded_orderline_id": order.lines.id}), (1, 150)], "2025-05-10")
        self.assert_both_ways(
            customer,
            {
                "revenue_total": 150,
                "purchase_count": 1,
                "monetary_value": 150,
                "refund_total": 100,
                "first_purchase_date": date(2025, 5, 10),
            },
        )

    def test_a_return_without_its_sale(self):
        customer = self.customer()
        self.sell(customer, day="2025-05-01")
        self.sell(customer, [(-1, 100)], "2025-06-10")
        self.assert_both_ways(
            customer, {"revenue_total": 0, "purchase_count": 1, "refund_total": 100, "monetary_value": 100}
        )

    def test_a_return_without_a_customer_and_by_another_one(self):
        customer, other = self.customer(), self.customer("Other")
        order = self.sell(customer, [(2, 100)], "2025-05-01")
        self.give_back(order, 1, customer=self.env["res.partner"])
        self.assert_both_ways(customer, {"revenue_total": 200, "purchase_count": 1, "monetary_value": 100})
        self.give_back(order, 1, customer=other)
        self.assert_both_ways(customer, {"revenue_total": 200, "purchase_count": 0, "monetary_value": 0})
        self.assert_both_ways(other, {"revenue_total": -100, "purchase_count": 0, "refund_total": 100})
        run = self.assert_books_agree()
        self.assertEqual(run.till_unattributed_revenue, -100)

    def test_a_return_is_not_there_before_its_day(self):
        customer = self.customer()
        self.give_back(self.sell(customer, [(2, 100)], "2025-05-01"), 1, day="2025-06-10")
        self.refresh(customer)
        bought = {}
        for until in (date(2025, 4, 30), date(2025, 6, 9), date(2025, 6, 10)):
            basis = Basis(self.company, until, customer.ids, until=until)
            days = next(self.env["crm.value.purchase.reader"]._iter_days(basis))
            bought[until.isoformat()] = days["purchase_revenue"].tolist(), days["revenue"].tolist()
        self.assertEqual(
            bought,
            {
                "2025-04-30": ([], []),
                "2025-06-09": ([200.0], [200.0]),
                "2025-06-10": ([100.0, 0.0], [200.0, -100.0]),
            },
        )

    # gift cards and wallets

    def test_gift_card_sold_and_used(self):
        program = self.program("gift_card")
        card = self.goods("Card", 100, 0)
        program.rule_ids.product_ids = card
        reward = program.reward_ids
        buyer, user = self.customer("Buyer"), self.customer("User")
        self.sell(buyer, [(1, 100, {"product_id": card.id})], "2025-05-01")
        self.assert_both_ways(
            buyer, {"revenue_total": 100, "margin_total": 0, "purchase_count": 0, "first_purchase_date": False}
        )
        self.sell(
            user,
            [
                (1, 100),
                (
                    1,
                    -100,
                    {
                        "product_id": reward.discount_line_product_id.id,
                        "reward_id": reward.id,
                        "is_reward_line": True,
                    },
                ),
            ],
            payments=[],
        )
        self.assert_both_ways(
            user, {"revenue_total": 0, "margin_total": 40, "purchase_count": 1, "monetary_value": 100}
        )
        self.assert_books_agree()

    def test_wallet_topped_up_and_used_by_one_customer(self):
        program = self.program("ewallet")
        top_up = self.goods("Top-up", 50, 0)
        program.trigger_product_ids = top_up
        program.rule_ids.product_ids = top_up
        reward = program.reward_ids
        customer = self.customer()
        self.sell(customer, [(1, 50, {"product_id": top_up.id})], "2025-05-01")
        self.sell(
            customer,
            [
                (1, 100),
                (1, -50, {"product_id": reward.discount_line_product_id.id, "reward_id": reward.id}),
            ],
            "2025-05-10",
        )
        self.assert_both_ways(
            customer,
            {"revenue_total": 100, "margin_total": 40, "purchase_count": 1, "first_purchase_date": date(2025, 5, 10)},
        )

    # invoices

    def test_invoiced_at_once_is_the_invoices(self):
        customer = self.customer()
        order = self.sell(customer, to_invoice=True)
        self.assertEqual(order.account_move.state, "posted")
        self.assert_both_ways(customer, {"revenue_total": 100, "margin_total": 40, "purchase_count": 1})
        self.assertFalse(self.days(customer).till_order_count)
        self.assertEqual(self.assert_books_agree().till_revenue, 0)

    def test_invoiced_later_is_counted_once(self):
        customer = self.customer()
        order = self.sell(customer)
        self.assert_both_ways(customer, {"revenue_total": 100})
        self.till.current_session_id.post_closing_cash_details(0)
        self.till.current_session_id.close_session_from_ui()
        self.assertEqual(order.state, "done")
        self.assert_both_ways(customer, {"revenue_total": 100})
        order.action_pos_order_invoice()
        self.assertEqual(sum(self.days(customer).mapped("revenue")), 100, "also before the queue is drained")
        self.assert_both_ways(customer, {"revenue_total": 100, "margin_total": 40, "purchase_count": 1})
        self.assert_books_agree()

    def test_a_return_of_what_was_invoiced(self):
        customer = self.customer()
        order = self.sell(customer, [(2, 100)], "2025-06-05", to_invoice=True)
        self.give_back(order, 1, to_invoice=True)
        self.assert_both_ways(
            customer, {"revenue_total": 100, "purchase_count": 1, "monetary_value": 100, "refund_total": 100}
        )
        self.give_back(order, 1)
        self.assert_both_ways(
            customer, {"revenue_total": 0, "purchase_count": 0, "monetary_value": 0, "refund_total": 200}
        )
        self.assert_books_agree()

    def test_invoiced_after_the_return(self):
        customer = self.customer()
        order = self.sell(customer, [(2, 100)], "2025-05-01")
        self.give_back(order, 1, day="2025-05-10")
        self.assert_both_ways(customer, {"monetary_value": 100})
        order.action_pos_order_invoice()
        self.assert_both_ways(customer, {"revenue_total": 100, "monetary_value": 100, "purchase_count": 1})
        self.assert_books_agree()

    def test_the_view_says_what_the_refresh_reads(self):
        customer, other = self.customer(), self.customer("Other")
        order = self.sell(customer, [(3, 0.1), (1, 0.7)], "2025-05-01")
        for amount in (0.3, 0.2, 0.1):
            self.sell(customer, [(1, amount)], "2025-05-02")
        self.sell(customer, [(-1, 0.6)], "2025-05-02")
        self.give_back(order, 2, customer=other)
        self.invoice(other, "2025-06-10", 5)
        self.refresh()
        read = list(self.env["crm.value.purchase.reader"]._iter_days(Basis(self.company, TODAY)))
        names = ("revenue", "margin", "refund", "purchase_revenue")
        rows = [
            (int(part["partner"][at]), *(round(float(part[name][at]), 2) for name in names))
            for part in read
            for at in range(len(part["partner"]))
        ]
        viewed = self.env["crm.value.purchase"].search([("company_id", "=", self.company.id)], order="partner_id, date")
        self.assertEqual(
            sorted(rows),
            sorted((day.partner_id.id, *(round(day[name], 2) for name in names)) for day in viewed),
        )
        self.assertEqual([day.is_purchase for day in self.days(customer)], [True, False])
        self.assertEqual(self.value(customer).purchase_count, 1)

    # where and when

    def test_the_day_is_the_companys(self):
        self.company.partner_id.tz = "America/New_York"
        customer = self.customer()
        self.sell(customer, day=datetime(2025, 6, 2, 3, 0))
        self.assert_both_ways(customer, {"first_purchase_date": date(2025, 6, 1)})

    def test_another_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("2020-01-01", 0.5)])
        journal = self.env["account.journal"].create(
            {"name": "Euros", "type": "sale", "code": "EUR", "currency_id": euro.id, "company_id": self.company.id}
        )
        pricelist = self.make_pricelist("Euros", 0, currency_id=euro.id)
        cash = self.env["account.journal"].create(
            {"name": "Euros", "type": "bank", "code": "EUB", "currency_id": euro.id, "company_id": self.company.id}
        )
        method = self.env["pos.payment.method"].create({"name": "Euros", "journal_id": cash.id})
        till = self.make_till(
            "Euros",
            journal_id=journal.id,
            pricelist_id=pricelist.id,
            available_pricelist_ids=[Command.set(pricelist.ids)],
            payment_method_ids=[Command.set(method.ids)],
        )
        customer = self.customer()
        order = self.sell(customer, [(1, 50)], till=till, payments=[(method, 50)])
        self.assertEqual(order.currency_rate, 0.5)
        self.assert_both_ways(customer, {"revenue_total": 100, "margin_total": 40})

    def test_another_company(self):
        other = self.setup_other_company(name="Other")["company"]
        customer = self.customer()
        self.sell(customer)
        self.refresh(customer)
        self.assertFalse(
            self.env["crm.value"].search([("company_id", "=", other.id), ("partner_id", "=", customer.id)])
        )
        frozen = self.env["crm.value.till.order"]
        frozen._freeze(other, customer.pos_order_ids.ids)
        self.assertFalse(frozen.search([("company_id", "=", other.id)]))

    def test_own_companies_left_out(self):
        own = self.company.partner_id
        self.sell(own)
        self.sell(self.customer())
        self.company.value_leave_out_intercompany = True
        run = self.refresh()
        self.assertEqual((run.till_revenue, run.intercompany_revenue), (100, 100))
        self.assertEqual(sum(self.Value.search([("company_id", "=", self.company.id)]).mapped("revenue_total")), 100)

    # history and hands that change

    def test_history_is_read_in_batches_by_the_first_refresh(self):
        self.patch(crm_value_till_order, "_FREEZE_BATCH", 2)
        customers = [self.customer(f"Customer {number}") for number in range(5)]
        orders = self.sync(*(self.ticket(customer) for customer in customers))
        self.give_back(orders[0])
        self.env["crm.value.queue"].search([]).unlink()
        self.env["crm.value.run"].search([]).unlink()
        checkpoints = []
        post_init_hook(self.env)
        [run] = self.env["crm.value.run"].search([("company_id", "=", self.company.id)])
        self.assertEqual((run.kind, run.state), ("full", "queued"))

        def transaction(work):
            checkpoints.append(self.env["crm.value.till.order"].search_count([]))
            return work()

        self.Refresh._refresh_company(transaction)
        self.assertEqual(checkpoints[:3], [2, 4, 6], "in batches, each of which is kept")
        self.refresh()
        self.assertEqual([self.value(customer).revenue_total for customer in customers], [0, 100, 100, 100, 100])

    def test_what_nobody_queued_is_found(self):
        customer = self.customer()
        self.sell(customer)
        self.env["crm.value.queue"].search([]).unlink()
        self.assert_both_ways(customer, {"revenue_total": 100})

    def test_refreshed_twice_is_refreshed_once(self):
        customer = self.customer()
        self.give_back(self.sell(customer, [(2, 100)]), 1)
        self.refresh()
        before = self.row_versions()
        frozen = self.env["crm.value.till.order"].search_read([], ["frozen_at", "revenue"])
        self.refresh()
        self.assertEqual(self.row_versions(), before)
        self.assertEqual(self.env["crm.value.till.order"].search_read([], ["frozen_at", "revenue"]), frozen)

    def test_the_customer_changes_after_the_payment(self):
        customer, other = self.customer(), self.customer("Other")
        order = self.sell(customer)
        self.refresh(customer)
        order.partner_id = other
        self.assert_both_ways(other, {"revenue_total": 100, "purchase_count": 1})
        self.assertEqual(self.figures(customer, "revenue_total", "purchase_count"), [0, 0])
        order.partner_id = False
        self.assertEqual(self.figures(other, "revenue_total"), [0])
        run = self.assert_books_agree()
        self.assertEqual((run.till_revenue, run.till_unattributed_revenue), (0, 100))

    def test_a_person_becomes_the_contact_of_a_company(self):
        person, company = self.customer("Person"), self.customer("Company", is_company=True)
        self.give_back(self.sell(person, [(2, 100)]), 1)
        self.refresh(person)
        person.parent_id = company
        self.assert_both_ways(company, {"revenue_total": 100, "purchase_count": 1, "monetary_value": 100})
        self.assert_books_agree()

    def test_customers_merged(self):
        first, second = self.customer("First"), self.customer("Second")
        self.sell(first)
        self.sell(second, [(1, 50)], "2025-06-02")
        self.refresh()
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((first + second).ids, first)
        self.assert_both_ways(first, {"revenue_total": 150, "purchase_count": 2})

    def test_a_deleted_session(self):
        till = self.make_till("Gone")
        customer = self.customer()
        order = self.sell(customer, till=till)
        self.env.flush_all()
        self.env.cr.execute("UPDATE pos_order SET session_id = NULL WHERE id = %s", [order.id])
        self.env.invalidate_all()
        self.assert_both_ways(customer, {"revenue_total": 100, "margin_total": 40})

    # opening what an amount is made of

    def test_opening_a_day(self):
        customer = self.customer()
        order = self.sell(customer)
        self.refresh(customer)
        action = self.days(customer).action_open_documents()
        self.assertEqual((action["res_model"], action["domain"]), ("pos.order", [("id", "in", order.ids)]))
        self.invoice(customer, "2025-06-01", 30)
        day = self.days(customer)
        action = day.action_open_documents()
        self.assertEqual(action["res_model"], "account.move")
        self.assertNotIn("not shown", action["name"])
        self.assertEqual(day.action_open_till_orders()["domain"], [("id", "in", order.ids)])
