"""Rows of a file as posted documents of Odoo's: through the ORM, in batches, each row once."""

import hashlib
import time
from decimal import ROUND_HALF_UP, Decimal

import psycopg2
from invoice_file import BadRow

from odoo.exceptions import UserError
from odoo.fields import Command

#: documents per transaction: measured, the cost of a document hardly differs between 100 and 500
BATCH = 200
#: where Odoo keeps the external ids of what users import
MODULE = "__import__"
#: how Online Retail calls what Odoo calls otherwise
COUNTRIES = {"EIRE": "IE", "USA": "US", "RSA": "ZA"}
_BUSY = (psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable)
_RETRIES = 5


class Loader:
    """Writes rows into the current company of `env`.

    :param commit: called after each batch; with it what was written stays
    :param progress: called with the number of rows that are done
    """

    def __init__(self, env, commit, progress=lambda done: None):
        self.env = env(
            context=dict(
                env.context,
                tracking_disable=True,
                mail_create_nolog=True,
                mail_create_nosubscribe=True,
                mail_notrack=True,
            )
        )
        self.company = self.env.company
        self.commit = commit
        self.progress = progress
        self._currency_ids = {}
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
            part = todo[first : first + BATCH]
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
            product = self.env["product.product"].create(
                {
                    "name": "Loaded sales",
                    "type": "service",
                    "taxes_id": [Command.clear()],
                    "supplier_taxes_id": [Command.clear()],
                    "purchase_ok": False,
                }
            )
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
            "invoice_line_ids": [
                Command.create(
                    {
                        "product_id": self.env.ref(f"{MODULE}.loaded_sales").id,
                        "quantity": 1,
                        "price_unit": abs(float(self.rounded(row))),
                        "tax_ids": [Command.clear()],
                    }
                )
            ],
        }

    def currency(self, row):
        """Return the currency of a row, the company's when it names none."""
        if not row.currency:
            return self.company.currency_id
        if row.currency not in self._currency_ids:
            self._currency_ids[row.currency] = self.env["res.currency"].search([("name", "=", row.currency)]).id
        if not self._currency_ids[row.currency]:
            raise UserError(f"currency {row.currency!r} is unknown or not active in Odoo")
        return self.env["res.currency"].browse(self._currency_ids[row.currency])

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
        partners = self.env["res.partner"].create(
            [
                {
                    # plain text, whatever it looks like; a bare number says nothing in a list of contacts
                    "name": f"Customer {customer}" if customer.isdigit() else customer,
                    "ref": customer if customer.isdigit() else False,
                    "country_id": self._country(first[customer].country).id,
                }
                for customer in missing
            ]
        )
        self._remember(zip((names[customer] for customer in missing), partners, strict=True))
        known |= dict(zip((names[customer] for customer in missing), partners, strict=True))
        return {customer: known[names[customer]] for customer in first}

    def customers(self, name, rows):
        """Return {customer in the file: contact} of those that were loaded."""
        found = self._records("res.partner", {_customer(name, row.customer) for row in rows})
        return {
            row.customer: found[_customer(name, row.customer)] for row in rows if _customer(name, row.customer) in found
        }

    def _country(self, text):
        country = self.env["res.country"]
        if not text:
            return country
        code = COUNTRIES.get(text)
        return country.search([("code", "=", code)] if code else [("name", "=", text)], limit=1)

    def _records(self, model, names):
        """Return {external id: record} of those that exist."""
        data = self.env["ir.model.data"].search_read(
            [("module", "=", MODULE), ("model", "=", model), ("name", "in", list(names))], ["name", "res_id"]
        )
        existing = set(self.env[model].browse(row["res_id"] for row in data).exists().ids)
        return {row["name"]: self.env[model].browse(row["res_id"]) for row in data if row["res_id"] in existing}

    def _remember(self, pairs):
        self.env["ir.model.data"]._update_xmlids(
            [{"xml_id": f"{MODULE}.{name}", "record": record, "noupdate": True} for name, record in pairs]
        )


def _document(row):
    return f"loaded_document_{row.key}"


def _customer(name, customer):
    return f"loaded_customer_{hashlib.sha256(f'{name}/{customer}'.encode()).hexdigest()[:24]}"
