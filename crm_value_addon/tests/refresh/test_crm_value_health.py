from datetime import timedelta

from odoo import fields
from odoo.tests import new_test_user

from ..common import TODAY, ValueCase


class TestCrmValueHealth(ValueCase):
    """The health panel of the settings."""

    def setUp(self):
        super().setUp()
        self.env["crm.value.run"].search([]).unlink()
        self.acme = self.customer("Acme")
        self.invoice(self.acme, TODAY)

    def health(self, company=None):
        return self.env["crm.value.health"]._check(company or self.company)

    def problems(self):
        return "\n".join(self.health()["problems"])

    def panel(self, user=None):
        settings = self.env["res.config.settings"].with_company(self.company)
        return (settings.with_user(user) if user else settings).create({"company_id": self.company.id}).value_health

    def test_before_the_first_refresh(self):
        self.assertIn("No refresh has finished yet", self.problems())
        self.assertIn("No run yet", self.panel())

    def test_all_is_well_after_a_refresh(self):
        self.Refresh._refresh_company()
        health = self.health()
        self.assertEqual(health["problems"], [])
        self.assertEqual(health["runs"]["full"].processed, 1)
        self.assertEqual(health["queue"]["length"], 0)
        self.assertEqual(len(health["crons"]), 5)
        panel = self.panel()
        self.assertIn("All is well", panel)
        self.assertIn("All customers", panel)

    def test_what_waits_too_long(self):
        self.Refresh._refresh_company()
        self.invoice(self.acme, TODAY)
        queue = self.env["crm.value.queue"].search([("company_key", "=", self.company.id)])
        self.assertFalse(self.problems())
        queue[:1].enqueued_at = fields.Datetime.now() - timedelta(minutes=16)
        self.env.flush_all()
        self.assertIn("New documents have waited for 16 minutes", self.problems())
        state = self.health()["queue"]
        self.assertEqual((state["length"], state["customers"], state["oldest_partner"]), (len(queue), 1, self.acme))
        self.assertIn("Acme", self.panel())

    def test_what_has_failed_what_is_off_and_whom_it_left_out(self):
        run = self.Refresh._refresh_company()
        run._advance(1, 0, [(self.acme.id, "why")])
        self.env["crm.value.run"]._start(self.company, "followup", TODAY)._finish("failed", "no")
        cron = self.env.ref("crm_value_addon.ir_cron_fit")
        cron.active = False
        text = self.problems()
        self.assertIn("1 customers were left out", text)
        self.assertIn("The last run failed: Follow-ups", text)
        self.assertIn(f"“{cron.name}” is switched off", text)
        run.started_at -= timedelta(days=2)
        self.assertIn("two days", self.problems())
        self.env.ref("crm_value_addon.ir_cron_gifts").unlink()
        self.assertIn("was deleted", self.problems())
        self.panel()

    def test_another_company_is_not_told_of(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        self.Refresh._refresh_company()
        self.assertIn("No refresh has finished", "".join(self.health(other)["problems"]))
        self.assertFalse(self.health(other)["runs"])

    def test_few_queries(self):
        for number in range(30):
            self.invoice(self.customer(f"C{number}"), TODAY)
        self.Refresh._refresh_company()
        for number in range(30):
            self.invoice(self.customer(f"D{number}"), TODAY)
        self.env.flush_all()
        self.health()
        self.env.invalidate_all()
        with self.assertQueryCount(15):
            self.health()

    def test_the_administrator_opens_the_settings(self):
        admin = new_test_user(
            self.env,
            "health_admin",
            groups="base.group_system,sales_team.group_sale_manager",
            company_id=self.company.id,
            company_ids=self.company.ids,
        )
        self.Refresh._refresh_company()
        self.assertIn("All is well", self.panel(admin))
        settings = self.env["res.config.settings"].with_user(admin).with_company(self.company).create({})
        self.assertEqual(settings.action_open_value_skipped()["res_model"], "crm.value.run.skipped")
        self.assertEqual(settings.action_open_value_crons()["res_model"], "ir.cron")
