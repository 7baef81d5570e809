#!/usr/bin/env python
"""Turns a CSV file of purchases into posted invoices and credit notes; scripts/load calls it.

Through Odoo's ORM, in batches that commit. An external id names each row's document and each customer, so a
second load adds nothing and a killed one goes on where it stopped.
"""
import argparse
import hashlib
import logging
import sys
import time
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

import psycopg2
from invoice_file import BadRow, FileError, read

import odoo
from odoo import SUPERUSER_ID, Command, api, fields
from odoo.exceptions import UserError
from odoo.modules.registry import Registry

#: documents per transaction: measured, the cost of a document hardly differs between 100 and 500
BATCH = 200
#: where Odoo keeps the external ids of what users import
MODULE = "__import__"
#: how Online Retail calls what Odoo calls otherwise
COUNTRIES = {"EIRE": "IE", "USA": "US", "RSA": "ZA"}
_BUSY = (psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable)
_RETRIES = 5
_SHOWN = 20


class Loader:
    """Writes rows into the current company of `env`.

    :param commit: called after each batch; with it what was written stays
    :param progress: called with the number of rows that are done
    """

    def __init__(self, env, commit, progress=lambda done: None):
        self.env = env(context=dict(
            env.context, tracking_disable=True, mail_create_nolog=True, mail_create_nosubscribe=True,
            mail_notrack=True))
        self.company = self.env.company
        self.commit = commit
        self.progress = progress
        self.bad = []
        self.added = 0

    def load(self, name, rows):
        """Write the documents of the rows that have none yet.

        :param name: name of the file's format
        """
        self._prepare()
        self.commit()
        todo = self._todo(rows)
        self.progress(len(rows) - len(todo))
        for first in range(0, len(todo), BATCH):
            part = todo[first:first + BATCH]
            bad = self._write_retried(name, part)
            self.commit()
            self.bad += bad
            self.added += len(part) - len(bad)
            self.env.invalidate_all()
            self.progress(len(rows) - len(todo) + first + len(part))

    def _prepare(self):
        """Make sure of what documents need: a chart of accounts and a product."""
        sales = [("type", "=", "sale"), ("company_id", "=", self.company.id)]
        if not self.company.chart_template and not self.env["account.journal"].search_count(sales):
            self.env["account.chart.template"].try_loading("generic_coa", self.company, install_demo=False)
        if not self._records("product.product", ["loaded_sales"]):
            product = self.env["product.product"].create({
                "name": "Loaded sales", "type": "service", "taxes_id": [Command.clear()],
                "supplier_taxes_id": [Command.clear()], "purchase_ok": False,
            })
            self._remember([("loaded_sales", product)])

    def _todo(self, rows):
        done = self._records("account.move", [_document(row) for row in rows])
        return [row for row in rows if _document(row) not in done]

    def _write_retried(self, name, rows):
        """Write rows in this transaction, from its start when another session was in the way; return the bad ones."""
        for attempt in range(_RETRIES):
            try:
                return self._write(name, rows)
            except _BUSY:
                self.env.cr.rollback()
                if attempt == _RETRIES - 1:
                    raise
                time.sleep(attempt)

    def _write(self, name, rows):
        try:
            with self.env.cr.savepoint():
                self._create(name, rows)
        except (UserError, psycopg2.DataError, psycopg2.IntegrityError) as error:
            self.env.invalidate_all()
            if len(rows) == 1:
                return [BadRow(rows[0].line, " ".join(str(error).split()))]
            # one of them spoils the others: which one?
            middle = len(rows) // 2
            return self._write(name, rows[:middle]) + self._write(name, rows[middle:])
        return []

    def _create(self, name, rows):
        customers = self._customers(name, rows)
        moves = self.env["account.move"].create([self._move_vals(row, customers[row.customer]) for row in rows])
        self._remember(zip(map(_document, rows), moves, strict=True))
        moves.action_post()
        self.env.flush_all()

    def _move_vals(self, row, customer):
        return {
            "move_type": "out_refund" if row.is_refund else "out_invoice",
            "company_id": self.company.id,
            "partner_id": customer.id,
            "invoice_date": row.date,
            "ref": row.number or False,
            "currency_id": self.currency(row).id,
            "invoice_line_ids": [Command.create({
                "product_id": self.env.ref(f"{MODULE}.loaded_sales").id,
                "quantity": 1,
                "price_unit": abs(float(self.rounded(row))),
                "tax_ids": [Command.clear()],
            })],
        }

    def currency(self, row):
        """Return the currency of a row, the company's when it names none."""
        if not row.currency:
            return self.company.currency_id
        currency = self.env["res.currency"].search([("name", "=", row.currency)])
        if not currency:
            raise UserError(f"currency {row.currency!r} is unknown or not active in Odoo")
        return currency

    def rounded(self, row):
        """Return the amount of a row in whole cents of its currency."""
        unit = Decimal(str(self.currency(row).rounding))
        return (row.amount / unit).quantize(Decimal(1), ROUND_HALF_UP) * unit

    def _customers(self, name, rows):
        """Return {customer in the file: contact}; creates the missing ones."""
        first = {row.customer: row for row in reversed(rows)}
        names = {customer: _customer(name, customer) for customer in first}
        known = self._records("res.partner", names.values())
        missing = [customer for customer in first if names[customer] not in known]
        partners = self.env["res.partner"].create([{
            # plain text, whatever it looks like; a bare number says nothing in a list of contacts
            "name": f"Customer {customer}" if customer.isdigit() else customer,
            "ref": customer if customer.isdigit() else False,
            "country_id": self._country(first[customer].country).id,
        } for customer in missing])
        self._remember(zip((names[customer] for customer in missing), partners, strict=True))
        known |= dict(zip((names[customer] for customer in missing), partners, strict=True))
        return {customer: known[names[customer]] for customer in first}

    def customers(self, name, rows):
        """Return {customer in the file: contact} of those that were loaded."""
        found = self._records("res.partner", {_customer(name, row.customer) for row in rows})
        return {row.customer: found[_customer(name, row.customer)] for row in rows
                if _customer(name, row.customer) in found}

    def _country(self, text):
        country = self.env["res.country"]
        if not text:
            return country
        code = COUNTRIES.get(text)
        return country.search([("code", "=", code)] if code else [("name", "=", text)], limit=1)

    def _records(self, model, names):
        """Return {external id: record} of those that exist."""
        data = self.env["ir.model.data"].search_read(
            [("module", "=", MODULE), ("model", "=", model), ("name", "in", list(names))], ["name", "res_id"])
        existing = set(self.env[model].browse(row["res_id"] for row in data).exists().ids)
        return {row["name"]: self.env[model].browse(row["res_id"]) for row in data if row["res_id"] in existing}

    def _remember(self, pairs):
        self.env["ir.model.data"]._update_xmlids([
            {"xml_id": f"{MODULE}.{name}", "record": record, "noupdate": True} for name, record in pairs])


def _document(row):
    return f"loaded_document_{row.key}"


def _customer(name, customer):
    return f"loaded_customer_{hashlib.sha256(f'{name}/{customer}'.encode()).hexdigest()[:24]}"


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


def reconcile(loader, name, rows):
    """Compare, per customer, the file with the stored values and with Odoo's invoice analysis.

    :return: table as list of (source, customers, documents, revenue), list of (customer, revenue by each source)
    """
    env, company = loader.env, loader.company
    contacts = {key: contact.commercial_partner_id for key, contact in loader.customers(name, rows).items()}
    cent = Decimal(str(company.currency_id.rounding))

    def money(number):
        return Decimal(number).quantize(cent, ROUND_HALF_UP)

    in_file, labels = defaultdict(Decimal), {}
    for row in rows:
        contact, amount, currency = contacts.get(row.customer), loader.rounded(row), loader.currency(row)
        if currency != company.currency_id:
            amount = money(currency._convert(float(amount), company.currency_id, company, row.date))
        in_file[contact] += amount
        labels[contact] = row.customer
    ids = [contact.id for contact in in_file if contact]
    values = env["crm.value"].search([("company_id", "=", company.id), ("partner_id", "in", ids)])
    stored = {value.partner_id: money(value.revenue_total) for value in values}
    groups = env["account.invoice.report"]._read_group(
        [("company_id", "=", company.id), ("commercial_partner_id", "in", ids), ("state", "=", "posted"),
         ("move_type", "in", ("out_invoice", "out_refund", "out_receipt"))],
        ["commercial_partner_id"], ["price_subtotal:sum", "move_id:count_distinct"])
    analysed = {contact: money(total) for contact, total, _count in groups}
    table = [
        ("the file", len(in_file), len(rows), sum(in_file.values(), Decimal())),
        ("customer values", len(stored), None, sum(stored.values(), Decimal())),
        ("invoice analysis", len(analysed), sum(count for *_rest, count in groups), sum(analysed.values(), Decimal())),
    ]
    differing = [
        (labels[contact], total, stored.get(contact, Decimal()), analysed.get(contact, Decimal()))
        for contact, total in in_file.items()
        if not total == stored.get(contact) == analysed.get(contact)]
    return table, differing


def report(loader, table, differing, bad, rounded):
    """Print the reconciliation."""
    print(f"\n{'':18}{'customers':>12}{'documents':>12}{'revenue ' + loader.company.currency_id.name:>20}")
    for source, customers, documents, revenue in table:
        count = "" if documents is None else f"{documents:,}"
        print(f"{source:18}{customers:12,}{count:>12}{revenue:20,.2f}")
    spread = max(row[3] for row in table) - min(row[3] for row in table)
    print(f"{'difference':18}{'':24}{spread:20,.2f}")
    print(f"\n{loader.added:,} documents added, {len(bad):,} bad rows left out, {rounded:,} amounts rounded")
    for customer, *totals in differing[:_SHOWN]:
        print("differs: {}: file {:,.2f}, value {:,.2f}, analysis {:,.2f}".format(customer, *totals))
    print(f"{len(differing):,} customers differ")


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
