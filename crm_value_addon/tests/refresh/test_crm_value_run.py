from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..common import TODAY, ValueCase


class TestCrmValueRun(ValueCase):
    """What a run tells, and the activity that a failing cron asks for."""

    def setUp(self):
        super().setUp()
        self.env["crm.value.run"].search([]).unlink()
        self.acme = self.customer("Acme")
        self.admin = new_test_user(
            self.env,
            "alarm_admin",
            groups="base.group_system",
            company_id=self.company.id,
            company_ids=self.company.ids,
        )

    def run_cron(self, name):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref(f"crm_value_addon.{name}").with_user(self.env.ref("base.user_root")).method_direct_trigger()
        self.env.invalidate_all()

    def alarms(self, **of_run):
        runs = self.env["crm.value.run"].search([("company_id", "=", self.company.id), ("alarm_id", "!=", False)])
        return runs.filtered(
            lambda run: run.alarm_id.active and all(run[key] == of_run[key] for key in of_run)
        ).alarm_id

    def fail_once(self, method="_compute", cron="ir_cron_refresh_stale"):
        def fail(model, *args, **kwargs):
            model.env.cr.execute("SELECT 1 / 0")

        with (
            patch.object(type(self.Refresh), method, fail),
            mute_logger("odoo.sql_db", "odoo.addons.crm_value_addon.models.refresh.crm_value_scheduler"),
        ):
            self.run_cron(cron)

    def test_a_failing_cron_asks_once_and_closes_by_itself(self):
        self.invoice(self.acme, TODAY)
        for _time in range(3):
            self.fail_once()
        failed = self.env["crm.value.run"].search([("company_id", "=", self.company.id), ("state", "=", "failed")])
        self.assertEqual(len(failed), 3)
        alarm = self.alarms()
        self.assertEqual(len(alarm), 1)
        self.assertEqual((alarm.res_model, alarm.res_id), ("res.partner", self.company.partner_id.id))
        self.assertTrue(alarm.user_id.has_group("base.group_system"))
        self.assertIn("Changed customers", alarm.summary)
        self.assertNotIn("division", alarm.note)
        self.run_cron("ir_cron_refresh_stale")
        self.assertFalse(self.alarms())
        self.assertFalse(alarm.active)
        self.assertIn("succeeded", alarm.feedback)
        self.invoice(self.acme, TODAY)
        self.fail_once()
        self.assertEqual(len(self.alarms()), 1, "a new failure asks anew")

    def test_an_activity_that_was_done_by_hand_is_asked_for_again_when_it_fails_on(self):
        self.invoice(self.acme, TODAY)
        self.fail_once()
        self.alarms().with_user(self.admin).sudo().action_feedback(feedback="I have a look")
        self.assertFalse(self.alarms())
        self.fail_once()
        self.assertEqual(len(self.alarms()), 1)

    def test_the_nightly_refresh_closes_the_alarm_of_the_minutes(self):
        self.invoice(self.acme, TODAY)
        self.fail_once()
        self.env["crm.value.queue"].search([]).unlink()
        self.Refresh._refresh_company()
        self.assertFalse(self.alarms())

    def test_other_kinds_and_companies_stay_open(self):
        Run = self.env["crm.value.run"]
        other = self.env["res.company"].create({"name": "Elsewhere"})
        for company, kind in [(self.company, "followup"), (self.company, "fit"), (other, "full")]:
            Run._start(company, kind, TODAY)._finish("failed", "no")
        self.Refresh._refresh_company()
        self.assertEqual(len(self.alarms()), 2)
        self.assertTrue(Run.search([("company_id", "=", other.id)]).alarm_id.active)

    def test_a_failing_fit_is_a_run_and_an_alarm(self):
        Fit = self.env["crm.value.fit"]

        def fail(model, company):
            raise ValueError("no such luck")

        with (
            patch.object(type(Fit), "_fit_company", fail),
            mute_logger("odoo.addons.crm_value_addon.models.prediction.crm_value_fit"),
        ):
            self.run_cron("ir_cron_fit")
        run = self.env["crm.value.run"].search([("company_id", "=", self.company.id), ("kind", "=", "fit")])
        self.assertEqual((run.state, run.message), ("failed", "ValueError: no such luck"))
        self.assertEqual(len(self.alarms()), 1)
        self.run_cron("ir_cron_fit")
        self.assertFalse(self.alarms())

    def test_failing_gifts_are_an_alarm_too(self):
        Calendar = self.env["crm.value.gift.calendar"]

        def fail(model, company):
            raise ValueError("no such luck")

        with (
            patch.object(type(Calendar), "_give_due", fail),
            mute_logger("odoo.addons.crm_value_addon.models.benefits.crm_value_gift"),
        ):
            self.run_cron("ir_cron_gifts")
            self.run_cron("ir_cron_gifts")
        self.assertEqual(len(self.alarms(kind="gift")), 1)
        self.run_cron("ir_cron_gifts")
        self.assertFalse(self.alarms())

    def test_failing_follow_ups_do_not_stop_other_companies(self):
        Followup = self.env["crm.value.followup"]

        def fail(model, *args):
            raise ValueError("no such luck")

        with (
            patch.object(type(Followup), "_sync_all", fail),
            mute_logger("odoo.addons.crm_value_addon.models.refresh.crm_value_scheduler"),
        ):
            self.run_cron("ir_cron_followup")
        runs = self.env["crm.value.run"].search([("kind", "=", "followup")])
        self.assertEqual(set(runs.mapped("state")), {"failed"})
        self.assertEqual(runs.company_id, self.env["res.company"].search([]))

    def test_no_administrator_no_second_fault(self):
        self.invoice(self.acme, TODAY)

        def nobody(model, *args, **kwargs):
            raise ValueError("no")

        with (
            patch.object(type(self.env["mail.activity"]), "create", nobody),
            mute_logger("odoo.addons.crm_value_addon.models.refresh.crm_value_run"),
        ):
            self.fail_once()
        self.assertEqual(self.env["crm.value.run"].search([("company_id", "=", self.company.id)]).state, "failed")

    def test_duration_and_the_run_of_a_request(self):
        self.invoice(self.acme, TODAY)
        self.acme.action_recompute_value()
        run = self.env["crm.value.run"].search([("kind", "=", "selected")], limit=1)
        self.assertEqual((run.state, run.processed, run.partner_keys), ("done", 1, self.acme.ids))
        run.started_at = run.finished_at - timedelta(minutes=90)
        self.assertEqual(run.duration, 1.5)
        measure = self.env["crm.value.freshness"]._measure
        self.assertEqual(measure(self.company, self.acme.ids)["minutes"], 0)
        self.assertIsNone(measure(self.company)["minutes"], "the refresh of one customer says nothing of the others")
        self.assertIsNone(measure(self.company, self.customer("Other").ids)["minutes"])

    def test_a_killed_run_does_not_run_for_ever(self):
        run = self.env["crm.value.run"]._start(self.company, "incremental", TODAY)
        run.started_at = fields.Datetime.now() - timedelta(hours=1)
        self.invoice(self.acme, TODAY)
        self.run_cron("ir_cron_refresh_stale")
        self.assertEqual(run.state, "failed")
        self.assertIn("Interrupted", run.message)
        self.assertFalse(self.alarms(), "nothing failed")

    def test_a_customer_deleted_meanwhile_is_named_by_its_number(self):
        gone = self.customer("Gone")
        run = self.env["crm.value.run"]._start(self.company, "full", TODAY)
        run._advance(2, 1, [(gone.id, "reason"), (self.acme.id, "other reason")])
        gone.unlink()
        self.assertEqual(run.skipped_ids.partner_id, self.acme)
        self.assertEqual(len(run.skipped_ids), 2)
