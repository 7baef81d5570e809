from odoo import api, models
from odoo.tools import SQL


class CrmValueEarningDue(models.AbstractModel):
    _inherit = "crm.value.earning.due"

    @api.model
    def _select_event(self, rule, _since, _until):
        """Each event that somebody of the customer's attended, on its last day."""
        return SQL(
            """SELECT guest.commercial_partner_id, 'event ' || event.id, event.date_end::date, NULL::int
                 FROM event_registration seat
                 JOIN event_event event ON event.id = seat.event_id
                      AND (event.company_id IS NULL OR event.company_id = %s)
                 JOIN res_partner guest ON guest.id = seat.partner_id
                WHERE seat.state = 'done' AND seat.active""",
            rule.company_id.id,
        )
