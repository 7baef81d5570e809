from odoo import api, models
from odoo.tools import SQL


class CrmValueManners(models.AbstractModel):
    _inherit = "crm.value.manners"

    @api.model
    def _obstacles_sms(self, _rule):
        return {
            "no_number": SQL("COALESCE(recipient.phone_sanitized, '') = ''"),
            "blacklisted": SQL(
                """EXISTS (SELECT FROM phone_blacklist blocked
                            WHERE blocked.active AND blocked.number = recipient.phone_sanitized)"""
            ),
        }
