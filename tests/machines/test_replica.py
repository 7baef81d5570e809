"""Reading from a replica of the database: a real one, streaming from a server of its own, with Odoo's own settings."""

import re

import pytest
import requests
from database_server import DatabaseServer


class Pair:
    """A primary server and its replica; both log each statement."""

    def __init__(self, database):
        self.database = database
        primary = DatabaseServer(port=5441)
        primary.create("log_statement = all\n")
        primary.import_database(database)
        replica = DatabaseServer(primary.folder, port=5442)
        replica.follow(primary)
        self._servers = {"primary": primary, "replica": replica}

    def options(self):
        """Return Odoo's options for this pair."""
        primary, replica = self._servers.values()
        return [
            "--db_host",
            str(primary.folder),
            "--db_port",
            str(primary.port),
            "--db_replica_host",
            str(replica.folder),
            "--db_replica_port",
            str(replica.port),
        ]

    def sql(self, name, query):
        """Return the rows of a statement, run on the primary or the replica."""
        return self._servers[name].query(self.database, query)

    def log(self, name):
        return self._servers[name].log.read_text(errors="replace")

    def stop(self):
        self._servers["replica"].stop("fast")
        self._servers["primary"].remove()


class Client:
    """Somebody in a browser."""

    def __init__(self, url, database, login):
        self.url = url
        self._session = requests.Session()
        self.post("/web/session/authenticate", db=database, login=login, password=login)

    def post(self, path, **params):
        answer = self._session.post(
            self.url + path, json={"jsonrpc": "2.0", "id": 1, "params": params}, timeout=300
        ).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def call(self, model, method, *args, **kwargs):
        return self.post(f"/web/dataset/call_kw/{model}/{method}", model=model, method=method, args=args, kwargs=kwargs)

    def get(self, path):
        answer = self._session.get(self.url + path, timeout=300)
        assert answer.ok, answer.text[-2000:]
        return answer.text


@pytest.fixture(scope="module")
def cluster(make_cluster):
    cluster = make_cluster("demo")
    cluster.sql("UPDATE ir_cron SET active = FALSE")
    return cluster


@pytest.fixture(scope="module")
def pair(cluster):
    pair = Pair(cluster.database)
    yield pair
    for node in cluster.nodes:
        node.end()
    pair.stop()


@pytest.fixture(scope="module")
def node(cluster, pair):
    return cluster.start(*pair.options())


@pytest.fixture(scope="module")
def admin(node, pair):
    return Client(node.url, pair.database, "admin")


@pytest.fixture(scope="module")
def best(admin):
    """The id of the value of some customer."""
    [row] = admin.call("crm.value", "search_read", [["purchase_count", ">", 1]], ["partner_id"], limit=1)
    return row["id"], row["partner_id"][0]


def reads(pair, name, before):
    """Return the statements on our tables since the log was this long."""
    return re.findall(r'(?:FROM|JOIN) "?crm_value\w*', pair.log(name)[before:])


READING = {
    "the dashboard": lambda client, best: client.call("crm.value.dashboard", "read_dashboard"),
    "the list of customers": lambda client, best: client.call(
        "crm.value", "web_search_read", [], {"clv": {}, "revenue_12m": {}, "tier_id": {}}
    ),
    "the pivot table": lambda client, best: client.call(
        "crm.value", "formatted_read_group", [], ["tier_id"], ["clv:sum"]
    ),
    "the purchases": lambda client, best: client.call(
        "crm.value.purchase", "web_search_read", [["partner_id", "=", best[1]]], {"date": {}, "revenue": {}}
    ),
    "the explanation": lambda client, best: client.call("crm.value", "explain_value", [best[0]]),
    "the customer equity": lambda client, best: client.call("crm.value.equity", "equity_summary"),
    "the age of the figures": lambda client, best: client.call("crm.value", "get_figures_age"),
    "contacts by value": lambda client, best: client.call(
        "res.partner", "web_search_read", [["value_tier_id", "!=", False]], {"clv": {}}, order="clv desc"
    ),
}


@pytest.mark.parametrize("what", READING)
def test_reads_come_from_the_replica(pair, admin, best, what):
    READING[what](admin, best)  # the first call of a process may fill caches
    before = len(pair.log("primary")), len(pair.log("replica"))
    READING[what](admin, best)
    assert reads(pair, "replica", before[1])
    assert not reads(pair, "primary", before[0])


def test_the_portal_page_comes_from_the_replica(pair, node, admin):
    portal = Client(node.url, pair.database, "portal")
    portal.get("/my/loyalty")  # writes what the first page of a portal needs: Odoo begins again on the primary
    before = len(pair.log("primary")), len(pair.log("replica"))
    portal.get("/my/loyalty")
    assert reads(pair, "replica", before[1])
    assert not reads(pair, "primary", before[0])


def test_what_writes_goes_to_the_primary(pair, admin, best):
    before = len(pair.log("replica"))
    admin.call("res.partner", "action_recompute_value", [best[1]])
    admin.call("crm.value", "action_recompute_company")
    assert not reads(pair, "replica", before)


def test_a_refresh_reads_nothing_old(pair, admin, best):
    value_id, partner_id = best
    shown = "SELECT revenue_total FROM crm_value WHERE id = " + str(int(value_id))
    [(before,)] = pair.sql("primary", shown)
    pair.sql("replica", "SELECT pg_wal_replay_pause()")
    try:
        [move] = admin.call(
            "account.move",
            "create",
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": partner_id,
                    "invoice_date": "2025-01-15",
                    "invoice_line_ids": [[0, 0, {"name": "Line", "quantity": 1, "price_unit": 77, "tax_ids": [[5]]}]],
                }
            ],
        )
        admin.call("account.move", "action_post", [move])
        admin.call("res.partner", "action_recompute_value", [partner_id])
        assert pair.sql("primary", shown) == [(before + 77,)], "the refresh counts what the replica does not know yet"
        [row] = admin.call("crm.value", "web_read", [value_id], {"revenue_total": {}})
        assert row["revenue_total"] == float(before), "the screen shows the replica"
    finally:
        pair.sql("replica", "SELECT pg_wal_replay_resume()")


def test_a_refresh_refuses_a_cursor_that_only_reads(cluster, pair):
    done = cluster.odoo(
        "shell",
        *pair.options(),
        script="""
import psycopg2
with env.registry.cursor(readonly=True) as cr:
    assert cr.readonly
    value, refresh = env(cr=cr)["crm.value"], env(cr=cr)["crm.value.refresh"]
    for work in (refresh._refresh_company, value._cron_refresh_all, value.action_recompute_company):
        try:
            work()
        except psycopg2.errors.ReadOnlySqlTransaction as error:
            print("refused:", error)
        cr.rollback()
""",
    )
    assert done.stdout.count("refused:") == 3, done.stdout + done.stderr[-3000:]
    # The doors refuse before they read; the core only where it writes.
    assert done.stdout.count("on the primary server only") == 2, done.stdout
