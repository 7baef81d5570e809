"""For tests that know only URLs and logins: Odoo as a process of its own, serving a fresh clone of a template."""

import itertools
import os
import subprocess
import time
from datetime import UTC, datetime

import pytest
import requests
from odoo_process import ROOT, SCRIPTS, start_odoo

_START_SECONDS = 120
_CALL_SECONDS = 300


def pytest_addoption(parser):
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="all moments of tests/faults and many more examples in tests/inputs: an hour instead of minutes",
    )


class Site:
    """A running Odoo: `url`, `database`, and what an administrator can do with it from outside.

    Every login's password is the login itself.
    """

    def __init__(self, database, log):
        self.database = database
        self.log = log
        self._keys = {}
        self._numbers = itertools.count()
        self._process, self.url = start_odoo(database, log, "--log-level", "warn")

    def wait(self):
        """Return when it answers."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if requests.get(f"{self.url}/web/health", timeout=_START_SECONDS).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.2)
        raise RuntimeError(f"Odoo does not start:\n{self.log.read_text()[-3000:]}")

    def stop(self):
        """End the process and drop the database."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        subprocess.run([SCRIPTS / "db", "drop", self.database], check=True)

    def post(self, path, body, key=None):
        """Return the response to a JSON request with a bearer key, or with none."""
        headers = {"Authorization": f"bearer {key}"} if key else {}
        return requests.post(f"{self.url}{path}", json=body, headers=headers, timeout=_CALL_SECONDS)

    def call(self, model, method, ids=(), login="admin", **arguments):
        """Return what a method returns to a user over JSON-2.

        :raise requests.HTTPError: the server refused it
        """
        body = {"ids": list(ids), **arguments} if ids else arguments
        response = self.post(f"/json/2/{model}/{method}", body, self.key(login))
        if not response.ok:
            raise requests.HTTPError(f"{response.status_code}: {response.text[-2000:]}", response=response)
        return response.json()

    def id_of(self, xmlid):
        """Return the database id of an XML id."""
        module, name = xmlid.split(".")
        [row] = self.call(
            "ir.model.data", "search_read", domain=[("module", "=", module), ("name", "=", name)], fields=["res_id"]
        )
        return row["res_id"]

    def create_user(self, login, *groups, **values):
        """Create a user with these groups (XML ids) and no others; return its id. An existing one is returned."""
        found = self.call("res.users", "search", domain=[("login", "=", login)])
        if found:
            return found[0]
        ids = [self.id_of(group) for group in groups]
        return self.call(
            "res.users",
            "create",
            vals_list=[
                {
                    "name": login.title(),
                    "login": login,
                    "password": login,
                    "email": f"{login}@example.com",
                    "group_ids": [(6, 0, ids)],
                    **values,
                }
            ],
        )[0]

    def run_cron(self, xmlid):
        """Run a scheduled job now, as its button does."""
        result = self.call("ir.cron", "method_direct_trigger", ids=[self.id_of(xmlid)])
        assert result is True, result

    def key(self, login):
        """Return an API key of a user, made as the user would make it in the preferences."""
        # A key of one day, the longest that a portal user may have, ends at midnight.
        today = datetime.now(UTC).date()
        if (login, today) not in self._keys:
            self._keys[login, today] = self._make_key(login)
        return self._keys[login, today]

    def _make_key(self, login):
        session = requests.Session()

        def call(path, **params):
            body = {"jsonrpc": "2.0", "id": next(self._numbers), "params": params}
            answer = session.post(self.url + path, json=body, timeout=_CALL_SECONDS).json()
            assert "error" not in answer, answer["error"]
            return answer["result"]

        def method(model, name, *args, **context):
            return call("/web/dataset/call_kw", model=model, method=name, args=args, kwargs={"context": context})

        call("/web/session/authenticate", db=self.database, login=login, password=login)
        key_id = method("res.users.apikeys.description", "create", {"name": "tests", "duration": "1"})
        check = method("res.users.apikeys.description", "make_key", [key_id])
        shown = method("res.users.identitycheck", "run_check", [check["res_id"]], password=login)
        return shown["context"]["default_key"]

    def load(self, file, **options):
        """Load a CSV file into the database, as `make load` does; return the finished process."""
        return subprocess.run([SCRIPTS / "load", file, self.database], capture_output=True, text=True, **options)


@pytest.fixture(scope="session")
def serve():
    """Return a function KIND → Site on a fresh clone of that kind of database (scripts/db); dropped in the end."""
    sites = []

    def start(kind):
        done = subprocess.run(
            [SCRIPTS / "db", "scratch", kind, str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True
        )
        database = done.stdout.split()[-1]
        site = Site(database, ROOT / ".odoo" / "log" / f"{database}.log")
        sites.append(site)
        site.wait()
        return site

    yield start
    for site in sites:
        site.stop()
