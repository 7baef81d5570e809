import contextlib
import threading
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.sql_db import db_connect
from odoo.tests import BaseCase
from odoo.tests.common import get_db_name

#: how long a session may take
SECONDS = 120


def _commit(cron, *_args, **_kwargs):
    cron.env.cr.commit()


class SessionsCase(BaseCase):
    """Sessions at once, really: what they do is committed, so a test removes what it made."""

    @contextlib.contextmanager
    def outside(self):
        """Return a context with the environment of a session of its own, committed at the end."""
        with contextlib.closing(db_connect(get_db_name()).cursor()) as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})
            cr.commit()  # pylint: disable=invalid-commit  # what another session leaves is the point of the test

    def committing_crons(self):
        """Return a context in which scheduled actions commit as they do when they run on their own."""
        return patch.object(Registry(get_db_name())["ir.cron"], "_commit_progress", _commit)

    def in_sessions(self, works):
        """Run pieces of work that begin together, each in a thread with a session; return their exceptions."""
        barrier, errors = threading.Barrier(len(works)), []

        def thread(env, work):
            try:
                env.cr.execute("SELECT 1")  # the snapshot of each is taken before another has written
                barrier.wait(SECONDS)
                work(env)
                env.cr.commit()
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        with contextlib.ExitStack() as stack:
            # The environments are made here: the registry is locked while tests run.
            sessions = [stack.enter_context(self.outside()) for _work in works]
            threads = [
                threading.Thread(target=thread, args=pair, daemon=True) for pair in zip(sessions, works, strict=True)
            ]
            for one in threads:
                one.start()
            for one in threads:
                one.join(SECONDS)
            for env in sessions:
                env.cr.rollback()
        return errors
