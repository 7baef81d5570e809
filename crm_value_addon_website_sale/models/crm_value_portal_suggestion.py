from odoo import api, models
from odoo.http import request


class CrmValuePortalSuggestion(models.AbstractModel):
    _inherit = "crm.value.portal.suggestion"

    @api.model
    def _is_sold(self, template):
        return super()._is_sold(template) and template.is_published and template.can_access_from_current_website()

    @api.model
    def _pricelist(self, customer, company):
        # the visitor may have chosen another one than the customer's own
        if request and hasattr(request, "pricelist"):
            return self.env["product.pricelist"].sudo().browse(request.pricelist.id)  # sudo: it decides what is shown
        return super()._pricelist(customer, company)

    @api.model
    def _url(self, template):
        return template.website_url

    @api.model
    def _for_cart(self, order, shown):
        """Return the products to suggest beside a cart, as a list.

        :param shown: products that are shown there already
        """
        customer = order.partner_id.commercial_partner_id
        if order.partner_id.is_public or not customer:
            return []
        without = order.order_line.product_id.product_tmpl_id | shown.product_tmpl_id
        products = self._suggestions(customer, order.company_id, without.ids, order.pricelist_id).product_id
        return [
            product
            for product in products.with_context(**order.env.context)
            if product._website_show_quick_add()
            and product._is_variant_possible()
            and (not order.website_id.prevent_zero_price_sale or product._get_contextual_price())
        ]
