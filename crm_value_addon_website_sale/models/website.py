from odoo import models
from odoo.addons.website_sale.models.website import PRICELIST_SESSION_CACHE_KEY
from odoo.http import request


class Website(models.Model):
    _inherit = "website"

    def _get_and_cache_current_pricelist(self):
        """Look up the pricelist again when the visitor's session remembers that of a former tier, or of none."""
        held = request.session.get(PRICELIST_SESSION_CACHE_KEY)
        reserved = self.env["crm.value.benefit"]._tier_pricelist_ids() if held else ()
        if reserved:
            # sudo: customers have no rights on contacts; this is their own pricelist
            own = self.env.user.partner_id.sudo().property_product_pricelist
            if held != own.id and (held in reserved or own.id in reserved):
                del request.session[PRICELIST_SESSION_CACHE_KEY]
        return super()._get_and_cache_current_pricelist()
