import contextlib
import threading
import time
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, tagged
from odoo.tests.common import get_db_name

WORKERS = 4
CUSTOMERS = 60
_SECONDS = 120


def _commit(cron, *_args, **_kwargs):
    cron.env.cr.commit()


@tagged("post_install", "-at_install")
class TestQueueSessions(BaseCase):
    """Four workers at one queue, really: on customers of their own that are committed and removed."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean)
        with self.outside() as env:
            company = env["res.company"].create({"name": "Queue Sessions"})
            partners = env["res.partner"].create([{"name": f"Queued {number}"} for number in range(CUSTOMERS)])
            # figures that no document bears out: whoever is refreshed loses them
            env.cr.execute("INSERT INTO crm_value (partner_id, company_id, purchase_count) SELECT unnest(%s), %s, 3",
                           [partners.ids, company.id])
            self.company_id, self.partner_ids = company.id, partners.ids

    @contextlib.contextmanager
    def outside(self):
        with contextlib.closing(db_connect(get_db_name()).cursor()) as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})
            cr.commit()  # pylint: disable=invalid-commit  # what another session leaves is the point of the test

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

    def in_sessions(self, works):
        """Run pieces of work at once, each in a thread with a session of its own; return their exceptions."""
        errors = []

        def thread(env, work):
            try:
                work(env)
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        with contextlib.ExitStack() as stack:
            # The environments are made here: the registry is locked while tests run.
            threads = [
                threading.Thread(target=thread, args=[stack.enter_context(self.outside()), work], daemon=True)
                for work in works]
            for one in threads:
                one.start()
            for one in threads:
                one.join(_SECONDS)
        return errors

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
            while time.monotonic() - started < _SECONDS:
                was_posted = posted.is_set()
                env["crm.value"]._cron_refresh_stale()
                env.cr.commit()
                env.cr.execute("SELECT count(*) FROM crm_value_queue WHERE company_key = %s", [self.company_id])
                if was_posted and env.cr.fetchone() == (0,):
                    return
                env.cr.commit()
                time.sleep(0.01)
            raise AssertionError("the queue was never empty")

        with patch.object(Registry(get_db_name())["ir.cron"], "_commit_progress", _commit), \
                patch("odoo.addons.crm_value_addon.models.crm_value_refresh.QUEUE_BATCH", 7):
            self.assertFalse(self.in_sessions([post, *[drain] * WORKERS]))
        with self.outside() as env:
            runs = env["crm.value.run"].search([("company_id", "=", self.company_id)])
            self.assertEqual(sum(runs.mapped("processed")), CUSTOMERS, "nobody twice, nobody never")
            self.assertEqual(set(runs.mapped("state")), {"done"})
            values = env["crm.value"].search([("company_id", "=", self.company_id)])
            self.assertEqual(values.mapped("purchase_count"), [0] * CUSTOMERS)
            self.assertFalse(env["crm.value.queue"].search([("company_key", "=", self.company_id)]))
