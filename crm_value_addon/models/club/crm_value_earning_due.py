from datetime import date, timedelta

from odoo import api, models
from odoo.tools import SQL

from ...const import CATCH_UP_DAYS
from ..benefits.anniversary import anniversary
from ..benefits.benefit_types import OCCASIONS


class CrmValueEarningDue(models.AbstractModel):
    """Who did something that brings points.

    How to use: the cron of the gifts, and nobody else, calls `_wishes` for each way to earn points: two at a time would
    not see each other's gifts when they count a customer's limit.

    How it works: each event has a method `_select_<code>` that returns the SELECT of (partner_id, reference, day,
    referred_id): which customer, what makes it that occasion and no other, and when it happened. `crm.value.grant`
    remembers rule, customer and reference. What happened more than a few days ago is not made up for.
    """

    _name = "crm.value.earning.due"
    _description = "Ways to Earn Points: Who Did What"

    @api.model
    def _wishes(self, rule):
        """Return what a way to earn points brings to whom, as `crm.value.grant._claim` takes it."""
        company, today = rule.company_id, rule.company_id._value_today()
        since = max(rule.date_from, company.value_gifts_from or date.min)
        if not rule._event().is_late:
            since = max(since, today - timedelta(days=CATCH_UP_DAYS - 1))
        until = min(today, rule.date_to or today)
        if since > until or rule._event().needs and rule._event().needs not in self.env:
            return []
        self.env.flush_all()
        Value = self.env["crm.value"]
        due = self._within_limit(rule, self.env.execute_query(self._query(rule, since, until)))
        # one recordset, so that what is read of one is read of all
        values = Value.browse([row[0] for row in due])
        return [
            (rule, value, f"earn {rule.id} {reference}", day, Value.browse(referred_id))
            for value, (_value_id, reference, day, referred_id) in zip(values, due, strict=True)
        ]

    @api.model
    def _query(self, rule, since, until):
        source = getattr(self, f"_select_{rule.event}")(rule, since, until)
        tiers = SQL("value.tier_id = ANY(%s)", rule.tier_ids.ids) if rule.tier_ids else SQL("TRUE")
        return SQL(
            """
            SELECT value.id, done.reference, min(done.day), min(done.referred_id)
              FROM (%(source)s) done (partner_id, reference, day, referred_id)
              JOIN crm_value value ON value.partner_id = done.partner_id AND value.company_id = %(company)s
              JOIN res_partner partner ON partner.id = value.partner_id AND partner.active
                   AND partner.value_opt_out IS NOT TRUE
             WHERE done.day BETWEEN %(since)s AND %(until)s AND %(tiers)s
               AND NOT EXISTS (SELECT FROM crm_value_grant gift WHERE gift.earning_id = %(rule)s
                                  AND (gift.value_id = value.id AND gift.occasion = %(prefix)s || done.reference
                                       OR gift.referred_value_id = done.referred_id))
             GROUP BY value.id, done.reference ORDER BY min(done.day), value.id, done.reference
            """,
            source=source,
            company=rule.company_id.id,
            since=since,
            until=until,
            tiers=tiers,
            rule=rule.id,
            prefix=f"earn {rule.id} ",
        )

    @api.model
    def _within_limit(self, rule, due):
        """Leave out what is more than a customer gets in a period; the earliest comes first."""
        if not rule.most_count or not due:
            return due
        had = {}
        gifts = self.env["crm.value.grant"].search_fetch(
            [("earning_id", "=", rule.id), ("value_id", "in", [row[0] for row in due])], ["value_id", "date"]
        )
        for gift in gifts:
            key = (gift.value_id.id, rule._period(gift.date))
            had[key] = had.get(key, 0) + 1
        within = []
        for row in due:
            key = (row[0], rule._period(row[2]))
            had[key] = had.get(key, 0) + 1
            if had[key] <= rule.most_count:
                within.append(row)
        return within

    @api.model
    def _settle_referrals(self, company):
        """Take back the points for referred customers whose purchases were all credited, or give them again."""
        gifts = self.env["crm.value.grant"].search(
            [
                ("earning_id.event", "=", "referral"),
                ("value_id.company_id", "=", company.id),
                "|",
                "&",
                ("state", "=", "given"),
                ("referred_value_id.purchase_count", "=", 0),
                "&",
                ("state", "=", "cancelled"),
                ("referred_value_id.purchase_count", ">", 0),
            ]
        )
        given = gifts.filtered(lambda gift: gift.state == "given")
        given._cancel_unused()
        (gifts - given)._restore()

    # what customers do

    @api.model
    def _select_profile(self, _rule, _since, _until):
        return SQL(
            """SELECT id, 'profile', value_profile_completed_on, NULL::int FROM res_partner
                WHERE value_profile_completed_on IS NOT NULL"""
        )

    @api.model
    def _select_referral(self, rule, _since, _until):
        """The first purchase of a referred customer, as for the referral reward of the settings."""
        return SQL(
            """SELECT referrer.commercial_partner_id, 'referral ' || referred.id, referred.first_purchase_date,
                      referred.id
                 FROM crm_value referred
                 JOIN res_partner partner ON partner.id = referred.partner_id
                 JOIN res_partner referrer ON referrer.id = partner.referred_by_id
                WHERE referred.company_id = %s AND referred.purchase_count > 0
                  AND referrer.commercial_partner_id != referred.partner_id AND NOT %s""",
            rule.company_id.id,
            self.env["crm.value.referral.reward"]._where_same_payer(),
        )

    @api.model
    def _select_review(self, rule, _since, until):
        """One review of each thing; of a product, if the customer bought it."""
        return SQL(
            """SELECT rated.partner_id, 'review ' || rated.res_model || ' ' || rated.res_id, rated.day, NULL::int
                 FROM (%s) rated
                WHERE rated.res_model != 'product.template' OR EXISTS (
                      SELECT FROM account_move_line line
                        JOIN account_move move ON move.id = line.move_id AND move.state = 'posted'
                             AND move.move_type IN ('out_invoice', 'out_receipt') AND move.company_id = %s
                        JOIN product_product product ON product.id = line.product_id
                       WHERE product.product_tmpl_id = rated.res_id
                         AND move.commercial_partner_id = rated.partner_id)""",
            self.env["crm.value.knowledge"]._select_ratings(
                rule.company_id,
                until,
                SQL("rating.res_model"),
                SQL("rating.res_id"),
                SQL("rating.write_date::date AS day"),
            ),
            rule.company_id.id,
        )

    @api.model
    def _select_survey(self, _rule, since, _until):
        """One answer to each survey."""
        return SQL(
            """SELECT person.commercial_partner_id, 'survey ' || answer.survey_id, answer.end_datetime::date, NULL::int
                 FROM survey_user_input answer JOIN res_partner person ON person.id = answer.partner_id
                WHERE answer.state = 'done' AND answer.test_entry IS NOT TRUE AND answer.end_datetime >= %s""",
            since,
        )

    # days that come again

    @api.model
    def _select_birthday(self, rule, since, until):
        return self._select_yearly(rule, since, until)

    @api.model
    def _select_anniversary(self, rule, since, until):
        return self._select_yearly(rule, since, until)

    @api.model
    def _select_yearly(self, rule, since, until):
        """A day of the table of occasions, from its second year on."""
        row = OCCASIONS[rule.event]
        return SQL(
            """SELECT value.partner_id, %(code)s || ' ' || year, due.day, NULL::int
                 FROM crm_value value
                 JOIN res_partner partner ON partner.id = value.partner_id
                 JOIN LATERAL (SELECT %(origin)s AS day) origin ON origin.day IS NOT NULL
                 JOIN generate_series(%(first)s, %(last)s) year ON year > extract(year FROM origin.day)
                 JOIN LATERAL (SELECT %(anniversary)s AS day) due ON due.day >= COALESCE(%(counts_from)s, due.day)
                WHERE value.company_id = %(company)s""",
            code=rule.event,
            origin=row.yearly_day,
            counts_from=row.counts_from or SQL("NULL::date"),
            first=since.year,
            last=until.year,
            anniversary=anniversary(SQL("origin.day"), SQL("year - extract(year FROM origin.day)::int")),
            company=rule.company_id.id,
        )

    @api.model
    def _select_holiday(self, rule, since, until):
        """The rule's date, for the customers of its country."""
        return SQL(
            """SELECT value.partner_id, 'holiday ' || year, due.day, NULL::int
                 FROM crm_value_holiday holiday
                 JOIN generate_series(%(first)s, %(last)s) year
                      ON CASE WHEN holiday.is_yearly THEN year >= extract(year FROM holiday.date)
                              ELSE year = extract(year FROM holiday.date) END
                 JOIN LATERAL (SELECT %(anniversary)s AS day) due ON due.day BETWEEN %(since)s AND %(until)s
                 JOIN crm_value value ON value.company_id = %(company)s
                 JOIN res_partner partner ON partner.id = value.partner_id
                      AND (holiday.country_id IS NULL OR holiday.country_id = partner.country_id)
                WHERE holiday.id = %(holiday)s AND holiday.active""",
            first=since.year,
            last=until.year,
            since=since,
            until=until,
            anniversary=anniversary(SQL("holiday.date"), SQL("year - extract(year FROM holiday.date)::int")),
            company=rule.company_id.id,
            holiday=rule.holiday_id.id,
        )
