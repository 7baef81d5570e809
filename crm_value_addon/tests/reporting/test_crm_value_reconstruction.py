import contextlib
from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.tests import new_test_user
from odoo.tools import SQL

from ..common import TODAY, ValueCase

_BATCH = "odoo.addons.crm_value_addon.models.reporting.crm_value_reconstruction._BATCH"


@freeze_time(TODAY)
class TestCrmValueReconstruction(ValueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_method = "history"
        cls.env["crm.value.tier"].search([]).action_archive()
        cls.silver, cls.gold = cls.env["crm.value.tier"].create(
            [
                {
                    "name": name,
                    "sequence": sequence,
                    "company_id": cls.company.id,
                    "criterion_ids": [Command.create({"metric": "revenue_12m", "enter_min": enter, "keep_min": keep})],
                }
                for sequence, (name, enter, keep) in enumerate([("Silver", 1, 1), ("Gold", 1000, 800)], 1)
            ]
        )
        cls.bakery, cls.cafe = cls.customer("Bakery"), cls.customer("Café")
        for month in range(1, 25):  # January 2023 to December 2024
            cls.invoice(cls.bakery, date(2023 + (month - 1) // 12, (month - 1) % 12 + 1, 10), 100, product=cls.product)
        for month in range(1, 7):
            cls.invoice(cls.bakery, date(2025, month, 10), 100, product=cls.product)
        cls.cafe_invoice = cls.invoice(cls.cafe, "2025-02-10", 500)
        cls.credit_note(cls.cafe_invoice, "2025-04-10", 200)

    def reconstruct(self, company=None):
        company = company or self.company
        service = (
            self.env["crm.value.reconstruction"].with_company(company).with_context(allowed_company_ids=company.ids)
        )
        return service._reconstruct()

    def rows(self, partner=None, company=None):
        domain = [("company_id", "=", (company or self.company).id), ("is_reconstructed", "=", True)]
        if partner:
            domain.append(("value_id.partner_id", "=", partner.id))
        return self.env["crm.value.snapshot"].search(domain, order="as_of_date, value_id")

    def figures(self):
        names = ["value_id", "as_of_date", "revenue_12m", "realised_value", "clv", "equity", "tier_id"]
        return self.rows().read([*names, "lifecycle_stage"], load=None)

    def stored_without_ids(self):
        return [{name: row[name] for name in row if name != "id"} for row in self.figures()]

    def test_two_years_from_the_first_day(self):
        self.refresh()
        self.assertFalse(self.rows())
        run = self.reconstruct()
        self.assertEqual((run.kind, run.state, run.written), ("history", "done", 28))
        taken = self.rows(self.bakery)
        self.assertEqual(taken[0].as_of_date, date(2023, 6, 30))
        self.assertEqual(taken[-1].as_of_date, date(2025, 5, 31))
        self.assertEqual(len(taken), 24)
        revenue = dict(zip(taken.mapped("as_of_date"), taken.mapped("revenue_12m"), strict=True))
        self.assertEqual(revenue[date(2023, 6, 30)], 600)
        self.assertEqual(revenue[date(2024, 6, 30)], 1200)
        # the credit note is there from its own day on
        cafe = {row.as_of_date: row.revenue_12m for row in self.rows(self.cafe)}
        self.assertEqual(
            cafe, {date(2025, 2, 28): 500, date(2025, 3, 31): 500, date(2025, 4, 30): 300, date(2025, 5, 31): 300}
        )

    def test_equal_to_the_refresh_of_that_day(self):
        with freeze_time(date(2025, 3, 31)):
            self.refresh()
            value = self.value(self.bakery)
            names = ["revenue_12m", "transaction_value", "tier_id", "lifecycle_stage"]
            [then] = value.read(names, load=None)
        self.env["crm.value.snapshot"].search([]).unlink()
        self.refresh()
        self.reconstruct()
        row = self.rows(self.bakery).filtered(lambda row: row.as_of_date == date(2025, 3, 31))
        for name in names:
            self.assertEqual(row.read([name], load=None)[0][name], then[name], name)
        self.assertEqual(row.equity, row.transaction_value)
        self.assertGreater(row.equity, 0)
        self.assertEqual(row.realised_value, 27 * 40)

    def test_tier_since(self):
        self.refresh()
        self.assertEqual(self.value(self.bakery).tier_since, TODAY)
        changes = self.env["crm.value.tier.change"].search_count([])
        mails = self.env["mail.mail"].search_count([])
        grants = self.env["crm.value.grant"].search_count([])
        self.reconstruct()
        bakery = self.value(self.bakery)
        self.assertEqual((bakery.tier_id, bakery.tier_since), (self.gold, date(2023, 10, 31)))
        self.assertEqual(self.rows(self.bakery)[0].tier_id, self.silver)
        self.assertEqual(self.value(self.cafe).tier_since, date(2025, 2, 28))
        # nobody is told
        self.assertEqual(self.env["crm.value.tier.change"].search_count([]), changes)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)
        self.assertEqual(self.env["crm.value.grant"].search_count([]), grants)
        versions = self.row_versions()
        self.refresh()
        self.assertEqual(self.row_versions(), versions)

    def test_a_break_begins_the_tier_again(self):
        pub = self.customer("Pub")
        self.invoice(pub, "2023-01-10", 1500)
        self.invoice(pub, "2024-11-10", 1500)
        self.refresh()
        self.reconstruct()
        self.assertEqual(self.value(pub).tier_since, date(2024, 11, 30))
        without = self.rows(pub).filtered(lambda row: date(2024, 1, 31) <= row.as_of_date <= date(2024, 10, 31))
        self.assertFalse(without.tier_id)
        self.assertEqual(len(without), 10)

    def test_a_tier_by_hand_keeps_its_day(self):
        self.refresh()
        value = self.value(self.bakery)
        self.env["crm.value.tier.lock"].create({"value_id": value.id, "tier_id": self.gold.id, "reason": "Friend"})
        self.reconstruct()
        self.assertEqual(value.tier_since, TODAY)

    def test_again_and_interrupted(self):
        self.refresh()
        with patch(_BATCH, 1):
            self.reconstruct()
            expected = self.stored_without_ids()
            since = self.Value.search([]).mapped("tier_since")
            self.reconstruct()
            self.assertEqual(self.stored_without_ids(), expected)
            self.rows().unlink()
            self.env["crm.value.run"].search([("kind", "=", "history")]).unlink()
            calls = []

            def die(work):
                if len(calls) == 2:
                    raise RuntimeError("killed")
                calls.append(work)
                return work()

            service = self.env["crm.value.reconstruction"].with_company(self.company)
            with contextlib.suppress(RuntimeError):
                service._reconstruct(die)
            self.assertEqual(self.rows().value_id.partner_id, self.bakery)
            self.assertTrue(service._is_due(self.company))
            with patch.object(
                type(service), "_reconstruct_customers", autospec=True, side_effect=type(service)._reconstruct_customers
            ) as again:
                run = service._reconstruct()
            self.assertEqual([call.args[2] for call in again.call_args_list], [self.cafe.ids])
        self.assertEqual(run.state, "done")
        self.assertEqual(self.stored_without_ids(), expected)
        self.assertEqual(self.Value.search([]).mapped("tier_since"), since)
        self.assertFalse(service._is_due(self.company))

    def test_due_again_when_older_books_are_loaded(self):
        service = self.env["crm.value.reconstruction"]
        self.assertFalse(service._is_due(self.company), "no refresh yet")
        pub = self.customer("Pub")
        self.env["account.move"].search([("partner_id", "in", (self.bakery | self.cafe).ids)]).button_draft()
        self.env["crm.value.queue"].search([]).unlink()
        self.invoice(pub, "2025-03-10", 100)
        self.refresh()
        self.assertEqual(self.reconstruct().written, 3)
        self.assertFalse(service._is_due(self.company))
        self.invoice(self.bakery, "2024-12-10", 100)
        self.refresh()
        self.assertTrue(service._is_due(self.company))
        self.assertEqual(self.reconstruct().written, 6)

    def test_no_customers(self):
        company = (
            self.company_data_2["company"] if hasattr(self, "company_data_2") else self.setup_other_company()["company"]
        )
        self.assertFalse(self.env["crm.value.reconstruction"]._is_due(company))
        self.assertFalse(self.reconstruct(company))

    def test_second_company_with_its_own_currency(self):
        self.env.ref("base.EUR").active = True
        other = self.setup_other_company(currency_id=self.env.ref("base.CHF").id)["company"]
        self.env["res.currency.rate"].create(
            {"name": "2020-01-01", "rate": 0.5, "currency_id": self.env.ref("base.EUR").id, "company_id": other.id}
        )
        there = self.env(context=dict(self.env.context, allowed_company_ids=other.ids))
        move = there["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.bakery.id,
                "invoice_date": "2025-03-10",
                "currency_id": self.env.ref("base.EUR").id,
                "invoice_line_ids": [Command.create({"name": "Line", "price_unit": 100, "tax_ids": [Command.clear()]})],
            }
        )
        move.action_post()
        self.refresh()
        there["crm.value.refresh"].with_company(other)._refresh_company()
        self.reconstruct(other)
        self.assertFalse(self.rows())
        rows = self.rows(company=other)
        self.assertEqual(len(rows), 3)
        self.assertEqual(rows.mapped("revenue_12m"), [move.amount_untaxed_signed] * 3)
        self.assertEqual(rows.currency_id, self.env.ref("base.CHF"))

    def test_who_objects_is_not_evaluated(self):
        self.bakery.value_opt_out = True
        self.refresh()
        self.reconstruct()
        rows = self.rows(self.bakery)
        self.assertEqual(set(rows.mapped("clv")), {0.0})
        self.assertFalse(rows.tier_id)
        self.assertEqual(rows[-1].revenue_12m, 1200)

    def test_the_trend_lives_at_once(self):
        self.refresh()
        self.reconstruct()
        trend = self.env["crm.value.dashboard"].with_company(self.company).read_dashboard()["trend"]
        self.assertEqual(len(trend["points"]), 13)

    def test_what_was_reconstructed_says_so(self):
        self.refresh()
        self.reconstruct()
        self.assertEqual(set(self.rows().mapped("method")), {"history"})
        points = self.env["crm.value.dashboard"].with_company(self.company).read_dashboard()["trend"]["points"]
        self.assertEqual([point["is_reconstructed"] for point in points], [True] * 12 + [False])
        summary = self.env["crm.value.equity"].with_company(self.company).equity_summary()
        flags = {point["date"]: point["is_reconstructed"] for point in summary["trend"]}
        self.assertEqual((flags["2025-05-31"], flags["2025-06-30"]), (True, False))
        page = self.env["crm.value.equity"].with_company(self.company).create({})
        self.assertEqual(page.reconstructed_until, date(2025, 5, 31))
        estimated, reconstructed = page.trend_chart["series"]
        for one, other in zip(estimated["values"], reconstructed["values"], strict=True):
            self.assertEqual((one is None) + (other is None), 1)

    def test_revenue_is_what_documents_say(self):
        self.refresh()
        self.reconstruct()
        seller = new_test_user(
            self.env,
            "history_seller",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        env = self.env(user=seller)
        trend = env["crm.value.dashboard"].with_company(self.company).read_dashboard(period="year")["trend"]
        self.assertFalse(any(point["is_reconstructed"] for point in trend["points"]))
        self.assertEqual(trend["change"]["since"], "2024-06-30")
        chart = env["crm.value.customer.page"].with_company(self.company).read_page(self.value(self.bakery).id)["chart"]
        self.assertFalse(chart["reconstructed"])
        self.assertEqual(chart["worth"][-2], 1200)

    def test_nothing_is_compared_with_what_was_reconstructed(self):
        self.refresh()
        self.reconstruct()
        value = self.value(self.bakery)
        trend = self.env["crm.value.dashboard"].with_company(self.company).read_dashboard()["trend"]
        self.assertFalse(trend["change"])
        summary = self.env["crm.value.equity"].with_company(self.company).equity_summary()
        self.assertFalse(summary["change"]["since"])
        self.assertFalse(self.env["crm.value.explanation"]._explain_since(value))
        past = self.env["crm.value.followup.reason"]._before_clv(self.company, TODAY)
        self.assertFalse(self.env.execute_query(SQL("SELECT past.* FROM crm_value value %s", past)))
        with freeze_time(date(2025, 7, 1)):
            summary = self.env["crm.value.equity"].with_company(self.company).equity_summary()
            self.assertEqual(summary["change"]["since"], "2025-06-30")
            self.assertEqual(self.env["crm.value.explanation"]._explain_since(value)["as_of_date"], "2025-06-30")

    def test_the_chart_of_the_customer(self):
        self.refresh()
        self.reconstruct()
        pages = self.env["crm.value.customer.page"].with_company(self.company)
        chart = pages.read_page(self.value(self.bakery).id)["chart"]
        self.assertIsNone(chart["worth"][-2])
        self.assertGreater(chart["reconstructed"][-2], 0)
        self.assertIsNone(chart["reconstructed"][-1])
        self.assertEqual([move["text"] for move in chart["moves"]], ["10/31/2023: Silver → Gold"])
        self.assertTrue(chart["moves"][0]["is_up"])

    def test_the_scheduled_action(self):
        triggered = self.env["ir.cron.trigger"].search_count([])
        self.refresh()
        self.assertEqual(self.env["ir.cron.trigger"].search_count([]), triggered + 1)
        with self.enter_registry_test_mode():
            self.env.ref("crm_value_addon.ir_cron_month_ends").method_direct_trigger()
        self.assertEqual(len(self.rows()), 28)
