import time
from contextlib import closing
from unittest.mock import patch

import psycopg2
from freezegun import freeze_time

from odoo.sql_db import connection_info_for
from odoo.tests import BaseCase
from odoo.tests.common import get_db_name

from ...models.refresh.writer_lock import WriterLock, WriterLockLost, writer_lock
from ..common import TODAY, ValueCase

_KEY = (1_234, 5_678)


class TestWriterLock(BaseCase):
    def setUp(self):
        super().setUp()
        _name, self.info = connection_info_for(get_db_name())

    def rows(self, query, *parameters):
        """Return the rows of a statement in a session of its own."""
        with closing(psycopg2.connect(**self.info)) as connection, connection.cursor() as cr:
            cr.execute(query, parameters)
            return cr.fetchall()

    def is_free(self):
        return self.rows("SELECT pg_try_advisory_lock(%s, %s)", *_KEY) == [(True,)]

    def holder(self):
        """Return the session that holds the lock: its process, its state and its snapshot."""
        return self.rows(
            """SELECT activity.pid, activity.state, activity.backend_xmin
                 FROM pg_locks lock JOIN pg_stat_activity activity USING (pid)
                WHERE lock.locktype = 'advisory' AND (lock.classid, lock.objid) = (%s, %s) AND lock.granted""",
            *_KEY,
        )

    def test_one_holds_it_until_the_end(self):
        with writer_lock(get_db_name()) as one, writer_lock(get_db_name()) as other:
            self.assertTrue(one.take(*_KEY))
            self.assertFalse(other.take(*_KEY))
            self.assertFalse(self.is_free())
            one.check()
        self.assertTrue(self.is_free())

    def test_it_is_free_after_an_error(self):
        with self.assertRaises(ZeroDivisionError), writer_lock(get_db_name()) as lock:
            lock.take(*_KEY)
            raise ZeroDivisionError
        self.assertTrue(self.is_free())

    def test_dead_rows_do_not_wait_for_it(self):
        with writer_lock(get_db_name()) as lock:
            lock.take(*_KEY)
            lock.check()
            [(_pid, state, snapshot)] = self.holder()
            self.assertEqual((state, snapshot), ("idle in transaction", None))

    def test_a_limit_of_idle_transactions_does_not_end_it(self):
        limit = {**self.info, "options": "-c idle_in_transaction_session_timeout=100"}
        with closing(psycopg2.connect(**limit)) as connection:
            lock = WriterLock(connection)
            self.assertTrue(lock.take(*_KEY))
            time.sleep(0.4)
            lock.check()

    def test_it_knows_when_it_is_lost(self):
        with writer_lock(get_db_name()) as lock:
            lock.take(*_KEY)
            [(pid, *_rest)] = self.holder()
            self.rows("SELECT pg_terminate_backend(%s, 5000)", pid)
            self.assertTrue(self.is_free())
            with self.assertRaises(WriterLockLost):
                lock.check()


@freeze_time(TODAY)
class TestWriterLockOfARefresh(ValueCase):
    def test_without_the_lock_nothing_is_committed_and_nobody_blamed(self):
        self.invoice(self.customer(), "2025-06-01", 10)
        committed = []

        def work(alone, transaction):
            transaction(lambda: alone.env["crm.value.run"]._start(self.company, "full", TODAY))

        with (
            patch.object(WriterLock, "check", side_effect=WriterLockLost("terminated")),
            patch.object(self.registry["ir.cron"], "_commit_progress", lambda *args, **kwargs: committed.append(1)),
            patch.object(self.env.cr, "rollback"),
            self.assertLogs("odoo.addons.crm_value_addon.models.refresh.crm_value_scheduler", "WARNING"),
        ):
            self.assertFalse(self.env["crm.value.scheduler"]._run_alone(self.company, work, "full"))
        self.assertEqual(len(committed), 1, "only the one that begins a transaction after the lock is held")
        self.assertFalse(self.env["crm.value.run"].search([("state", "=", "failed")]))
