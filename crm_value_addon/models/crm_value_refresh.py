import logging
import zlib
from contextlib import contextmanager

import numpy as np
import psycopg2

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..lib import pg_copy
from ..lib.pg_copy import day_number
from ..lib.purchase_history import summarise

_logger = logging.getLogger(__name__)

#: customers refreshed at once in a user's request; more are left to the cron
REQUEST_LIMIT = 500
#: customers per write transaction: the longest that a row stays locked
WRITE_BATCH = 10_000
#: queue rows per transaction of the cron
QUEUE_BATCH = 5_000
#: a refresh that would leave out more customers than this has another fault than its customers
SKIP_LIMIT = 100
_LOCK_CLASS = zlib.crc32(b"crm_value_addon") & 0x7FFFFFFF
_RETRIES = 5
_TABLE = "crm_value_incoming"
_KINDS = {
    "monetary": "numeric", "integer": "int4", "float": "float8", "date": "date", "selection": "int2",
    "boolean": "bool", "many2one": "int4",
}
#: what one customer's data can cause; anything else concerns everybody and is raised
_CUSTOMER_ERRORS = (psycopg2.DataError, psycopg2.IntegrityError, ArithmeticError, ValueError, UserError)


class TooManyLeftOut(UserError):
    """So many customers could not be refreshed that the fault is not theirs."""


class CrmValueRefresh(models.Model):
    """The refresh of `crm.value`: read purchases, estimate, write what differs; for all, some or changed customers.

    A *frame* is a dict of arrays of shape (n,): ``partner_id`` and one for each field of `_refreshed_fields`, dates
    as days since 1970, selections as their position from 1 on. The core methods never commit: the crons hand in a
    `transaction`, a callable that runs a piece of work and commits it.
    """

    _inherit = "crm.value"

    # doors: crons and actions

    @api.model
    def _cron_refresh_all(self):
        """Refresh every company that has not been refreshed today, or for which somebody asked."""
        companies = self._companies_due()
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        for company in companies:
            self._cron_run(company, lambda value: value._refresh_company(value._transaction))
            self.env["ir.cron"]._commit_progress(1)

    @api.model
    def _cron_refresh_stale(self):
        """Refresh the customers in the queue; return at once when it is empty."""
        rows = self.env.execute_query(SQL("SELECT DISTINCT company_key FROM crm_value_queue ORDER BY 1"))
        for [company_id] in rows:
            company = self.env["res.company"].browse(company_id).exists()
            if company:
                self._cron_run(company, lambda value: value._refresh_queue(value._transaction))
            else:
                self.env.cr.execute(SQL("DELETE FROM crm_value_queue WHERE company_key = %s", company_id))
                self.env["ir.cron"]._commit_progress()

    @api.model
    def _companies_due(self):
        """Return the companies without a finished full refresh today, and those with an unfinished or asked one."""
        due = self.env["res.company"]
        for company in self.env["res.company"].search([]):
            last = self.env["crm.value.run"].search([("company_id", "=", company.id), ("kind", "=", "full")], limit=1)
            if last.state != "done" or last.as_of_date != company._value_today():
                due += company
        return due

    def _cron_run(self, company, work):
        """Run a piece of work as the one writer of a company; record a failure and go on with the next company."""
        value = self.with_company(company).with_context(allowed_company_ids=company.ids)
        with value._writer(company, session=True) as is_writer:
            if not is_writer:
                _logger.info("Customer value of company %s: another refresh is under way", company.id)
                return
            # The lock is held now: read in a transaction that begins after it.
            self.env["ir.cron"]._commit_progress()
            try:
                work(value)
            except Exception as error:
                self.env.cr.rollback()
                _logger.exception("Customer value of company %s: the refresh failed", company.id)
                value._record_failure(company, error)
                self.env["ir.cron"]._commit_progress()

    def _record_failure(self, company, error):
        runs = self.env["crm.value.run"].search([("company_id", "=", company.id), ("state", "=", "running")])
        if not runs:
            runs = self.env["crm.value.run"]._start(company, "incremental", company._value_today())
        for run in runs:
            run._finish("failed", f"{type(error).__name__}: {error}")

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
                    value._refresh_customers(company, customers.ids)
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
        frame = self._take(frame, frame["partner_id"] >= start)
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
            written, left_out = self._store_each(run.company_id, run.as_of_date, part)
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
            ("commercial_partner_id", "in", list(partner_ids)), ("company_id", "=", company.id),
            ("state", "=", "posted"), ("move_type", "in", ("out_invoice", "out_refund", "out_receipt"))])
        self.env["crm.value.document"]._insert(company, SQL("= ANY(%s)", moves.ids), "cost_now")
        history = self._history(company, today, partner_ids)
        history.pop("unfrozen")
        return history

    def _freeze_queued(self, company, queue):
        moves = {move_id for _id, _partner, move_id, _refreeze in queue if move_id}
        refreeze = {move_id for _id, _partner, move_id, refreeze in queue if refreeze}
        self.env["crm.value.document"]._freeze(company, moves, refreeze_ids=refreeze)

    # read

    def _customer_ids(self, company, partner_ids=None, with_documents=True):
        """Return the sorted ids of the commercial partners that have, or shall have, a value in a company.

        :param with_documents: False when those who have documents are known already
        """
        only = list(partner_ids) if partner_ids is not None else None
        sources = self._customer_sources(company)
        if with_documents:
            sources.append(SQL(
                "SELECT commercial_partner_id AS partner_id FROM account_move move WHERE company_id = %s AND %s",
                company.id, self.env["crm.value.purchase"]._where_document("move")))
        found = pg_copy.copy_out(self.env.cr, SQL(
            "SELECT partner_id::int4 FROM (%s) customer WHERE partner_id IS NOT NULL AND %s",
            SQL(" UNION ALL ").join(sources),
            SQL("partner_id = ANY(%s)", only) if only is not None else SQL("TRUE"),
        ), [("partner", "int4")])
        return np.unique(found["partner"])

    def _customer_sources(self, company):
        """Return SELECTs of partner_id: who is a customer besides those who have documents."""
        return [
            SQL("SELECT partner_id FROM crm_value WHERE company_id = %s", company.id),
            SQL(
                """SELECT partner.commercial_partner_id AS partner_id FROM sale_order sale
                     JOIN res_partner partner ON partner.id = sale.partner_id
                    WHERE sale.company_id = %s AND sale.state != 'cancel'""", company.id),
            SQL(
                """SELECT partner.commercial_partner_id AS partner_id FROM crm_lead lead
                     JOIN res_partner partner ON partner.id = lead.partner_id
                     LEFT JOIN crm_team team ON team.id = lead.team_id
                     LEFT JOIN res_users salesperson ON salesperson.id = lead.user_id
                    WHERE lead.type = 'opportunity' AND lead.active AND lead.won_status = 'pending'
                      AND COALESCE(lead.company_id, team.company_id, salesperson.company_id) = %s""", company.id),
        ]

    def _history(self, company, as_of, partner_ids=None):
        """Return the frame of the observed figures of all, or some, customers, plus ``unfrozen`` (documents)."""
        days = self.env["crm.value.purchase"]._read_days(company, partner_ids)
        buyers = days["partner"][np.flatnonzero(np.diff(days["partner"], prepend=-1))]
        others = self._customer_ids(company, partner_ids, with_documents=False)
        customers = np.union1d(buyers, others)
        windows = {name: tuple(map(day_number, window)) for name, window in self._windows(as_of).items()}
        history = summarise(days, customers, as_of=day_number(as_of), windows=windows)
        history["partner_id"] = customers
        history["overdue_amount"] = self._overdue(company, as_of, customers, partner_ids)
        history["unfrozen"] = np.bincount(
            np.searchsorted(customers, days["partner"]), weights=days["unfrozen"], minlength=len(customers)) > 0
        return history

    def _overdue(self, company, as_of, customers, partner_ids):
        query = self.env["crm.value.purchase"]._query_overdue(company, as_of, partner_ids)
        found = pg_copy.copy_out(
            self.env.cr, SQL("SELECT partner_id::int4, overdue::float8 FROM (%s) overdue", query),
            [("partner", "int4"), ("overdue", "float8")])
        overdue = np.zeros(len(customers))
        overdue[np.searchsorted(customers, found["partner"])] = found["overdue"]
        return overdue

    # estimate

    def _estimate_each(self, company, as_of, history):
        """Estimate a frame; customers that cannot be estimated are left out: (frame, [(partner id, reason)])."""
        parts, skipped = [self._estimate(company, as_of, self._take(history, slice(0)))], []

        def work(part):
            parts.append(self._estimate(company, as_of, part))

        self._leave_out(work, history, skipped)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, skipped

    # store

    @api.model
    def _refreshed_fields(self):
        """Return the names of the fields that a refresh computes, besides partner, company and as-of date."""
        return [
            "first_purchase_date", "last_purchase_date", "purchase_count", "frequency",
            "revenue_total", "revenue_12m", "revenue_year", "revenue_previous_year", "margin_total", "margin_12m",
            "refund_total", "monetary_value", "overdue_amount", "method", "expected_margin_12m",
            "transaction_value", "clv", "realised_value",
        ]

    def _store_each(self, company, as_of, frame):
        """Write a frame; customers that cannot be written are left out: (rows written, [(partner id, reason)])."""
        written, skipped = [], []

        def work(part):
            written.append(self._store(company, as_of, part))
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
                skipped.append((int(frame["partner_id"][0]), f"{type(error).__name__}: {error}".strip()))
                if len(skipped) > SKIP_LIMIT:
                    raise TooManyLeftOut(self.env._(
                        "More than %(limit)s customers could not be refreshed; the last: %(reason)s",
                        limit=SKIP_LIMIT, reason=error)) from error
                return
            self._leave_out(work, self._take(frame, slice(0, count // 2)), skipped)
            self._leave_out(work, self._take(frame, slice(count // 2, count)), skipped)

    def _store(self, company, as_of, frame):
        """Write what differs from the stored rows and insert what is missing; return the number of rows written."""
        names = self._refreshed_fields()
        columns = [("partner_id", "int4")] + [(name, _KINDS[self._fields[name].type]) for name in names]
        cr = self.env.cr
        cr.execute(SQL(
            "DROP TABLE IF EXISTS %(table)s; CREATE TEMP TABLE %(table)s (%(columns)s) ON COMMIT DROP",
            table=SQL.identifier(_TABLE),
            columns=SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in columns)))
        pg_copy.copy_in(cr, _TABLE, frame, columns, company.currency_id.decimal_places)
        # The planner needs the number of rows and the spread of the key; the other columns cost as much as the UPDATE.
        cr.execute(SQL("ANALYZE %s (partner_id)", SQL.identifier(_TABLE)))
        span = int(frame["partner_id"].min()), int(frame["partner_id"].max())
        return self._store_update(company, as_of, names, *span) + self._store_insert(company, as_of, names, *span)

    def _store_update(self, company, as_of, names, first, last):
        fields_old = SQL(", ").join(SQL("value.%s", SQL.identifier(name)) for name in names)
        fields_new = SQL(", ").join(self._incoming(name) for name in names)
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
        """Return the SQL of a field's new value: undo what a fixed width asks for (see lib/pg_copy.py)."""
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
