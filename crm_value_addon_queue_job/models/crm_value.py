from odoo import models
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

#: seconds until a job looks again at a company that another worker is refreshing
_BUSY_SECONDS = 30


class CrmValue(models.Model):
    """The scheduled action does not refresh the companies itself: it makes one job of each."""

    _inherit = "crm.value"

    def _refresh_due(self, company):
        if self.env.context.get("value_in_job"):
            return super()._refresh_due(company)
        # The key keeps a second one out while the first one waits.
        self.with_delay(
            identity_key=f"crm_value.refresh.{company.id}",
            description=self.env._("Refresh all customer values of %(company)s", company=company.name),
        )._job_refresh_company(company)
        return True

    def _wake_helpers(self, count):
        """Enqueueing takes no time: there is nothing to help with."""

    def _job_refresh_company(self, company):
        """Refresh a company that is due; a killed job starts anew and goes on after the last batch.

        :raise RetryableJobError: another worker is at it
        :raise FailedJobError: the refresh failed, and its record says why
        """
        if not self.with_context(value_in_job=True)._refresh_due(company):
            raise RetryableJobError(
                f"Company {company.id} is being refreshed by another worker", seconds=_BUSY_SECONDS, ignore_retry=True)
        run = self.env["crm.value.run"].search([("company_id", "=", company.id), ("kind", "=", "full")], limit=1)
        if run.state == "failed":
            raise FailedJobError(run.message)
