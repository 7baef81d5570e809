from odoo import models
from odoo.addons.website_sale.models.website import PRICELIST_SESSION_CACHE_KEY
from odoo.http import request


class Website(models.Model):
    _inherit = "website"

    def _get_and_cache_current_pricelist(self):
        """A visitor's session remembers a pricelist; one that a tier gives, or would give, is looked up anew."""
        held = request.session.get(PRICELIST_SESSION_CACHE_KEY)
        reserved = self.env["crm.value.benefit"]._tier_pricelist_ids() if held else ()
        if reserved:
            # sudo: a customer asks for its own pricelist.
            own = self.env.user.partner_id.sudo().property_product_pricelist
            if held != own.id and (held in reserved or own.id in reserved):
                del request.session[PRICELIST_SESSION_CACHE_KEY]
        return super()._get_and_cache_current_pricelist()
