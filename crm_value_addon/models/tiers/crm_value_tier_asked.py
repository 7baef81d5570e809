from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

#: how long customers read of a change
_NEWS = timedelta(days=60)


class CrmValueTierAsked(models.Model):
    """What a tier asks for since a day: a line for each threshold that changed.

    How to use: `crm.value.tier` calls `_note` when its rules change; the loyalty page reads `_lately`.

    How it works: the latest line of a threshold is what the tier asks for now. The changes of one day make one line, so
    that what somebody tried and took back is no news.
    """

    _name = "crm.value.tier.asked"
    _description = "What a Tier Asks For"
    _order = "date desc, id"
    _rec_name = "metric"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", readonly=True)
    tier_id = fields.Many2one("crm.value.tier", required=True, ondelete="cascade", index=True, readonly=True)
    kind = fields.Selection([("enter", "To enter"), ("keep", "To keep")], required=True, readonly=True)
    metric = fields.Char(required=True, readonly=True)
    date = fields.Date(string="Since", required=True, readonly=True)
    amount = fields.Float(digits=(16, 2), readonly=True)
    is_asked = fields.Boolean(default=True, readonly=True, help="Off: from this day on, the tier does not ask for it")

    _threshold_uniq = models.UniqueIndex(
        "(company_id, tier_id, kind, metric, date)", "A threshold has one line for each day."
    )

    @api.model
    def _note(self, companies):
        """Write down what the tiers of these companies ask for from today on, where that is something new."""
        for company in companies:
            self._note_company(company)

    def _note_company(self, company):
        today = company._value_today()
        # sudo: the rules are the same for every user, and nobody writes these lines
        asked, lines = self._asked_now(company), self.sudo()
        lines.flush_model()
        before = {
            (tier_id, kind, metric): float(amount) if is_asked else None
            for tier_id, kind, metric, amount, is_asked in self.env.execute_query(
                SQL(
                    """SELECT DISTINCT ON (tier_id, kind, metric) tier_id, kind, metric, amount, is_asked
                         FROM crm_value_tier_asked WHERE company_id = %s AND date < %s
                        ORDER BY tier_id, kind, metric, date DESC""",
                    company.id,
                    today,
                )
            )
        }
        changed = {key for key in asked.keys() | before.keys() if asked.get(key) != before.get(key)}
        of_today = lines.search([("company_id", "=", company.id), ("date", "=", today)])
        stays = of_today.filtered(
            lambda line: (
                (key := (line.tier_id.id, line.kind, line.metric)) in changed
                and (line.amount if line.is_asked else None) == asked.get(key)
            )
        )
        (of_today - stays).unlink()
        written = {(line.tier_id.id, line.kind, line.metric) for line in stays}
        lines.create(
            [
                {
                    "company_id": company.id,
                    "tier_id": tier_id,
                    "kind": kind,
                    "metric": metric,
                    "date": today,
                    "amount": asked.get((tier_id, kind, metric), 0.0),
                    "is_asked": (tier_id, kind, metric) in asked,
                }
                for tier_id, kind, metric in sorted(changed - written)
            ]
        )

    def _asked_now(self, company):
        """Return the thresholds of a company's tiers in use: (tier id, kind, metric) → number."""
        tiers = self.env["crm.value.tier"].sudo().search(self.env["crm.value.tier"]._domain_of(company))
        return {
            (criterion.tier_id.id, kind, criterion.metric): criterion[f"{kind}_min"]
            for criterion in tiers.criterion_ids
            for kind in ("enter", "keep")
        }

    @api.model
    def _lately(self, company, today):
        """Return the changes of the last days, the latest first.

        What a company asked for on its very first day is no change.

        :return: list of dicts ``tier_id kind metric date before after is_new_tier``; before and after are None where
            the figure was not, or is not, asked for
        """
        return self.env.execute_query_dict(
            SQL(
                """
                SELECT line.tier_id, line.kind, line.metric, line.date,
                       CASE WHEN line.is_asked THEN line.amount END AS after,
                       CASE WHEN former.is_asked THEN former.amount END AS before,
                       NOT EXISTS (SELECT FROM crm_value_tier_asked first
                                    WHERE first.company_id = line.company_id AND first.tier_id = line.tier_id
                                      AND first.date < line.date) AS is_new_tier
                  FROM crm_value_tier_asked line
                  LEFT JOIN LATERAL (SELECT one.amount, one.is_asked FROM crm_value_tier_asked one
                                      WHERE one.company_id = line.company_id AND one.tier_id = line.tier_id
                                        AND one.kind = line.kind AND one.metric = line.metric AND one.date < line.date
                                      ORDER BY one.date DESC LIMIT 1) former ON TRUE
                 WHERE line.company_id = %(company)s AND line.date > %(since)s
                   AND line.date > (SELECT min(date) FROM crm_value_tier_asked WHERE company_id = %(company)s)
                 ORDER BY line.date DESC, line.id
                """,
                company=company.id,
                since=today - _NEWS,
            )
        )
