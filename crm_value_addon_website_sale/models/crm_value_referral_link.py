from odoo import api, models


class CrmValueReferralLink(models.AbstractModel):
    _inherit = "crm.value.referral.link"

    @api.model
    def _landing_page(self):
        return "/shop"
