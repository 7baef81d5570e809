from datetime import date, timedelta
from unittest.mock import patch

import psycopg2
from freezegun import freeze_time

from odoo import Command, fields
from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.exceptions import ValidationError
from odoo.tools import SQL, mute_logger

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestBrokenRows(ValueCase, CronMixinCase):
    """Rows that came into Odoo's tables by other ways than Odoo cost their own customer, and nobody else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sound = cls.customer("Sound")
        cls.invoice(cls.sound, "2025-05-01", 100)
        cls.broken = cls.customer("Broken")
        cls.document = cls.invoice(cls.broken, "2025-05-01", 40)
        cls.refresh()
        cls.invoice(cls.sound, "2025-06-01", 200)

    def break_row(self, record, **columns):
        """Write to the table what Odoo would never write."""
        self.env.flush_all()
        for name, expression in columns.items():
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET %s = %s WHERE id = %s",
                    SQL.identifier(record._table),
                    SQL.identifier(name),
                    SQL(expression),
                    record.id,
                )
            )
        self.env.invalidate_all()

    def run_stale(self):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("crm_value_addon.ir_cron_refresh_stale").with_user(
                self.env.ref("base.user_root")
            ).method_direct_trigger()
        self.env.invalidate_all()
        return self.env["crm.value.run"].search([("company_id", "=", self.company.id)], limit=1)

    def assert_costs_one(self, run, revenue=40):
        """The sound customer has its figures, the broken one those of before, the run and the panel say so."""
        self.assertEqual(run.state, "done")
        self.assertEqual(self.value(self.sound).revenue_total, 300)
        self.assertEqual(self.value(self.broken).revenue_total, revenue)
        self.assertEqual(run.skipped_ids.mapped("partner_key"), self.broken.ids)
        self.assertIn("1 customers were left out.", self.env["crm.value.health"]._check(self.company)["problems"])
        self.assertFalse(self.env["crm.value.queue"].search([("company_key", "=", self.company.id)]))

    def test_amounts_that_are_none(self):
        for amount in ("'NaN'", "'Infinity'", "'-Infinity'", "NULL", "1e300", "('1' || repeat('0', 400))::numeric"):
            with self.subTest(amount=amount):
                self.break_row(self.document, amount_untaxed_signed=amount)
                self.assert_costs_one(self.refresh())
                self.env["crm.value.queue"]._push_partners(self.broken + self.sound, self.company)
                self.assert_costs_one(self.run_stale())

    def test_days_beyond_the_calendar(self):
        for day in ("'infinity'", "'-infinity'", "'5000000-01-01'", "'4000-01-01 BC'"):
            with self.subTest(day=day):
                self.break_row(self.document, invoice_date=day)
                self.assert_costs_one(self.refresh())
                self.env["crm.value.queue"]._push_partners(self.broken + self.sound, self.company)
                self.assert_costs_one(self.run_stale())

    def test_strange_days_of_the_calendar_count(self):
        for day in ("'9999-12-31'", "'0001-01-01'"):
            with self.subTest(day=day):
                self.break_row(self.document, invoice_date=day)
                run = self.refresh()
                self.assertEqual((run.state, run.skipped), ("done", 0))
                self.assertEqual(self.value(self.broken).revenue_total, 40)
                self.assertEqual(self.value(self.sound).revenue_total, 300)
                self.assertTrue(self.env["crm.value.fit"].with_company(self.company)._fit_company(self.company))

    def test_frozen_figures_that_are_none(self):
        frozen = self.env["crm.value.document"].search([("move_id", "=", self.document.id)])
        for amount in ("'NaN'", "'Infinity'"):
            with self.subTest(amount=amount):
                self.break_row(frozen, margin=amount)
                self.assert_costs_one(self.refresh())

    def test_an_unfrozen_document(self):
        [line] = self.document.invoice_line_ids
        for name, value in (("balance", "NULL"), ("quantity", "'Infinity'"), ("quantity", "'NaN'")):
            with self.subTest(column=name, value=value):
                self.break_row(line, **{name: value, "product_id": str(self.product.id)})
                self.env.cr.execute(SQL("DELETE FROM crm_value_document WHERE move_id = %s", self.document.id))
                run = self.refresh()
                self.assertEqual(run.state, "done")
                self.assertEqual(self.value(self.sound).revenue_total, 300)
                self.env["crm.value.queue"]._push_partners(self.broken + self.sound, self.company)
                self.assertEqual(self.run_stale().state, "done")
                self.assertFalse(self.env["crm.value.queue"].search([("company_key", "=", self.company.id)]))

    def test_a_receivable_that_is_no_amount(self):
        line = self.document.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        self.break_row(line, amount_residual="'NaN'", date_maturity="'2025-05-02'")
        self.assert_costs_one(self.refresh())

    def lead(self, partner, **vals):
        return self.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "partner_id": partner.id, "company_id": self.company.id, **vals}
        )

    def test_an_opportunity_of_a_contact_without_a_commercial_partner(self):
        stray = self.customer("Stray")
        self.lead(stray, expected_revenue=500)
        lead = self.lead(self.sound, expected_revenue=1000)
        self.break_row(lead, automated_probability="50")
        self.break_row(stray, commercial_partner_id="NULL")
        run = self.refresh()
        self.assertEqual((run.state, run.skipped), ("done", 1))
        self.assertEqual(run.skipped_ids.partner_key, stray.id)
        self.assertIn("no commercial partner", run.skipped_ids.reason)
        self.assertEqual(self.value(self.sound).growth_value, round(1000 * 0.5 * 0.4 / 1.1 ** (1 / 12), 2))

    def test_a_quotation_of_a_contact_without_a_commercial_partner(self):
        stray = self.customer("Stray")
        order = self.env["sale.order"].create({"partner_id": stray.id, "company_id": self.company.id})
        self.break_row(order, state="'sent'", amount_untaxed="700")
        self.break_row(stray, commercial_partner_id="NULL")
        run = self.refresh()
        self.assertEqual((run.state, run.skipped_ids.mapped("partner_key")), ("done", stray.ids))
        self.assertEqual(self.value(self.sound).revenue_total, 300)

    def test_opportunities_that_cannot_be_counted(self):
        lead = self.lead(self.broken, expected_revenue=500)
        for columns in (
            {"expected_revenue": "'NaN'"},
            {"expected_revenue": "'Infinity'"},
            {"expected_revenue": "10", "automated_probability": "'NaN'"},
        ):
            with self.subTest(**columns):
                self.break_row(lead, **columns)
                self.assert_costs_one(self.refresh())
        for columns in ({"expected_revenue": "NULL", "automated_probability": "NULL"}, {"date_deadline": "'infinity'"}):
            with self.subTest(**columns):
                self.break_row(lead, **{"expected_revenue": "10", "automated_probability": "50"} | columns)
                run = self.refresh()
                self.assertEqual((run.state, run.skipped), ("done", 0))

    def test_quotations_that_cannot_be_counted(self):
        order = self.env["sale.order"].create({"partner_id": self.broken.id, "company_id": self.company.id})
        for columns in ({"amount_untaxed": "'NaN'"}, {"amount_untaxed": "5", "currency_rate": "'NaN'"}):
            with self.subTest(**columns):
                self.break_row(order, **{"state": "'sent'"} | columns)
                self.assert_costs_one(self.refresh())
        for columns in ({"amount_untaxed": "NULL"}, {"currency_rate": "NULL"}, {"validity_date": "'infinity'"}):
            with self.subTest(**columns):
                self.break_row(order, **{"amount_untaxed": "5", "currency_rate": "1"} | columns)
                run = self.refresh()
                self.assertEqual((run.state, run.skipped), ("done", 0))

    def test_feedback_of_a_contact_without_a_commercial_partner(self):
        stray = self.customer("Stray")
        kind = self.env["crm.value.feedback.kind"].create({"name": "Idea", "amount": 25})
        self.env["crm.value.feedback"].create(
            [
                {
                    "partner_id": partner.id,
                    "kind_id": kind.id,
                    "company_id": self.company.id,
                    "date": TODAY,
                    "description": "A smaller box",
                }
                for partner in (stray, self.sound)
            ]
        )
        self.break_row(stray, commercial_partner_id="NULL")
        run = self.refresh()
        self.assertEqual(run.state, "done")
        self.assertGreater(self.value(self.sound).knowledge_value, 0)

    def test_document_without_a_customer_and_without_an_amount(self):
        receipt = self.invoice(None, "2025-06-02", 5.5, move_type="out_receipt")
        self.invoice(None, "2025-06-02", 7, move_type="out_receipt")
        self.break_row(receipt, amount_untaxed_signed="'NaN'")
        self.assertEqual(self.refresh().unattributed_revenue, 7)

    def test_everybody_broken(self):
        for document in self.env["account.move"].search([("company_id", "=", self.company.id)]):
            self.break_row(document, amount_untaxed_signed="'NaN'")
        run = self.refresh()
        self.assertEqual((run.state, run.processed, run.skipped), ("done", 0, 2))

    @mute_logger("odoo.addons.crm_value_addon.models.refresh.crm_value_scheduler")
    def test_a_queue_is_halved_until_the_one_is_found(self):
        """Whatever fails in reading one customer: the others get their figures, and the queue is empty afterwards."""
        others = self.env["res.partner"]
        for number in range(7):
            others += self.customer(f"Other {number}")
            self.invoice(others[-1], "2025-06-02", 10 * (number + 1))
        self.invoice(self.broken, "2025-06-02", 1000)
        original = type(self.env["crm.value.document"])._freeze_queued

        def fail(model, company, queue):
            if any(row[1] == self.broken.id for row in queue):
                self.env.cr.execute("SELECT 1 / 0")
            return original(model, company, queue)

        with patch.object(type(self.env["crm.value.document"]), "_freeze_queued", fail):
            run = self.run_stale()
        self.assertEqual((run.state, run.skipped_ids.partner_key), ("done", self.broken.id))
        self.assertIn("division by zero", run.skipped_ids.reason)
        self.assertEqual(
            [self.value(other).revenue_total for other in others], [10 * (number + 1) for number in range(7)]
        )
        self.assertEqual((self.value(self.sound).revenue_total, self.value(self.broken).revenue_total), (300, 40))
        self.assertFalse(self.env["crm.value.queue"].search([("company_key", "=", self.company.id)]))
        self.refresh()
        self.assertEqual(self.value(self.broken).revenue_total, 1040, "the night makes up for it")

    def test_a_night_is_halved_until_the_one_is_found(self):
        others = [self.customer(f"Other {number}") for number in range(5)]
        for other in others:
            self.invoice(other, "2025-06-01", 10)
        predict = self.registry["crm.value.prediction"]._predict

        def fails(service, basis, columns):
            if self.broken.id in columns["partner_id"]:
                raise ValueError("Nobody thought of this")
            return predict(service, basis, columns)

        self.refresh()
        expected = self.stored([("partner_id", "!=", self.broken.id)])
        self.invoice(self.broken, "2025-06-01", 10)
        with patch.object(self.registry["crm.value.prediction"], "_predict", fails):
            run = self.refresh()
            self.assert_costs_one(run)
            self.assertIn("Nobody thought of this", run.skipped_ids.reason)
            self.assertEqual(self.stored([("partner_id", "!=", self.broken.id)]), expected)
            self.assertTrue(run.boundaries)
            with patch.object(self.registry["crm.value.refresh.range"], "_range_size", lambda *_size: 3):
                run = self.refresh()
            self.assert_costs_one(run)
            self.assertEqual(self.stored([("partner_id", "!=", self.broken.id)]), expected)
        self.refresh()
        self.assertEqual(self.value(self.broken).revenue_total, 50)

    def test_a_night_that_fails_for_everybody_fails(self):
        def fails(_service, _basis, _columns):
            raise ValueError("Out of order")

        with (
            patch.object(self.registry["crm.value.prediction"], "_predict", fails),
            self.assertRaisesRegex(ValueError, "Out of order"),
        ):
            self.refresh()

    def test_a_request_leaves_out_the_broken_one(self):
        self.break_row(self.document, amount_untaxed_signed="'NaN'")
        written, skipped = self.refresh(self.sound + self.broken)
        self.assertEqual((written, [partner_id for partner_id, _reason in skipped]), (1, self.broken.ids))


@freeze_time(TODAY)
class TestFarDays(ValueCase):
    """Numbers of days and months that no calendar reaches."""

    def test_searches_for_any_number_of_days(self):
        customer = self.customer()
        self.invoice(customer, TODAY - timedelta(days=10), 100)
        self.refresh()
        mine = [("company_id", "=", self.company.id)]
        for name in ("days_since_last_purchase", "tenure_days"):
            for far in (1_000_000, 2_000_000_000, 10**30, float("inf")):
                with self.subTest(field=name, far=far):
                    for operator, number, found in (
                        ("<", far, 1),
                        ("<=", far, 1),
                        (">", far, 0),
                        (">=", far, 0),
                        ("=", far, 0),
                        (">", -far, 1),
                        (">=", -far, 1),
                        ("<", -far, 0),
                        ("=", -far, 0),
                    ):
                        self.assertEqual(
                            self.Value.search_count([*mine, (name, operator, number)]), found, (operator, number)
                        )

    def test_every_number_of_days_or_months_has_a_bound(self):
        """A new setting without a bound is found here."""
        unbounded = []
        tier = self.env["crm.value.tier"].search([], limit=1)
        self.env["crm.value.tier.plan"].create(
            {
                "company_id": self.company.id,
                "scheme": tier.scheme,
                "from_date": date(2100, 1, 1),
                "line_ids": [Command.create({"tier_id": tier.id, "downgrade_policy": "grace"})],
            }
        )
        for field in self.fields_of_days():
            model = self.env[field.model_name].sudo()
            record = model.search([], limit=1) if field.model_name != "res.company" else self.company
            self.assertTrue(record, f"{field}: no record to try it with")
            for far in (2_000_000_000, 1_000_000, -1):
                try:
                    with mute_logger("odoo.sql_db"), self.cr.savepoint():
                        record.write({field.name: far})
                        self.env.flush_all()
                        unbounded.append((str(field), far))
                except ValidationError as error:
                    self.assertRegex(str(error), r"between|negative|comes after", f"{field}: a clear sentence")
                except psycopg2.errors.CheckViolation as error:
                    self.assertIn(f"{model._table}_", error.diag.constraint_name, "its sentence stands in the model")
        self.assertFalse(unbounded)

    def fields_of_days(self):
        for name in self.env.registry:
            model = self.env[name]
            if model._transient or model._abstract or not model._auto:
                continue
            for field in model._fields.values():
                label = f"{field.name} {field.string}".lower()
                if (
                    field.type == "integer"
                    and field.store
                    and field.model_name == name
                    and name != "crm.value.benefit"  # its bounds depend on its type: tests/benefits
                    and not (field.readonly or field.related)
                    and "crm_value_addon" in field._modules
                    and ("days" in label or "months" in label)
                ):
                    yield field

    def test_settings_that_say_never(self):
        self.company.write({"value_run_months": 0, "value_snapshot_months": 1200, "value_loyal_days": 36500})
        self.assertEqual(self.company.value_snapshot_months, 1200)
        for model in ("crm.value.run", "crm.value.snapshot"):
            vacuum = [name for name in dir(type(self.env[model])) if name.startswith("_gc")]
            for name in vacuum:
                getattr(self.env[model], name)()
        self.assertEqual(fields.Date.context_today(self.company), TODAY)
