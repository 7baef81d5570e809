from odoo import api, models


class AccountPartialReconcile(models.Model):
    """Queues the customers whose receivables are matched or unmatched: what they owe changes."""

    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        partials._enqueue_customers()
        return partials

    def unlink(self):
        self._enqueue_customers()
        return super().unlink()

    def _enqueue_customers(self):
        (self.debit_move_id | self.credit_move_id)._enqueue_customers()
