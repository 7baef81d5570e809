from unittest.mock import patch

from freezegun import freeze_time

from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from ..common import TODAY, ValueCase
from . import test_crm_value_refresh


@freeze_time(TODAY)
class TestCrmValueWorkers(ValueCase, CronMixinCase):
    """Several workers in one night; two real nodes at it: tests/machines/test_nodes.py."""

    run_cron = test_crm_value_refresh.TestCrmValueRefresh.run_cron
    other_session_holds_the_lock = test_crm_value_refresh.TestCrmValueRefresh.other_session_holds_the_lock

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["res.company"].create({"name": "Other"})
        for company in cls.env["res.company"].search([]) - cls.company - cls.other:
            cls.env["crm.value.run"]._start(company, "full", company._value_today())._finish()

    def runs(self, company):
        return self.env["crm.value.run"].search([("company_id", "=", company.id), ("kind", "=", "full")])

    def test_each_company_once(self):
        self.assertEqual(self.env["crm.value.scheduler"]._companies_due(), self.company + self.other)
        self.run_cron("ir_cron_refresh_all")
        self.assertFalse(self.env["crm.value.scheduler"]._companies_due())
        self.run_cron("ir_cron_refresh_beside")
        self.assertEqual(self.runs(self.company).mapped("state"), ["done"])
        self.assertEqual(self.runs(self.other).mapped("state"), ["done"])

    def test_a_helper_does_the_same(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-01", 10)
        self.run_cron("ir_cron_refresh_beside")
        self.assertEqual(self.value(customer).revenue_total, 10)
        self.assertFalse(self.env["crm.value.scheduler"]._companies_due())

    def test_what_another_one_did_meanwhile_is_not_done_again(self):
        companies = self.env["crm.value.scheduler"]._companies_due()
        self.run_cron("ir_cron_refresh_beside")
        with patch.object(self.registry["ir.cron"], "_commit_progress", lambda *args, **options: 0):
            done = self.env["crm.value.scheduler"]._refresh_each(companies)
        self.assertEqual(done, [True, True])
        self.assertEqual(len(self.runs(self.company)), 1)

    def test_a_company_that_another_one_holds_is_looked_at_again(self):
        cursor = self.other_session_holds_the_lock()
        with self.capture_triggers("crm_value_addon.ir_cron_refresh_all") as capture:
            self.run_cron("ir_cron_refresh_all")
        self.assertEqual(len(capture.records), 1)
        self.assertFalse(self.runs(self.company))
        self.assertEqual(self.runs(self.other).state, "done", "the other company does not wait for it")
        cursor.execute("SELECT pg_advisory_unlock_all()")
        with self.capture_triggers("crm_value_addon.ir_cron_refresh_all") as capture:
            self.run_cron("ir_cron_refresh_all")
        self.assertFalse(capture.records)
        self.assertEqual(self.runs(self.company).state, "done")

    def test_helpers_are_woken_for_more_than_one_company(self):
        name = "crm_value_addon.ir_cron_refresh_beside"
        with self.capture_triggers(name) as capture:
            self.run_cron("ir_cron_refresh_all")
        self.assertEqual(len(capture.records), 1)
        self.env["crm.value.run"]._request(self.company)
        with self.capture_triggers(name) as capture:
            self.run_cron("ir_cron_refresh_all")
        self.assertFalse(capture.records, "one company needs one worker")

    def test_a_duplicated_helper_is_one_more(self):
        self.env.ref("crm_value_addon.ir_cron_refresh_beside").copy()
        self.env["res.company"].create([{"name": "Third"}, {"name": "Fourth"}])
        with self.capture_triggers() as capture:
            self.run_cron("ir_cron_refresh_all")
        helpers = capture.records.cron_id.filtered(lambda cron: cron.code == "model._cron_refresh_beside()")
        self.assertEqual(len(helpers), 2)
