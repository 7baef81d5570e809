from odoo import models

#: jobs that help with one large company; those that begin too late find nothing to do
_HELPERS = 7


class CrmValueScheduler(models.AbstractModel):
    """The scheduled action does not refresh the companies itself: it makes one job of each."""

    _inherit = "crm.value.scheduler"

    def _refresh_due(self, company):
        if self.env.context.get("value_in_job"):
            return super()._refresh_due(company)
        # The key keeps a second one out while the first one waits.
        self.env["crm.value"].with_delay(
            identity_key=f"crm_value.refresh.{company.id}",
            description=self.env._("Refresh all customer values of %(company)s", company=company.name),
        )._job_refresh_company(company)
        return True

    def _wake_helpers(self, count):
        """Enqueueing takes no time: there is nothing to help with."""

    def _wake_range_helpers(self, company, count):
        for number in range(min(count, _HELPERS)):
            self.env["crm.value"].with_delay(
                identity_key=f"crm_value.help.{company.id}.{number}",
                description=self.env._("Help to refresh the customer values of %(company)s", company=company.name),
            )._job_help_company(company)
