from odoo import api, models
from odoo.tools import SQL


class CrmValueManners(models.AbstractModel):
    _inherit = "crm.value.manners"

    @api.model
    def _reasons(self):
        return {**super()._reasons(), "registered": self.env._("registered for the event already")}

    @api.model
    def _obstacles_mail(self, rule):
        obstacles = super()._obstacles_mail(rule)
        if rule.action_type == "event":
            obstacles["registered"] = SQL(
                """EXISTS (SELECT FROM event_registration seat JOIN res_partner guest ON guest.id = seat.partner_id
                            WHERE seat.event_id = %s AND seat.active AND seat.state != 'cancel'
                              AND guest.commercial_partner_id = value.partner_id)""",
                rule.event_id.id,
            )
        return obstacles
