import logging
import zlib
from contextlib import contextmanager
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL

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
                    lambda alone: alone.env["crm.value.refresh"]._refresh_queue(alone._transaction),
                    "incremental",
                )
            else:
                self.env.cr.execute(SQL("DELETE FROM crm_value_queue WHERE company_key = %s", company_id))
                self.env["ir.cron"]._commit_progress()
        waiting = self.env["crm.value.run"].search([("kind", "=", "tiers"), ("state", "in", ("queued", "running"))])
        for company in waiting.company_id:
            self._run_alone(
                company,
                lambda alone: alone.env["crm.value.tier.assignment"]._assign_company(alone._transaction),
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
        """Refresh companies one by one; return for each of them whether it is done now."""
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        done = []
        for company in companies:
            done.append(self._refresh_due(company))
            self.env["ir.cron"]._commit_progress(1)
        return done

    def _refresh_due(self, company):
        """Refresh a company unless another worker has done it meanwhile; return False when one is at it."""
        return self._run_alone(
            company,
            lambda alone: (
                alone._is_due(company) and alone.env["crm.value.refresh"]._refresh_company(alone._transaction)
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
            with alone._writer(company) as is_writer:
                if is_writer:
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
        if count <= REQUEST_LIMIT:
            with alone._writer(company) as is_writer:
                if is_writer:
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

        :param work: function of this model in the company
        :param kind: that of the run which records it
        :return: False when another worker is at this company
        """
        alone = self.with_company(company).with_context(allowed_company_ids=company.ids)
        with alone._writer(company, session=True, lock=lock) as is_writer:
            if not is_writer:
                _logger.info("Customer value of company %s: another refresh is under way", company.id)
                return False
            # The lock is held now: read in a transaction that begins after it.
            self.env["ir.cron"]._commit_progress()
            try:
                work(alone)
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
