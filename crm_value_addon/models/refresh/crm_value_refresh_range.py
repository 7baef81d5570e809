import base64
import logging
import time
import zlib
from contextlib import closing, contextmanager
from itertools import repeat

import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.columns import take
from ...lib.spool import ColumnSpool, pack, unpack
from .basis import Basis
from .writer_lock import writer_lock

_logger = logging.getLogger(__name__)

#: the most customers of a range, and about as many documents as they may have
RANGE_CUSTOMERS = 60_000
RANGE_DOCUMENTS = 600_000
#: a company that would have no more ranges than this is read at once, which is faster
AT_ONCE = 3
#: seconds until a worker looks again at what others are doing
_LOOK_AGAIN = 0.2
#: number of the claims of ranges, as advisory locks
_CLAIM = zlib.crc32(b"crm_value_addon.range") & 0x7FFFFFFF


class CrmValueRefreshRange(models.AbstractModel):
    """The refresh of all customers of a large company, in ranges: its memory does not grow with the company.

    How to use: `_range_size` tells whether a company is large; `crm.value.refresh` then leaves it to `_refresh`.

    How it works: each range is read and estimated from a snapshot, and in a transaction, of its own; its columns are
    then put aside on the disk. What is compared among all customers are few figures of each: these are kept with the
    range (`crm.value.run.range`). When all ranges have been read, the boundaries are drawn from these, one figure after
    the other; they are the same, to the last bit, as those of a company that is read at once. Then each range gets its
    places and is written in the usual batches. A refresh that was killed goes on with what is not read, or not
    written, yet; columns that were lost with it, or for which the disk had no room, are read again.

    Several workers share the ranges of a company: one is its writer, who compares and ends the refresh, the others
    `_help`. Each takes a range that nobody is at, reads it, and writes those that it has read. Nobody waits for a
    worker that was killed: its ranges are free at once.
    """

    _name = "crm.value.refresh.range"
    _description = "Customer Value: Refresh in Ranges"

    # which companies are large

    @api.model
    def _last_size(self, company):
        """Return the customers of a company at its last refresh and about how many documents they have.

        Of all documents, as PostgreSQL's statistics count them, it has the same share as of the values. None before the
        first refresh is done.
        """
        self.env["crm.value.run"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
            SELECT run.total, GREATEST(document.reltuples, 0) * run.total / GREATEST(value.reltuples, run.total, 1)
              FROM crm_value_run run, pg_class document, pg_class value
             WHERE run.company_id = %s AND run.kind = 'full' AND run.state = 'done'
               AND document.oid = 'crm_value_document'::regclass AND value.oid = 'crm_value'::regclass
             ORDER BY run.id DESC LIMIT 1
            """,
                company.id,
            )
        )
        return rows[0] if rows else None

    @api.model
    def _first_size(self, company):
        """Return the same before the first refresh: those who have documents, and their documents."""
        [[customers, documents]] = self.env.execute_query(
            SQL(
                "SELECT count(*), COALESCE(sum(documents), 0) FROM (SELECT count(*) AS documents %s) customer",
                self._from_documents(company),
            )
        )
        return customers, float(documents)

    @api.model
    def _range_size(self, customers, documents):
        """Return how many customers make a range; 0 for a company that is read at once."""
        if customers <= AT_ONCE * RANGE_CUSTOMERS and documents <= AT_ONCE * RANGE_DOCUMENTS:
            return 0
        return max(int(min(RANGE_CUSTOMERS, RANGE_DOCUMENTS * customers / max(documents, 1))), 1)

    @api.model
    def _first_keys(self, company, size):
        """Return the partner ids at which ranges of as many customers begin, ascending."""
        customers = (
            SQL("SELECT partner_id FROM crm_value WHERE company_id = %s", company.id)
            if self.env["crm.value.run"]._has_finished(company)
            else SQL("SELECT commercial_partner_id AS partner_id %s", self._from_documents(company))
        )
        rows = self.env.execute_query(
            SQL(
                """
            SELECT partner_id FROM (SELECT partner_id, row_number() OVER (ORDER BY partner_id) AS number
                                      FROM (%s) customer) numbered
             WHERE number %% %s = 1 OR %s = 1 ORDER BY partner_id
            """,
                customers,
                size,
                size,
            )
        )
        return [partner_id for [partner_id] in rows]

    @api.model
    def _from_documents(self, company):
        return SQL(
            "FROM account_move move WHERE move.company_id = %s AND %s GROUP BY move.commercial_partner_id",
            company.id,
            self.env["crm.value.purchase"]._where_document("move"),
        )

    # the refresh

    def _refresh(self, run, size, transaction):
        """Refresh all customers of a company, some at a time.

        :param size: customers of a range
        :return: the ranges, of no more use once the run is finished
        """
        Range = self.env["crm.value.run.range"]
        ranges = transaction(lambda: self._begin(run, size))
        with self._share(transaction) as (spool, claims, together):
            if not run.boundaries:
                while together(lambda: Range._of(run, "waiting")):
                    if not together(lambda: self._read_next(run, spool, claims)):
                        time.sleep(_LOOK_AGAIN)  # others are at the last ones
                together(lambda: self._compare(run, ranges))
            while together(lambda: Range._of(run, "read")):
                if not self._write_next(run, spool, claims, together):
                    time.sleep(_LOOK_AGAIN)
                together(ranges._sum_up)
            together(ranges._sum_up)  # an interrupted refresh may have nothing left but this
        return ranges

    def _begin(self, run, size):
        """Cut the ranges of a run, and wake whoever may help with them."""
        ranges = self.env["crm.value.run.range"]._cut(run, size)
        self.env["crm.value.scheduler"]._wake_range_helpers(run.company_id, len(ranges) - 1)
        return ranges

    def _help(self, company, transaction):
        """Take part in the refresh of a large company that another worker is at; return how many ranges it wrote."""
        Range, count = self.env["crm.value.run.range"], 0
        with self._share(transaction) as (spool, claims, together):
            run = together(lambda: Range.search([("run_id.company_id", "=", company.id)], limit=1).run_id)
            while True:
                if not together(lambda: self._read_next(run, spool, claims)):
                    if not together(lambda: self._is_awaited(run)):
                        break
                    time.sleep(_LOOK_AGAIN)
            while self._write_next(run, spool, claims, together):
                count += 1
        return count

    def _is_awaited(self, run):
        """Tell whether the writer of a company is about to know the boundaries of a run."""
        is_running = run.exists() and run.state == "running" and not run.boundaries
        return is_running and self.env["crm.value.scheduler"]._has_writer(run.company_id)

    @contextmanager
    def _share(self, transaction):
        """Yield what a worker needs for its share of the ranges: a spool, its claims, and a `transaction` under them.

        A range belongs to the worker that has read it, because its columns are there; if that one is killed, to whoever
        claims it next.
        """
        with closing(ColumnSpool()) as spool, writer_lock(self.env.cr.dbname) as claims:

            def together(work):
                def checked():
                    done = work()
                    claims.check()
                    return done

                return transaction(checked)

            yield spool, claims, together

    def _read_next(self, run, spool, claims):
        """Read a range that nobody has read or is reading; return whether there was one."""
        part = self.env["crm.value.run.range"]._lock_waiting(run)
        if not part or not claims.take(_CLAIM, part.id):
            return False
        self._read(part, spool)
        return True

    def _write_next(self, run, spool, claims, together):
        """Write a range that was read here, or by somebody who is gone; return whether there was one."""
        Range = self.env["crm.value.run.range"]
        ranges = together(lambda: Range._of(run, "read") if run.exists().boundaries else Range)
        mine = ranges.filtered(lambda part: part.id in spool)
        part = next((part for part in mine + (ranges - mine) if claims.take(_CLAIM, part.id)), None)
        # what is read from here on was committed after the claim
        placed = part and together(lambda: self._placed(part, spool))
        if not placed:
            return False
        queue, columns = placed
        self.env["crm.value.refresh"]._store_company(part, columns, queue, [], together)
        together(lambda: part.write({"state": "written"}))
        return True

    def _read(self, part, spool):
        """Take a snapshot of a range: keep what is compared among all, put the columns aside."""
        queue, columns, skipped = self._compute(part)
        sample = self.env["crm.value.refresh"]._sample(part._basis(), columns)
        part.write({"state": "read", "customers": len(columns["partner_id"]), "sample": base64.b64encode(pack(sample))})
        part._advance(0, 0, skipped, part.next_partner_key)
        rows = np.array([row[:2] for row in queue], np.int64).reshape(-1, 2)
        try:
            spool.put((part.id, "queue"), {"id": rows[:, 0], "partner": rows[:, 1]})
            spool.put(part.id, columns)
        except OSError as error:
            _logger.warning("Customer value: no room for the figures of a range, they will be read twice: %s", error)

    def _compute(self, part):
        """Return the queue rows of a range, the columns of its customers, and who was left out and why."""
        basis = part._basis()
        queue = self.env["crm.value.queue"]._peek(basis.company, span=basis.span)
        return queue, *self.env["crm.value.refresh"]._compute_each(basis, queue)

    def _compare(self, run, ranges):
        """Keep with the run what places a customer among all."""
        refresh = self.env["crm.value.refresh"]
        run.boundaries = refresh._boundaries_of(Basis(run.company_id, run.as_of_date), _Samples(ranges))
        run._note_books(sum(ranges.mapped("customers")))
        run._advance(0, 0, self.env["crm.value.observation"]._find_strays(run.company_id))

    def _placed(self, part, spool):
        """Return the queue rows and the columns of what is still to be written of a range, None if nothing is."""
        if not part.exists() or part.state == "written":
            return None
        if part.id in spool:
            columns, rows = spool.pop(part.id), spool.pop((part.id, "queue"))
            queue = list(zip(rows["id"].tolist(), rows["partner"].tolist(), repeat(0), repeat(False), strict=False))
        else:
            queue, columns, _skipped = self._compute(part)
        start = part.next_partner_key
        columns = take(columns, slice(int(np.searchsorted(columns["partner_id"], start)), None))
        columns = self.env["crm.value.refresh"]._place(part._basis(), columns, part.run_id.boundaries)
        return [row for row in queue if row[1] >= start], columns


class _Samples:
    """What boundaries are drawn from, of all ranges: one figure is in memory at a time."""

    def __init__(self, ranges):
        self._ranges = ranges

    def __getitem__(self, name):
        return unpack(map(self._load, self._ranges), name)

    def _load(self, part):
        sample = base64.b64decode(part.with_prefetch().sample)
        part.invalidate_recordset(["sample"])
        return sample
