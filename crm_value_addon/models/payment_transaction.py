from odoo import api, models


class PaymentTransaction(models.Model):
    """Stops employees who would confirm an order below the margin floor by paying for it."""

    _inherit = "payment.transaction"

    @api.model_create_multi
    def create(self, vals_list):
        transactions = super().create(vals_list)
        self.env["crm.value.order.margin"]._check_payer(transactions)
        return transactions
