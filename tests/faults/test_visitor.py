"""Somebody works in Odoo while refreshes are killed, run again and wait for each other: no error is ever shown."""

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests
from state import differences

SEED = 20260122
DATABASE = "faults"
#: what a user is told in a dialog without a traceback
TOLD = (
    "odoo.exceptions.UserError",
    "odoo.exceptions.ValidationError",
    "odoo.exceptions.AccessError",
    "odoo.exceptions.MissingError",
)


class Visitor(threading.Thread):
    """A user who opens lists, sells, posts and recomputes, one after the other, until told to stop."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.session, self.numbers = url, requests.Session(), itertools.count()
        self.busy, self.stopping = threading.Lock(), threading.Event()
        self.answers, self.wrong = 0, []
        self.rpc("/web/session/authenticate", db=DATABASE, login="admin", password="admin")
        self.partner_ids = self.call("res.partner", "search", [("name", "=like", "Customer 00000%")], limit=20)
        self.product_id = self.call("product.product", "search", [("sale_ok", "=", True)], limit=1)[0]

    def rpc(self, path, **params):
        """Return the result of a request as the web client makes it; note what would be a dialog with a traceback."""
        body = {"jsonrpc": "2.0", "id": next(self.numbers), "params": params}
        response = self.session.post(self.url + path, json=body, timeout=120)
        answer = response.json() if response.ok else {"error": {"data": {"name": str(response.status_code)}}}
        error = answer.get("error", {}).get("data")
        self.answers += 1
        if error and error["name"] not in TOLD:
            self.wrong.append((path, params, error))
        return answer.get("result")

    def call(self, model, method, *args, **kwargs):
        return self.rpc(f"/web/dataset/call_kw/{model}/{method}", model=model, method=method, args=args, kwargs=kwargs)

    def run(self):
        for number in itertools.count():
            if self.stopping.is_set():
                return
            partner_id = self.partner_ids[number % len(self.partner_ids)]
            for step in (self.look, self.sell, self.invoice, self.edit):
                with self.busy:
                    step(partner_id)
                time.sleep(0.01)

    def wait_for(self, answers):
        """Return when so many more requests were answered."""
        target, until = self.answers + answers, time.monotonic() + 180
        while self.answers < target:
            assert time.monotonic() < until and self.is_alive(), "the visitor waits"
            time.sleep(0.05)

    def let_odoo_recover(self):
        """Read a model of Odoo's until no connection to the server that is gone is left: any model fails on them."""
        known, good = len(self.wrong), 0
        while good < 5:
            before = len(self.wrong)
            self.call("res.country", "web_search_read", [], {"name": {}}, limit=1)
            good = good + 1 if len(self.wrong) == before else 0
            assert before < known + 50, self.wrong[-1]
        del self.wrong[known:]

    def look(self, partner_id):
        self.call(
            "res.partner",
            "web_search_read",
            [("clv", ">", 10)],
            {"display_name": {}, "clv": {}},
            limit=40,
            order="clv desc",
        )
        self.call("crm.value", "web_search_read", [], {"partner_id": {}, "clv": {}, "tier_id": {}}, limit=40)
        self.call("crm.value", "formatted_read_group", [], ["tier_id"], ["clv:sum"])

    def sell(self, partner_id):
        [order_id] = self.call(
            "sale.order",
            "create",
            [{"partner_id": partner_id, "order_line": [(0, 0, {"product_id": self.product_id})]}],
        ) or [0]
        if order_id:
            self.call("sale.order", "action_confirm", [order_id])

    def invoice(self, partner_id):
        [move_id] = self.call(
            "account.move",
            "create",
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": partner_id,
                    "invoice_line_ids": [(0, 0, {"name": "Bought", "price_unit": 12.34, "tax_ids": [(5,)]})],
                }
            ],
        ) or [0]
        if move_id:
            self.call("account.move", "action_post", [move_id])

    def edit(self, partner_id):
        self.call("res.partner", "write", [partner_id], {"comment": f"Called {time.time()}"})
        self.call("res.partner", "action_recompute_value", self.partner_ids[:3])


@pytest.fixture
def visitor(stage):
    """Yield a visitor of a web server on the state "traded"."""
    stage.set("traded")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (stage.cluster.folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "odoo",
                "server",
                "-d",
                DATABASE,
                "--db-filter",
                f"^{DATABASE}$",
                "--http-port",
                str(port),
                "--max-cron-threads",
                "0",
                "--log-level",
                "warn",
            ],
            env=stage.environment,
            stdout=log,
            stderr=log,
        )
    try:
        for _attempt in range(600):
            try:
                requests.get(f"{url}/web/health", timeout=60)
                break
            except requests.ConnectionError:
                time.sleep(0.2)
        visitor = Visitor(url)
        visitor.start()
        yield visitor
    finally:
        # an end by SIGTERM waits for the visitor's connection
        process.kill()
        process.wait()


def test_a_visitor_sees_no_traceback(stage, visitor, exhaustive):
    """Refreshes are killed at moments, then the database server is restarted between two clicks."""
    seeded = random.Random(SEED)
    for number in range(20 if exhaustive else 3):
        process = stage.worker.begin(("refresh", "queue", "followup")[number % 3])
        time.sleep(seeded.uniform(0.2, 2.5))
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
        stage.worker.end()
        visitor.wait_for(3)
    with visitor.busy:
        stage.cluster.stop("immediate")
        stage.cluster.start()
        visitor.let_odoo_recover()
    visitor.wait_for(10)
    visitor.stopping.set()
    visitor.join(180)
    assert not visitor.is_alive()
    assert not visitor.wrong, visitor.wrong[0]
    # twice: what follow-ups cost is part of the next refresh's figures
    stage.worker.do("settle")
    stage.worker.do("settle")
    expected = stage.forgiving()
    assert not expected["crm_value_queue"]
    # what is stored is what a refresh of everything finds: nothing is written again
    written = stage.query("SELECT max(id) FROM crm_value_run")[0][0]
    stage.worker.do("settle")
    assert stage.query("SELECT sum(written) FROM crm_value_run WHERE id > %s AND kind = 'full'", written) == [(0,)]
    said = differences(
        {name: expected[name] for name in ("crm_value", "crm_value_tier_change", "crm_value_followup")},
        stage.forgiving(),
    )
    assert not said, said
