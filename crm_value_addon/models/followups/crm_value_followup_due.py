from datetime import date, timedelta
from typing import NamedTuple

from odoo import SUPERUSER_ID, api, models
from odoo.fields import Domain
from odoo.tools import SQL


class DueCustomer(NamedTuple):
    """A customer to follow up, the occasion, and what the text can say about it."""

    value_id: int
    partner_id: int
    occasion: str
    res_id: int | None
    date: date | None
    number: int | None
    detail: str | None


class CrmValueFollowupDue(models.AbstractModel):
    """Lists the customers whom a rule reaches today.

    How to use: `_find(rule, company)`; `_find_among(rule, company, partner_ids)` when an automation chose the customers
    and the trigger does not matter. Take the service from the environment of the rule.

    How it works: the trigger selects whom it concerns (`crm.value.followup.trigger`). Of these remain the customers who
    may be followed up at all, whom the rule's tier and condition admit, and who have no open follow-up of this rule,
    none about the same occasion, and none in the cooldown.
    """

    _name = "crm.value.followup.due"
    _description = "Follow-ups: Due Customers"

    @api.model
    def _find(self, rule, company, limit=None):
        """Return the customers whom this rule reaches today, the one with the largest revenue first.

        :return: list of `DueCustomer`, one per customer
        """
        rule.ensure_one()
        self.env.flush_all()
        today = company._value_today()
        concerned = self.env["crm.value.followup.trigger"]._select_due(rule, company, today)
        return self._fetch(rule, company, today, concerned)[: self._portion(rule, company, today, limit)]

    @api.model
    def _portion(self, rule, company, today, limit):
        """Return how many more customers a rule may reach today, None for all.

        A rule that works off customers in portions takes so many a day, whoever starts it.
        """
        if not rule.portion:
            return limit
        [[taken]] = self.env.execute_query(
            SQL(
                "SELECT count(*) FROM crm_value_followup WHERE rule_id = %s AND company_id = %s AND date = %s",
                rule.id,
                company.id,
                today,
            )
        )
        left = max(rule.portion - taken, 0)
        return left if limit is None else min(left, limit)

    @api.model
    def _hindered(self, rule, company):
        """Return the customers whom this rule concerns today and may not reach, and why.

        :return: list of (value id, code of `crm.value.manners._reasons`), the one with the largest revenue first
        """
        rule.ensure_one()
        self.env.flush_all()
        today = company._value_today()
        concerned = self.env["crm.value.followup.trigger"]._select_due(rule, company, today)
        rows = self.env.execute_query(self._select_schedulable(rule, company, today, concerned, is_hindered=True))
        return list({value_id: reason for value_id, reason, *_order in reversed(rows)}.items())[::-1]

    @api.model
    def _find_among(self, rule, company, partner_ids):
        """Return those of the given customers whom this rule may reach today, whatever its trigger.

        :return: list of `DueCustomer`, one per customer, without an occasion
        """
        rule.ensure_one()
        self.env.flush_all()
        concerned = self.env["crm.value.followup.trigger"]._select(
            company, SQL("value.partner_id = ANY(%s)", list(partner_ids)), occasion=SQL("''")
        )
        return self._fetch(rule, company, company._value_today(), concerned)

    @api.model
    def _fetch(self, rule, company, today, concerned):
        first = {}
        for row in self.env.execute_query(self._select_schedulable(rule, company, today, concerned)):
            first.setdefault(row[0], DueCustomer(*row))
        return list(first.values())

    @api.model
    def _select_schedulable(self, rule, company, today, concerned, is_hindered=False):
        """Return the SELECT of the concerned customers for whom a follow-up can be scheduled.

        :param SQL concerned: SELECT as `crm.value.followup.trigger` builds it
        :param is_hindered: select those whom nothing but manners keeps from being scheduled, and the reason
        """
        document_model = self.env["crm.value.followup.trigger"]._document_model(rule)
        message = self.env["crm.value.followup.action"]._action(rule).message
        reason = (
            self.env["crm.value.manners"]._hindrance(rule, company, message, today) if message else SQL("NULL::text")
        )
        reachable = SQL("partner.active AND %s", self._where_all_reachable(rule))
        columns = SQL("due.value_id, value.partner_id, due.occasion, due.res_id, due.date, due.number, due.detail")
        where = SQL("%s AND %s IS NULL", reachable, reason) if message else reachable
        if is_hindered:
            reason = SQL(
                """CASE WHEN NOT partner.active THEN 'archived' WHEN NOT (%s) THEN 'opt_out' ELSE %s END""",
                self._where_all_reachable(rule),
                reason,
            )
            columns, where = SQL("due.value_id, %s", reason), SQL("%s IS NOT NULL", reason)
        return SQL(
            """
            SELECT %(columns)s
              FROM (%(concerned)s) due
              JOIN crm_value value ON value.id = due.value_id
              JOIN res_partner partner ON partner.id = value.partner_id
              %(recipient)s
             WHERE %(where)s AND %(admitted)s
               AND NOT EXISTS (
                   SELECT FROM crm_value_followup followup
                    WHERE followup.rule_id = %(rule)s AND followup.value_id = due.value_id
                      AND (followup.state = 'open' OR followup.occasion = due.occasion
                           OR followup.closed_date > %(cooled)s))
             ORDER BY %(order)s DESC, due.value_id, due.date, due.occasion
            """,
            columns=columns,
            concerned=concerned,
            # the person whom a trigger is about, else the customer
            recipient=SQL(
                "JOIN res_partner recipient ON recipient.id = %s",
                SQL("COALESCE(due.res_id, value.partner_id)")
                if document_model == "res.partner"
                else SQL("value.partner_id"),
            )
            if message
            else SQL(),
            rule=rule.id,
            where=where,
            order=self._worth(rule),
            cooled=today - timedelta(days=rule.cooldown_days),
            admitted=self._where_admitted(rule, company, today),
        )

    @api.model
    def _worth(self, rule):
        """Return the SQL by which the customers who matter most come first.

        Whoever left is worth what it would bring if it were active again: the margin expected of it, as if it were
        alive for certain, or its yearly margin while it was a customer, whichever is more. What it bought of late runs
        to 0.
        """
        trigger = self.env["crm.value.followup.trigger"]._trigger(rule)
        if not (trigger.is_return or rule.trigger == "stage_reached" and rule.stage == "lost"):
            return SQL("value.revenue_12m")
        return self._worth_of_return_to_sql()

    @api.model
    def _worth_of_return_to_sql(self):
        """Return the SQL of what a customer would bring in a year if it were active again."""
        return SQL(
            """COALESCE(GREATEST(
                   value.expected_margin_12m / GREATEST(value.probability_alive, 0.01),
                   value.margin_total * 365.0 / GREATEST(value.last_purchase_date - value.first_purchase_date, 365)
               ), 0)"""
        )

    @api.model
    def _yearly_revenue_to_sql(self):
        """Return the SQL of the revenue of a year while a customer bought: that of the last one, or the mean."""
        return SQL(
            """COALESCE(GREATEST(
                   value.revenue_12m,
                   value.revenue_total * 365.0 / GREATEST(value.last_purchase_date - value.first_purchase_date, 365)
               ), 0)"""
        )

    @api.model
    def _where_all_reachable(self, rule):
        """Return the condition that the customer, and the person whom the trigger is about, may be followed up."""
        customer = self._where_reachable()
        if self.env["crm.value.followup.trigger"]._document_model(rule) != "res.partner":
            return customer
        return SQL(
            "%s AND NOT EXISTS (SELECT FROM res_partner person WHERE person.id = due.res_id AND NOT (%s))",
            customer,
            self._where_reachable("person"),
        )

    @api.model
    def _where_reachable(self, alias="partner"):
        """Hook: the condition that the contact of an alias may be followed up at all."""
        return SQL("%s IS NOT TRUE", SQL.identifier(alias, "value_opt_out"))

    @api.model
    def _where_admitted(self, rule, company, today):
        """Return the condition on the alias ``value`` that the rule adds to its trigger."""
        conditions = [SQL("TRUE")]
        admitted, tiers = self._select_admitted_values(rule, company), self._admitted_tier_ids(rule, company)
        if admitted:
            conditions.append(SQL("value.id IN (%s)", admitted))
        if tiers and self.env["crm.value.followup.trigger"]._trigger(rule).admits_former_tier:
            conditions.append(
                SQL(
                    """(value.tier_id = ANY(%(tiers)s) OR EXISTS (
                       SELECT FROM crm_value_tier_change change WHERE change.value_id = value.id
                          AND change.from_tier_id = ANY(%(tiers)s) AND change.date > %(since)s))""",
                    tiers=tiers,
                    since=today - timedelta(days=365),
                )
            )
        elif tiers:
            conditions.append(SQL("value.tier_id = ANY(%s)", tiers))
        return SQL(" AND ").join(conditions)

    @api.model
    def _select_admitted_values(self, rule, company):
        """Return the SELECT of the values that the rule's condition admits, None when it admits all."""
        domain = rule._condition(company)
        if domain.is_true():
            return None
        # The superuser, this company alone, its day, without what is archived: the same, whoever runs the rule.
        values = (
            self.env["crm.value"]
            .with_user(SUPERUSER_ID)
            .with_company(company)
            .with_context(
                allowed_company_ids=company.ids, active_test=True, tz=str(company._value_now().tzinfo), lang=None
            )
        )
        return values._search(domain & Domain("company_id", "=", company.id)).subselect()

    @api.model
    def _admitted_tier_ids(self, rule, company):
        """Return the ids of the rule's tier and of all higher ones, None when the rule names no tier."""
        if not rule.tier_id:
            return None
        # sudo: the rule decides the same, whoever starts it.
        Tier = self.env["crm.value.tier"].sudo()
        tiers = Tier.search(Tier._domain_of(company))
        least = (rule.tier_id.sequence, rule.tier_id.id)
        return [tier.id for tier in tiers if (tier.sequence, tier.id) >= least] or [0]
