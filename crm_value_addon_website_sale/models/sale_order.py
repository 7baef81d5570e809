from odoo import models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _cart_accessories(self):
        """Suggest what the customer may want next, after the accessories of what is in the cart."""
        accessories = super()._cart_accessories()
        shown = self.env["product.product"].union(*accessories)
        return [*accessories, *self.env["crm.value.portal.suggestion"]._for_cart(self, shown)]
