from odoo import models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def action_recompute_value(self):
        """Recompute the values of these orders' customers (see `res.partner.action_recompute_value`)."""
        self.check_access("read")
        return self.partner_id.action_recompute_value()
