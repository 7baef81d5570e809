from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL

from ...const import CATCH_UP_DAYS
from ..benefits.anniversary import anniversary
from .triggers import TRIGGERS

#: a rule that is switched on ignores services which were due earlier than this
_SERVICE_DAYS = 90
#: purchases within so many days that make a customer a regular buyer of a product
_REGULAR_PURCHASES = 2
_REGULAR_DAYS = 730


class CrmValueFollowupTrigger(models.AbstractModel):
    """Selects the customers whom a trigger concerns.

    How to use: `_select_due(rule, company, today)` returns the SELECT; with `check_only` it selects the customers whose
    reason still holds, and ignores the windows of days, which only decide when a follow-up begins.

    How it works: for each trigger a method `_due_<code>` returns one SELECT of (value_id, occasion, res_id, date,
    number, detail) for all customers of a company. An occasion comes up once. The occasion of a lasting state contains
    the day, so that it comes up again after the cooldown. What else is known of a trigger is a row in `triggers.py`.
    """

    _name = "crm.value.followup.trigger"
    _description = "Follow-ups: Triggers"

    @api.model
    def _triggers(self):
        """Hook: the table of triggers by code; another module adds its rows."""
        return TRIGGERS

    @api.model
    def _trigger(self, rule):
        """Return the row of the rule's trigger, None while the form names none."""
        return self._triggers().get(rule.trigger)

    @api.model
    def _leaving_cause(self, rule):
        """Return why whoever did a follow-up of a rule is asked why the customer leaves, None where nobody is."""
        if rule.trigger == "stage_reached":
            return rule.stage if rule.stage in ("lost", "at_risk") else None
        trigger = self._trigger(rule)
        return rule.trigger if trigger and trigger.asks_why else None

    @api.model
    def _document_model(self, rule):
        """Return the model of the record that caused a follow-up of a rule, None where there is none."""
        if rule.trigger == "date_field":
            return (rule.date_field or "").rpartition(".")[0] or None
        trigger = self._trigger(rule)
        return trigger and trigger.document_model

    @api.model
    def _select_due(self, rule, company, today, check_only=False):
        """Return the SELECT of the customers whom the rule's trigger concerns."""
        trigger = self._trigger(rule)
        due = getattr(self.env[trigger.service], f"_due_{rule.trigger}")(rule, company, today, check_only)
        if not trigger.ends_with_order:
            return due
        return SQL(
            "SELECT silent.* FROM (%s) silent JOIN crm_value value ON value.id = silent.value_id WHERE NOT (%s)",
            due,
            self.env["crm.value.followup.source"]._where_ordered(today),
        )

    # pieces of SQL

    @api.model
    def _select(self, company, where, *, occasion, source=None, res_id=None, date=None, number=None, detail=None):
        """Return a SELECT of due customers; all pieces are SQL on the alias ``value`` and the aliases of `source`."""
        return SQL(
            """
            SELECT value.id AS value_id, %(occasion)s AS occasion, %(res_id)s AS res_id, %(date)s AS date,
                   %(number)s AS number, %(detail)s AS detail
              FROM crm_value value %(source)s
             WHERE value.company_id = %(company)s AND %(where)s
            """,
            occasion=occasion,
            res_id=res_id or SQL("NULL::int"),
            date=date or SQL("NULL::date"),
            number=number or SQL("NULL::int"),
            detail=detail or SQL("NULL::text"),
            source=source or SQL(),
            company=company.id,
            where=where,
        )

    @api.model
    def _select_nobody(self, company):
        return self._select(company, SQL("FALSE"), occasion=SQL("''"))

    @api.model
    def _window(self, column, day, check_only):
        """Return the condition that a date is a day, or one of the few days before it that may have been missed."""
        return (
            SQL("TRUE") if check_only else SQL("%s BETWEEN %s AND %s", column, day - timedelta(days=CATCH_UP_DAYS), day)
        )

    @api.model
    def _yearly(self, column, day, least=1):
        """Return the condition that a day recurs on the given day each year, and the columns about it.

        :param least: the number of years from which on it counts; 0: the day itself, too
        """
        years = SQL("EXTRACT(YEAR FROM age(%s::date, %s))::int", day, column)
        date = anniversary(column, years)
        return SQL("%s >= %s AND %s", years, least, self._window(date, day, check_only=False)), {
            "date": date,
            "number": years,
        }

    @api.model
    def _translated(self, column, company):
        """Return the SQL of a translated column in the language of the company."""
        lang = company.sudo().partner_id.lang or "en_US"  # sudo: reads the language only
        return SQL("COALESCE(%(column)s->>%(lang)s, %(column)s->>'en_US')", column=column, lang=lang)

    # triggers: the state of a customer

    @api.model
    def _due_manual(self, rule, company, today, check_only):
        return self._select_nobody(company)

    @api.model
    def _due_at_risk(self, rule, company, today, check_only):
        return self._select(
            company,
            SQL("value.lifecycle_stage = 'at_risk'"),
            occasion=SQL("%s", f"day-{today}"),
            date=SQL("value.last_purchase_date"),
            number=SQL("%s::date - value.last_purchase_date", today),
        )

    @api.model
    def _due_lost(self, rule, company, today, check_only):
        just = SQL("TRUE") if check_only else SQL("value.lifecycle_since >= %s", today - timedelta(days=rule.days))
        return self._select(
            company,
            SQL("value.lifecycle_stage = 'lost' AND %s", just),
            occasion=SQL("'lost-' || value.last_purchase_date"),
            date=SQL("value.last_purchase_date"),
            number=SQL("%s::date - value.last_purchase_date", today),
        )

    @api.model
    def _due_purchase_overdue(self, rule, company, today, check_only):
        """By the model's expectation, else by the customer's own rhythm; nobody expects a lost customer."""
        expected = SQL("value.next_purchase_date")
        return self._select(
            company,
            SQL("%s <= %s AND value.lifecycle_stage != 'lost'", expected, today - timedelta(days=rule.days)),
            occasion=SQL("'since-' || value.last_purchase_date"),
            date=expected,
            number=SQL("%s::date - %s", today, expected),
        )

    @api.model
    def _due_first_purchase(self, rule, company, today, check_only):
        return self._select(
            company,
            SQL(
                "value.purchase_count > 0 AND %s",
                self._window(SQL("value.first_purchase_date"), today - timedelta(days=rule.days), check_only),
            ),
            occasion=SQL("'first-' || value.first_purchase_date"),
            date=SQL("value.first_purchase_date"),
        )

    @api.model
    def _due_anniversary(self, rule, company, today, check_only):
        where, columns = self._yearly(SQL("value.first_purchase_date"), today + timedelta(days=rule.days))
        return self._select(company, where, occasion=SQL("'year-' || %s", columns["number"]), **columns)

    @api.model
    def _due_single_contact(self, rule, company, today, check_only):
        count = SQL("""(SELECT count(*) FROM res_partner person WHERE person.parent_id = value.partner_id
                           AND person.active AND person.type = 'contact')""")
        return self._select(
            company,
            SQL("customer.is_company AND %s <= 1", count),
            occasion=SQL("%s", f"day-{today}"),
            source=SQL("JOIN res_partner customer ON customer.id = value.partner_id"),
            number=SQL("%s::int", count),
        )

    @api.model
    def _due_record_incomplete(self, rule, company, today, check_only):
        """At least the rule's share of what the settings ask for is missing on the contact."""
        return self._select(
            company,
            SQL("value.completeness <= %s AND value.completeness < 100", 100 - rule.gap_percent),
            occasion=SQL("%s", f"day-{today}"),
            number=SQL("value.completeness::int"),
        )

    @api.model
    def _due_decider_unknown(self, rule, company, today, check_only):
        """Nobody at the customer is known to decide."""
        return self._select(
            company,
            SQL(
                """customer.is_company AND NOT EXISTS (
                       SELECT FROM res_partner person WHERE person.commercial_partner_id = value.partner_id
                          AND person.active AND person.contact_role = 'decides')"""
            ),
            occasion=SQL("%s", f"day-{today}"),
            source=SQL("JOIN res_partner customer ON customer.id = value.partner_id"),
        )

    # triggers: tiers

    @api.model
    def _due_tier_gained(self, rule, company, today, check_only):
        return self._select_tier_changes(
            rule,
            company,
            today,
            check_only,
            SQL(
                "after.id IS NOT NULL AND (before.id IS NULL OR %s)",
                SQL("(after.sequence, after.id) > (before.sequence, before.id)"),
            ),
            SQL("value.tier_id = after.id"),
            SQL("after.name"),
        )

    @api.model
    def _due_tier_lost(self, rule, company, today, check_only):
        return self._select_tier_changes(
            rule,
            company,
            today,
            check_only,
            SQL(
                "before.id IS NOT NULL AND (after.id IS NULL OR %s)",
                SQL("(after.sequence, after.id) < (before.sequence, before.id)"),
            ),
            SQL("(present.id IS NULL OR (present.sequence, present.id) < (before.sequence, before.id))"),
            SQL("before.name"),
        )

    @api.model
    def _select_tier_changes(self, rule, company, today, check_only, where, holds, name):
        """Return the due tier changes, without those from which nothing follows."""
        return self._select(
            company,
            SQL(
                "change.is_silent IS NOT TRUE AND %s AND %s AND %s",
                where,
                holds,
                self._window(SQL("change.date"), today - timedelta(days=rule.days), check_only),
            ),
            source=SQL("""JOIN crm_value_tier_change change ON change.value_id = value.id
                          LEFT JOIN crm_value_tier before ON before.id = change.from_tier_id
                          LEFT JOIN crm_value_tier after ON after.id = change.to_tier_id
                          LEFT JOIN crm_value_tier present ON present.id = value.tier_id"""),
            occasion=SQL("'move-' || change.id"),
            date=SQL("change.date"),
            detail=self._translated(name, company),
        )

    @api.model
    def _due_tier_in_danger(self, rule, company, today, check_only):
        near = SQL("TRUE") if check_only else SQL("value.tier_review_date <= %s", today + timedelta(days=rule.days))
        return self._select(
            company,
            SQL("value.tier_review_date IS NOT NULL AND %s", near),
            occasion=SQL("'review-' || value.tier_review_date"),
            date=SQL("value.tier_review_date"),
            number=SQL("value.tier_review_date - %s::date", today),
        )

    @api.model
    def _due_near_next_tier(self, rule, company, today, check_only):
        """No more than the gap is missing of each figure, or of any figure where one is enough."""
        share = 1 - rule.gap_percent / 100
        conditions = [
            self._is_near(tier_rule, share, today)
            for tier_rule in self.env["crm.value.tier"]._rules_of(company)
            if tier_rule.criteria
        ]
        return self._select(
            company,
            SQL("(%s)", SQL(" OR ").join(conditions or [SQL("FALSE")])),
            occasion=SQL("'next-' || value.next_tier_id || %s", f"-{today}"),
            number=SQL("value.next_tier_id"),
        )

    @api.model
    def _is_near(self, tier_rule, share, today):
        glue = SQL(" OR ") if tier_rule.match == "any" else SQL(" AND ")
        Assignment = self.env["crm.value.tier.assignment"]
        metrics = [
            (Assignment._metric_to_sql(criterion.metric, today), criterion.enter_min)
            for criterion in tier_rule.criteria
        ]
        return SQL(
            "(value.next_tier_id = %s AND (%s) AND NOT (%s))",
            tier_rule.tier_id,
            glue.join(SQL("%s >= %s", metric, share * least) for metric, least in metrics),
            glue.join(SQL("%s >= %s", metric, least) for metric, least in metrics),
        )

    # triggers: people and contacts with them

    @api.model
    def _due_birthday(self, rule, company, today, check_only):
        """Of the customer, or of a person who works there; the usual module for birthdays adds the field."""
        field = self.env["res.partner"]._fields.get("birthdate_date")
        if not field or not field.store:
            return self._select_nobody(company)
        where, columns = self._yearly(SQL("person.birthdate_date"), today + timedelta(days=rule.days))
        return self._select(
            company,
            SQL("person.active AND %s", where),
            source=SQL("JOIN res_partner person ON person.commercial_partner_id = value.partner_id"),
            occasion=SQL("'birthday-' || person.id || '-' || %s", columns["number"]),
            res_id=SQL("person.id"),
            detail=SQL("person.name"),
            **columns,
        )

    @api.model
    def _due_contact_gone(self, rule, company, today, check_only):
        """The person invoiced last was archived, or works for somebody else now."""
        return self._select(
            company,
            SQL("(NOT person.active OR person.commercial_partner_id != value.partner_id)"),
            source=SQL(
                """JOIN (%s) last ON last.partner_id = value.partner_id
                          JOIN res_partner person ON person.id = last.contact_id""",
                self.env["crm.value.followup.source"]._last_contacts(company),
            ),
            occasion=SQL("'contact-' || person.id"),
            date=SQL("last.date"),
            detail=SQL("person.name"),
        )

    @api.model
    def _due_no_contact(self, rule, company, today, check_only):
        """No purchase, order, message, completed activity or meeting for longer than the strategy's cadence."""
        cadence = self.env["crm.value.rhythm"]._cadence_to_sql(company, SQL("%s", rule.days))
        since = SQL("(%s::date - %s)", today, cadence)
        return self._select(
            company,
            SQL(
                "value.last_purchase_date < %s AND NOT EXISTS (%s)",
                since,
                SQL(" UNION ALL ").join(self._contact_sources(since)),
            ),
            source=SQL("""JOIN res_partner customer ON customer.id = value.partner_id
                          LEFT JOIN crm_value_tier tier ON tier.id = value.tier_id"""),
            occasion=SQL("%s", f"day-{today}"),
            date=SQL("value.last_purchase_date"),
            number=SQL("%s::date - value.last_purchase_date", today),
        )

    @api.model
    def _contact_sources(self, since):
        """Hook: the SELECTs of orders of, and contacts with, the customer of the alias ``value`` since a day."""
        return [
            SQL(
                """SELECT 1 FROM sale_order WHERE state != 'cancel' AND date_order >= %s AND partner_id IN (
                          SELECT id FROM res_partner person WHERE person.commercial_partner_id = value.partner_id)""",
                since,
            ),
            *self.env["crm.value.contact.source"]._contacts_of(since),
        ]

    @api.model
    def _due_low_rating(self, rule, company, today, check_only):
        """With the module rating only. A rating has no company, so each company that has the customer follows up."""
        if "rating.rating" not in self.env:
            return self._select_nobody(company)
        day = SQL("COALESCE(rating.rated_on, rating.write_date)::date")
        return self._select(
            company,
            SQL(
                "rating.consumed AND rating.rating > 0 AND rating.rating <= %s AND %s",
                rule.rating_max,
                self._window(day, today, check_only),
            ),
            source=SQL("""JOIN res_partner person ON person.commercial_partner_id = value.partner_id
                          JOIN rating_rating rating ON rating.partner_id = person.id"""),
            occasion=SQL("'rating-' || rating.id"),
            date=day,
            number=SQL("round(rating.rating)::int"),
            detail=SQL("COALESCE(NULLIF(rating.feedback, ''), rating.res_name)"),
        )

    # triggers: documents and products

    @api.model
    def _due_after_purchase(self, rule, company, today, check_only):
        """By the purchase days of `crm.value.purchase`, so a day whose purchases were given back does not count."""
        since = (
            SQL("source.partner_id IN (%s)", self._select_open_customers(rule, company))
            if check_only
            else self._window(SQL("source.date"), today - timedelta(days=rule.days), check_only)
        )
        days = self.env["crm.value.purchase"]._query(SQL("source.company_id = %s AND %s", company.id, since))
        order = SQL("NULL::int")
        if rule.target == "document":
            order = SQL(
                """(SELECT max(sale.id) FROM sale_order sale JOIN res_partner buyer ON buyer.id = sale.partner_id
                     WHERE buyer.commercial_partner_id = value.partner_id AND sale.company_id = %s
                       AND sale.state = 'sale' AND sale.date_order::date <= purchase.date)""",
                company.id,
            )
        return self._select(
            company,
            SQL("purchase.is_purchase"),
            source=SQL("JOIN (%s) purchase ON purchase.partner_id = value.partner_id", days),
            occasion=SQL("'purchase-' || purchase.date"),
            res_id=order,
            date=SQL("purchase.date"),
        )

    @api.model
    def _select_open_customers(self, rule, company):
        return SQL(
            """SELECT known.partner_id FROM crm_value_followup followup
                 JOIN crm_value known ON known.id = followup.value_id
                WHERE followup.rule_id = %s AND followup.company_id = %s AND followup.state = 'open'""",
            rule.id,
            company.id,
        )

    @api.model
    def _due_opportunity_stalled(self, rule, company, today, check_only):
        changed = SQL("COALESCE(lead.date_last_stage_update, lead.create_date)::date")
        return self._select(
            company,
            SQL(
                """lead.type = 'opportunity' AND lead.active AND lead.won_status = 'pending' AND %s < %s
                   AND COALESCE(lead.company_id, team.company_id, seller.company_id) = %s""",
                changed,
                today - timedelta(days=rule.days),
                company.id,
            ),
            source=SQL("""JOIN res_partner person ON person.commercial_partner_id = value.partner_id
                          JOIN crm_lead lead ON lead.partner_id = person.id
                          LEFT JOIN crm_team team ON team.id = lead.team_id
                          LEFT JOIN res_users seller ON seller.id = lead.user_id"""),
            occasion=SQL("'stalled-' || lead.id || '-' || %s", changed),
            res_id=SQL("lead.id"),
            date=changed,
            number=SQL("%s::date - %s", today, changed),
            detail=SQL("lead.name"),
        )

    @api.model
    def _due_service_due(self, rule, company, today, check_only):
        """So many months after the last invoice of the product, unless it was given back since."""
        bought = self.env["crm.value.followup.source"]._products(company, SQL("template.value_remind_months > 0"))
        day = SQL("(bought.last_date + make_interval(months => template.value_remind_months))::date")
        until = today + timedelta(days=rule.days)
        begun = (
            SQL("%s <= %s", day, until)
            if check_only
            else SQL("%s BETWEEN %s AND %s", day, until - timedelta(days=_SERVICE_DAYS), until)
        )
        return self._select(
            company,
            begun,
            source=SQL(
                """JOIN (%s) bought ON bought.partner_id = value.partner_id
                          JOIN product_template template ON template.id = bought.template_id""",
                bought,
            ),
            occasion=SQL("'service-' || template.id || '-' || bought.last_date"),
            date=day,
            number=SQL("%s::date - bought.last_date", today),
            detail=self._translated(SQL("template.name"), company),
        )

    @api.model
    def _due_product_due(self, rule, company, today, check_only):
        """Bought in a rhythm that has passed, and not lost yet; the occasion is the last time it was bought."""
        late = SQL("TRUE") if check_only else SQL("product.expected_date <= %s", today - timedelta(days=rule.days))
        return self._select_products(
            company,
            SQL("product.state IN ('due', 'slipping') AND %s", late),
            SQL("'due-' || product.last_date || '-'"),
            today,
        )

    @api.model
    def _due_product_lost(self, rule, company, today, check_only):
        just = SQL("TRUE")
        if rule.days and not check_only:
            just = SQL("product.expected_date >= %s", today - timedelta(days=rule.days))
        return self._select_products(
            company,
            SQL("product.state = 'lost' AND product.purchase_count > 1 AND %s", just),
            SQL("'lost-' || product.last_date || '-'"),
            today,
        )

    @api.model
    def _due_category_falls(self, rule, company, today, check_only):
        """The last 12 months brought less than the 12 before by the rule's share; the occasion comes once a year."""
        return self._select_products(
            company,
            SQL(
                """product.revenue_previous_12m > 0 AND product.state != 'lost'
                   AND product.revenue_12m <= product.revenue_previous_12m * %s""",
                1 - rule.gap_percent / 100,
            ),
            SQL("%s", f"falls-{today.year}-"),
            today,
        )

    @api.model
    def _select_products(self, company, where, occasion, today):
        """Return the due customers of `crm.value.product` (alias ``product``), without what somebody dismissed."""
        return self._select(
            company,
            SQL("%s AND NOT %s", where, self.env["crm.value.product"]._is_dismissed_to_sql("product")),
            source=SQL(
                """JOIN crm_value_product product ON product.value_id = value.id
                   LEFT JOIN product_template template ON template.id = product.product_tmpl_id
                   LEFT JOIN product_category category ON category.id = product.category_id"""
            ),
            occasion=SQL(
                "%s || COALESCE(product.product_tmpl_id, 0) || '-' || COALESCE(product.category_id, 0)", occasion
            ),
            date=SQL("COALESCE(product.expected_date, product.last_date)"),
            number=SQL("%s::date - product.last_date", today),
            detail=SQL("COALESCE(%s, category.complete_name)", self._translated(SQL("template.name"), company)),
        )

    @api.model
    def _due_product_replaced(self, rule, company, today, check_only):
        """Regular buyers of an archived product that has a successor."""
        bought = self.env["crm.value.followup.source"]._products(
            company, SQL("template.value_successor_id IS NOT NULL AND NOT template.active")
        )
        return self._select(
            company,
            SQL(
                "bought.purchases >= %s AND bought.last_date >= %s",
                _REGULAR_PURCHASES,
                today - timedelta(days=_REGULAR_DAYS),
            ),
            source=SQL(
                """JOIN (%s) bought ON bought.partner_id = value.partner_id
                          JOIN product_template template ON template.id = bought.template_id
                          JOIN product_template successor ON successor.id = template.value_successor_id""",
                bought,
            ),
            occasion=SQL("'replaced-' || template.id || '-' || successor.id"),
            date=SQL("bought.last_date"),
            number=SQL("bought.purchases::int"),
            detail=SQL(
                "%s || ' → ' || %s",
                self._translated(SQL("template.name"), company),
                self._translated(SQL("successor.name"), company),
            ),
        )
