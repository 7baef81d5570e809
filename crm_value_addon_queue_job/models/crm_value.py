from odoo import models
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

#: seconds until a job looks again at a company that another worker is refreshing
_BUSY_SECONDS = 30


class CrmValue(models.Model):
    _inherit = "crm.value"

    def _job_refresh_company(self, company):
        """Refresh a company that is due; a killed job starts again and goes on after the last batch.

        :raise RetryableJobError: another worker is at it
        :raise FailedJobError: the refresh failed, and its record says why
        """
        if not self.env["crm.value.scheduler"].with_context(value_in_job=True)._refresh_due(company):
            raise RetryableJobError(
                f"Company {company.id} is being refreshed by another worker", seconds=_BUSY_SECONDS, ignore_retry=True
            )
        run = self.env["crm.value.run"].search([("company_id", "=", company.id), ("kind", "=", "full")], limit=1)
        if run.state == "failed":
            raise FailedJobError(run.message)

    def _job_help_company(self, company):
        """Take part in the refresh of a large company that another job is at."""
        self.env["crm.value.scheduler"]._help(company)
