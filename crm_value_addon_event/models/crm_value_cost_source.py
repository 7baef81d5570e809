from odoo import models
from odoo.tools import SQL


class CrmValueCostSource(models.AbstractModel):
    """Counts what events cost: each customer that somebody came from bears its share for each guest.

    Where nobody noted who came, the customers bear it for those who had registered. For a customer without a purchase
    by then it was a cost of winning it, which is not expected again.
    """

    _inherit = "crm.value.cost.source"

    def _drivers(self):
        return [*super()._drivers(), "events"]

    def _select_events(self, company, as_of):
        Event = self.env["event.event"]
        if not Event.search_count([("company_id", "=", company.id), ("value_cost", ">", 0)], limit=1):
            return None
        Event.flush_model()
        self.env["event.registration"].flush_model()
        return SQL(
            """
            SELECT guest.partner_id, 'events' AS driver, count(DISTINCT guest.event_id)::int AS count,
                   sum(guest.cost) AS cost,
                   COALESCE(sum(guest.cost) FILTER (WHERE guest.day > %(year_ago)s AND guest.is_kept), 0) AS cost_12m
              FROM (SELECT person.commercial_partner_id AS partner_id, event.id AS event_id,
                           event.date_end::date AS day,
                           COALESCE(value.first_purchase_date <= event.date_end::date, FALSE) AS is_kept,
                           event.value_cost::numeric / count(*) OVER (PARTITION BY event.id) AS cost
                      FROM event_event event
                      JOIN event_registration seat ON seat.event_id = event.id AND seat.active
                      JOIN res_partner person ON person.id = seat.partner_id
                      LEFT JOIN crm_value value
                             ON value.partner_id = person.commercial_partner_id AND value.company_id = %(company)s
                     WHERE event.company_id = %(company)s AND event.value_cost > 0
                       AND event.date_end::date <= %(as_of)s
                       AND (seat.state = 'done' OR seat.state = 'open' AND NOT EXISTS (
                            SELECT FROM event_registration came WHERE came.event_id = event.id AND came.active
                               AND came.state = 'done'))) guest
             GROUP BY guest.partner_id""",
            company=company.id,
            as_of=as_of,
            year_ago=self._year_ago(as_of),
        )
