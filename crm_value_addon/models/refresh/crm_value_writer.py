from contextlib import contextmanager, nullcontext

import numpy as np
import psycopg2

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ...lib.columns import take
from ...lib.postgres import binary_copy
from ...lib.postgres.array_literals import literals
from .said import SaidError, reason_of

_lt = LazyTranslate(__name__)

#: a refresh that would leave out more customers than this has another fault than its customers
SKIP_LIMIT = 100
_TABLE = "crm_value_incoming"
#: rows that a statement names itself: a table for these would leave a hundred dead rows in the catalog each minute
_FEW_ROWS = 500
#: type of a stored field → kind of its column (see lib/postgres/binary_copy.py)
KINDS = {
    "monetary": "numeric",
    "integer": "int4",
    "float": "float8",
    "date": "date",
    "selection": "int2",
    "boolean": "bool",
    "many2one": "int4",
}
#: what one customer's data can cause; anything else concerns everybody and is raised
CUSTOMER_ERRORS = (
    *(psycopg2.DataError, psycopg2.IntegrityError, UserError),
    *(ArithmeticError, LookupError, TypeError, ValueError),
)


class TooManyLeftOut(SaidError):
    """So many customers could not be refreshed that the fault is not theirs."""


class CrmValueWriter(models.AbstractModel):
    """The last step of a refresh: columns into the table of `crm.value`, where they differ.

    How to use: `_write_each` for the customers of a batch. `_leave_out` runs any work on columns so that a customer
    whose data fail costs nobody else its figures.

    How it works: a temporary table is filled by COPY, and one UPDATE and one INSERT take from it what differs; the rows
    of few customers need no table. The refresh of all customers compares a digest of each row instead of its figures.
    """

    _name = "crm.value.writer"
    _description = "Customer Value: Writer"

    def _write_each(self, basis, columns, follow, trust_digest=False):
        """Write columns; customers that cannot be written are left out: (rows written, [(partner id, reason)]).

        :param follow: function of the sorted partner ids, an array, that were written together: what follows from the
            stored figures of these customers, in the transaction that wrote them
        """
        written, skipped = [], []

        def work(part):
            written.append(self._write_columns(basis, part, trust_digest))
            follow(part["partner_id"])

        self._leave_out(work, columns, skipped)
        self.env["crm.value"].invalidate_model()
        return sum(written), skipped

    def _leave_out(self, work, columns, skipped):
        """Run a piece of work on columns; halve them where it fails until the failing customers are alone."""
        count = len(columns["partner_id"])
        if not count:
            return
        try:
            self.env.flush_all()
            with self.env.cr.savepoint(flush=False):
                work(columns)
                self.env.flush_all()
        except TooManyLeftOut:
            raise
        except CUSTOMER_ERRORS as error:
            self.env.transaction.clear()  # of what was rolled back
            if count == 1:
                skipped.append((int(columns["partner_id"][0]), reason_of(error)))
                if len(skipped) > SKIP_LIMIT:
                    raise TooManyLeftOut(
                        self.env,
                        _lt(
                            "More than %(limit)s customers could not be refreshed; the last: %(reason)s",
                            limit=SKIP_LIMIT,
                            reason=reason_of(error),
                        ),
                    ) from error
                return
            self._leave_out(work, take(columns, slice(0, count // 2)), skipped)
            self._leave_out(work, take(columns, slice(count // 2, count)), skipped)

    def _write_columns(self, basis, columns, trust_digest=False):
        """Write what differs from the stored rows and insert what is missing; return the number of rows written.

        :param trust_digest: tell by the digest which rows differ, instead of comparing each of their figures
        """
        stored_fields = self.env["crm.value"]._fields
        names = self.env["crm.value"]._refreshed_fields()
        kinds = [("partner_id", "int4")] + [(name, KINDS[stored_fields[name].type]) for name in names]
        span = int(columns["partner_id"][0]), int(columns["partner_id"][-1])
        columns = columns | {"figures_digest": binary_copy.digest(columns, kinds, basis.money)}
        names = [*names, "figures_digest"]
        has_new = True
        if trust_digest:
            columns, has_new = self._without_unchanged(basis.company, columns, *span)
            if not len(columns["partner_id"]):
                return 0
        incoming = self._incoming_rows(_TABLE, columns, [*kinds, ("figures_digest", "float8")], basis.money)
        compared = ["figures_digest"] if trust_digest else names[:-1]
        with self._without_nested_loops() if trust_digest else nullcontext():
            written = self._update_rows(basis, incoming, names, compared, *span)
        return written + (self._insert_rows(basis, incoming, names, *span) if has_new else 0)

    @api.model
    def _without_unchanged(self, company, columns, first, last):
        """Return the rows whose digest is not the stored one, and whether some are not stored at all."""
        stored = binary_copy.copy_out(
            self.env.cr,
            SQL(
                """SELECT partner_id, COALESCE(figures_digest, 0) FROM crm_value
                WHERE company_id = %s AND partner_id BETWEEN %s AND %s ORDER BY partner_id""",
                company.id,
                first,
                last,
            ),
            [("partner", "int4"), ("digest", "float8")],
        )
        partners = columns["partner_id"]
        place = np.minimum(np.searchsorted(stored["partner"], partners), max(len(stored["partner"]) - 1, 0))
        if not len(stored["partner"]):
            return columns, True
        is_stored = stored["partner"][place] == partners
        same = is_stored & (stored["digest"][place] == columns["figures_digest"])
        return take(columns, ~same), not is_stored.all()

    @api.model
    def _incoming_rows(self, table, columns, kinds, decimals):
        """Return the SQL of rows to select from: a table of this transaction, or where they are few, the rows.

        :param table: name of the table
        :param kinds: (name, kind) of the columns (see lib/postgres/binary_copy.py), the first one a key
        """
        names = SQL(", ").join(SQL.identifier(name) for name, _kind in kinds)
        if len(columns[kinds[0][0]]) <= _FEW_ROWS:
            arrays = SQL(", ").join(
                SQL("%s::%s[]", text, SQL(kind))
                for text, (_name, kind) in zip(literals(columns, kinds, decimals), kinds, strict=True)
            )
            return SQL("(SELECT * FROM unnest(%s) AS row(%s))", arrays, names)
        self.env.cr.execute(
            SQL(
                "DROP TABLE IF EXISTS %(table)s; CREATE TEMP TABLE %(table)s (%(columns)s) ON COMMIT DROP",
                table=SQL.identifier(table),
                columns=SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in kinds),
            )
        )
        binary_copy.copy_in(self.env.cr, table, columns, kinds, decimals)
        # The planner needs the number of rows and the spread of the key; the other columns cost as much as the UPDATE.
        self.env.cr.execute(SQL("ANALYZE %s (%s)", SQL.identifier(table), SQL.identifier(kinds[0][0])))
        return SQL.identifier(table)

    def _update_rows(self, basis, incoming, names, compared, first, last):
        fields_old = SQL(", ").join(SQL("value.%s", SQL.identifier(name)) for name in compared)
        fields_new = SQL(", ").join(self._incoming(name) for name in compared)
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value value SET as_of_date = %(as_of)s, %(assignments)s
              FROM %(table)s incoming
             WHERE value.partner_id = incoming.partner_id AND value.company_id = %(company)s
               AND value.partner_id BETWEEN %(first)s AND %(last)s
               AND (%(old)s) IS DISTINCT FROM (%(new)s)
            """,
                as_of=basis.as_of,
                table=incoming,
                company=basis.company.id,
                first=first,
                last=last,
                old=fields_old,
                new=fields_new,
                assignments=SQL(", ").join(
                    [
                        *(SQL("%s = %s", SQL.identifier(name), self._incoming(name)) for name in names),
                        self.env["crm.value.lifecycle"]._assign_since(self._incoming("lifecycle_stage"), basis.as_of),
                    ]
                ),
            )
        )
        return self.env.cr.rowcount

    @contextmanager
    def _without_nested_loops(self):
        """Disable nested loops for one statement.

        A new company has no statistics, so the planner would scan the batch once per row.
        """
        self.env.cr.execute(SQL("SET LOCAL enable_nestloop = off"))
        yield
        self.env.cr.execute(SQL("SET LOCAL enable_nestloop TO DEFAULT"))

    def _insert_rows(self, basis, incoming, names, first, last):
        # ON CONFLICT: a row that another session inserted since our snapshot is a serialization failure, and
        # is tried again, instead of a constraint error. The anti-join keeps it from burning ids every night.
        self.env.cr.execute(
            SQL(
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
                company=basis.company.id,
                as_of=basis.as_of,
                table=incoming,
                first=first,
                last=last,
                names=SQL(", ").join(SQL.identifier(name) for name in names),
                values=SQL(", ").join(self._incoming(name) for name in names),
            )
        )
        return self.env.cr.rowcount

    def _incoming(self, name):
        """Return the SQL of a field's new value: undo what a fixed width asks for (see lib/postgres/binary_copy.py)."""
        column = SQL("incoming.%s", SQL.identifier(name))
        field = self.env["crm.value"]._fields[name]
        if field.type == "date":
            return SQL("NULLIF(%s, '-infinity'::date)", column)
        if field.type == "many2one":
            return SQL("NULLIF(%s, 0)", column)
        if field.type == "selection":
            return SQL("(%s::varchar[])[%s]", field.get_values(self.env), column)
        return column
