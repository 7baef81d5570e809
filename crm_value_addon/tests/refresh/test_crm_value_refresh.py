import random
import re
from datetime import date, timedelta
from unittest.mock import patch

import psycopg2
from freezegun import freeze_time

from odoo import Command
from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ...models.refresh import crm_value_scheduler, crm_value_writer
from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueRefresh(ValueCase, CronMixinCase):
    def run_cron(self, name):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref(f"crm_value_addon.{name}").with_user(self.env.ref("base.user_root")).method_direct_trigger()
        self.env.invalidate_all()

    def history(self, seed=1, customers=8):
        """Return customers with a random history of invoices and credit notes."""
        dice = random.Random(seed)
        partners = self.env["res.partner"]
        for number in range(customers):
            partners += self.customer(f"Customer {number}")
            for _invoice in range(dice.randint(0, 4)):
                day = TODAY - timedelta(days=dice.randint(0, 900))
                invoice = self.invoice(
                    partners[-1], day, dice.randint(1, 90_000) / 100, product=dice.choice([None, self.product])
                )
                if dice.random() < 0.3:
                    self.credit_note(invoice, day + timedelta(days=dice.randint(0, 5)))
        return partners

    def test_sum_of_the_values_is_the_books(self):
        self.history()
        self.invoice(self.customer("Receipt"), "2025-06-02", 12.34, move_type="out_receipt")
        self.invoice(None, "2025-06-02", 5.5, move_type="out_receipt")
        run = self.refresh()
        books = self.env["account.move"].search(
            [
                ("company_id", "=", self.company.id),
                ("state", "=", "posted"),
                ("commercial_partner_id", "!=", False),
                ("move_type", "in", ("out_invoice", "out_refund", "out_receipt")),
            ]
        )
        values = self.Value.search([("company_id", "=", self.company.id)])
        self.assertAlmostEqual(sum(values.mapped("revenue_total")), sum(books.mapped("amount_untaxed_signed")), 6)
        days = self.env["crm.value.purchase"].search([("company_id", "=", self.company.id)])
        self.assertAlmostEqual(sum(values.mapped("margin_total")), sum(days.mapped("margin")), 6)
        self.assertEqual(run.unattributed_revenue, 5.5)

    def test_windows_are_half_open(self):
        customer = self.customer()
        for day, amount in (
            ("2024-06-30", 1),
            ("2024-07-01", 10),
            ("2024-12-31", 100),
            ("2025-01-01", 1000),
            ("2025-06-30", 10000),
            ("2023-12-31", 100000),
        ):
            self.invoice(customer, day, amount)
        self.refresh(customer)
        self.assertRecordValues(
            self.value(customer),
            [
                {
                    "revenue_total": 111111,
                    "revenue_12m": 11110,
                    "revenue_year": 11000,
                    "revenue_previous_year": 111,
                    "first_purchase_date": date(2023, 12, 31),
                    "last_purchase_date": date(2025, 6, 30),
                    "purchase_count": 6,
                }
            ],
        )
        for name, figure in (("revenue_12m", 11110), ("revenue_year", 11000), ("revenue_previous_year", 111)):
            action = self.value(customer).with_context(value_window=name).action_open_purchases()
            days = self.env["crm.value.purchase"].search(action["domain"])
            self.assertEqual(sum(days.mapped("revenue")), figure, f"the purchases behind {name}")

    def test_clv_by_hand(self):
        customer = self.customer()
        self.invoice(customer, "2025-01-15", 3000)  # margin 40 % = 1200: 100 a month
        self.company.write({"value_horizon_months": 2, "value_discount_rate": 0.21, "value_retention_rate": 0.5**12})
        self.refresh(customer)
        step = 1.21 ** (1 / 12)
        # month 1 brings 100 × 0.5, month 2 brings 100 × 0.25, each discounted at its end
        self.assertAlmostEqual(self.value(customer).clv, round(50 / step + 25 / step**2, 2), 2)
        self.assertRecordValues(self.value(customer), [{"method": "history", "realised_value": 1200}])
        self.company.value_basis = "revenue"
        self.refresh(customer)
        self.assertAlmostEqual(self.value(customer).clv, round(125 / step + 62.5 / step**2, 2), 2)

    def test_incremental_equals_full(self):
        partners = self.history(seed=2)
        self.refresh()
        dice = random.Random(3)
        for partner in dice.sample(list(partners), 4):
            self.invoice(partner, "2025-06-20", dice.randint(1, 900))
        self.run_cron("ir_cron_refresh_stale")
        incremental = self.stored()
        boundaries = self.env["crm.value.run"]._last_boundaries(self.company)
        self.env.cr.execute("DELETE FROM crm_value WHERE company_id = %s", [self.company.id])
        self.env.invalidate_all()
        with patch.object(type(self.Refresh), "_boundaries", lambda model, basis, columns: boundaries):
            self.refresh()
        self.assertEqual(incremental, self.stored())
        self.assertFalse(self.env["crm.value.queue"].search([("company_key", "=", self.company.id)]))

    def test_refreshing_twice_writes_nothing(self):
        partners = self.history(seed=4)
        self.refresh()
        before = self.row_versions()
        run = self.refresh()
        self.assertEqual(run.written, 0)
        self.refresh(partners)
        self.assertEqual(before, self.row_versions())

    def test_a_refresh_of_all_sends_only_what_differs(self):
        partners = self.history(seed=9)
        self.refresh()
        Writer = type(self.env["crm.value.writer"])
        sent, original = [], Writer._incoming_rows

        def _incoming_rows(model, table, columns, *arguments):
            sent.extend(columns["partner_id"].tolist())
            return original(model, table, columns, *arguments)

        self.patch(Writer, "_incoming_rows", _incoming_rows)
        self.refresh()
        self.assertFalse(sent)
        expected = self.stored()
        written, unstored = self.value(partners[0]), self.value(partners[1])
        written.write({"revenue_total": 1})
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM crm_value WHERE id = %s", [unstored.id])
        self.env.invalidate_all()
        run = self.refresh()
        self.assertEqual(sorted(sent), sorted(partners[:2].ids))
        self.assertEqual((run.written, self.stored()), (2, expected))

    def test_few_customers_are_stored_as_many_are(self):
        """In a statement, or by way of a table: every figure is the same, also those that are missing."""
        partners = self.history(seed=11) + self.customer("No purchase")
        self.env["sale.order"].create({"partner_id": partners[-1].id})
        self.assertFalse(self.temporary_tables(lambda: self.refresh(partners)))
        expected = self.stored()
        self.assertTrue(expected)
        for forget in ("DELETE FROM crm_value", "UPDATE crm_value SET revenue_total = 1, figures_digest = NULL"):
            self.env.cr.execute(f"{forget} WHERE company_id = %s", [self.company.id])  # pylint: disable=sql-injection
            self.env.invalidate_all()
            with patch.object(crm_value_writer, "_FEW_ROWS", 0):
                self.assertTrue(self.temporary_tables(lambda: self.refresh(partners)))
            self.assertEqual(self.stored(), expected)

    def temporary_tables(self, work):
        """Return the statements of a piece of work that make tables."""
        made, original = [], type(self.env.cr).execute

        def execute(cursor, query, *arguments, **options):
            made.extend(re.findall("CREATE TEMP TABLE \\S+", getattr(query, "code", query)))
            return original(cursor, query, *arguments, **options)

        with patch.object(type(self.env.cr), "execute", execute):
            work()
        return made

    def test_a_minute_with_nothing_to_do_leaves_no_trace(self):
        """Without a number of its own, a transaction has written nothing, not even to the catalog."""
        with self.registry.cursor() as cr:  # which sees what is committed: an empty queue
            self.env["crm.value.scheduler"].with_env(self.env(cr=cr))._refresh_stale()
            cr.execute("SELECT pg_current_xact_id_if_assigned()")
            self.assertEqual(cr.fetchone(), (None,))

    def test_a_refresh_of_one_compares_every_figure(self):
        partners = self.history(seed=10)
        self.refresh()
        expected = self.stored()
        self.env.cr.execute("UPDATE crm_value SET revenue_total = 1 WHERE partner_id = %s", [partners[0].id])
        self.env.invalidate_all()
        self.refresh(partners[0])
        self.assertEqual(self.stored(), expected)

    def test_midnight_alone_writes_nothing(self):
        self.history(seed=5)
        self.invoice(self.customer("Old"), "2020-01-01")
        self.refresh()
        before = {partner_id: (as_of, figures) for partner_id, as_of, *figures in self.stored()}
        with freeze_time(TODAY + timedelta(days=1)):
            self.refresh()
        for partner_id, as_of, *figures in self.stored():
            same = figures == before[partner_id][1]
            self.assertEqual(as_of, TODAY if same else TODAY + timedelta(days=1))

    def test_population(self):
        ordered, opportunity, cancelled, stranger = (
            self.customer(name) for name in ("Ordered", "Opportunity", "Cancelled", "Stranger")
        )
        self.env["sale.order"].create({"partner_id": ordered.id})
        self.env["sale.order"].create({"partner_id": cancelled.id})._action_cancel()
        self.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "partner_id": opportunity.id, "company_id": self.company.id}
        )
        self.refresh()
        self.assertTrue(self.value(ordered) and self.value(opportunity))
        self.assertFalse(self.value(cancelled) or self.value(stranger))
        self.assertEqual(self.value(ordered).method, "none")

    def test_customer_without_documents_keeps_its_row(self):
        customer = self.customer()
        invoice = self.invoice(customer, "2025-06-01")
        self.refresh()
        row = self.value(customer)
        invoice.button_draft()
        self.refresh()
        self.assertEqual(self.value(customer), row)
        self.assertRecordValues(row, [{"revenue_total": 0, "purchase_count": 0, "first_purchase_date": False}])

    def test_archived_and_merged_customers(self):
        first, second = self.customer("One", email="a@example.com"), self.customer("Two", email="b@example.com")
        self.invoice(first, "2025-06-01", 10)
        self.invoice(second, "2025-06-02", 20)
        self.refresh()
        first.active = False
        self.refresh()
        self.assertEqual(self.value(first).revenue_total, 10)
        first.active = True
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((first + second).ids, second)
        self.run_cron("ir_cron_refresh_stale")
        self.assertEqual(len(self.Value.search([("partner_id", "=", second.id)])), 1)
        self.assertRecordValues(self.value(second), [{"revenue_total": 30, "purchase_count": 2}])

    def test_contact_that_moves_leaves_its_past(self):
        old, new = self.customer("Old", is_company=True), self.customer("New", is_company=True)
        contact = self.customer("Contact", parent_id=old.id)
        self.invoice(contact, "2025-05-01", 10)
        contact.parent_id = new
        self.invoice(contact, "2025-06-01", 20)
        self.refresh()
        self.assertEqual(self.value(old).revenue_total, 10)
        self.assertEqual(self.value(new).revenue_total, 20)

    def test_other_company_and_currency(self):
        other = self.setup_other_company(name="Other")["company"]
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 10)
        Move = self.env["account.move"].with_company(other)
        move = Move.create(
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": "2025-06-01",
                "company_id": other.id,
                "invoice_line_ids": [Command.create({"name": "x", "price_unit": 99, "tax_ids": [Command.clear()]})],
            }
        )
        move.action_post()
        self.run_cron("ir_cron_refresh_all")
        values = self.env["crm.value"].search([("partner_id", "=", customer.id)])
        self.assertEqual({value.company_id: value.revenue_total for value in values}, {self.company: 10, other: 99})
        partner = customer.with_context(allowed_company_ids=[other.id, self.company.id])
        self.assertEqual(partner.revenue_total, 99)
        self.assertEqual(customer.with_company(self.company).revenue_total, 10)

    def test_overdue_receivables(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 100, invoice_date_due="2025-06-15")
        self.invoice(customer, "2025-06-01", 30, invoice_date_due="2025-07-15")
        self.refresh(customer)
        self.assertEqual(self.value(customer).overdue_amount, 100)

    def test_empty_company(self):
        self.assertEqual(self.refresh().state, "done")
        self.assertFalse(self.stored())

    def test_poisoned_customer_is_left_out_and_named(self):
        partners = self.history(seed=6, customers=5)
        poisoned = partners[2]
        self.invoice(poisoned, "2025-06-01", 10)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET amount_untaxed_signed = 'NaN' WHERE commercial_partner_id = %s", [poisoned.id]
        )
        run = self.refresh()
        self.assertEqual((run.state, run.skipped), ("done", 1))
        self.assertEqual(run.skipped_ids.partner_id, poisoned)
        self.assertTrue(run.skipped_ids.reason)
        self.assertFalse(run.message)
        self.assertEqual(len(self.stored()), len([p for p in partners - poisoned if self.value(p)]))
        self.assertFalse(self.value(poisoned))
        self.env["crm.value.queue"]._push_partners(partners, self.company)
        self.run_cron("ir_cron_refresh_stale")
        self.assertEqual(self.env["crm.value.run"].search([], limit=1).skipped, 1)
        self.assertFalse(self.env["crm.value.queue"].search([("company_key", "=", self.company.id)]))

    def test_refusal_by_other_code_leaves_one_customer_out(self):
        partners = self.history(seed=8, customers=5)
        for partner in partners:
            self.invoice(partner, "2025-06-01", 10)
        original = type(self.Assignment)._assign_stored

        def refuse(model, basis, partner_ids, *source):
            if partners[2].id in partner_ids:
                raise UserError(model.env._("an automation rule says no"))
            return original(model, basis, partner_ids, *source)

        with patch.object(type(self.Assignment), "_assign_stored", refuse):
            run = self.refresh()
            self.assertEqual((run.state, run.skipped), ("done", 1))
            self.assertIn("an automation rule says no", run.skipped_ids.reason)
            self.assertEqual(self.value(partners[1]).purchase_count > 0, True)
            with (
                patch("odoo.addons.crm_value_addon.models.refresh.crm_value_writer.SKIP_LIMIT", 0),
                self.assertRaisesRegex(UserError, "More than 0 customers"),
            ):
                self.refresh()

    def test_interrupted_refresh_goes_on(self):
        self.history(seed=7)
        self.refresh()
        expected = self.stored()
        self.env.cr.execute("DELETE FROM crm_value WHERE company_id = %s", [self.company.id])
        self.env.invalidate_all()
        done = []

        def die_after_four(work):
            if len(done) == 4:
                raise KeyboardInterrupt
            done.append(1)
            return work()

        with patch("odoo.addons.crm_value_addon.models.refresh.crm_value_refresh.WRITE_BATCH", 1):
            # Not assertRaises: Odoo's rolls back what was done before the exception, a kill does not.
            try:
                self.Refresh._refresh_company(die_after_four)
                self.fail("the refresh was not interrupted")
            except KeyboardInterrupt:
                self.env.flush_all()
            run = self.env["crm.value.run"].search([("state", "=", "running")])
            self.assertTrue(0 < run.processed < run.total, f"{run.processed} of {run.total}")
            resumed = self.refresh()
        self.assertEqual(resumed, run)
        self.assertEqual((run.state, run.processed), ("done", run.total))
        self.assertEqual(self.stored(), expected)

    def test_queue_row_that_comes_during_a_refresh_stays(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 10)
        Writer = type(self.env["crm.value.writer"])
        original = Writer._write_each

        def post_meanwhile(model, *args, **kwargs):
            self.env["crm.value.queue"]._push({(customer.id, self.company.id, 0)})
            return original(model, *args, **kwargs)

        with patch.object(Writer, "_write_each", post_meanwhile):
            self.refresh()
        self.assertEqual(self.env["crm.value.queue"].search_count([("company_key", "=", self.company.id)]), 1)

    def test_recompute_from_contacts_orders_and_company(self):
        customer = self.customer()
        order = self.env["sale.order"].create({"partner_id": customer.id})
        self.invoice(customer, "2025-06-01", 10)
        for xmlid, record in (("partner", customer), ("order", order), ("company", None)):
            self.env.cr.execute("DELETE FROM crm_value WHERE partner_id = %s", [customer.id])
            self.env.invalidate_all()
            action = self.env.ref(f"crm_value_addon.action_server_recompute_{xmlid}")
            if record:
                action = action.with_context(active_model=record._name, active_ids=record.ids, active_id=record.id)
            result = action.run()
            self.assertEqual(result["tag"], "display_notification")
            self.assertEqual(self.value(customer).revenue_total, 10, xmlid)

    def test_too_many_customers_are_left_to_the_cron(self):
        partners = self.customer("One") + self.customer("Two")
        for partner in partners:
            self.invoice(partner, "2025-06-01", 10)
        self.env["crm.value.queue"].search([]).unlink()
        with (
            patch("odoo.addons.crm_value_addon.models.refresh.crm_value_scheduler.REQUEST_LIMIT", 1),
            self.capture_triggers("crm_value_addon.ir_cron_refresh_stale") as capture,
        ):
            partners.action_recompute_value()
        self.assertEqual(len(capture.records), 1)
        self.assertFalse(self.value(partners[0]))
        self.run_cron("ir_cron_refresh_stale")
        self.assertEqual(self.value(partners[0]).revenue_total, 10)

    def other_session_holds_the_lock(self):
        """Take the writer's lock of the company in a session of its own, until the end of the test."""
        cursor = self.registry.cursor()
        self.addCleanup(cursor.close)
        # Closing a cursor gives its connection back to the pool, with the lock.
        self.addCleanup(cursor.execute, "SELECT pg_advisory_unlock_all()")
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [crm_value_scheduler._LOCK_CLASS, self.company.id])
        self.assertEqual(cursor.fetchone(), (True,))
        return cursor

    def test_one_writer_per_company(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 10)
        self.env["crm.value.queue"].search([]).unlink()
        cursor = self.other_session_holds_the_lock()
        with self.capture_triggers("crm_value_addon.ir_cron_refresh_stale") as capture:
            action = customer.action_recompute_value()
        self.assertEqual(len(capture.records), 1)
        self.assertIn("within a minute", action["params"]["message"])
        self.assertFalse(self.value(customer))
        self.run_cron("ir_cron_refresh_stale")
        self.assertFalse(self.value(customer), "the cron leaves the company to the other writer")
        self.assertTrue(self.env["crm.value.queue"].search([("partner_key", "=", customer.id)]))
        cursor.execute("SELECT pg_advisory_unlock_all()")
        self.run_cron("ir_cron_refresh_stale")
        self.assertEqual(self.value(customer).revenue_total, 10)

    def test_failure_is_recorded_and_the_lock_given_back(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 10)

        def fail(model, *args):
            model.env.cr.execute("SELECT 1 / 0")

        with (
            patch.object(type(self.Refresh), "_compute", fail),
            mute_logger("odoo.sql_db"),
            self.assertLogs("odoo.addons.crm_value_addon", "ERROR"),
        ):
            self.run_cron("ir_cron_refresh_stale")
        run = self.env["crm.value.run"].search([("company_id", "=", self.company.id)], limit=1)
        self.assertEqual(run.state, "failed")
        self.assertIn("division by zero", run.message)
        self.assertTrue(self.env["crm.value.queue"].search([("partner_key", "=", customer.id)]), "nobody is lost")
        self.other_session_holds_the_lock()

    def test_batch_that_meets_another_session_is_tried_again(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 10)
        original, calls = type(self.Refresh)._store, []

        def collide_once(model, *args, **kwargs):
            calls.append(1)
            if len(calls) == 1:
                raise psycopg2.errors.SerializationFailure
            return original(model, *args, **kwargs)

        with patch.object(type(self.Refresh), "_store", collide_once):
            self.run_cron("ir_cron_refresh_stale")
        self.assertEqual(len(calls), 2)
        self.assertEqual(self.value(customer).revenue_total, 10)

    def test_settings_ask_for_a_refresh_once(self):
        with self.capture_triggers("crm_value_addon.ir_cron_refresh_all") as capture:
            self.company.value_horizon_months = 24
            self.company.value_horizon_months = 12
            self.company.value_horizon_months = 12
        self.assertEqual(len(capture.records), 1)

    def test_rights(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 10)
        self.refresh()
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        seller = new_test_user(self.env, "seller", "sales_team.group_sale_salesman", **company)
        senior = new_test_user(self.env, "senior", "sales_team.group_sale_salesman_all_leads", **company)
        employee = new_test_user(self.env, "employee", "base.group_user", **company)
        portal = new_test_user(self.env, "curious", "base.group_portal", **company)
        other = self.setup_other_company(name="Foreign")["company"]
        stranger = new_test_user(
            self.env,
            "stranger",
            "sales_team.group_sale_salesman_all_leads",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        value = self.value(customer)
        self.assertEqual(value.with_user(seller).revenue_total, 10)
        self.assertEqual(customer.with_user(seller).revenue_total, 10)
        for field in ("clv", "margin_total", "realised_value"):
            for record in (value, customer):
                with self.assertRaises(AccessError):
                    record.with_user(seller).read([field])
                record.with_user(senior).read([field])
            with self.assertRaises(AccessError):
                self.env["res.partner"].with_user(seller).search([(field, ">", 0)])
            with self.assertRaises(AccessError):
                self.env["res.partner"].with_user(seller)._read_group([], [], [f"{field}:sum"])
        for user in (employee, portal):
            with self.assertRaises(AccessError):
                value.with_user(user).read(["revenue_total"])
            with self.assertRaises(AccessError):
                customer.with_user(user).read(["revenue_total"])
            with self.assertRaises(AccessError):
                self.env["crm.value"].with_user(user).action_recompute_company()
        with self.assertRaises(AccessError):
            value.with_user(stranger).read(["revenue_total"])
        self.assertEqual(customer.with_user(stranger).with_context(allowed_company_ids=other.ids).revenue_total, 0)
        for user in (seller, senior):
            with self.assertRaises(AccessError):
                value.with_user(user).write({"revenue_total": 1})
