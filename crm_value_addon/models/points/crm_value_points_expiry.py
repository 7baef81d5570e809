from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL


class CrmValuePointsExpiry(models.AbstractModel):
    """Points that lapse: after a time without any order, or at the year's end.

    How to use: the cron of the points calls `_expire`; mails and the loyalty page ask `_select_lapsing`.

    How it works: which points lapse, and when, follows from Odoo's history of points. What is spent is taken from the
    oldest points. Nothing lapses before a program's notice is over, counted from the day when its rule was set.
    """

    _name = "crm.value.points.expiry"
    _description = "Points that Lapse"

    @api.model
    def _select_lapsing(self, company, today):
        """Return the SELECT of card_id, partner_id, program_id, day, points: what lapses on which day if nothing
        happens; a day until today is over.

        At the year's end, a row each for what is left from former years and for what lapses next.
        """
        return SQL(
            """
            WITH card AS (
                SELECT card.id, card.partner_id, card.program_id, card.points::numeric AS points, program.value_expiry,
                       program.value_expiry_months AS months,
                       program.value_expiry_since + program.value_expiry_notice_days AS earliest,
                       COALESCE((SELECT max(history.create_date) FROM loyalty_history history
                                  WHERE history.card_id = card.id AND history.value_order_id IS NULL
                                    AND (history.issued > 0 OR history.used > 0)), card.create_date)::date AS moved_on,
                       COALESCE((SELECT sum(history.issued) FROM loyalty_history history
                                  WHERE history.card_id = card.id AND history.create_date >= %(new_year)s), 0)::numeric
                           AS issued
                  FROM loyalty_card card JOIN loyalty_program program ON program.id = card.program_id
                 WHERE program.id = ANY(%(programs)s) AND card.active AND card.points > 0
                   AND card.partner_id IS NOT NULL AND COALESCE(program.company_id, %(company)s) = %(company)s
            )
            SELECT id AS card_id, partner_id, program_id,
                   GREATEST((moved_on + make_interval(months => months))::date, earliest) AS day, points
              FROM card WHERE value_expiry = 'silence'
            UNION ALL
            SELECT id, partner_id, program_id, %(new_year)s::date, points - issued
              FROM card WHERE value_expiry = 'year' AND earliest <= %(new_year)s AND points - issued > 0
            UNION ALL
            SELECT id, partner_id, program_id, %(next_year)s::date,
                   CASE WHEN earliest <= %(new_year)s THEN LEAST(points, issued) ELSE points END
              FROM card WHERE value_expiry = 'year' AND earliest <= %(next_year)s
                          AND (earliest > %(new_year)s OR issued > 0)
            """,
            programs=list(self.env["loyalty.program"]._expiring_ids()),
            company=company.id,
            new_year=today.replace(month=1, day=1),
            next_year=today.replace(year=today.year + 1, month=1, day=1),
        )

    @api.model
    def _expire(self, company):
        """Take the points whose day has come, with a line of the card's history."""
        if not self.env["loyalty.program"]._expiring_ids():
            return
        self.env.flush_all()
        today = company._value_today()
        rows = self.env.execute_query(
            SQL(
                "SELECT card_id, sum(points) FROM (%s) lapsing WHERE day <= %s AND points > 0 GROUP BY 1 ORDER BY 1",
                self._select_lapsing(company, today),
                today,
            )
        )
        # sudo: nobody has rights to write the history of points
        Card, History = self.env["loyalty.card"].sudo(), self.env["loyalty.history"].sudo()
        for card_id, points in rows:
            card = Card.browse(card_id)
            lapsed = min(float(points), card.points)
            History.create(
                {
                    "card_id": card.id,
                    "used": lapsed,
                    "value_lapsed_points": lapsed,
                    "description": History._env_of(card)._("Lapsed"),
                }
            )
            card.points -= lapsed

    @api.model
    def _select_announced(self, company, today):
        """Return the SELECT of value_id, tier_id, occasion: customers to be told of points that lapse soon."""
        return SQL(
            """
            SELECT value.id AS value_id, NULL::int AS tier_id,
                   'points ' || lapsing.card_id || ' until ' || lapsing.day AS occasion
              FROM (%(lapsing)s) lapsing
              JOIN loyalty_program program ON program.id = lapsing.program_id
              JOIN res_partner contact ON contact.id = lapsing.partner_id
              JOIN crm_value value ON value.partner_id = contact.commercial_partner_id
                                  AND value.company_id = %(company)s
             WHERE lapsing.points > 0 AND lapsing.day > %(today)s
               AND lapsing.day <= %(today)s::date + program.value_expiry_notice_days
            """,
            lapsing=self._select_lapsing(company, today),
            company=company.id,
            today=today,
        )

    @api.model
    def _lapsing(self, partners, company):
        """Return what lapses next on the cards of some contacts: a list of dicts ``program points day``."""
        if not partners or not self.env["loyalty.program"]._expiring_ids():
            return []
        self.env.flush_all()
        today = company._value_today()
        rows = self.env.execute_query(
            SQL(
                """SELECT card_id, day, points FROM (%s) lapsing
                    WHERE partner_id = ANY(%s) AND points > 0 AND day > %s ORDER BY day, card_id""",
                self._select_lapsing(company, today),
                partners.ids,
                today - timedelta(days=1),
            )
        )
        # sudo: customers have no rights on cards; these are their own
        cards = self.env["loyalty.card"].sudo()
        return [
            {
                "program": cards.browse(card_id).program_id.name,
                "points": cards.browse(card_id)._format_points(float(points)),
                "day": day,
            }
            for card_id, day, points in rows
        ]
