from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np

from odoo import models
from odoo.tools import SQL

from ..lib.postgres.binary_arrays import copy_out_arrays
from ..lib.postgres.binary_copy import NO_DATE, copy_out, day_number, id_array
from ..lib.purchase_history import FrozenDocuments, purchase_days
from . import readable

_DOCUMENT_COLUMNS = [
    ("partner", "int4"),
    ("date", "date"),
    ("revenue", "float8"),
    ("margin", "float8"),
    ("refund", "float8"),
    ("purchase_revenue", "float8"),
    ("is_frozen", "bool"),
]
_MOVE_COLUMNS = [("id", "int4"), ("partner", "int4"), ("date", "date"), ("revenue", "float8")]
_FROZEN_COLUMNS = [
    ("id", "int4"),
    ("margin", "float8"),
    ("purchase_revenue", "float8"),
    ("correction_id", "int4"),
    ("stale_id", "int4"),
    ("note", "int4"),
    ("counted", "int4"),
    ("origin", "int4"),
    ("amount", "float8"),
    ("refund", "float8"),
]
#: those of them that come from `crm.value.document.origin`
_ORIGIN_COLUMNS = ("note", "counted", "origin", "amount", "refund")
#: partner ids whose documents become one row of arrays, and how many of these rows are joined and summed at once
_ROW_SPAN = 2_000
_CHUNK_ROWS = 10
#: the same where memory counts more than time
_CHUNK_ROWS_OF_SPAN = 4
#: more chunks than this are none: ids that lie far apart get wider ones
_MAX_CHUNKS = 500
#: pages of frozen rows that become one row of arrays: some 50,000 documents
_ROW_PAGES = 500
#: a company with fewer documents than one in so many reads its frozen rows only
_OWN_SHARE = 5
_FIRST_DAY, _LAST_DAY = day_number(date.min), day_number(date.max)
_NOTHING = {"partner": np.zeros(0, np.int32)}


class CrmValuePurchaseReader(models.AbstractModel):
    """The purchase days of all or some customers of a company: the sources of purchases, joined and summed in numpy.

    How to use: `_iter_days`. It says the same as the view `crm.value.purchase`.

    How it works: joining a million invoices with their frozen rows takes PostgreSQL longer than all the rest of a
    refresh. So what is frozen is read as it lies on the disk, or of some customers by its key, and the invoices by
    customer, from the covering index: both as arrays, a few thousand documents in a row. While numpy sums the last
    customers' invoices, a second thread reads the next ones' over the same connection.
    """

    _name = "crm.value.purchase.reader"
    _description = "Customer Purchase Days: Reader"

    def _iter_days(self, basis, work=lambda days: days):
        """Yield the purchase days of all, or some, customers, some at a time, by ascending partner id.

        Each is a dict of arrays (see `lib.purchase_history.purchase_days`). What is frozen is in memory as a whole,
        unless the basis has a span.

        :param work: function of such a dict whose result is yielded instead; it runs while PostgreSQL finds the next
            customers' documents, so it must not ask the database
        """
        self.env.flush_all()
        Purchase = self.env["crm.value.purchase"]
        sources = Purchase._sources_for(basis)
        own = [Purchase._select_documents(basis), Purchase._select_reversals(basis)]
        if any(source not in sources for source in own):  # somebody replaced one: then their rows are read one by one
            yield work(purchase_days(*self._read_sources(sources, basis)))
            return
        others = [source for source in sources if source not in own]
        rows = map(_sorted, self._read_sources(others, basis) if others else (_NOTHING, _NOTHING))
        if basis.partner_ids is None:
            yield from self._iter_all(basis, *rows, work)
            return
        moves = copy_out_arrays(
            self.env.cr, self._query_moves(basis, SQL("= ANY(%s::int[])", id_array(basis.partner_ids))), _MOVE_COLUMNS
        )
        yield work(purchase_days(*self._joined(basis, moves, self._read_frozen_of(moves), *rows)))

    def _iter_all(self, basis, documents, corrections, work):
        first, last, step = self._bulk_span(basis, documents["partner"])
        spans = [(lower, min(lower + step - 1, last)) for lower in range(first, last + 1, step)]
        if basis.span:
            # Read together: what is frozen of the documents of any two customers lies on the same pages of the disk.
            moves = _sorted(copy_out_arrays(self.env.cr, self._query_moves_between(basis, first, last), _MOVE_COLUMNS))
            frozen = self._read_frozen_of(moves)
            for span in spans:
                rows = self._joined(
                    basis, _between(moves, *span), frozen, _between(documents, *span), _between(corrections, *span)
                )
                yield work(purchase_days(*rows))
            return
        frozen = self._read_all_frozen(basis.company)
        queries = [self._query_moves_between(basis, *span) for span in spans]

        def read():
            return copy_out_arrays(self.env.cr, queries.pop(0), _MOVE_COLUMNS)

        moves = read()
        with ThreadPoolExecutor(1) as beside:
            for span in spans:
                rows = self._joined(basis, moves, frozen, _between(documents, *span), _between(corrections, *span))
                # From here on nothing else asks the database until this is read: a connection answers one at a time.
                reading = queries and beside.submit(read)
                result = work(purchase_days(*rows))
                moves = reading and reading.result()
                yield result

    def _read_sources(self, sources, basis):
        """Return the documents and the corrections of some sources, in two dicts of arrays."""
        rows = copy_out(
            self.env.cr,
            SQL(
                """
            SELECT partner_id::int4, date, %s, %s, %s, %s, is_frozen, id IS NOT NULL
              FROM (%s) source WHERE source.company_id = %s AND %s
            """,
                *(readable.amount(SQL(name)) for name in ("revenue", "margin", "refund")),
                readable.amount(SQL("COALESCE(purchase_revenue, 0)")),
                SQL(" UNION ALL ").join(sources),
                basis.company.id,
                basis.where(SQL("source.partner_id")),
            ),
            [*_DOCUMENT_COLUMNS, ("is_document", "bool")],
        )
        is_document = rows.pop("is_document")
        _mark_days(rows)
        return tuple({name: column[chosen] for name, column in rows.items()} for chosen in (is_document, ~is_document))

    def _joined(self, basis, moves, frozen, documents, corrections):
        undated = moves["date"] == NO_DATE
        if undated.any():
            dates = self._dates_of(basis, moves["id"][undated])
            moves["date"][undated] = np.where(dates == _FIRST_DAY, NO_DATE, dates)
        _mark_days(moves)
        return (
            _stacked(frozen.join(moves), documents),
            _stacked(frozen.corrections(moves, lambda ids: self._dates_of(basis, ids)), corrections),
        )

    def _bulk_span(self, basis, partners):
        """Return the first and the last partner id that may have documents, and how many ids to read at once."""
        [[first, last]] = self.env.execute_query(
            SQL(
                "SELECT min(move.commercial_partner_id), max(move.commercial_partner_id) FROM account_move move"
                " WHERE %s AND %s",
                self._where_document("move", basis),
                basis.where(SQL("move.commercial_partner_id")),
            )
        )
        found = [number for number in (first, last, *partners[:1].tolist(), *partners[-1:].tolist()) if number]
        if not found:
            return 0, 0, 1
        first, last = min(found), max(found)
        rows = _CHUNK_ROWS_OF_SPAN if basis.span else _CHUNK_ROWS
        return first, last, max(_ROW_SPAN * rows, -(-(last + 1 - first) // _MAX_CHUNKS))

    def _query_moves(self, basis, partners):
        """Return the SELECT of one row of arrays, the columns of `_MOVE_COLUMNS`.

        A document without an invoice date gets its accounting date in `_joined`, because the index does not have it.

        :param SQL partners: what follows the id of the commercial partner, e.g. ``= ANY(…)``
        """
        return SQL(
            """
            SELECT array_agg(move.id), array_agg(move.commercial_partner_id),
                   array_agg(COALESCE(move.invoice_date, '-infinity')), array_agg(%s)
              FROM account_move move
             WHERE move.company_id = %s AND %s AND move.commercial_partner_id %s
            """,
            readable.amount(SQL("move.amount_untaxed_signed")),
            basis.company.id,
            self._where_document("move", basis),
            partners,
        )

    def _query_moves_between(self, basis, lower, upper):
        # The bounds come from a row source, unknown to the planner, so that it takes the covering index for any.
        return SQL(
            "SELECT part.* FROM generate_series(%s, %s, %s) span, LATERAL (%s) part",
            lower,
            upper,
            _ROW_SPAN,
            self._query_moves(basis, SQL("BETWEEN span AND LEAST(span + %s, %s)", _ROW_SPAN - 1, upper)),
        )

    def _dates_of(self, basis, move_ids):
        """Return the dates of documents of any customer, `NO_DATE` for those that do not count."""
        dates = dict(
            self.env.execute_query(
                SQL(
                    "SELECT move.id, %s - date '1970-01-01' FROM account_move move"
                    " WHERE move.id = ANY(%s::int[]) AND %s",
                    readable.day(SQL("COALESCE(move.invoice_date, move.date)")),
                    id_array(move_ids),
                    self._where_document("move", basis),
                )
            )
        )
        return np.array([dates.get(move_id, NO_DATE) for move_id in move_ids.tolist()], np.int32)

    def _where_document(self, alias, basis=None):
        return self.env["crm.value.purchase"]._where_document(alias, basis)

    def _read_all_frozen(self, company):
        return self._read_frozen(self._query_all_frozen(company), self._query_origins(SQL("TRUE")))

    def _read_frozen_of(self, moves):
        # a subquery: the planner would estimate for each of these ids how many rows have it
        ids = SQL("ANY((SELECT %s)::int[])", id_array(moves["id"]))
        return self._read_frozen(
            self._query_frozen(SQL("document.move_id = %s", ids)), self._query_origins(SQL("link.counted_id = %s", ids))
        )

    def _read_frozen(self, *queries):
        found = copy_out_arrays(self.env.cr, SQL(" UNION ALL ").join(queries), _FROZEN_COLUMNS)
        return FrozenDocuments(
            found,
            found.pop("correction_id"),
            found.pop("stale_id"),
            {name: found.pop(name) for name in _ORIGIN_COLUMNS},
        )

    def _query_frozen(self, where):
        """Return the SELECT of one row of arrays, the columns of `_FROZEN_COLUMNS` without those of the origins."""
        return SQL(
            """
            SELECT array_agg(document.move_id), array_agg(COALESCE(document.margin, 0)),
                   array_agg(COALESCE(document.purchase_revenue, 'NaN')),
                   array_agg(document.move_id) FILTER (WHERE document.role = 'correction'),
                   array_agg(document.move_id) FILTER (WHERE document.role IS NULL),
                   NULL::int[], NULL::int[], NULL::int[], NULL::float8[], NULL::float8[]
              FROM crm_value_document document WHERE %s
            """,
            where,
        )

    def _query_origins(self, where):
        """Return the SELECT of one row of arrays, those of the origins in `_FROZEN_COLUMNS`."""
        return SQL(
            """
            SELECT NULL::int[], NULL::float8[], NULL::float8[], NULL::int[], NULL::int[],
                   array_agg(link.move_id), array_agg(link.counted_id), array_agg(link.origin_id),
                   array_agg(link.amount), array_agg(link.refund)
              FROM crm_value_document_origin link WHERE (link.amount != 0 OR link.refund != 0) AND %s
            """,
            where,
        )

    def _query_all_frozen(self, company):
        """Return the SELECT of what is frozen of the documents of a company, and perhaps of others."""
        return SQL(
            """
            SELECT part.*
              FROM generate_series(
                   0, pg_relation_size('crm_value_document') / current_setting('block_size')::int, %(pages)s) page,
                   LATERAL (%(part)s) part
            """,
            pages=self._frozen_pages(),
            part=self._query_frozen(
                SQL(
                    """document.ctid >= format('(%%s,0)', page)::tid
                   AND document.ctid < format('(%%s,0)', page + %s)::tid AND %s""",
                    self._frozen_pages(),
                    self._where_frozen(company),
                )
            ),
        )

    def _frozen_pages(self):
        # Only since version 14 a part of a table is found by its place; before, each part would read all of it.
        return _ROW_PAGES if self.env.cr._cnx.server_version >= 140000 else 2**31 - 1

    def _where_frozen(self, company):
        """Return the condition on the frozen rows to read: all, unless most of them are other companies'."""
        if self.env["res.company"].search_count([], limit=2) == 1:
            return SQL("TRUE")
        [[count, total]] = self.env.execute_query(
            SQL(
                """
            SELECT (SELECT count(*) FROM account_move move WHERE move.company_id = %s AND %s),
                   (SELECT reltuples FROM pg_class WHERE oid = 'crm_value_document'::regclass)
            """,
                company.id,
                self._where_document("move"),
            )
        )
        if total <= _OWN_SHARE * count:
            return SQL("TRUE")
        return SQL(
            "EXISTS (SELECT FROM account_move move WHERE move.id = document.move_id AND move.company_id = %s)",
            company.id,
        )


def _mark_days(rows):
    """Turn days beyond the calendar into amounts that cannot be read (see readable.py)."""
    wrong = (rows["date"] < _FIRST_DAY) | (rows["date"] > _LAST_DAY)
    if wrong.any():
        rows["revenue"][wrong] = np.nan
        rows["date"][wrong] = _FIRST_DAY


def _sorted(rows):
    order = np.argsort(rows["partner"], kind="stable")
    return {name: column[order] for name, column in rows.items()}


def _stacked(rows, more):
    return (
        {name: np.concatenate([column, more[name]]) for name, column in rows.items()} if len(more["partner"]) else rows
    )


def _between(rows, lower, upper):
    """Return the rows of the partners from one id to another; they are sorted by partner."""
    chosen = slice(*np.searchsorted(rows["partner"], [lower, upper + 1]))
    return {name: column[chosen] for name, column in rows.items()}
