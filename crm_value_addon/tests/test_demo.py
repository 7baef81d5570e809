from dateutil.relativedelta import relativedelta
from freezegun import freeze_time

from ..demo import history, tiers
from ..demo.generator import Generator
from ..demo.profiles import PROFILES
from .common import TODAY, ValueCase


@freeze_time(TODAY)
class TestDemo(ValueCase):
    """The demonstration data holds what it promises; made once, for it takes a while."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_currency = cls.setup_other_currency("EUR", rates=[("2020-01-01", 0.5)])
        cls.env.ref("base.user_admin").company_ids += cls.company
        with freeze_time(TODAY):
            cls.generator = Generator(cls.env, cls.company)
            cls.generator.run()
        cls.values = {profile: cls.value(partner) for profile, partner in cls.generator.customers.items()}

    def of_kind(self, *kinds):
        found = [value for profile, value in self.values.items() if profile.kind in kinds]
        self.assertTrue(found, kinds)
        return found

    def with_extra(self, extra):
        found = [profile for profile in PROFILES if extra in profile.extras]
        self.assertTrue(found, extra)
        return found

    def documents(self, profile):
        return self.env["crm.value.document"].search(
            [("move_id.commercial_partner_id", "=", self.generator.customers[profile].id)]
        )

    def test_every_customer_has_its_value(self):
        self.assertEqual(len(self.values), 60)
        self.assertTrue(all(self.values.values()))
        self.assertFalse(self.env["crm.value.queue"].search([("company_key", "=", self.company.id)]))
        moves = self.env["account.move"].search(
            [
                ("company_id", "=", self.company.id),
                ("state", "=", "posted"),
                ("move_type", "in", ("out_invoice", "out_refund", "out_receipt")),
            ]
        )
        values = self.Value.search([("company_id", "=", self.company.id)])
        self.assertAlmostEqual(
            sum(values.mapped("revenue_total")), sum(moves.mapped("amount_untaxed_signed")), places=2
        )

    def test_two_years_up_to_now(self):
        moves = self.env["account.move"].search(
            [("company_id", "=", self.company.id), ("move_type", "=", "out_invoice"), ("state", "=", "posted")]
        )
        days = moves.mapped("invoice_date")
        self.assertLess(min(days), TODAY - relativedelta(months=23))
        self.assertGreater(min(days), TODAY - relativedelta(months=25))
        self.assertGreater(max(days), TODAY - relativedelta(days=7))
        self.assertLessEqual(max(days), TODAY)

    def test_regular_customers(self):
        for value in self.of_kind("monthly", "key_account"):
            self.assertGreaterEqual(value.purchase_count, 11, value.partner_id.name)
            self.assertLess(value.days_since_last_purchase, 60, value.partner_id.name)
        for value in self.of_kind("quarterly"):
            self.assertIn(value.purchase_count, range(5, 11), value.partner_id.name)
            self.assertLess(value.days_since_last_purchase, 100, value.partner_id.name)

    def test_the_key_account_is_the_largest(self):
        [key] = self.of_kind("key_account")
        self.assertEqual(key.revenue_12m, max(value.revenue_12m for value in self.values.values()))

    def test_lost_slipping_new_and_seasonal_customers(self):
        for value in self.of_kind("lost"):
            self.assertGreater(value.days_since_last_purchase, 240)
            self.assertGreater(value.purchase_count, 3)
        for value in self.of_kind("slipping"):
            self.assertIn(value.days_since_last_purchase, range(80, 120))
        for value in self.of_kind("new"):
            self.assertLessEqual(value.tenure_days, 90)
            self.assertIn(value.purchase_count, (1, 2, 3))
        for value in self.of_kind("seasonal"):
            self.assertIn(value.purchase_count, (2, 3, 4, 5))

    def test_customers_of_one_purchase(self):
        for value in self.of_kind("one_time"):
            self.assertEqual(value.purchase_count, 1 if value.revenue_total else 0, value.partner_id.name)

    def test_prospects_have_no_invoice(self):
        for value in self.of_kind("prospect"):
            self.assertEqual((value.method, value.revenue_total), ("none", 0))

    def test_credit_notes(self):
        for profile in self.with_extra("full_refund") + self.with_extra("partial_refund"):
            notes = self.documents(profile).move_id.filtered(lambda move: move.move_type == "out_refund")
            share = notes.amount_untaxed / notes.reversed_entry_id.amount_untaxed
            if "full_refund" in profile.extras:
                self.assertEqual(share, 1)
            else:
                self.assertLess(share, 0.7)
        for profile in self.with_extra("free_refund"):
            notes = self.documents(profile).move_id.filtered(lambda move: move.move_type == "out_refund")
            self.assertTrue(notes)
            self.assertFalse(notes.reversed_entry_id)

    def test_down_payments(self):
        for percentage in (30, 100):
            for profile in self.with_extra(f"down_payment_{percentage}"):
                [advance] = self.documents(profile).filtered("is_down_payment")
                order = advance.move_id.line_ids.sale_line_ids.order_id
                self.assertAlmostEqual(
                    advance.move_id.amount_untaxed, order.amount_untaxed * percentage / 100, delta=0.02
                )
                self.assertEqual(order.invoice_status, "invoiced")

    def test_margins_from_order_lines_products_and_the_rate(self):
        found = self.env["crm.value.document"]._read_group(
            [("move_id.company_id", "=", self.company.id)], ["margin_source"], ["__count"]
        )
        self.assertEqual({source for source, _count in found}, {"sale_margin", "product_cost", "margin_rate"})
        for profile in PROFILES:
            if profile.by_orders:
                self.assertEqual(set(self.documents(profile).mapped("margin_source")), {"sale_margin"})

    def test_open_receivables(self):
        late = {profile for profile, value in self.values.items() if value.overdue_amount}
        self.assertGreaterEqual(late, set(self.with_extra("overdue")))
        self.assertLess(len(late), 10)

    def test_foreign_currency(self):
        for profile in self.with_extra("foreign_currency"):
            self.assertEqual(self.documents(profile).move_id.currency_id, self.other_currency)

    def test_opportunities_and_quotations(self):
        for profile in self.with_extra("opportunity"):
            self.assertTrue(self.generator.customers[profile].opportunity_ids)
        for profile in self.with_extra("quotation"):
            self.assertEqual(
                self.generator.customers[profile]
                .sale_order_ids.filtered(lambda order: order.state == "sent")
                .mapped("state"),
                ["sent"],
            )

    def test_revenues_are_spread(self):
        revenues = sorted(value.revenue_12m for value in self.values.values() if value.revenue_12m > 0)
        middle = revenues[len(revenues) // 2]
        self.assertGreater(revenues[-1], 20 * middle)
        self.assertLess(revenues[len(revenues) // 5], middle / 4)

    def test_running_it_again_makes_nothing(self):
        counted = ["res.partner", "account.move", "sale.order", "product.product"]
        before = [self.env[name].search_count([]) for name in counted]
        Generator(self.env, self.company).run()
        self.assertEqual([self.env[name].search_count([]) for name in counted], before)

    def test_tiers(self):
        tiers.load(self.env, self.company)
        values = self.Value.search([("company_id", "=", self.company.id)])
        names = values.tier_id.mapped("name")
        self.assertEqual(set(names), {"Bronze", "Silver", "Gold", "Platinum"})
        locked, in_danger = values.filtered("tier_lock_id"), values.filtered("tier_review_date")
        self.assertEqual(
            locked.mapped(lambda value: (value.partner_id.name, value.tier_id.name)),
            [("Parish of St Anselm", "Silver")],
        )
        self.assertEqual(
            in_danger.mapped(lambda value: (value.partner_id.name, value.tier_id.name)), [("Brasserie du Nord", "Gold")]
        )

    def test_the_year_before(self):
        Snapshot = self.env["crm.value.snapshot"]
        in_company = [("company_id", "=", self.company.id)]
        self.env["crm.value.fit"]._fit_company(self.company)
        self.env["crm.value.refresh"].with_company(self.company)._refresh_company()
        worth = sum(self.Value.search(in_company).mapped("clv"))
        began = {
            partner.id: day
            for partner, day in self.env["account.move"]._read_group(
                [*in_company, ("state", "=", "posted")], ["commercial_partner_id"], ["invoice_date:min"]
            )
        }
        history.load(self.env, self.company)
        taken = Snapshot.search([*in_company, ("as_of_date", "<", TODAY)]).grouped("as_of_date")
        self.assertEqual(
            sorted(taken),
            [TODAY.replace(day=1) - relativedelta(months=months, days=1) for months in reversed(range(12))],
        )
        for day, of_day in taken.items():
            replay = self.env["crm.value.replay"].create({"company_id": self.company.id, "as_of_date": day})
            replay.action_replay()
            self.assertTrue(all(partner.id in began and began[partner.id] <= day for partner in of_day.partner_id), day)
            self.assertAlmostEqual(sum(of_day.mapped("transaction_value")), replay.transaction_value, delta=1)
            of_customer = {line.partner_id.id: line for line in of_day}
            self.assertTrue(replay.line_ids)
            for line in replay.line_ids:
                then = of_customer[line.partner_id.id]
                self.assertAlmostEqual(then.revenue_12m, line.revenue_12m, places=2)
                # nothing that was bought later is in it; no cost to serve is configured
                self.assertAlmostEqual(then.realised_value, line.margin_total, places=2)
        self.assertLess(0, len(taken[min(taken)]))
        self.assertLess(len(taken[min(taken)]), len(taken[max(taken)]))
        # what is known today is what was known without the year before
        self.assertAlmostEqual(sum(self.Value.search(in_company).mapped("clv")), worth, delta=1)
        self.assertTrue(self.env["crm.value.fit"].search(in_company, limit=1).mae_history)

    def test_moves_of_the_year_before(self):
        history.load(self.env, self.company)
        moves = self.env["crm.value.tier.change"].search([("company_id", "=", self.company.id)])
        first = min(moves.mapped("date"))
        self.assertEqual(first, TODAY.replace(day=1) - relativedelta(months=11, days=1))
        self.assertEqual(set(moves.filtered(lambda move: move.date == first).mapped("source")), {"initial"})
        later = moves.filtered(lambda move: move.date > first)
        self.assertEqual(set(later.mapped("source")), {"refresh", "history"})
        self.assertEqual(set(later.filtered("from_tier_id").mapped("direction")), {"up", "down"})
        self.assertEqual(
            len(moves.filtered(lambda move: not move.from_tier_id).value_id),
            len(moves.filtered(lambda move: not move.from_tier_id)),
            "nobody gets its first tier twice",
        )
        self.assertTrue(any(value.lifecycle_since and value.lifecycle_since < TODAY for value in moves.value_id))
        counted = ["crm.value.snapshot", "crm.value.tier.change", "crm.value.fit"]
        before = [self.env[name].search_count([]) for name in counted]
        history.load(self.env, self.company)
        self.assertEqual([self.env[name].search_count([]) for name in counted], before)
