from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..common_benefits import BenefitCase
from ..common_sales import SalesCase


class TestRebate(SalesCase, BenefitCase):
    """2 % of a year from 1,000 on, 5 % from 5,000 on, for Top; a widget sells at 100 and costs 60."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bonus = cls.env["product.product"].create(
            {"name": "Yearly Bonus", "type": "service", "taxes_id": [Command.clear()]}
        )
        cls.top.downgrade_policy = "never"

    def rebate(self, **vals):
        return self.env["crm.value.rebate"].create(
            {
                "name": "Year-end rebate",
                "company_id": self.company.id,
                "tier_id": self.top.id,
                "date_from": "2024-01-01",
                "product_id": self.bonus.id,
                "step_ids": [
                    Command.create({"amount_from": 1000.0, "percent": 2.0}),
                    Command.create({"amount_from": 5000.0, "percent": 5.0}),
                ],
                **vals,
            }
        )

    def member(self, *sales, name="Member"):
        """Return a customer of Top that bought on some days: (day, number of widgets)."""
        customer = self.customer(name)
        self.sales = [
            self.invoice(customer, day, 100.0, product=self.product, quantity=quantity) for day, quantity in sales
        ]
        self.refresh()
        self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(customer).id, "tier_id": self.top.id, "reason": "Member"}
        )
        return customer

    def settle(self, rebate, day):
        with freeze_time(day):
            action = rebate.action_settle()
        return self.env["account.move"].search(action["domain"])

    def owed(self, day):
        rows = self.env["crm.value.liability"].search([("date", "=", day), ("kind", "=", "rebate")])
        return sum(rows.mapped("amount"))

    @freeze_time("2024-12-31")
    def test_steps(self):
        rebate = self.rebate()
        for quantity, amount in ((9, 0.0), (10, 20.0), (49, 98.0), (50, 250.0)):
            customer = self.member(("2024-03-01", quantity), name=str(quantity))
            found = dict((partner.id, due) for partner, due in rebate._find_unsettled(date(2024, 12, 31)))
            self.assertEqual(found.get(customer.id, 0.0), amount, quantity)

    @freeze_time("2025-01-10")
    def test_settled_once(self):
        customer, rebate = self.member(("2024-03-01", 60), ("2025-01-05", 60)), self.rebate()
        [note] = self.settle(rebate, "2025-01-10")
        self.assertRecordValues(
            note, [{"state": "draft", "move_type": "out_refund", "partner_id": customer.id, "amount_untaxed": 300.0}]
        )
        with self.refused("Nothing is due"):
            self.settle(rebate, "2025-01-11")
        note.unlink()
        self.assertEqual(self.settle(rebate, "2025-01-11").amount_untaxed, 300.0, "its note was deleted")

    @freeze_time("2025-01-10")
    def test_an_allowance_that_counts_for_no_tier(self):
        customer, rebate = self.member(("2024-03-01", 60)), self.rebate()
        self.refresh()
        before = self.value(customer)
        margin, qualifying = before.margin_total, before.qualifying_total
        note = self.settle(rebate, "2025-01-10")
        note.invoice_date = "2025-01-10"
        note.action_post()
        self.refresh(customer)
        value = self.value(customer)
        self.assertEqual(round(value.margin_total, 2), round(margin - 300.0, 2), "no goods come back")
        self.assertEqual(value.qualifying_total, qualifying)
        self.assertFalse(rebate._find_unsettled(date(2024, 12, 31)), "and for no rebate")

    @freeze_time("2026-01-10")
    def test_a_later_return_corrects_the_next_one(self):
        self.member(("2024-03-01", 60), ("2025-03-01", 60))
        rebate, [first, _second] = self.rebate(), self.sales
        note = self.settle(rebate, "2025-01-10")
        self.assertEqual(note.amount_untaxed, 300.0)
        self.invoice(first.partner_id, "2024-12-20", 100.0, move_type="out_refund", product=self.product, quantity=20)
        self.refresh()
        self.assertEqual(self.settle(rebate, "2026-01-10").amount_untaxed, 300.0 - (300.0 - 80.0))

    @freeze_time("2024-12-31")
    def test_accrued_month_by_month(self):
        self.member(("2024-02-10", 40), ("2024-05-10", 20))
        self.rebate()
        self.assertEqual(
            [self.owed(day) for day in ("2024-01-31", "2024-02-29", "2024-04-30", "2024-05-31", "2024-12-31")],
            [0.0, 80.0, 80.0, 300.0, 300.0],
        )

    @freeze_time("2025-02-15")
    def test_what_is_settled_is_not_owed(self):
        self.member(("2024-02-10", 60))
        rebate = self.rebate()
        self.assertEqual(self.owed("2025-02-15"), 300.0)
        self.settle(rebate, "2025-02-15").action_post()
        self.assertEqual(self.owed("2025-02-15"), 0.0)
        self.assertEqual(self.owed("2024-11-30"), 300.0, "it was owed then")

    @freeze_time("2024-12-31")
    def test_before_the_first_period_is_over(self):
        rebate = self.rebate()
        with self.refused("The first period of Year-end rebate ends on"):
            rebate.action_settle()

    @freeze_time("2025-04-10")
    def test_quarters(self):
        customer = self.member(("2025-01-05", 10), ("2025-03-05", 5), ("2025-04-05", 99))
        rebate = self.rebate(period="3", date_from="2025-01-01")
        self.assertEqual(rebate._find_unsettled(date(2025, 3, 31)), [(customer, 30.0)])

    @freeze_time("2025-01-10")
    def test_another_tier(self):
        other = self.customer("Other")
        self.invoice(other, "2024-03-01", 3000.0)
        self.refresh()
        self.assertFalse(self.rebate()._find_unsettled(date(2024, 12, 31)))

    def test_what_cannot_be(self):
        steps = {
            "two steps begin at the same": [(0, 1), (0, 2)],
            "is more than the margin": [(0, 41)],
            "gives 0 to 100": [(0, -1)],
            "begins at 0 or more": [(-5, 1)],
            "has no step": [],
        }
        for text, pairs in steps.items():
            with self.subTest(text), self.refused(text):
                self.rebate(
                    step_ids=[Command.create({"amount_from": amount, "percent": share}) for amount, share in pairs]
                )
        with self.refused("first day of a month"):
            self.rebate(date_from="2024-01-02")
        with self.refused("is no service"):
            self.rebate(product_id=self.product.id)
        with self.refused("is more than the margin"):
            self.rebate().step_ids[:1].percent = 90

    @mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_a_seller_settles_nothing(self):
        rebate = self.rebate()
        seller = new_test_user(self.env, "rebate_seller", "sales_team.group_sale_salesman")
        with self.assertRaises(AccessError):
            rebate.with_user(seller).action_settle()
