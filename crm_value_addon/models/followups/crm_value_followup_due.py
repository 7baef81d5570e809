from collections import namedtuple
from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL

#: a customer to follow up: what about (the occasion), and what the text can say of it
Due = namedtuple("Due", "value_id partner_id occasion res_id date number detail")
#: what has a date of its own is caught up with for so long: after a weekend, an outage, a full day of a user
CATCH_UP_DAYS = 7
#: triggers whose reason can go away, and then closes the activity; those of the second line by occasion
CLOSING_BY_CUSTOMER = (
    "tier_in_danger", "near_next_tier", "at_risk", "lost", "purchase_overdue", "no_contact", "single_contact")
CLOSING_BY_OCCASION = (
    "tier_gained", "tier_lost", "first_purchase", "after_purchase", "opportunity_stalled", "service_due",
    "product_replaced", "contact_gone")


class CrmValueFollowupDue(models.Model):
    """Whom a rule concerns: one method `_due_<trigger>` each, set-wise, for what the value's row says.

    Each returns a SELECT of (value_id, occasion, res_id, date, number, detail). An occasion comes up once; a state
    that lasts has the day in it, so that it comes up again when the cooldown is over. With `still` the SELECT is of
    those whose reason holds, without the windows of days that only say when to begin.
    """

    _inherit = "crm.value.followup.rule"

    def _due(self, company, limit=None):
        """Return the customers that this rule reaches today, the one with the largest revenue first.

        Without those with an open follow-up of this rule, or in its cooldown.

        :return: list of `Due`, one a customer
        """
        self.ensure_one()
        self.env.flush_all()
        rows = self.env.execute_query(self._select_new(company, company._value_today()))
        first = {}
        for row in rows:
            first.setdefault(row[0], Due(*row))
        return list(first.values())[:limit]

    def _select_new(self, company, today):
        """Return the SELECT of what is due and neither open, nor known, nor in the cooldown."""
        return SQL(
            """
            SELECT due.value_id, value.partner_id, due.occasion, due.res_id, due.date, due.number, due.detail
              FROM (%(due)s) due
              JOIN crm_value value ON value.id = due.value_id
              JOIN res_partner partner ON partner.id = value.partner_id
             WHERE partner.active AND %(reachable)s AND %(admitted)s
               AND NOT EXISTS (
                   SELECT FROM crm_value_followup followup
                    WHERE followup.rule_id = %(rule)s AND followup.value_id = due.value_id
                      AND (followup.state = 'open' OR followup.occasion = due.occasion
                           OR followup.closed_date > %(cooled)s))
             ORDER BY value.revenue_12m DESC, due.value_id, due.date, due.occasion
            """,
            due=self._select_due(company, today), rule=self.id, reachable=self._where_reachable(),
            cooled=today - timedelta(days=self.cooldown_days), admitted=self._where_admitted(company, today))

    def _select_due(self, company, today, still=False):
        return getattr(self, f"_due_{self.trigger}")(company, today, still)

    def _where_admitted(self, company, today):
        """Return the condition on the alias ``value`` that the rule adds to its trigger."""
        conditions = [SQL("TRUE")]
        admitted, tiers = self._values_admitted(company), self._tiers_admitted(company)
        if admitted:
            conditions.append(SQL("value.id IN (%s)", admitted))
        if tiers and self.trigger in ("tier_lost", "lost"):
            # Who leaves may have lost its tier before: those that had it within a year count.
            conditions.append(SQL(
                """(value.tier_id = ANY(%(tiers)s) OR EXISTS (
                       SELECT FROM crm_value_tier_change change WHERE change.value_id = value.id
                          AND change.from_tier_id = ANY(%(tiers)s) AND change.date > %(since)s))""",
                tiers=tiers, since=today - timedelta(days=365)))
        elif tiers:
            conditions.append(SQL("value.tier_id = ANY(%s)", tiers))
        return SQL(" AND ").join(conditions)

    @api.model
    def _where_reachable(self):
        """Hook: the condition on the alias ``partner`` that it may be followed up at all."""
        field = self.env["res.partner"]._fields.get("value_opt_out")
        return SQL("partner.value_opt_out IS NOT TRUE") if field and field.store else SQL("TRUE")

    @api.model
    def _select(self, company, where, *, occasion, source=None, res_id=None, date=None, number=None, detail=None):
        """Return a SELECT of due customers; all parts are SQL on the alias ``value`` and those of `source`."""
        return SQL(
            """
            SELECT value.id AS value_id, %(occasion)s AS occasion, %(res_id)s AS res_id, %(date)s AS date,
                   %(number)s AS number, %(detail)s AS detail
              FROM crm_value value %(source)s
             WHERE value.company_id = %(company)s AND %(where)s
            """,
            occasion=occasion, res_id=res_id or SQL("NULL::int"), date=date or SQL("NULL::date"),
            number=number or SQL("NULL::int"), detail=detail or SQL("NULL::text"), source=source or SQL(),
            company=company.id, where=where)

    @api.model
    def _window(self, column, day, still):
        """Return the condition that a date is a day, or one of the few before it that may have been missed."""
        return SQL("TRUE") if still else SQL(
            "%s BETWEEN %s AND %s", column, day - timedelta(days=CATCH_UP_DAYS), day)

    @api.model
    def _translated(self, column, company):
        """Return the SQL of a translated column in the language of the company."""
        lang = company.sudo().partner_id.lang or "en_US"
        return SQL("COALESCE(%(column)s->>%(lang)s, %(column)s->>'en_US')", column=column, lang=lang)

    # states

    def _due_manual(self, company, today, still):
        return self._select(company, SQL("FALSE"), occasion=SQL("''"))

    def _due_at_risk(self, company, today, still):
        return self._select(
            company, SQL("""(value.lifecycle_stage = 'at_risk'
                             OR value.churn_risk = 'high' AND value.lifecycle_stage IN ('active', 'loyal'))"""),
            occasion=SQL("%s", f"day-{today}"), date=SQL("value.last_purchase_date"),
            number=SQL("%s::date - value.last_purchase_date", today))

    def _due_lost(self, company, today, still):
        just = SQL("TRUE") if still else SQL("value.lifecycle_since >= %s", today - timedelta(days=self.days))
        return self._select(
            company, SQL("value.lifecycle_stage = 'lost' AND %s", just),
            occasion=SQL("'lost-' || value.last_purchase_date"), date=SQL("value.last_purchase_date"),
            number=SQL("%s::date - value.last_purchase_date", today))

    def _due_purchase_overdue(self, company, today, still):
        """By the model's expectation, else by the customer's own rhythm; who is lost is no longer expected."""
        expected = SQL("""COALESCE(value.next_purchase_date, value.last_purchase_date
                          + (value.last_purchase_date - value.first_purchase_date) / NULLIF(value.frequency, 0))""")
        return self._select(
            company, SQL("%s <= %s AND value.lifecycle_stage != 'lost'", expected, today - timedelta(days=self.days)),
            occasion=SQL("'since-' || value.last_purchase_date"), date=expected,
            number=SQL("%s::date - %s", today, expected))

    def _due_first_purchase(self, company, today, still):
        return self._select(
            company, SQL("value.purchase_count > 0 AND %s", self._window(
                SQL("value.first_purchase_date"), today - timedelta(days=self.days), still)),
            occasion=SQL("'first-' || value.first_purchase_date"), date=SQL("value.first_purchase_date"))

    def _due_anniversary(self, company, today, still):
        where, columns = self._yearly(SQL("value.first_purchase_date"), today)
        return self._select(company, where, occasion=SQL("'year-' || %s", columns["number"]), **columns)

    def _yearly(self, column, today):
        """Return the condition, and the columns, of a yearly day that has come, or comes in so many days."""
        day = today + timedelta(days=self.days)
        years = SQL("EXTRACT(YEAR FROM age(%s::date, %s))::int", day, column)
        # 29 February is celebrated on the 28th
        anniversary = SQL("(%s + make_interval(years => %s))::date", column, years)
        return SQL("%s >= 1 AND %s", years, self._window(anniversary, day, still=False)), {
            "date": anniversary, "number": years}

    def _due_single_contact(self, company, today, still):
        count = SQL("""(SELECT count(*) FROM res_partner person WHERE person.parent_id = value.partner_id
                           AND person.active AND person.type = 'contact')""")
        return self._select(
            company, SQL("customer.is_company AND %s <= 1", count), occasion=SQL("%s", f"day-{today}"),
            source=SQL("JOIN res_partner customer ON customer.id = value.partner_id"), number=SQL("%s::int", count))

    # tiers

    def _due_tier_gained(self, company, today, still):
        return self._select_moves(
            company, today, still, SQL("after.id IS NOT NULL AND (before.id IS NULL OR %s)", SQL(
                "(after.sequence, after.id) > (before.sequence, before.id)")),
            SQL("value.tier_id = after.id"), SQL("after.name"))

    def _due_tier_lost(self, company, today, still):
        return self._select_moves(
            company, today, still, SQL("before.id IS NOT NULL AND (after.id IS NULL OR %s)", SQL(
                "(after.sequence, after.id) < (before.sequence, before.id)")),
            SQL("(present.id IS NULL OR (present.sequence, present.id) < (before.sequence, before.id))"),
            SQL("before.name"))

    def _select_moves(self, company, today, still, where, holds, name):
        """Return the due moves between tiers; moves by a change of rules are nobody's merit or fault."""
        return self._select(
            company, SQL("change.source NOT IN ('initial', 'rules') AND %s AND %s AND %s", where, holds, self._window(
                SQL("change.date"), today - timedelta(days=self.days), still)),
            source=SQL("""JOIN crm_value_tier_change change ON change.value_id = value.id
                          LEFT JOIN crm_value_tier before ON before.id = change.from_tier_id
                          LEFT JOIN crm_value_tier after ON after.id = change.to_tier_id
                          LEFT JOIN crm_value_tier present ON present.id = value.tier_id"""),
            occasion=SQL("'move-' || change.id"), date=SQL("change.date"), detail=self._translated(name, company))

    def _due_tier_in_danger(self, company, today, still):
        near = SQL("TRUE") if still else SQL("value.tier_review_date <= %s", today + timedelta(days=self.days))
        return self._select(
            company, SQL("value.tier_review_date IS NOT NULL AND %s", near),
            occasion=SQL("'review-' || value.tier_review_date"), date=SQL("value.tier_review_date"),
            number=SQL("value.tier_review_date - %s::date", today))

    def _due_near_next_tier(self, company, today, still):
        """Who misses of each figure (or of any, where one is enough) no more than the gap."""
        ladder = self.env["crm.value.tier"]._ladder(company)
        share = 1 - self.gap_percent / 100
        conditions = [
            self._is_near(rung, share, today) for rung in ladder if rung.lines] or [SQL("FALSE")]
        return self._select(
            company, SQL("(%s)", SQL(" OR ").join(conditions)),
            occasion=SQL("'next-' || value.next_tier_id || %s", f"-{today}"), number=SQL("value.next_tier_id"))

    def _is_near(self, rung, share, today):
        Value, glue = self.env["crm.value"], SQL(" OR ") if rung.match == "any" else SQL(" AND ")
        metrics = [(Value._metric_to_sql(line.metric, today), line.enter_min) for line in rung.lines]
        return SQL(
            "(value.next_tier_id = %s AND (%s) AND NOT (%s))", rung.tier_id,
            glue.join(SQL("%s >= %s", metric, share * least) for metric, least in metrics),
            glue.join(SQL("%s >= %s", metric, least) for metric, least in metrics))

