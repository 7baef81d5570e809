from datetime import timedelta

from odoo import api, models
from odoo.addons.crm_value_addon.models.followups.triggers import Trigger
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

_TRIGGERS = (
    Trigger(
        "event_attended",
        "Event attended",
        days_hint=_lt("days after the event"),
        detail_hint=_lt("the event"),
    ),
    Trigger(
        "event_missed",
        "Registered for an event, and did not come",
        days_hint=_lt("days after the event"),
        detail_hint=_lt("the event"),
    ),
)


class CrmValueFollowupTrigger(models.AbstractModel):
    """Attendance is a contact with the customer, and a reason to follow up."""

    _inherit = "crm.value.followup.trigger"

    @api.model
    def _triggers(self):
        return {**super()._triggers(), **{row.code: row for row in _TRIGGERS}}

    @api.model
    def _contact_sources(self, since):
        return [
            *super()._contact_sources(since),
            SQL(
                """SELECT 1 FROM event_registration seat
                     JOIN res_partner guest ON guest.id = seat.partner_id
                     JOIN event_event event ON event.id = seat.event_id
                    WHERE guest.commercial_partner_id = value.partner_id AND seat.state = 'done' AND seat.active
                      AND event.date_begin >= %s""",
                since,
            ),
        ]

    @api.model
    def _due_event_attended(self, rule, company, today, check_only):
        return self._select_seats(rule, company, today, check_only, SQL("seat.state = 'done'"))

    @api.model
    def _due_event_missed(self, rule, company, today, check_only):
        """Whoever is still only registered when the event is over, where attendance was noted for somebody."""
        return self._select_seats(
            rule,
            company,
            today,
            check_only,
            SQL(
                """seat.state = 'open' AND event.date_end < now() AT TIME ZONE 'UTC'
                   AND EXISTS (SELECT FROM event_registration other
                                WHERE other.event_id = event.id AND other.state = 'done')
                   AND NOT EXISTS (SELECT FROM event_registration other
                                     JOIN res_partner colleague ON colleague.id = other.partner_id
                                    WHERE other.event_id = event.id AND other.state = 'done'
                                      AND colleague.commercial_partner_id = value.partner_id)"""
            ),
        )

    @api.model
    def _select_seats(self, rule, company, today, check_only, where):
        day = SQL("event.date_end::date")
        return self._select(
            company,
            SQL(
                "seat.active AND (event.company_id IS NULL OR event.company_id = %s) AND %s AND %s",
                company.id,
                where,
                self._window(day, today - timedelta(days=rule.days), check_only),
            ),
            source=SQL("""JOIN res_partner person ON person.commercial_partner_id = value.partner_id
                          JOIN event_registration seat ON seat.partner_id = person.id
                          JOIN event_event event ON event.id = seat.event_id"""),
            occasion=SQL("'event-' || event.id"),
            date=day,
            detail=self._translated(SQL("event.name"), company),
        )
