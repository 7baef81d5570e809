from dataclasses import replace

import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.columns import join, take
from .basis import Basis
from .crm_value_writer import CUSTOMER_ERRORS

#: customers per write transaction: the longest that a row stays locked
WRITE_BATCH = 20_000
#: queue rows per transaction of the cron
QUEUE_BATCH = 5_000


class CrmValueRefresh(models.AbstractModel):
    """A refresh of customer values: read, compute, store; for all, some or changed customers.

    How to use: `_refresh_company` for all customers of the current company, `_refresh_queue` for those whose documents
    changed, `_refresh_customers` for some. `_compute` alone answers a question "what if" (see `Basis`). Another module
    adds a step by overriding `_compute`, `_place`, `_store` or a method of the step's service.

    How it works: the steps hand on *columns* (lib/columns.py), a dict of arrays with a row for each customer. Nothing
    here commits: the scheduler hands in a `transaction`, a callable that runs a piece of work and commits it.
    """

    _name = "crm.value.refresh"
    _description = "Customer Value: Refresh"

    # the steps, in their order

    @api.model
    def _compute(self, basis):
        """Return the figures of customers that need no comparison with others, and who was left out and why.

        :return: (columns, list of (partner id, reason))
        """
        observation = self.env["crm.value.observation"]
        columns, unreadable = observation._leave_out_unreadable(observation._observe(basis))
        columns = self.env["crm.value.product.refresh"]._add_breadth(basis, columns)
        columns = self.env["crm.value.sales.channel"]._add(basis, columns)
        columns, skipped = self.env["crm.value.prediction"]._predict(basis, columns)
        columns, uncounted = observation._leave_out_unreadable(self.env["crm.value.component"]._add(basis, columns))
        columns = self.env["crm.value.listening"]._add(basis, columns)
        return columns, unreadable + skipped + uncounted

    @api.model
    def _place(self, basis, columns, boundaries):
        """Add where customers stand among all others, and withhold what objecting customers do not want.

        :param dict boundaries: what `_boundaries` returned for all customers
        """
        columns = self.env["crm.value.rfm"]._rank(basis, columns, boundaries)
        columns = self.env["crm.value.leaving"]._ask(basis, columns, boundaries)
        columns = self.env["crm.value.lifecycle"]._stage(basis, columns)
        return self.env["crm.value.opt.out"]._withhold(columns)

    @api.model
    def _boundaries(self, basis, columns):
        """Return what places a customer among all: kept with the run, so that one refreshed alone gets its place.

        :param dict columns: all customers of the company
        """
        return self._boundaries_of(basis, self._sample(basis, columns))

    @api.model
    def _sample(self, basis, columns):
        """Return what boundaries are drawn from: a dict of arrays, each of one figure of those who have it."""
        columns = self.env["crm.value.opt.out"]._leave_out(columns)
        return {**self.env["crm.value.rfm"]._sample(basis, columns), **self.env["crm.value.leaving"]._sample(columns)}

    @api.model
    def _boundaries_of(self, basis, sample):
        """Return the boundaries that a sample of all customers gives.

        :param sample: mapping of the names of `_sample` to arrays
        """
        return {
            **self.env["crm.value.rfm"]._boundaries(basis, sample),
            **self.env["crm.value.leaving"]._boundaries(sample),
        }

    @api.model
    def _store(self, basis, columns, *, tier_source=None, trust_digest=False):
        """Write columns, and what follows from them in the same transaction: tiers, rewards, caution flags.

        :param str tier_source: why tiers change, where it is not their figures (see `crm.value.tier.change`)
        :param trust_digest: see `crm.value.writer._write_columns`
        :return: (rows written, list of (partner id, reason))
        """

        def follow(partner_ids):
            self.env["crm.value.tier.assignment"]._assign_stored(basis, partner_ids, tier_source)
            self.env["crm.value.referral.reward"]._reward_stored(basis, partner_ids)
            self.env["crm.value.caution"]._flag_stored(basis, partner_ids)

        return self.env["crm.value.writer"]._write_each(basis, columns, follow, trust_digest)

    # all customers

    def _refresh_company(self, transaction=None):
        """Refresh all customers of the current company, in batches; goes on where an interrupted run stopped."""
        company = self.env.company
        transaction = transaction or (lambda work: work())
        run = transaction(lambda: self.env["crm.value.run"]._start(company, "full", company._value_today()))
        if run.recount_keys:
            self.env["crm.value.counting"]._recount(company, run.recount_keys, lambda: transaction(lambda: None))
            transaction(lambda: run.write({"recount_keys": False}))
        in_ranges, ranges = self.env["crm.value.refresh.range"], self.env["crm.value.run.range"]
        size = in_ranges._last_size(company)
        if not size:
            self.env["crm.value.document"]._freeze_missing(company, lambda: transaction(lambda: None))
            size = in_ranges._first_size(company)
        range_size = in_ranges._range_size(*size)
        if range_size:
            ranges = in_ranges._refresh(run, range_size, transaction)
        else:
            queue, columns, skipped = transaction(lambda: self._read_company(run, run.next_partner_key))
            self._store_company(run, columns, queue, skipped, transaction)
        transaction(lambda: self.env["crm.value.product.refresh"]._link_values(company))
        sums = self.env["crm.value.sum"]
        transaction(lambda: (run.write({"has_tiers": True}), run._finish(), ranges.unlink(), sums._count(company)))
        self.env["crm.value.snapshot"]._take_month_end(run, transaction)
        return run

    def _read_company(self, run, start):
        """Take one snapshot: the queue and the figures of all customers from partner id `start` on."""
        basis = Basis(run.company_id, run.as_of_date)
        queue = [row for row in self.env["crm.value.queue"]._peek(basis.company) if row[1] >= start]
        columns, skipped = self._compute_each(basis, queue)
        skipped += self.env["crm.value.observation"]._find_strays(basis.company)
        if not run.boundaries:
            run.boundaries = self._boundaries(basis, columns)
        columns = self._place(basis, columns, run.boundaries)
        # a slice: a view, where a condition would copy every column
        columns = take(columns, slice(int(np.searchsorted(columns["partner_id"], start)), None))
        run._note_books(len(columns["partner_id"]))
        return queue, columns, [(partner_id, reason) for partner_id, reason in skipped if partner_id >= start]

    def _compute_each(self, basis, queue):
        """Return the figures of all customers, or of a span, and who was left out and why.

        Where that fails, the customers are halved until those who cause it are alone. All are read at once before, so a
        night without a fault costs nothing more.

        :param queue: rows of the queue whose documents are to be frozen before
        """

        def compute(some, rows):
            self.env["crm.value.document"]._freeze_queued(basis.company, rows)
            self.env["crm.value.product.refresh"]._refresh(some)
            return self._compute(some)

        try:
            self.env.flush_all()
            with self.env.cr.savepoint(flush=False):
                return compute(basis, queue)
        except CUSTOMER_ERRORS:
            self.env.transaction.clear()  # of what was rolled back
        parts, skipped, left_out = [], [], []

        def work(part):
            first, last = int(part["partner_id"][0]), int(part["partner_id"][-1])
            columns, some = compute(
                replace(basis, span=(first, last)), [row for row in queue if first <= row[1] <= last]
            )
            parts.append(columns)
            skipped.extend(some)

        customers = self.env["crm.value.observation"]._customer_ids(basis.company, basis.where(SQL("partner_id")))
        for half in np.array_split(customers, 2):
            self.env["crm.value.writer"]._leave_out(work, {"partner_id": half}, left_out)
        if not parts:
            parts.append(compute(replace(basis, span=(0, 0)), [])[0])  # what fails without a customer is nobody's fault
        return join(parts), skipped + left_out

    def _store_company(self, run, columns, queue, skipped, transaction):
        """Write columns batch by batch; each batch takes its customers' queue rows with it.

        :param run: whose progress it is: a refresh, or one of its ranges
        """
        basis = Basis(run.company_id, run.as_of_date)
        rows = {}
        for row_id, partner_id, _move_id, _refreeze in queue:
            rows.setdefault(partner_id, []).append(row_id)

        def batch(first):
            part = take(columns, slice(first, first + WRITE_BATCH))
            upper = int(part["partner_id"][-1])
            done = [partner_id for partner_id in rows if partner_id <= upper]
            # before tiers are decided: whoever is in the queue after this has other figures by now
            self.env["crm.value.queue"]._drop([row_id for partner_id in done for row_id in rows[partner_id]])
            with self.env["crm.value.sum"]._counted_later(basis.company):
                written, left_out = self._store(basis, part, trust_digest=True)
            self.env["crm.value.points.due"]._wake(basis.company, done)
            run._advance(len(part["partner_id"]), written, left_out, upper + 1)
            return done

        transaction(lambda: run._advance(0, 0, skipped, run.next_partner_key))
        for first in range(0, len(columns["partner_id"]), WRITE_BATCH):
            for partner_id in transaction(lambda first=first: batch(first)):
                del rows[partner_id]
        # What is left in the queue names contacts that are no customers (any more).
        transaction(lambda: self.env["crm.value.queue"]._drop([row for ids in rows.values() for row in ids]))

    # changed customers, some customers

    def _refresh_queue(self, transaction):
        """Refresh the customers in the queue of the current company, batch by batch, until it is empty."""
        company = self.env.company
        run = self.env["crm.value.run"]

        def batch():
            queue = self.env["crm.value.queue"]._peek(company, limit=QUEUE_BATCH)
            if not queue:
                return run, False
            started = run or self.env["crm.value.run"]._start(company, "incremental", company._value_today())
            customers = sorted({partner_id for _id, partner_id, _move_id, _refreeze in queue})
            written, skipped = self._refresh_each(company, customers, queue)
            started.total += len(customers)
            started._advance(len(customers), written, skipped)
            return started, True

        more = True
        while more:
            run, more = transaction(batch)
        if run:
            transaction(lambda: (run._finish(), self.env["crm.value.sum"]._add_up(company)))

    def _refresh_customers(self, company, partner_ids):
        """Refresh these commercial partners and take them out of the queue; return (written, skipped)."""
        queue = self.env["crm.value.queue"].sudo()._peek(company, partner_ids)
        # sudo: nobody but the refresh may write values; who may ask for it is checked by the caller.
        return self.sudo()._refresh_each(company, partner_ids, queue)

    def _refresh_each(self, company, partner_ids, queue):
        """Refresh customers, halved where that fails until those who cannot be refreshed are alone and left out.

        Whoever is left out leaves the queue, too, so that it is not tried again each minute; the refresh of all
        customers tries it every night.
        """
        rows_of, written, skipped, left_out = {}, [], [], []
        for row in queue:
            rows_of.setdefault(row[1], []).append(row)

        def work(part):
            customers = part["partner_id"].tolist()
            rows = [row for partner_id in customers for row in rows_of.get(partner_id, ())]
            count, some = self._refresh_batch(company, customers, rows)
            written.append(count)
            skipped.extend(some)

        customers = np.array(sorted(partner_ids), np.int64)
        self.env["crm.value.writer"]._leave_out(work, {"partner_id": customers}, left_out)
        if left_out and not written:
            self._refresh_batch(company, [], [])  # what fails without any customer is not the fault of these
        self.env["crm.value.queue"]._drop(
            [row[0] for partner_id, _reason in left_out for row in rows_of.get(partner_id, ())]
        )
        return sum(written), skipped + left_out

    def _refresh_batch(self, company, partner_ids, queue):
        self.env.flush_all()
        self.env["crm.value.document"]._freeze_queued(company, queue)
        basis = Basis(company, company._value_today(), partner_ids)
        self.env["crm.value.product.refresh"]._refresh(basis)
        columns, skipped = self._compute(basis)
        columns = self._place(basis, columns, self.env["crm.value.run"]._last_boundaries(company))
        self.env["crm.value.queue"]._drop([row_id for row_id, *_rest in queue])
        written, left_out = self._store(basis, columns)
        self.env["crm.value.product.refresh"]._link_values(company, partner_ids)
        self.env["crm.value.followup.run"]._wake(company, partner_ids)
        self.env["crm.value.points.due"]._wake(company, partner_ids)
        return written, skipped + left_out
