from urllib.parse import quote

from odoo import api, models


class CrmValuePortalCards(models.AbstractModel):
    _inherit = "crm.value.portal.cards"

    @api.model
    def _shop_url(self, card):
        return f"/coupon/{quote(card.code, safe='')}"
