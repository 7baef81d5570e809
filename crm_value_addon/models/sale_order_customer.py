from odoo import models


class SaleOrder(models.Model):
    """The effect of an order on its customer's tier, as far as the customer may know."""

    _inherit = "sale.order"

    def _customer_progress(self):
        """Return what the web shop's cart shows of the tier (see `crm.value.portal`); None when there is nothing."""
        return self.env["crm.value.portal"]._prepare_portal_progress(self)
