#!/usr/bin/env python
"""Turns a CSV file of purchases into posted invoices and credit notes; scripts/load calls it.

An external id names each row's document and each customer, so a second load adds nothing and a killed one goes on
where it stopped. At the end the customer values are refreshed and compared with the file.
"""

import argparse
import logging
import sys
import time

from invoice_file import FileError, read
from invoice_loader import Loader
from reconciliation import reconcile, report

import odoo
from odoo import SUPERUSER_ID, api, fields
from odoo.modules.registry import Registry


class Progress:
    """A bar on a terminal's stderr, elsewhere a line each tenth."""

    def __init__(self, total):
        self.total = total
        self.started = None
        self.tenth = 0

    def __call__(self, done):
        now = time.monotonic()
        if self.started is None:
            self.started, self.skipped = now, done
        left = ""
        if done > self.skipped:
            seconds = (self.total - done) * (now - self.started) / (done - self.skipped)
            left = f"  {seconds // 60:.0f} min {seconds % 60:02.0f} s left"
        text = f"{done:,} of {self.total:,} rows{left}"
        if sys.stderr.isatty():
            full = 30 * done // max(self.total, 1)
            end = "\n" if done == self.total else ""
            print(f"\r\033[K[{'#' * full}{'.' * (30 - full)}] {text}", end=end, file=sys.stderr, flush=True)
        elif not self.tenth or done == self.total or done * 10 // self.total >= self.tenth:
            self.tenth = 1 + done * 10 // max(self.total, 1)
            print(text, file=sys.stderr, flush=True)


def refresh(env):
    """Refresh the values of the company by the cron's own method, and wait for another refresh under way."""
    for _attempt in range(60):
        env["crm.value.run"]._request(env.company)
        env["crm.value"]._cron_refresh_all()
        env.invalidate_all()
        run = env["crm.value.run"].search([("company_id", "=", env.company.id), ("kind", "=", "full")], limit=1)
        if run.state == "done":
            return
        if run.state == "failed":
            sys.exit(f"error: the refresh failed: {run.message}")
        env.cr.rollback()
        time.sleep(5)
    sys.exit("error: another refresh of this company is under way for five minutes now; look into Refreshes")


def main():
    """Load the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("database")
    parser.add_argument("--only-load", action="store_true", help="do not refresh and reconcile")
    options = parser.parse_args()
    odoo.tools.config.parse_config(["-d", options.database, "--no-http", "--log-level", "warn"], setup_logging=True)
    # each unpaid invoice of a closed period is worth a warning to somebody who posts one, not to a load of thousands
    logging.getLogger("odoo.addons.account").setLevel(logging.ERROR)
    with Registry(options.database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        if "account.move" not in env or "crm.value" not in env and not options.only_load:
            sys.exit(f"error: database {options.database} has no crm_value_addon: install it there first")
        cr.execute("SELECT pg_try_advisory_lock(hashtext('crm_value_addon load'))")
        if not cr.fetchone()[0]:
            sys.exit(f"error: another load into {options.database} is under way: wait for it")
        try:
            differing = run(env, options)
        except FileError as error:
            sys.exit(f"error: {options.file}: {error}")
        except KeyboardInterrupt:
            sys.exit("\nstopped; what was loaded stays, and the same command goes on from there")
    sys.exit(1 if differing else 0)


def run(env, options):
    """Load, refresh, reconcile; return the customers that differ."""
    name, rows, bad = read(options.file, fields.Date.context_today(env["res.users"]))
    _complain(bad)
    loader = Loader(env, env.cr.commit, Progress(len(rows)))
    loader.load(name, rows)
    _complain(loader.bad)
    left_out = {row.line for row in loader.bad}
    rows = [row for row in rows if row.line not in left_out]
    if options.only_load:
        return []
    refresh(env)
    table, differing = reconcile(loader, name, rows)
    report(loader, table, differing, bad + loader.bad, sum(loader.rounded(row) != row.amount for row in rows))
    return differing


def _complain(bad):
    for row in bad:
        print(f"line {row.line}: {row.reason}; left out", file=sys.stderr)


if __name__ == "__main__":
    main()
