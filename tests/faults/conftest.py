"""A database server of the tests' own, with some hundred customers in it, and Odoo processes that may be killed."""

import configparser
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from database_server import DatabaseServer
from state import state

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATABASE = "faults"
CUSTOMERS, INVOICES = 300, 1500
SETTINGS = """
max_connections = 40
shared_buffers = 128MB
deadlock_timeout = 100ms
autovacuum = off
"""


class Worker:
    """worker.py as a process; `do` runs a job in it."""

    def __init__(self, cluster, environment, today):
        self.cluster, self._running = cluster, None
        self._process = subprocess.Popen(
            [sys.executable, HERE / "worker.py", DATABASE, today],
            text=True,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(cluster.folder / "worker.log").open("ab"),
        )
        assert self._read() == {"ready": True}

    def _read(self):
        while True:
            line = self._process.stdout.readline()
            assert line, (self.cluster.folder / "worker.log").read_text()[-3000:]
            if line.startswith("{"):
                return json.loads(line)

    def begin(self, name, **job):
        """Start a job; return the process id of its process. One that a failed test has left is ended."""
        while self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._running, signal.SIGKILL)
            self.end()
        self._process.stdin.write(json.dumps({"name": name} | job) + "\n")
        self._process.stdin.flush()
        self._running = self._read()["pid"]
        return self._running

    def end(self):
        """Wait until the job has ended, or stopped; return what became of it."""
        told = self._read()
        if not told.get("stopped"):
            self._running = None
        return told

    def go_on(self):
        """Let a job that has stopped go on, unless it has ended by now."""
        with contextlib.suppress(ProcessLookupError):
            if self._running:
                os.kill(self._running, signal.SIGCONT)

    def do(self, name, **job):
        """Run a job to its end.

        :raise AssertionError: it failed
        """
        self.begin(name, **job)
        done = self.end()
        assert not done["error"], done["error"]
        return done

    def stop(self):
        self._process.stdin.close()
        self._process.wait(30)


class Stage:
    """The place of all faults: states of the database by name, and the worker that works in the present one."""

    def __init__(self, cluster, worker, environment, today):
        self._second, self._undisturbed = None, {}
        self.cluster, self.worker, self.environment, self.today = cluster, worker, environment, today

    def set(self, name, tablespace=""):
        """Make the database what it was when it was saved under a name."""
        self.cluster.copy(f"{DATABASE}_{name}", DATABASE, tablespace)

    def save(self, name):
        """Keep what the database is now."""
        self.cluster.wait_for_nobody(DATABASE)
        self.cluster.copy(DATABASE, f"{DATABASE}_{name}")

    @property
    def second_worker(self):
        """Another worker on the same database, for what happens meanwhile."""
        if not self._second:
            self._second = Worker(self.cluster, self.environment, self.today)
        return self._second

    def stop(self):
        """End the workers."""
        for worker in filter(None, (self.worker, self._second)):
            worker.stop()

    def query(self, statement, *params):
        return self.cluster.query(DATABASE, statement, *params)

    def state(self):
        return state(self.query)

    def forgiving(self):
        """Return the state without the records of failed runs: that there was a failure is known, and may be told."""
        return state(self.query, forgiving=True)

    def undisturbed(self, start, job):
        """Run a job from a state of the database to its end, once; return (what it did, the state after)."""
        if (start, job) not in self._undisturbed:
            self.set(start)
            self._undisturbed[start, job] = self.worker.do(job), self.state()
        return self._undisturbed[start, job]

    def kill_after(self, seconds, job):
        """Run a job and kill its process after some time; return whether it was still alive."""
        process = self.worker.begin(job)
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        done = self.worker.end()
        self.cluster.wait_for_nobody(DATABASE)
        return done["error"] == "killed"

    def kill_at(self, step, job):
        """Run a job whose process kills itself before a step; return whether it came that far."""
        self.worker.begin(job, die_at=step)
        done = self.worker.end()
        self.cluster.wait_for_nobody(DATABASE)
        return done["error"] == "killed"


@pytest.fixture(scope="session")
def exhaustive(pytestconfig):
    return pytestconfig.getoption("--exhaustive")


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    """A stage with the states "start", "traded", "ruled" and "due"."""
    source = subprocess.run(
        [ROOT / "scripts" / "db", "scratch", "demo", str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.split()[-1]
    cluster = DatabaseServer()
    stage = None
    try:
        cluster.create(SETTINGS)
        cluster.import_database(source)
        cluster.query("postgres", f'ALTER DATABASE "{source}" RENAME TO {DATABASE}')
        environment = _environment(tmp_path_factory.mktemp("odoo") / "odoo.conf", cluster)
        today = date.today().isoformat()
        # the generator numbers its invoices from 1
        cluster.query(
            DATABASE,
            """UPDATE account_move SET sequence_number = 900000 + sequence_number,
            name = sequence_prefix || 900000 + sequence_number WHERE name != '/' AND sequence_prefix IS NOT NULL""",
        )
        subprocess.run(
            [sys.executable, "-c", f"import generate; generate.main('{DATABASE}', {CUSTOMERS}, {INVOICES})"],
            cwd=ROOT / "tests" / "benchmark",
            env=environment,
            check=True,
        )
        stage = Stage(cluster, Worker(cluster, environment, today), environment, today)
        _prepare(stage)
        yield stage
    finally:
        if stage:
            stage.stop()
        cluster.remove()
        subprocess.run([ROOT / "scripts" / "db", "drop", source], check=True)


def _environment(file, cluster):
    """Return the environment of an Odoo that works on a cluster; its configuration is written to a file."""
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(os.environ["ODOO_RC"])
    host, port = str(cluster.folder), str(cluster.port)
    conf["options"].update({"db_host": host, "db_user": "odoo", "db_port": port})
    with file.open("w") as written:
        conf.write(written)
    return os.environ | {"ODOO_RC": str(file), "PGHOST": host, "PGPORT": port, "PGUSER": "odoo"}


def _prepare(stage):
    """Forty days ago all was quiet; since then customers came, bought, and got nearer to the limits of their tiers."""
    worker = stage.worker
    worker.do("open_rules", days=-40)
    worker.do("refresh", days=-40)
    worker.do("followup", days=-40)
    stage.save("start")
    worker.do("trade")
    stage.save("traded")
    worker.do("refresh")
    stage.save("due")
    worker.do("change_rules")
    stage.save("ruled")
