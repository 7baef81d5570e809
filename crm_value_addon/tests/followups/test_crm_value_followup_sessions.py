from odoo import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common_sessions import SessionsCase


@tagged("post_install", "-at_install")
class TestFollowupSessions(SessionsCase):
    """Two real sessions at once, on customers of their own that are committed and removed."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean)
        with self.outside() as env:
            company = env["res.company"].create({"name": "Sessions"})
            user = (
                env["res.users"]
                .with_context(no_reset_password=True)
                .create(
                    {
                        "name": "Sessions",
                        "login": "sessions_seller",
                        "company_id": company.id,
                        "company_ids": [Command.set(company.ids)],
                        "group_ids": [Command.link(env.ref("sales_team.group_sale_salesman").id)],
                    }
                )
            )
            partners = env["res.partner"].create([{"name": f"Sessions {number}"} for number in range(40)])
            env.cr.execute(
                """
                INSERT INTO crm_value (partner_id, company_id, lifecycle_stage, last_purchase_date, purchase_count)
                SELECT unnest(%s), %s, 'at_risk', '2025-01-01', 3""",
                [partners.ids, company.id],
            )
            rule = env["crm.value.followup.rule"].create(
                {
                    "name": "Sessions",
                    "trigger": "at_risk",
                    "company_id": company.id,
                    "responsible_type": "user",
                    "user_id": user.id,
                }
            )
            company.value_followup_cap = 0
            self.ids = {"company": company.id, "user": user.id, "partners": partners.ids, "rule": rule.id}

    def clean(self):
        if not hasattr(self, "ids"):
            return
        with self.outside() as env:
            env["crm.value.run"].search([("company_id", "=", self.ids["company"])]).unlink()
            env["mail.activity"].with_context(active_test=False).search(
                [("res_model", "=", "res.partner"), ("res_id", "in", self.ids["partners"])]
            ).unlink()
            env["crm.value.followup.rule"].browse(self.ids["rule"]).unlink()
            env["res.partner"].browse(self.ids["partners"]).unlink()
            user = env["res.users"].browse(self.ids["user"])
            partner = user.partner_id
            user.unlink()
            partner.unlink()
            company = env["res.company"].browse(self.ids["company"])
            contact = company.partner_id
            company.unlink()
            contact.unlink()

    def activities(self):
        with self.outside() as env:
            env.cr.execute(
                "SELECT res_id FROM mail_activity WHERE res_model = 'res.partner' AND res_id = ANY(%s)",
                [self.ids["partners"]],
            )
            return sorted(row[0] for row in env.cr.fetchall())

    def test_two_crons_at_once(self):
        def run(env):
            service = (
                env["crm.value.followup.run"]
                .with_company(self.ids["company"])
                .with_context(allowed_company_ids=[self.ids["company"]])
            )
            service.env["crm.value.scheduler"]._run_alone(
                service.env.company,
                lambda alone, transaction: service.with_env(alone.env)._run_company(alone.env.company, transaction),
                "followup",
                lock=1234567,
            )

        with self.committing_crons():
            self.assertFalse(self.in_sessions([run] * 2))
        self.assertEqual(self.activities(), sorted(self.ids["partners"]))

    def test_two_sessions_without_the_lock(self):
        """With the constraints alone, the second session fails and writes nothing."""

        def run(env):
            rule = env["crm.value.followup.rule"].browse(self.ids["rule"])
            env["crm.value.followup.run"]._schedule(rule, rule.company_id)

        with mute_logger("odoo.sql_db"):
            errors = self.in_sessions([run] * 2)
        self.assertEqual(len(errors), 1, errors)
        self.assertEqual(self.activities(), sorted(self.ids["partners"]))
