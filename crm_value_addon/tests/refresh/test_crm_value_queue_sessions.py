import threading
import time
from unittest.mock import patch

from odoo.tests import tagged

from ..common_sessions import SECONDS, SessionsCase

WORKERS = 4
CUSTOMERS = 60


@tagged("post_install", "-at_install")
class TestQueueSessions(SessionsCase):
    """Four workers at one queue, really: on customers of their own that are committed and removed."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean)
        with self.outside() as env:
            company = env["res.company"].create({"name": "Queue Sessions"})
            partners = env["res.partner"].create([{"name": f"Queued {number}"} for number in range(CUSTOMERS)])
            # figures that no document bears out: whoever is refreshed loses them
            env.cr.execute(
                "INSERT INTO crm_value (partner_id, company_id, purchase_count) SELECT unnest(%s), %s, 3",
                [partners.ids, company.id],
            )
            self.company_id, self.partner_ids = company.id, partners.ids

    def clean(self):
        if not hasattr(self, "company_id"):
            return
        with self.outside() as env:
            env.cr.execute("DELETE FROM crm_value_queue WHERE company_key = %s", [self.company_id])
            env["crm.value.run"].search([("company_id", "=", self.company_id)]).unlink()
            env["res.partner"].browse(self.partner_ids).unlink()
            company = env["res.company"].browse(self.company_id)
            contact = company.partner_id
            company.unlink()
            contact.unlink()

    def test_each_queued_customer_is_refreshed_once(self):
        posted = threading.Event()

        def post(env):
            for partner_id in self.partner_ids:
                env["crm.value.queue"]._push({(partner_id, self.company_id, 0)})
                env.cr.commit()
                time.sleep(0.005)
            posted.set()

        def drain(env):
            started = time.monotonic()
            while time.monotonic() - started < SECONDS:
                was_posted = posted.is_set()
                env["crm.value"]._cron_refresh_stale()
                env.cr.commit()
                env.cr.execute("SELECT count(*) FROM crm_value_queue WHERE company_key = %s", [self.company_id])
                if was_posted and env.cr.fetchone() == (0,):
                    return
                env.cr.commit()
                time.sleep(0.01)
            raise AssertionError("the queue was never empty")

        with (
            self.committing_crons(),
            patch("odoo.addons.crm_value_addon.models.refresh.crm_value_refresh.QUEUE_BATCH", 7),
        ):
            self.assertFalse(self.in_sessions([post, *[drain] * WORKERS]))
        with self.outside() as env:
            runs = env["crm.value.run"].search([("company_id", "=", self.company_id)])
            self.assertEqual(sum(runs.mapped("processed")), CUSTOMERS, "nobody twice, nobody never")
            self.assertEqual(set(runs.mapped("state")), {"done"})
            values = env["crm.value"].search([("company_id", "=", self.company_id)])
            self.assertEqual(values.mapped("purchase_count"), [0] * CUSTOMERS)
            self.assertFalse(env["crm.value.queue"].search([("company_key", "=", self.company_id)]))
