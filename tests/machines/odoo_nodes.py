"""Several processes of Odoo on one database, and what the database server tells about them.

Odoo runs as it does on machines of its own: nothing is shared but the database. Work is made long enough to be caught
in the act by triggers of the database, never by a change of the code.
"""

import os
import signal
import subprocess
import time
from contextlib import closing

import psycopg2
import requests
from odoo_process import ROOT, SCRIPTS, start_odoo

_PATIENCE = 120

#: companies of whom each has the customers of the first one, with invoices of its own
_COMPANIES = """
    WITH partner AS (
        INSERT INTO res_partner (name, is_company, active, autopost_bills)
        SELECT 'Side ' || number, TRUE, TRUE, 'ask' FROM generate_series(1, %(count)s) number RETURNING id, name
    ), company AS (
        INSERT INTO res_company (name, partner_id, currency_id, active, {names})
        SELECT partner.name, partner.id, main.currency_id, TRUE, {values}
          FROM partner, res_company main WHERE main.id = 1 RETURNING id
    )
    SELECT array_agg(id) FROM company
"""


class Node:
    """One of several Odoo servers on a database; the database server knows its connections by `pid`."""

    def __init__(self, database, log, *options, environment=None):
        self.log = log
        self._process, self.url = start_odoo(
            database, log, "--limit-memory-hard", "0", *options, environment=environment
        )
        self.pid = self._process.pid

    def answers(self):
        try:
            return requests.get(f"{self.url}/web/health", timeout=60).ok
        except requests.ConnectionError:
            return False

    def kill(self):
        """End it as a power cut does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self):
        """End it as an administrator does."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


class Cluster:
    """A fresh database and the nodes on it."""

    def __init__(self, kind):
        done = subprocess.run(
            [SCRIPTS / "db", "scratch", kind, str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True
        )
        self.database = done.stdout.split()[-1]
        self.nodes = []
        self._connection = psycopg2.connect(dbname=self.database)
        self._connection.autocommit = True

    def start(self, *options, environment=None):
        """Return a new node as soon as it answers."""
        log = ROOT / ".odoo" / "log" / f"{self.database}_{len(self.nodes) + 1}.log"
        node = Node(self.database, log, *options, environment=environment)
        self.nodes.append(node)
        self.until("a node answers", node.answers)
        return node

    def sql(self, query, **values):
        """Return the rows of a statement, run by itself."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def odoo(self, *arguments, script=None, **environment):
        """Run Odoo's command line on the database to its end; return the finished process."""
        return subprocess.run(
            [SCRIPTS / "odoo", *arguments, "-d", self.database, "--no-http", "--max-cron-threads", "0"],
            input=script,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def wake_crons(self):
        """Have the cron threads look for work now, as Odoo does when a scheduled action is triggered."""
        with closing(psycopg2.connect(dbname="postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute("SELECT pg_notify('cron_trigger', %s)", [self.database])

    def until(self, what, condition):
        """Return what the condition returns as soon as that is true."""
        end = time.monotonic() + _PATIENCE
        while not (result := condition()):
            if time.monotonic() > end:
                logs = "\n".join(f"{node.log}:\n{node.log.read_text()[-3000:]}" for node in self.nodes)
                raise AssertionError(f"waited in vain: {what}\n{logs}")
            time.sleep(0.1)
        return result

    def add_companies(self, count):
        """Give the customers of the first company invoices in new companies, too; return these companies' ids."""
        with self._connection.cursor() as cursor:
            cursor.execute("""
                SELECT string_agg(quote_ident(column_name), ', '), string_agg('main.' || quote_ident(column_name), ', ')
                  FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name = 'res_company' AND column_name NOT IN
                       ('id', 'name', 'partner_id', 'currency_id', 'active', 'parent_id', 'parent_path')
            """)
            names, values = cursor.fetchone()
            cursor.execute(_COMPANIES.format(names=names, values=values), {"count": count})
            [ids] = cursor.fetchone()
            cursor.execute(
                """
                UPDATE res_company SET parent_path = id || '/' WHERE id = ANY(%(ids)s);
                INSERT INTO account_move
                SELECT (jsonb_populate_record(move, jsonb_build_object(
                           'id', nextval('account_move_id_seq'), 'company_id', company.id,
                           'name', move.name || ' ' || company.id))).*
                  FROM account_move move, unnest(%(ids)s) company(id)
                 WHERE move.company_id = 1 AND move.state = 'posted'
                   AND move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
            """,
                {"ids": ids},
            )
        return ids

    def stop(self):
        """End the nodes and drop the database."""
        for node in self.nodes:
            node.end()
        self._connection.close()
        subprocess.run([SCRIPTS / "db", "drop", self.database], check=True)
