from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date

CALLS = 10


class CrmValueDashboardCalls(models.AbstractModel):
    """Ten customers to call today: those with a follow-up due, then those at risk, the most valuable first.

    At risk and yet left alone: whoever has an order under way, and whoever a rule holds out and has not measured yet. A
    call would spoil the comparison, unless another rule asks for it.
    """

    _name = "crm.value.dashboard.calls"
    _description = "Customer Value Dashboard: Calls"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 90

    @api.model
    def _read(self, scope, payload):
        return {
            "rows": [self._call(scope, *row) for row in self._find_calls(scope)],
            "due": {"model": "crm.value.followup", "domain": self._plain(self._due_domain(scope))},
        }

    @api.model
    def _due_domain(self, scope):
        return (
            Domain("company_id", "in", scope.companies.ids)
            & scope.filter("value_id.")
            & Domain("state", "=", "open")
            & Domain("group", "=", "treated")
            & Domain("deadline", "<=", scope.today)
        )

    @api.model
    def _find_calls(self, scope):
        """Return the rows of the customers to call: the user's own first, then follow-ups due, then by worth."""
        self.env.flush_all()
        # Whom to call first are few. All others at risk come in the order of an index: no more of them are read than
        # are called or left alone.
        parts = [
            SQL("(%s LIMIT %s)", self._select_callable(scope, *part), CALLS)
            for part in (
                (self._where_first(scope), SQL("is_own DESC, is_due DESC, worth DESC NULLS LAST, id")),
                (self._where_others(scope), SQL("magnitude DESC NULLS LAST, worth DESC NULLS LAST, id")),
            )
        ]
        return self.env.execute_query(
            SQL(
                """
            SELECT id, name, phone, rule, deadline, first_purchase_date, last_purchase_date, purchase_count,
                   next_purchase_date, is_at_risk, worth
              FROM (%s) called ORDER BY is_own DESC, is_due DESC, worth DESC NULLS LAST, id LIMIT %s
            """,
                SQL(" UNION ALL ").join(parts),
                CALLS,
            )
        )

    @api.model
    def _where_first(self, scope):
        """Return the condition on ``crm_value`` of whose follow-up is due, and of the user's own customers at risk."""
        return SQL(
            """crm_value.id IN (
                   SELECT value_id FROM crm_value_followup WHERE id IN %s
                    UNION
                   SELECT value.id FROM res_partner own JOIN crm_value value ON value.partner_id = own.id
                    WHERE own.user_id = %s AND value.company_id = ANY(%s) AND value.lifecycle_stage = 'at_risk')""",
            self._due(scope).subselect(),
            self.env.uid,
            scope.companies.ids,
        )

    @api.model
    def _where_others(self, scope):
        """Return the condition on ``crm_value`` of everybody else at risk."""
        return SQL(
            "crm_value.lifecycle_stage = 'at_risk' AND due.value_id IS NULL AND partner.user_id IS DISTINCT FROM %s",
            self.env.uid,
        )

    @api.model
    def _due(self, scope):
        return self.env["crm.value.followup"]._search(self._due_domain(scope))

    @api.model
    def _select_callable(self, scope, where, order):
        """Return the SELECT of the customers of a condition who may be called, in an order."""
        Value, Rule = self.env["crm.value"], self.env["crm.value.followup.rule"]
        query = Value._search(scope.domain)
        query.add_join(
            "LEFT JOIN",
            "due",
            SQL(
                """(SELECT DISTINCT ON (value_id) value_id, rule_id, deadline, user_id FROM crm_value_followup
                 WHERE id IN %s ORDER BY value_id, deadline, id)""",
                self._due(scope).subselect(),
            ),
            SQL("due.value_id = crm_value.id"),
        )
        query.add_join("LEFT JOIN", "rule", "crm_value_followup_rule", SQL("rule.id = due.rule_id"))
        query.add_join("JOIN", "partner", "res_partner", SQL("partner.id = crm_value.partner_id"))
        query.add_where(SQL("partner.active AND %s", self.env["crm.value.followup.due"]._where_reachable()))
        query.add_where(where)
        query.order = order
        worth = SQL.identifier("crm_value", scope.worth)
        candidates = query.select(
            SQL("crm_value.id AS id"),
            SQL("partner.complete_name AS name"),
            SQL("partner.phone AS phone"),
            SQL("%s AS rule", Rule._field_to_sql("rule", "name")),
            SQL("due.deadline AS deadline"),
            SQL("crm_value.first_purchase_date"),
            SQL("crm_value.last_purchase_date"),
            SQL("crm_value.purchase_count"),
            SQL("crm_value.next_purchase_date"),
            SQL("crm_value.lifecycle_stage = 'at_risk' AS is_at_risk"),
            SQL("%s AS worth", worth),
            SQL("%s AS magnitude", SQL("crm_value.clv_magnitude") if scope.sees_worth else worth),
            SQL("crm_value.partner_id"),
            SQL("crm_value.company_id"),
            SQL("due.value_id IS NOT NULL AS is_due"),
            SQL("COALESCE(due.user_id, partner.user_id) IS NOT DISTINCT FROM %s AS is_own", self.env.uid),
        )
        # Sorted first: what is dear to ask is asked of one after the other, until there are enough.
        return SQL(
            """
            SELECT candidate.* FROM (%s OFFSET 0) candidate
             WHERE is_due OR NOT (%s) AND NOT EXISTS (
                   SELECT FROM crm_value_followup held_out WHERE held_out.value_id = candidate.id
                      AND held_out."group" = 'control' AND held_out.is_measured IS NOT TRUE)
            """,
            candidates,
            self.env["crm.value.followup.source"]._where_ordered(scope.today, "candidate"),
        )

    @api.model
    def _call(self, scope, value_id, name, phone, rule, deadline, first, last, count, expected, is_at_risk, worth):
        """Return a customer to call and the reason, in plain words."""
        rhythm = self.env["crm.value.customer.page"]._rhythm(first, last, count, scope.today)
        text = "; ".join(self._reasons(scope, rule, deadline, rhythm, expected, is_at_risk))
        return {
            "id": value_id,
            "name": name or "",
            "phone": phone or "",
            "reason": text[:1].upper() + text[1:],
            "is_due": bool(rule),
            "worth": float(worth or 0),
        }

    @api.model
    def _reasons(self, scope, rule, deadline, rhythm, expected, is_at_risk):
        reasons = []
        if rule:
            reasons.append(
                self.env._("%(rule)s, due today", rule=rule)
                if deadline == scope.today
                else self.env._("%(rule)s, due since %(date)s", rule=rule, date=format_date(self.env, deadline))
            )
        if is_at_risk and rhythm:
            reasons.append(self.env._("at risk: %(rhythm)s", rhythm=rhythm))
        if expected and expected < scope.today and rhythm:
            reasons.append(self.env._("was expected to buy by %(date)s", date=format_date(self.env, expected)))
        return reasons
