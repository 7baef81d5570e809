from odoo import api, models
from odoo.fields import Domain


class CrmValueDashboardLifecycle(models.AbstractModel):
    """The customers by stage of life."""

    _name = "crm.value.dashboard.lifecycle"
    _description = "Customer Value Dashboard: Lifecycle"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 30

    @api.model
    def _read(self, scope, payload):
        Customers = self.env["crm.value.dashboard.customers"]
        groups = Customers._scanned(scope)
        return {
            "rows": [
                {
                    "stage": stage,
                    "name": name,
                    **Customers._sum(
                        scope,
                        Domain("lifecycle_stage", "=", stage),
                        [group for group in groups if group.stage == stage],
                    ),
                }
                for stage, name in self.env["crm.value"]._fields["lifecycle_stage"]._description_selection(self.env)
            ]
        }
