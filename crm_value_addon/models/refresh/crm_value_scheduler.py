from datetime import timedelta

from odoo import api, fields, models

#: what the scheduled actions call that refresh companies beside the first one; more of them are more workers
_HELPER_CODE = "model._cron_refresh_beside()"
#: when somebody looks again at a company that another worker held
_LOOK_AGAIN = timedelta(minutes=1)


class CrmValueWorkers(models.Model):
    """Companies are refreshed side by side, each by one worker, on whichever node of Odoo runs the scheduled action.

    Odoo runs a scheduled action once at a time. So there are two of them, and an administrator may duplicate the second
    one: each goes through the companies that are due and leaves out those that another one holds or has done.
    """

    _inherit = "crm.value"

    @api.model
    def _cron_refresh_all(self):
        """Refresh every company that has not been refreshed today, or for which somebody asked."""
        companies = self._companies_due()
        self._wake_helpers(len(companies) - 1)
        if not all(self._refresh_each(companies)):
            # Who holds it may be about to be killed, or busy with a single customer.
            self.env.ref("crm_value_addon.ir_cron_refresh_all")._trigger(at=fields.Datetime.now() + _LOOK_AGAIN)

    @api.model
    def _cron_refresh_beside(self):
        """Take a part of the companies that are due, beside `_cron_refresh_all`."""
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
        """Refresh a company, unless another worker has done it meanwhile; return False when one is at it."""
        return self._cron_run(
            company, lambda value: value._is_due(company) and value._refresh_company(value._transaction), "full")

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
