from odoo import fields, models


class CrmValue(models.Model):
    """Once a month, the refresh of all customers leaves a snapshot of every one."""

    _inherit = "crm.value"

    snapshot_ids = fields.One2many("crm.value.snapshot", "value_id", string="Month Ends")

    def _refresh_company(self, transaction=None):
        run = super()._refresh_company(transaction)
        (transaction or (lambda work: work()))(
            lambda: self.env["crm.value.snapshot"]._take(run.company_id, run.as_of_date))
        return run
