"""The embedded database server ends with the last script that uses it, and only then."""

import os
import shutil
import signal
import subprocess
import time

import psycopg2
import pytest
from odoo_process import ROOT

_PATIENCE = 60


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout with scripts and a server of its own; only what is installed is that of this one."""
    (tmp_path / ".odoo").mkdir()
    (tmp_path / ".odoo" / "venv").symlink_to(ROOT / ".odoo" / "venv")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    yield Checkout(tmp_path)
    subprocess.run([tmp_path / "scripts" / "postgres", "stop"], check=True)


class Checkout:
    def __init__(self, root):
        self.root = root
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        self.scripts = []

    def script(self, command="sleep 600", **environment):
        """Start a script that uses the database server, and return it once it has one."""
        process = self.start(command, **environment)
        self.wait(process)
        return process

    def start(self, command="sleep 600", **environment):
        body = f'source "{self.root}/scripts/env.sh"; use_postgres; echo "$PGHOST"; {command}'
        process = subprocess.Popen(
            ["bash", "-euc", body],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.scripts.append(process)
        return process

    def wait(self, process):
        self.host = process.stdout.readline().strip()
        assert self.answers()

    def end(self, process, number=signal.SIGTERM):
        os.killpg(process.pid, number)
        process.wait()

    def answers(self):
        try:
            psycopg2.connect(host=self.host, user="odoo", dbname="postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def is_gone(self):
        """Tell whether the server stops within a while."""
        until = time.monotonic() + _PATIENCE
        while (self.root / ".odoo" / "pg" / "postmaster.pid").exists():
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return not self.answers()

    def postgres(self, action):
        subprocess.run([self.root / "scripts" / "postgres", action], env=self.environment, check=True)


def test_it_ends_with_the_last_script_however_that_ends(checkout):
    first = checkout.script()
    second = checkout.script()
    checkout.end(first)
    time.sleep(2)
    assert checkout.answers(), "another script uses it"
    checkout.end(second, signal.SIGKILL)
    assert checkout.is_gone()
    third = checkout.script()
    checkout.end(third)
    assert checkout.is_gone()


def test_what_a_killed_script_has_started_still_uses_it(checkout):
    script = checkout.script("setsid sleep 600 >/dev/null & wait")
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(script.pid)], capture_output=True, text=True)
    child = int(children.stdout.split()[0])
    script.kill()
    script.wait()
    time.sleep(2)
    assert checkout.answers()
    os.kill(child, signal.SIGKILL)
    assert checkout.is_gone()


def test_several_scripts_at_the_same_time(checkout):
    scripts = [checkout.start() for _number in range(4)]
    for script in scripts:
        checkout.wait(script)
    for script in scripts[1:]:
        checkout.end(script, signal.SIGKILL)
    assert checkout.answers()
    checkout.end(scripts[0])
    assert checkout.is_gone()


def test_one_that_was_started_by_hand_stays(checkout):
    script = checkout.script()
    checkout.postgres("stop")
    checkout.postgres("start")
    checkout.end(script)
    time.sleep(2)
    assert checkout.answers(), "the server of before ended; this is another one"
    checkout.end(checkout.script())
    time.sleep(2)
    assert checkout.answers()
    checkout.postgres("stop")
    assert checkout.is_gone()


def test_one_that_the_user_names_is_left_alone(checkout):
    checkout.postgres("start")
    (checkout.root / ".odoo" / "postgres.users").unlink(missing_ok=True)
    host = subprocess.run(
        [checkout.root / "scripts" / "postgres", "socket"], capture_output=True, text=True, check=True
    ).stdout.strip()
    script = checkout.script(PGHOST=host, PGUSER="odoo")
    assert not (checkout.root / ".odoo" / "postgres.users").exists()
    checkout.end(script)
    time.sleep(2)
    assert checkout.answers()
