import json
from datetime import timedelta

from babel.dates import format_timedelta

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.misc import babel_locale_parse


class CrmValueFreshness(models.AbstractModel):
    """How old a company's figures are: one answer for every screen that shows figures.

    How to use: `_measure` returns the age as data and as a sentence; `_describe` returns the sentence alone, for one of
    the customers that were measured together.

    How it works: the age is the time since the last refresh that finished. What waits is what lies in the queue. Both
    are read by one query, which needs no right: whoever sees figures may know how old they are.
    """

    _name = "crm.value.freshness"
    _description = "Customer Value: Age of the Figures"

    @api.model
    def _measure(self, company, partner_ids=None):
        """Return how old the company's figures are, and how many changes no refresh has counted in yet.

        :param partner_ids: commercial partners; only their changes are counted, and refreshes of them alone count, too
        :return: dict: refreshed_at (datetime or False), minutes (None before the first refresh), waiting (changes in
            the queue), waiting_of (partner id → changes), text (a sentence in the user's language)
        """
        company.ensure_one()
        of_partners = SQL("TRUE") if partner_ids is None else SQL("queue.partner_key = ANY(%s)", list(partner_ids))
        self.env["crm.value.run"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
            SELECT (SELECT max(finished_at) FROM crm_value_run
                     WHERE company_id = %(company)s AND state = 'done'
                       AND (kind IN ('full', 'incremental')
                            OR kind = 'selected' AND partner_keys @> %(partners)s::jsonb)),
                   queue.partner_key, count(queue.id)
              FROM (SELECT 1) one
              LEFT JOIN crm_value_queue queue ON queue.company_key = %(company)s AND %(of_partners)s
             GROUP BY queue.partner_key
            """,
                company=company.id,
                of_partners=of_partners,
                # No list holds JSON's null: without customers, refreshes of selected ones do not count.
                partners="null" if partner_ids is None else json.dumps(list(partner_ids)),
            )
        )
        waiting_of = {partner_id: count for _at, partner_id, count in rows if count}
        return self._age(rows[0][0], sum(waiting_of.values())) | {"waiting_of": waiting_of}

    @api.model
    def _select(self, companies):
        """Return the SELECT of (company_id, refreshed_at, waiting) of companies (see `_age`), for another query."""
        self.env["crm.value.run"].flush_model()
        return SQL(
            """
            SELECT company.id AS company_id,
                   (SELECT max(finished_at) FROM crm_value_run WHERE company_id = company.id AND state = 'done'
                       AND kind IN ('full', 'incremental')) AS refreshed_at,
                   (SELECT count(*) FROM crm_value_queue WHERE company_key = company.id) AS waiting
              FROM unnest(%s::int[]) AS company(id)
            """,
            companies.ids,
        )

    @api.model
    def _age(self, refreshed_at, waiting):
        """Return as data and as a sentence how old figures are (see `_measure`)."""
        minutes = max(int((fields.Datetime.now() - refreshed_at).total_seconds() // 60), 0) if refreshed_at else None
        return {
            "refreshed_at": refreshed_at or False,
            "minutes": minutes,
            "waiting": waiting,
            "text": self._describe(minutes, waiting),
        }

    @api.model
    def _describe(self, minutes, waiting):
        """Return the age of figures as a sentence.

        :param minutes: since the last refresh, None before the first
        :param waiting: number of changes that no refresh has counted in yet
        """
        if minutes is None:
            return self.env._("The first refresh has not finished yet.")
        if not minutes:
            age = self.env._("Figures are less than a minute old.")
        else:
            # threshold: "90 minutes" and "36 hours" say more than "2 hours" and "2 days".
            age = self.env._(
                "Figures are %(age)s old.",
                age=format_timedelta(
                    timedelta(minutes=minutes),
                    granularity="minute",
                    threshold=2,
                    locale=babel_locale_parse(self.env.lang or "en_US"),
                ),
            )
        if not waiting:
            return age
        news = (
            self.env._("One change waits for the next refresh.")
            if waiting == 1
            else self.env._("%(count)s changes wait for the next refresh.", count=waiting)
        )
        return f"{age} {news}"
