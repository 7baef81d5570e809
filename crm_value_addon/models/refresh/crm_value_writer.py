from contextlib import contextmanager, nullcontext

import numpy as np
import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...lib.postgres import binary_copy

#: a refresh that would leave out more customers than this has another fault than its customers
SKIP_LIMIT = 100
_TABLE = "crm_value_incoming"
_KINDS = {
    "monetary": "numeric", "integer": "int4", "float": "float8", "date": "date", "selection": "int2",
    "boolean": "bool", "many2one": "int4",
}
#: what one customer's data can cause; anything else concerns everybody and is raised
_CUSTOMER_ERRORS = (psycopg2.DataError, psycopg2.IntegrityError, ArithmeticError, ValueError, UserError)


def describe_error(error):
    """Return an error in words, without the row that PostgreSQL quotes: its figures and texts are not for everybody."""
    text = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    return f"{type(error).__name__}: {text}".strip()


class TooManyLeftOut(UserError):
    """So many customers could not be refreshed that the fault is not theirs."""


class CrmValueStore(models.Model):
    """The last step of a refresh: a frame (see `CrmValueRefresh`) into the table, where it differs."""

    _inherit = "crm.value"

    figures_digest = fields.Float(
        readonly=True, groups="base.group_system", help="Tells whether a refresh of all customers changes anything")

    def write(self, vals):
        # A digest speaks of what the refresh wrote.
        return super().write(vals if "figures_digest" in vals else vals | {"figures_digest": False})

    @api.model
    def _refreshed_fields(self):
        """Return the names of the fields that a refresh computes, besides partner, company and as-of date."""
        return [
            "first_purchase_date", "last_purchase_date", "purchase_count", "frequency",
            "revenue_total", "revenue_12m", "revenue_year", "revenue_previous_year", "margin_total", "margin_12m",
            "refund_total", "monetary_value", "overdue_amount", "method", "expected_margin_12m",
            "transaction_value", "clv", "realised_value",
        ]

    def _store_each(self, company, as_of, frame, trust_digest=False):
        """Write a frame; customers that cannot be written are left out: (rows written, [(partner id, reason)])."""
        written, skipped = [], []

        def work(part):
            written.append(self._store(company, as_of, part, trust_digest))
            self._after_store(company, as_of, part["partner_id"])

        self._leave_out(work, frame, skipped)
        self.invalidate_model()
        return sum(written), skipped

    def _after_store(self, company, as_of, partner_ids):
        """Hook: what follows from the stored figures of these customers, in the transaction that wrote them.

        :param partner_ids: int array of shape (n,), sorted
        """

    def _leave_out(self, work, frame, skipped):
        """Run a piece of work on a frame; halve the frame where it fails until the failing customers are alone."""
        count = len(frame["partner_id"])
        if not count:
            return
        try:
            with self.env.cr.savepoint(flush=False):
                work(frame)
        except TooManyLeftOut:
            raise
        except _CUSTOMER_ERRORS as error:
            if count == 1:
                skipped.append((int(frame["partner_id"][0]), describe_error(error)))
                if len(skipped) > SKIP_LIMIT:
                    raise TooManyLeftOut(self.env._(
                        "More than %(limit)s customers could not be refreshed; the last: %(reason)s",
                        limit=SKIP_LIMIT, reason=error)) from error
                return
            self._leave_out(work, self._take(frame, slice(0, count // 2)), skipped)
            self._leave_out(work, self._take(frame, slice(count // 2, count)), skipped)

    def _store(self, company, as_of, frame, trust_digest=False):
        """Write what differs from the stored rows and insert what is missing; return the number of rows written.

        :param trust_digest: tell by the digest which rows differ, instead of comparing each of their figures
        """
        names = self._refreshed_fields()
        columns = [("partner_id", "int4")] + [(name, _KINDS[self._fields[name].type]) for name in names]
        span = int(frame["partner_id"][0]), int(frame["partner_id"][-1])
        decimals = company.currency_id.decimal_places
        frame = frame | {"figures_digest": binary_copy.digest(frame, columns, decimals)}
        names = [*names, "figures_digest"]
        has_new = True
        if trust_digest:
            frame, has_new = self._without_unchanged(company, frame, *span)
            if not len(frame["partner_id"]):
                return 0
        self._copy_in(frame, [*columns, ("figures_digest", "float8")], decimals)
        compared = ["figures_digest"] if trust_digest else names[:-1]
        with self._without_nested_loops() if trust_digest else nullcontext():
            written = self._store_update(company, as_of, names, compared, *span)
        return written + (self._store_insert(company, as_of, names, *span) if has_new else 0)

    @api.model
    def _without_unchanged(self, company, frame, first, last):
        """Return the rows of a frame whose digest is not the stored one, and whether some are not stored at all."""
        stored = binary_copy.copy_out(self.env.cr, SQL(
            """SELECT partner_id, COALESCE(figures_digest, 0) FROM crm_value
                WHERE company_id = %s AND partner_id BETWEEN %s AND %s ORDER BY partner_id""",
            company.id, first, last), [("partner", "int4"), ("digest", "float8")])
        partners = frame["partner_id"]
        place = np.minimum(np.searchsorted(stored["partner"], partners), max(len(stored["partner"]) - 1, 0))
        if not len(stored["partner"]):
            return frame, True
        is_stored = stored["partner"][place] == partners
        same = is_stored & (stored["digest"][place] == frame["figures_digest"])
        return self._take(frame, ~same), not is_stored.all()

    @api.model
    def _copy_in(self, frame, columns, decimals):
        self.env.cr.execute(SQL(
            "DROP TABLE IF EXISTS %(table)s; CREATE TEMP TABLE %(table)s (%(columns)s) ON COMMIT DROP",
            table=SQL.identifier(_TABLE),
            columns=SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in columns)))
        binary_copy.copy_in(self.env.cr, _TABLE, frame, columns, decimals)
        # The planner needs the number of rows and the spread of the key; the other columns cost as much as the UPDATE.
        self.env.cr.execute(SQL("ANALYZE %s (partner_id)", SQL.identifier(_TABLE)))

    def _store_update(self, company, as_of, names, compared, first, last):
        fields_old = SQL(", ").join(SQL("value.%s", SQL.identifier(name)) for name in compared)
        fields_new = SQL(", ").join(self._incoming(name) for name in compared)
        self.env.cr.execute(SQL(
            """
            UPDATE crm_value value SET as_of_date = %(as_of)s, %(assignments)s
              FROM %(table)s incoming
             WHERE value.partner_id = incoming.partner_id AND value.company_id = %(company)s
               AND value.partner_id BETWEEN %(first)s AND %(last)s
               AND (%(old)s) IS DISTINCT FROM (%(new)s)
            """,
            as_of=as_of, table=SQL.identifier(_TABLE), company=company.id, first=first, last=last,
            old=fields_old, new=fields_new,
            assignments=SQL(", ").join([
                *(SQL("%s = %s", SQL.identifier(name), self._incoming(name)) for name in names),
                *self._derived_assignments(as_of)])))
        return self.env.cr.rowcount

    @contextmanager
    def _without_nested_loops(self):
        """Have no row looked for in all rows of a batch.

        Of a company that is new there are no statistics: the planner expects a row or two of it.
        """
        self.env.cr.execute(SQL("SET LOCAL enable_nestloop = off"))
        yield
        self.env.cr.execute(SQL("SET LOCAL enable_nestloop TO DEFAULT"))

    @api.model
    def _derived_assignments(self, as_of):
        """Hook: more assignments for rows that are written because a figure differs.

        :return: list of SQL on the aliases ``value`` (the old row) and ``incoming``
        """
        return []

    def _store_insert(self, company, as_of, names, first, last):
        # ON CONFLICT: a row that another session inserted since our snapshot is a serialization failure, and
        # is tried again, instead of a constraint error. The anti-join keeps it from burning ids every night.
        self.env.cr.execute(SQL(
            """
            INSERT INTO crm_value (partner_id, company_id, as_of_date, %(names)s)
            SELECT incoming.partner_id, %(company)s, %(as_of)s, %(values)s
              FROM (SELECT * FROM %(table)s incoming
                     WHERE NOT EXISTS (SELECT FROM crm_value value WHERE value.partner_id = incoming.partner_id
                              AND value.company_id = %(company)s AND value.partner_id BETWEEN %(first)s AND %(last)s)
                    OFFSET 0) incoming
             WHERE EXISTS (SELECT FROM res_partner partner WHERE partner.id = incoming.partner_id)
             ORDER BY incoming.partner_id
            ON CONFLICT (partner_id, company_id) DO NOTHING
            """,
            company=company.id, as_of=as_of, table=SQL.identifier(_TABLE), first=first, last=last,
            names=SQL(", ").join(SQL.identifier(name) for name in names),
            values=SQL(", ").join(self._incoming(name) for name in names)))
        return self.env.cr.rowcount

    def _incoming(self, name):
        """Return the SQL of a field's new value: undo what a fixed width asks for (see lib/postgres/binary_copy.py)."""
        column = SQL("incoming.%s", SQL.identifier(name))
        field = self._fields[name]
        if field.type == "date":
            return SQL("NULLIF(%s, '-infinity'::date)", column)
        if field.type == "many2one":
            return SQL("NULLIF(%s, 0)", column)
        if field.type == "selection":
            return SQL("(%s::varchar[])[%s]", field.get_values(self.env), column)
        return column

    def _selection_code(self, name, value):
        return self._fields[name].get_values(self.env).index(value) + 1

    @staticmethod
    def _take(frame, chosen):
        return {name: values[chosen] for name, values in frame.items()}
