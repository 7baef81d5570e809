import logging
import zlib
from contextlib import contextmanager

import numpy as np
import psycopg2

from odoo import api, models
from odoo.tools import SQL

from ..account_move import POSTED_DOCUMENTS

_logger = logging.getLogger(__name__)

#: customers refreshed at once in a user's request; more are left to the cron
REQUEST_LIMIT = 500
#: customers per write transaction: the longest that a row stays locked
WRITE_BATCH = 20_000
#: queue rows per transaction of the cron
QUEUE_BATCH = 5_000
_LOCK_CLASS = zlib.crc32(b"crm_value_addon") & 0x7FFFFFFF
_RETRIES = 5


class CrmValueRefresh(models.Model):
    """The refresh of `crm.value`: read purchases, estimate, write what differs; for all, some or changed customers.

    A *frame* is a dict of arrays of shape (n,): ``partner_id`` and one for each field of `_refreshed_fields`, dates
    as days since 1970, selections as their position from 1 on. The core methods never commit: the crons hand in a
    `transaction`, a callable that runs a piece of work and commits it.
    """

    _inherit = "crm.value"

    # doors: crons and actions

    @api.model
    def _cron_refresh_stale(self):
        """Refresh the customers in the queue; return at once when it is empty."""
        rows = self.env.execute_query(SQL("SELECT DISTINCT company_key FROM crm_value_queue ORDER BY 1"))
        for [company_id] in rows:
            company = self.env["res.company"].browse(company_id).exists()
            if company:
                self._cron_run(company, lambda value: value._refresh_queue(value._transaction), "incremental")
            else:
                self.env.cr.execute(SQL("DELETE FROM crm_value_queue WHERE company_key = %s", company_id))
                self.env["ir.cron"]._commit_progress()

    def _cron_run(self, company, work, kind, lock=_LOCK_CLASS):
        """Run a piece of work as the one writer of a company; record a failure and go on with the next company.

        :param kind: that of the run which records it
        :return: False when another worker is at this company
        """
        value = self.with_company(company).with_context(allowed_company_ids=company.ids)
        with value._writer(company, session=True, lock=lock) as is_writer:
            if not is_writer:
                _logger.info("Customer value of company %s: another refresh is under way", company.id)
                return False
            # The lock is held now: read in a transaction that begins after it.
            self.env["ir.cron"]._commit_progress()
            try:
                work(value)
            except Exception as error:
                self.env.cr.rollback()
                _logger.exception("Customer value of company %s: the run %s failed", company.id, kind)
                self.env["crm.value.run"]._record_failure(company, kind, error)
                self.env["ir.cron"]._commit_progress()
            return True

    def _transaction(self, work):
        """Run a piece of work and commit it; run it again when another session was in its way."""
        for attempt in range(1, _RETRIES + 1):
            try:
                done = work()
                self.env.flush_all()
                break
            except (psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected):
                self.env.cr.rollback()
                if attempt == _RETRIES:
                    raise
                _logger.info("Customer value: a batch met another session, attempt %s", attempt)
        self.env["ir.cron"]._commit_progress()
        return done

    @api.model
    def _refresh_or_enqueue(self, partners, companies):
        """Refresh customers now when they are few and nobody else is writing, else leave them to the cron.

        :return: (number of customers, True when the cron has to do it)
        """
        customers = partners.commercial_partner_id
        is_busy = len(customers) > REQUEST_LIMIT
        for company in companies if not is_busy else ():
            value = self.with_company(company)
            with value._writer(company) as is_writer:
                if is_writer:
                    run = self.env["crm.value.run"].sudo()  # sudo: runs are the machine's
                    run = run._start(company, "selected", company._value_today())
                    run._finish_selected(customers, *value._refresh_customers(company, customers.ids))
                else:
                    is_busy = True
        if is_busy:
            self.env["crm.value.queue"]._push_partners(customers, companies)
            self.env.ref("crm_value_addon.ir_cron_refresh_stale").sudo()._trigger()
        return len(customers), is_busy

    @api.model
    def action_recompute_company(self):
        """Refresh all customers of the current company: now when they are few, else by the cron.

        :return: action that tells the user
        :raise AccessError: the user may not read customer values
        """
        self.check_access("read")
        company = self.env.company
        value = self.sudo().with_company(company)  # sudo: nobody but the refresh may write values
        customer_ids = value._customer_ids(company)
        if len(customer_ids) <= REQUEST_LIMIT:
            with value._writer(company) as is_writer:
                if is_writer:
                    value._refresh_company()
                    return self._notification(self.env._("%(count)s customers refreshed.", count=len(customer_ids)))
        self.env["crm.value.run"]._request(company)
        return self._notification(self.env._(
            "The refresh of %(count)s customers starts within a minute; "
            "its progress is under Customer Value › Refreshes.", count=len(customer_ids)), "info")

    @contextmanager
    def _writer(self, company, session=False, lock=_LOCK_CLASS):
        """Be the one writer of a company, or not: yields a boolean at once, never waits.

        :param session: hold the lock over several transactions (crons); otherwise until the end of this one
        :param lock: number of the kind of work that is done by one at a time
        """
        if self.env.cr.readonly:
            # A replica lags, and a lock on it is nobody else's: Odoo's answer to this error is to begin again on the
            # primary server.
            raise psycopg2.errors.ReadOnlySqlTransaction("customer values are refreshed on the primary server only")
        take = SQL("pg_try_advisory_lock" if session else "pg_try_advisory_xact_lock")
        [[is_writer]] = self.env.execute_query(SQL("SELECT %s(%s, %s)", take, lock, company.id))
        try:
            yield is_writer
        finally:
            if session and is_writer:
                self._release(company, lock)

    def _release(self, company, lock):
        """Give back the session's lock, whatever happened: a pooled connection would hold it for days."""
        unlock = SQL("SELECT pg_advisory_unlock(%s, %s)", lock, company.id)
        try:
            self.env.cr.execute(unlock, log_exceptions=False)
        except psycopg2.errors.InFailedSqlTransaction:
            self.env.cr.rollback()
            self.env.cr.execute(unlock)

    # the three ways through one pipeline

    def _refresh_company(self, transaction=None):
        """Refresh all customers of the current company, in batches; goes on where an interrupted run stopped."""
        company = self.env.company
        transaction = transaction or (lambda work: work())
        run = transaction(lambda: self.env["crm.value.run"]._start(company, "full", company._value_today()))
        start = run.next_partner_key
        if not self._has_finished_run(company):
            self.env["crm.value.document"]._freeze_missing(company, lambda: transaction(lambda: None))
        queue, frame, skipped = transaction(lambda: self._read_company(run, start))
        self._store_company(run, frame, queue, skipped, transaction)
        transaction(run._finish)
        return run

    def _has_finished_run(self, company):
        domain = [("company_id", "=", company.id), ("kind", "=", "full"), ("state", "=", "done")]
        return bool(self.env["crm.value.run"].search_count(domain, limit=1))

    def _read_company(self, run, start):
        """Take one snapshot: the queue and the estimates of all customers from partner id `start` on."""
        company = run.company_id
        queue = [row for row in self.env["crm.value.queue"]._peek(company) if row[1] >= start]
        self._freeze_queued(company, queue)
        history = self._history(company, run.as_of_date)
        if history.pop("unfrozen").any():
            # Documents that came in behind Odoo's back (a raw import): frozen now, as of now.
            self.env["crm.value.document"]._freeze_missing(company, lambda: None)
            history = self._history(company, run.as_of_date)
            history.pop("unfrozen")
        frame, skipped = self._estimate_each(company, run.as_of_date, history)
        if not run.boundaries:
            run.boundaries = self._boundaries(company, run.as_of_date, frame)
        frame = self._rank(company, run.as_of_date, frame, run.boundaries)
        # a slice: a view, where a condition would copy every column
        frame = self._take(frame, slice(int(np.searchsorted(frame["partner_id"], start)), None))
        [[unattributed]] = self.env.execute_query(self.env["crm.value.purchase"]._query_unattributed(company))
        run.write({"total": run.processed + len(frame["partner_id"]), "unattributed_revenue": unattributed})
        return queue, frame, skipped

    def _store_company(self, run, frame, queue, skipped, transaction):
        """Write a frame batch by batch; each batch takes its customers' queue rows with it."""
        partners = frame["partner_id"]
        rows = {}
        for row_id, partner_id, _move_id, _refreeze in queue:
            rows.setdefault(partner_id, []).append(row_id)

        def batch(first):
            part = self._take(frame, slice(first, first + WRITE_BATCH))
            written, left_out = self._store_each(run.company_id, run.as_of_date, part, trust_digest=True)
            upper = int(part["partner_id"][-1])
            done = [partner_id for partner_id in rows if partner_id <= upper]
            self.env["crm.value.queue"]._drop([row_id for partner_id in done for row_id in rows[partner_id]])
            run._advance(len(part["partner_id"]), written, left_out + (skipped if not first else []), upper + 1)
            return done

        for first in range(0, len(partners), WRITE_BATCH):
            for partner_id in transaction(lambda first=first: batch(first)):
                del rows[partner_id]
        # What is left in the queue names contacts that are no customers (any more).
        transaction(lambda: self.env["crm.value.queue"]._drop([row for ids in rows.values() for row in ids]))

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
            written, skipped = self._refresh_batch(company, customers, queue)
            started.total += len(customers)
            started._advance(len(customers), written, skipped)
            return started, True

        more = True
        while more:
            run, more = transaction(batch)
        if run:
            transaction(run._finish)

    def _refresh_customers(self, company, partner_ids):
        """Refresh these commercial partners and take them out of the queue; return (written, skipped)."""
        queue = self.env["crm.value.queue"].sudo()._peek(company, partner_ids)
        # sudo: nobody but the refresh may write values; who may ask for it is checked by the caller.
        return self.sudo()._refresh_batch(company, partner_ids, queue)

    def _refresh_batch(self, company, partner_ids, queue):
        self.env.flush_all()
        self._freeze_queued(company, queue)
        today = company._value_today()
        history = self._history(company, today, partner_ids)
        if history.pop("unfrozen").any():
            history = self._freeze_unfrozen(company, today, partner_ids)
        frame, skipped = self._estimate_each(company, today, history)
        frame = self._rank(company, today, frame, self.env["crm.value.run"]._last_boundaries(company))
        written, left_out = self._store_each(company, today, frame)
        self.env["crm.value.queue"]._drop([row_id for row_id, *_rest in queue])
        return written, skipped + left_out

    def _freeze_unfrozen(self, company, today, partner_ids):
        """Freeze the documents that these customers had before the addon was there, and read again."""
        moves = self.env["account.move"].search([
            ("commercial_partner_id", "in", list(partner_ids)), ("company_id", "=", company.id), *POSTED_DOCUMENTS])
        self.env["crm.value.document"]._insert(company, SQL("= ANY(%s)", moves.ids), "cost_now")
        history = self._history(company, today, partner_ids)
        history.pop("unfrozen")
        return history

    def _freeze_queued(self, company, queue):
        moves = {move_id for _id, _partner, move_id, _refreeze in queue if move_id}
        refreeze = {move_id for _id, _partner, move_id, refreeze in queue if refreeze}
        self.env["crm.value.document"]._freeze(company, moves, refreeze_ids=refreeze)

    def _estimate_each(self, company, as_of, history):
        """Estimate a frame; customers that cannot be estimated are left out: (frame, [(partner id, reason)])."""
        parts, skipped = [self._estimate(company, as_of, self._take(history, slice(0)))], []

        def work(part):
            parts.append(self._estimate(company, as_of, part))

        self._leave_out(work, history, skipped)
        parts = [part for part in parts if len(part["partner_id"])] or parts[:1]
        if len(parts) == 1:  # mostly: no copy of its columns
            return parts[0], skipped
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, skipped
