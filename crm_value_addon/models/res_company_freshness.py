import json
from datetime import timedelta

from babel.dates import format_timedelta

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.misc import babel_locale_parse

from ..const import SELLER_GROUP


class ResCompany(models.Model):
    """How old the figures are: one answer for every screen that shows figures."""

    _inherit = "res.company"

    def _value_figures_age(self, partner_ids=None):
        """Return how old this company's figures are and what waits to be counted in; one query.

        :param partner_ids: commercial partners; only what waits for them is told, and their own refreshes count too
        :return: dict: refreshed_at (datetime or False), minutes (None before the first refresh), waiting (changes in
            the queue), waiting_of (partner id → changes), text (a sentence in the user's language)
        """
        self.ensure_one()
        of_partners = SQL("TRUE") if partner_ids is None else SQL("queue.partner_key = ANY(%s)", list(partner_ids))
        self.env["crm.value.run"].flush_model()
        rows = self.env.execute_query(SQL(
            """
            SELECT (SELECT max(finished_at) FROM crm_value_run
                     WHERE company_id = %(company)s AND state = 'done'
                       AND (kind IN ('full', 'incremental')
                            OR kind = 'selected' AND partner_keys @> %(partners)s::jsonb)),
                   queue.partner_key, count(queue.id)
              FROM (SELECT 1) one
              LEFT JOIN crm_value_queue queue ON queue.company_key = %(company)s AND %(of_partners)s
             GROUP BY queue.partner_key
            """, company=self.id, of_partners=of_partners,
            # JSON null is in no list: without customers, refreshes of selected ones do not count
            partners="null" if partner_ids is None else json.dumps(list(partner_ids))))
        refreshed_at = rows[0][0] or False
        minutes = max(int((fields.Datetime.now() - refreshed_at).total_seconds() // 60), 0) if refreshed_at else None
        waiting_of = {partner_id: count for _at, partner_id, count in rows if count}
        waiting = sum(waiting_of.values())
        return {
            "refreshed_at": refreshed_at, "minutes": minutes, "waiting": waiting, "waiting_of": waiting_of,
            "text": self._value_age_text(minutes, waiting),
        }

    @api.model
    def _value_age_text(self, minutes, waiting):
        """Return the age of figures as a sentence.

        :param minutes: since the last refresh, None before the first
        :param waiting: number of changes that no refresh has counted in yet
        """
        if minutes is None:
            return self.env._("The first refresh has not finished yet.")
        if not minutes:
            age = self.env._("Figures are less than a minute old.")
        else:
            # threshold: "90 minutes" and "36 hours" tell more than "2 hours" and "2 days"
            age = self.env._("Figures are %(age)s old.", age=format_timedelta(
                timedelta(minutes=minutes), granularity="minute", threshold=2,
                locale=babel_locale_parse(self.env.lang or "en_US")))
        if not waiting:
            return age
        news = self.env._("One change waits for the next refresh.") if waiting == 1 else self.env._(
            "%(count)s changes wait for the next refresh.", count=waiting)
        return f"{age} {news}"


class ResPartner(models.Model):
    _inherit = "res.partner"

    value_figures_age = fields.Char(
        string="Age of the Figures", related="value_id.figures_age", groups=SELLER_GROUP)
