"""The refresh as jobs of OCA's queue_job, run by its own job runner and several worker processes of Odoo."""

import os
import signal
import subprocess
import zlib
from contextlib import closing

import psycopg2
import pytest
from odoo_process import SCRIPTS, free_port
from watch import Night

COMPANIES = 4
_LOCK_CLASS = zlib.crc32(b"crm_value_addon") & 0x7FFFFFFF


@pytest.fixture(scope="module")
def server(make_cluster):
    """A server with three worker processes, of which two run jobs at a time."""
    fetched = subprocess.run([SCRIPTS / "oca"], capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(fetched.stderr.strip())
    packages = fetched.stdout.strip()
    cluster = make_cluster("queue_job")
    night = Night(cluster, COMPANIES)
    cluster.start(
        "--workers",
        "3",
        "--max-cron-threads",
        "1",
        "--load",
        "base,rpc,web,queue_job",
        "--gevent-port",
        str(free_port()),
        environment={"PYTHONPATH": packages, "ODOO_QUEUE_JOB_CHANNELS": "root:2"},
    )
    return night


@pytest.fixture
def night(server):
    server.cluster.sql("DELETE FROM queue_job")
    server.forget()
    return server


def jobs(night):
    return night.cluster.sql("SELECT state, retry FROM queue_job WHERE method_name = '_job_refresh_company'")


def look(night):
    """Have the runner look for jobs now, not when its minute is over, and tell whether all are done."""
    night.cluster.sql("UPDATE queue_job SET eta = NULL WHERE state = 'pending' AND eta IS NOT NULL")
    night.cluster.sql("SELECT pg_notify('queue_job', (SELECT uuid FROM queue_job LIMIT 1))")
    return night.is_over() and {state for state, _retry in jobs(night)} == {"done"}


def test_workers_share_the_companies(night):
    night.begin()
    night.cluster.until("all jobs are done", lambda: look(night))
    found = night.spans()
    for events in found.values():
        assert [event for event, _process in events] == ["running", "done"]
    assert len(night.cluster.sql("SELECT DISTINCT worker_pid FROM queue_job")) > 1
    assert len(night.figures()) == 1
    # Both scheduled actions ran: a company that waited has one job, not two.
    keys = night.cluster.sql("SELECT identity_key, count(*) FROM queue_job GROUP BY identity_key")
    assert len(keys) == len(found)
    assert sum(count for _key, count in keys) <= len(found) + 2, "at most those that had begun have a second one"


def test_a_killed_worker_is_made_up_for(night):
    night.begin()
    night.cluster.until("all jobs are done", lambda: look(night))
    [undisturbed] = night.figures()
    night.forget()
    night.cluster.sql("DELETE FROM queue_job")
    night.begin()

    def process_at_work():
        companies = [company for company in night.added if night.spans().get(company, [()])[-1][:1] == ("running",)]
        return night.cluster.sql(
            "SELECT worker_pid FROM queue_job WHERE state = 'started' AND identity_key = ANY(%(keys)s)",
            keys=[f"crm_value.refresh.{company}" for company in companies],
        )

    [pid], *_others = night.cluster.until("a worker is at a company", process_at_work)
    os.kill(pid, signal.SIGKILL)
    night.cluster.until("all jobs are done", lambda: look(night))
    assert max(retry for _state, retry in jobs(night)) > 1, "the killed job was run again"
    assert night.figures() == [undisturbed]


def test_a_job_waits_for_another_writer(night):
    busy = night.added[0]
    with closing(psycopg2.connect(dbname=night.cluster.database)) as connection:
        connection.cursor().execute("SELECT pg_advisory_lock(%s, %s)", [_LOCK_CLASS, busy])
        night.begin()
        night.cluster.until(
            "the job is put off",
            lambda: night.cluster.sql(
                "SELECT id FROM queue_job WHERE identity_key = %(key)s AND state = 'pending' AND eta IS NOT NULL",
                key=f"crm_value.refresh.{busy}",
            ),
        )
        assert busy not in night.spans()
    night.cluster.until("all jobs are done", lambda: look(night))
    assert [event for event, _process in night.spans()[busy]] == ["running", "done"]
