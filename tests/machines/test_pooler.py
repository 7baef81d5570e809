"""Refreshes behind a pooler in transaction mode: one writer per company, whose lock neither lies nor stays behind."""

import os
import signal
import subprocess
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from odoo_process import SCRIPTS
from pooler import Pooler
from watch import Night

COMPANIES = 3
_LOCK_CLASS = zlib.crc32(b"crm_value_addon") & 0x7FFFFFFF
_LOCKS = """
    SELECT lock.objid, lock.pid FROM pg_locks lock
     WHERE lock.locktype = 'advisory' AND lock.classid = %(kind)s AND lock.granted
       AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_REFRESH = "env['crm.value']._cron_refresh_all()\nenv.cr.commit()\nprint('it is done')\n"


@pytest.fixture(scope="module")
def pooler():
    fetched = subprocess.run([SCRIPTS / "pgbouncer"], capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(fetched.stderr.strip())
    pooler = Pooler(Path(fetched.stdout.strip()))
    yield pooler
    pooler.stop()


@pytest.fixture(scope="module")
def companies(make_cluster):
    return Night(make_cluster("demo"), COMPANIES)


@pytest.fixture
def night(companies):
    companies.forget()
    return companies


def begin(night, pooler):
    """Begin a refresh of all companies in a process of its own, behind the pooler."""
    process = subprocess.Popen(
        [SCRIPTS / "odoo", "shell", "-d", night.cluster.database, "--no-http", "--max-cron-threads", "0"],
        env=os.environ | pooler.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    process.stdin.write(_REFRESH)
    process.stdin.close()
    return process


def end(process):
    process.stdin = None
    output, errors = process.communicate(timeout=300)
    assert "it is done" in output, errors[-3000:]


def locks(night):
    """Return the companies that have a writer, and the sessions of the server that hold their locks."""
    return dict(night.cluster.sql(_LOCKS, kind=_LOCK_CLASS))


def test_it_is_a_pooler_in_transaction_mode(pooler, night):
    with (
        closing(pooler.connect(night.cluster.database)) as one,
        closing(pooler.connect(night.cluster.database)) as other,
    ):
        sessions = []
        for connection in (one, other):
            with connection.cursor() as cr:
                cr.execute("SELECT pg_backend_pid()")
                sessions += cr.fetchone()
            connection.commit()
        assert sessions[0] == sessions[1], "two clients took turns in one session of the server"


def test_two_at_once_refresh_each_company_once(pooler, night):
    workers = [begin(night, pooler) for _worker in range(2)]
    night.cluster.until("a company is being refreshed", lambda: locks(night))
    for worker in workers:
        end(worker)
    assert night.is_over()
    for events in night.spans().values():
        assert [event for event, _node in events] == ["running", "done"]
    assert len(night.figures()) == 1
    assert not locks(night), "no lock stays behind in a session of the pooler"


def test_a_killed_worker_leaves_no_lock(pooler, night):
    end(begin(night, pooler))
    [undisturbed] = night.figures()
    night.forget()
    victim = begin(night, pooler)
    night.cluster.until("a company is being refreshed", lambda: locks(night))
    os.killpg(victim.pid, signal.SIGKILL)
    victim.wait()
    night.cluster.until("its lock is free", lambda: not locks(night))
    end(begin(night, pooler))
    assert night.figures() == [undisturbed]
    assert not locks(night)
