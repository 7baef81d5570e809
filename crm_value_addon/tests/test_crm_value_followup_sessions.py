import contextlib
import threading
from unittest.mock import patch

from odoo import SUPERUSER_ID, Command, api
from odoo.modules.registry import Registry
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, tagged
from odoo.tests.common import get_db_name
from odoo.tools import mute_logger


def _commit(cron, *_args, **_kwargs):
    cron.env.cr.commit()


@tagged("post_install", "-at_install")
class TestFollowupSessions(BaseCase):
    """Two sessions at once, really: on customers of their own that are committed and removed."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean)
        with self.outside() as env:
            company = env["res.company"].create({"name": "Sessions"})
            user = env["res.users"].with_context(no_reset_password=True).create({
                "name": "Sessions", "login": "sessions_seller", "company_id": company.id,
                "company_ids": [Command.set(company.ids)],
                "group_ids": [Command.link(env.ref("sales_team.group_sale_salesman").id)]})
            partners = env["res.partner"].create([{"name": f"Sessions {number}"} for number in range(40)])
            env.cr.execute("""
                INSERT INTO crm_value (partner_id, company_id, lifecycle_stage, last_purchase_date, purchase_count)
                SELECT unnest(%s), %s, 'at_risk', '2025-01-01', 3""", [partners.ids, company.id])
            rule = env["crm.value.followup.rule"].create({
                "name": "Sessions", "trigger": "at_risk", "company_id": company.id, "responsible_type": "user",
                "user_id": user.id})
            company.value_followup_cap = 0
            self.ids = {"company": company.id, "user": user.id, "partners": partners.ids, "rule": rule.id}

    @contextlib.contextmanager
    def outside(self):
        with contextlib.closing(db_connect(get_db_name()).cursor()) as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})
            cr.commit()  # pylint: disable=invalid-commit  # what another session leaves is the point of the test

    def clean(self):
        if not hasattr(self, "ids"):
            return
        with self.outside() as env:
            env["crm.value.run"].search([("company_id", "=", self.ids["company"])]).unlink()
            env["mail.activity"].with_context(active_test=False).search([
                ("res_model", "=", "res.partner"), ("res_id", "in", self.ids["partners"])]).unlink()
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
            env.cr.execute("SELECT res_id FROM mail_activity WHERE res_model = 'res.partner' AND res_id = ANY(%s)",
                           [self.ids["partners"]])
            return sorted(row[0] for row in env.cr.fetchall())

    def in_two_sessions(self, work):
        """Run a piece of work in two threads that begin together; return their exceptions."""
        barrier, errors = threading.Barrier(2), []

        def thread(env):
            try:
                env.cr.execute("SELECT 1")  # the snapshot of each is taken before the other has written
                barrier.wait(20)
                work(env)
                env.cr.commit()
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        with contextlib.ExitStack() as stack:
            # The environments are made here: the registry is locked while tests run.
            sessions = [stack.enter_context(self.outside()) for _number in range(2)]
            threads = [threading.Thread(target=thread, args=[env], daemon=True) for env in sessions]
            for one in threads:
                one.start()
            for one in threads:
                one.join(30)
            for env in sessions:
                env.cr.rollback()
        return errors

    def test_two_crons_at_once(self):
        def run(env):
            rule = env["crm.value.followup.rule"].with_company(self.ids["company"]).with_context(
                allowed_company_ids=[self.ids["company"]])
            company = rule.env.company
            with rule.env["crm.value"]._writer(company, session=True, lock=1234567) as is_writer:
                if is_writer:
                    env.cr.commit()
                    rule._run_company(company, rule.env["crm.value"]._transaction)

        with patch.object(Registry(get_db_name())["ir.cron"], "_commit_progress", _commit):
            self.assertFalse(self.in_two_sessions(run))
        self.assertEqual(self.activities(), sorted(self.ids["partners"]))

    def test_two_sessions_without_the_lock(self):
        """The constraints alone: who comes second fails and writes nothing."""
        def run(env):
            rule = env["crm.value.followup.rule"].browse(self.ids["rule"])
            rule._schedule(rule.company_id)

        with mute_logger("odoo.sql_db"):
            errors = self.in_two_sessions(run)
        self.assertEqual(len(errors), 1, errors)
        self.assertEqual(self.activities(), sorted(self.ids["partners"]))
