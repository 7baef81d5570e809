from odoo import models

from .refresh.concurrent_index import ConcurrentIndex


class AccountPayment(models.Model):
    """Queues customers who pay, or whose payment is undone, without a journal entry that would say so."""

    _inherit = "account.payment"

    # What customers have paid that no entry says yet: few among all payments.
    _crm_value_open_idx = ConcurrentIndex(
        "(partner_id) WHERE move_id IS NULL AND state IN ('in_process', 'paid') AND partner_type = 'customer'"
    )

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals:
            customers = self.filtered(lambda payment: payment.partner_type == "customer" and not payment.move_id)
            self.env["crm.value.queue"]._push(
                {(payment.partner_id.commercial_partner_id.id, payment.company_id.id, 0) for payment in customers}
                - {(False, payment.company_id.id, 0) for payment in customers}
            )
        return result
