from odoo import models


class CrmValueRefresh(models.AbstractModel):
    """Reads the orders of the till that nobody queued before it refreshes all customers."""

    _inherit = "crm.value.refresh"

    def _refresh_company(self, transaction=None):
        work = transaction or (lambda nothing: None)
        self.env["crm.value.till.order"]._freeze_missing(self.env.company, lambda: work(lambda: None))
        return super()._refresh_company(transaction)
