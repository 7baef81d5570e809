from odoo import api, models


class CrmValueDocument(models.Model):
    """Freezes the orders of the till with the invoices."""

    _inherit = "crm.value.document"

    @api.model
    def _freeze_queued(self, company, queue):
        super()._freeze_queued(company, queue)
        self.env["crm.value.till.order"]._freeze(
            company, {-move_id for _id, _partner, move_id, _refreeze in queue if move_id < 0}
        )
