import logging
import zlib
from datetime import timedelta
from functools import partial

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL

from .writer_lock import WriterLockLost, writer_lock

_logger = logging.getLogger(__name__)

#: customers refreshed at once in a user's request; more are left to the cron
REQUEST_LIMIT = 500
#: what the scheduled actions call that refresh companies beside the first one; more of them are more workers
_HELPER_CODE = "model._cron_refresh_beside()"
#: when somebody looks again at a company that another worker held
_LOOK_AGAIN = timedelta(minutes=1)
_LOCK_CLASS = zlib.crc32(b"crm_value_addon") & 0x7FFFFFFF
_RETRIES = 5


class CrmValueScheduler(models.AbstractModel):
    """When a company is refreshed, and by whom: scheduled actions, buttons, one writer per company.

    How to use: the scheduled actions call `_refresh_all`, `_refresh_beside` and `_refresh_stale`, a button calls
    `_refresh_or_enqueue`. Other work on a company's values that must not meet a refresh runs in `_run_alone`.

    How it works: Odoo runs a scheduled action once at a time. So there are two that refresh all customers, and an
    administrator may duplicate the second one. Each goes through the companies that are due and leaves out those that
    another one holds or has done, on whichever node of Odoo it runs. The steps themselves never commit: they are handed
    a `transaction`, a callable that runs a piece of work and commits it.
    """

    _name = "crm.value.scheduler"
    _description = "Customer Value: Scheduler"

    # scheduled actions

    @api.model
    def _refresh_stale(self):
        """Refresh the customers in the queue, then decide tiers where saved rules wait for it."""
        rows = self.env.execute_query(SQL("SELECT DISTINCT company_key FROM crm_value_queue ORDER BY 1"))
        for [company_id] in rows:
            company = self.env["res.company"].browse(company_id).exists()
            if company:
                self._run_alone(
                    company,
                    lambda alone, transaction: alone.env["crm.value.refresh"]._refresh_queue(transaction),
                    "incremental",
                )
            else:
                self.env.cr.execute(SQL("DELETE FROM crm_value_queue WHERE company_key = %s", company_id))
                self.env["ir.cron"]._commit_progress()
        waiting = self.env["crm.value.run"].search([("kind", "=", "tiers"), ("state", "in", ("queued", "running"))])
        for company in waiting.company_id:
            self._run_alone(
                company,
                lambda alone, transaction: alone.env["crm.value.tier.assignment"]._assign_company(transaction),
                "tiers",
            )

    @api.model
    def _refresh_all(self):
        """Refresh every company that is due; wake helpers for the others while the first one is under way."""
        companies = self._companies_due()
        self._wake_helpers(len(companies) - 1)
        if not all(self._refresh_each(companies)):
            # Whoever holds it may be about to be killed, or busy with a single customer.
            self.env.ref("crm_value_addon.ir_cron_refresh_all")._trigger(at=fields.Datetime.now() + _LOOK_AGAIN)

    @api.model
    def _refresh_beside(self):
        """Refresh a part of the companies that are due, beside `_refresh_all`."""
        self._refresh_each(self._companies_due())

    def _refresh_each(self, companies):
        """Refresh companies one by one, and help with those that others are at; return for each whether it is done."""
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        done = []
        for company in companies:
            done.append(self._refresh_due(company))
            self.env["ir.cron"]._commit_progress(1)
        for company, is_done in zip(companies, done, strict=True):
            if not is_done:
                self._help(company)
        return done

    def _help(self, company):
        """Take part in the refresh of a company that another worker is at, if that is one in ranges."""
        alone = self.with_company(company).with_context(allowed_company_ids=company.ids)
        try:
            return alone.env["crm.value.refresh.range"]._help(company, alone._transaction)
        except Exception:
            # Its writer meets the same fault, and records it.
            self.env.cr.rollback()
            _logger.exception("Customer value of company %s: a helper failed", company.id)
            return 0

    def _refresh_due(self, company):
        """Refresh a company unless another worker has done it meanwhile; return False when one is at it."""
        return self._run_alone(
            company,
            lambda alone, transaction: (
                alone._is_due(company) and alone.env["crm.value.refresh"]._refresh_company(transaction)
            ),
            "full",
        )

    @api.model
    def _companies_due(self):
        """Return the companies without a finished full refresh today, and those with an unfinished or asked one."""
        return self.env["res.company"].search([]).filtered(self._is_due)

    def _is_due(self, company):
        last = self.env["crm.value.run"].search([("company_id", "=", company.id), ("kind", "=", "full")], limit=1)
        return last.state != "done" or last.as_of_date != company._value_today()

    @api.model
    def _wake_helpers(self, count):
        """Start as many helpers as there are companies for them."""
        helpers = self.env["ir.cron"].search([("code", "=", _HELPER_CODE)], limit=count) if count > 0 else ()
        for helper in helpers:
            helper._trigger()

    @api.model
    def _wake_range_helpers(self, company, count):
        """Start helpers for one large company, at most as many as there are ranges for them."""
        self._wake_helpers(count)

    # requests

    @api.model
    def _refresh_or_enqueue(self, partners, companies):
        """Refresh customers now when they are few and nobody else is writing, else leave them to the cron.

        :return: (number of customers, True when the cron has to do it)
        """
        customers = partners.commercial_partner_id
        is_busy = len(customers) > REQUEST_LIMIT
        for company in companies if not is_busy else ():
            alone = self.with_company(company)
            if alone._is_writer(company):
                run = self.env["crm.value.run"].sudo()  # sudo: runs are written by the refresh only
                run = run._start(company, "selected", company._value_today())
                run._finish_selected(
                    customers,
                    *alone.env["crm.value.refresh"]._refresh_customers(company, customers.ids),
                )
            else:
                is_busy = True
        if is_busy:
            self._enqueue(customers, companies)
        return len(customers), is_busy

    @api.model
    def _enqueue(self, customers, companies):
        """Leave commercial partners to the cron, and wake it."""
        self.env["crm.value.queue"]._push_partners(customers, companies)
        # sudo: whoever changes a customer need not read scheduled actions
        self.env.ref("crm_value_addon.ir_cron_refresh_stale").sudo()._trigger()

    @api.model
    def _recompute_company(self, company):
        """Refresh all customers of a company: now when they are few, else by the cron; return an action that says so.

        Who may ask for it is checked by the caller.
        """
        Value = self.env["crm.value"]
        alone = self.sudo().with_company(company)  # sudo: nobody but the refresh may write values
        count = len(alone.env["crm.value.observation"]._customer_ids(company))
        if count <= REQUEST_LIMIT and alone._is_writer(company):
            alone.env["crm.value.refresh"]._refresh_company()
            return Value._notification(self.env._("%(count)s customers refreshed.", count=count))
        self.env["crm.value.run"]._request(company)
        return Value._notification(
            self.env._(
                "The refresh of %(count)s customers starts within a minute; "
                "its progress is under CRM › Configuration › Customer Value › Refreshes.",
                count=count,
            ),
            "info",
        )

    # one writer per company

    def _run_alone(self, company, work, kind, lock=_LOCK_CLASS):
        """Run a piece of work as the one writer of a company; record a failure and go on with the next company.

        :param work: function of this model in the company and of a `transaction`, which runs a piece of work and
            commits it
        :param kind: that of the run which records it
        :param lock: number of the kind of work that is done by one at a time
        :return: False when another worker is at this company
        """
        self._refuse_replica()
        alone = self.with_company(company).with_context(allowed_company_ids=company.ids)
        with writer_lock(self.env.cr.dbname) as writer:
            if not writer.take(lock, company.id):
                _logger.info("Customer value of company %s: another refresh is under way", company.id)
                return False
            # The lock is held now: read in a transaction that begins after it.
            self.env["ir.cron"]._commit_progress()
            try:
                work(alone, partial(alone._transaction, check=writer.check))
            except WriterLockLost as error:
                # Whoever has it now goes on, also with the run's record.
                self.env.cr.rollback()
                _logger.warning("Customer value of company %s: the writer's lock was lost: %s", company.id, error)
                return False
            except Exception as error:
                self.env.cr.rollback()
                _logger.exception("Customer value of company %s: the run %s failed", company.id, kind)
                self.env["crm.value.run"]._record_failure(company, kind, error)
                self.env["ir.cron"]._commit_progress()
            return True

    def _transaction(self, work, check=lambda: None):
        """Run a piece of work and commit it; run it again when another session was in its way.

        :param check: called before the commit; what it raises prevents it
        """
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
        check()
        self.env["ir.cron"]._commit_progress()
        return done

    def _is_writer(self, company, lock=_LOCK_CLASS):
        """Try to become the one writer of a company until the end of this transaction; tell whether it is, never wait.

        :param lock: number of the kind of work that is done by one at a time
        """
        self._refuse_replica()
        [[is_writer]] = self.env.execute_query(SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", lock, company.id))
        return is_writer

    @api.model
    def _has_writer(self, company):
        """Tell whether some worker is the writer of a company now."""
        [[found]] = self.env.execute_query(
            SQL(
                """SELECT EXISTS (SELECT FROM pg_locks
                     WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))""",
                _LOCK_CLASS,
                company.id,
            )
        )
        return found

    def _refuse_replica(self):
        if self.env.cr.readonly:
            # A replica lags, and a lock on it is nobody else's: Odoo's answer to this error is to begin again on the
            # primary server.
            raise psycopg2.errors.ReadOnlySqlTransaction("customer values are refreshed on the primary server only")
