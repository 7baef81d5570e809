from odoo import api, models
from odoo.tools import SQL

from ...lib.uplift import CONFIDENCE, LEAST_GROUP, Group, uplift

_MEASURES = ("revenue", "margin")


class CrmValueFollowupResult(models.AbstractModel):
    """Measures what rules brought: the treated customers against the control group.

    How to use: `_measure(company)` stores the outcome of follow-ups that are old enough; `_results(rules, company)`
    returns the values of the rules' result fields.

    How it works: everybody counts who was to be treated, whether the activity was done or not. Anything else would
    compare the customers of diligent salespeople with all customers.
    """

    _name = "crm.value.followup.result"
    _description = "Follow-ups: Results"

    @api.model
    def _results(self, rules, company):
        """Return what rules brought in a company: dict rule → values of its result fields."""
        counts = self._count_followups(rules, company)
        return {rule: self._result(rule, company, counts.get(rule.id, {})) for rule in rules}

    @api.model
    def _result(self, rule, company, groups):
        treated, control = (groups.get(name, {}) for name in ("treated", "control"))
        uplifts = {measure: self._uplift(measure, treated, control) for measure in _MEASURES}
        vals = {
            "result_currency_id": company.currency_id,
            "treated_count": treated.get("count", 0),
            "control_count": control.get("count", 0),
            "done_count": treated.get("done", 0),
            "in_time_count": treated.get("in_time", 0),
            "measured_count": treated.get("measured", 0) + control.get("measured", 0),
            "has_enough_data": uplifts["revenue"].is_enough,
            "verdict": self._verdict(
                rule, company, uplifts["revenue"], treated.get("measured", 0), control.get("measured", 0)
            ),
        }
        for measure, found in uplifts.items():
            vals |= {
                f"treated_{measure}": treated.get(measure, 0.0),
                f"control_{measure}": control.get(measure, 0.0),
                f"uplift_{measure}": found.difference,
                f"uplift_{measure}_low": found.low,
                f"uplift_{measure}_high": found.high,
            }
        return vals

    @api.model
    def _uplift(self, measure, treated, control):
        return uplift(
            *(
                Group(group.get("measured", 0), group.get(measure, 0.0), group.get(f"{measure}_variance", 0.0))
                for group in (treated, control)
            )
        )

    @api.model
    def _verdict(self, rule, company, found, treated, control):
        """Return in words whether the rule pays.

        :param Uplift found: that of the revenue
        :param treated: number of measured customers, as `control`
        """
        if not found.is_enough:
            return self.env._(
                "Not enough data: %(treated)s followed up and %(control)s of the control group are measured, "
                "%(least)s of each are needed.",
                treated=treated,
                control=control,
                least=LEAST_GROUP,
            )
        texts = {"confidence": round(100 * CONFIDENCE), "days": rule.measure_days}
        if company.currency_id.compare_amounts(found.low, 0) > 0:
            return self.env._("It pays: more revenue within %(days)s days, with %(confidence)s %% confidence.", **texts)
        if company.currency_id.compare_amounts(found.high, 0) < 0:
            return self.env._(
                "It harms: less revenue within %(days)s days, with %(confidence)s %% confidence.", **texts
            )
        return self.env._("No difference is proven within %(days)s days.", **texts)

    @api.model
    def _count_followups(self, rules, company):
        """Return the counts and moments of both groups: dict rule id → group → dict."""
        self.env["crm.value.followup"].flush_model()
        rows = self.env.execute_query_dict(
            SQL(
                """
            SELECT rule_id, "group", count(*) AS count, count(*) FILTER (WHERE state = 'done') AS done,
                   count(*) FILTER (WHERE is_in_time) AS in_time, count(*) FILTER (WHERE is_measured) AS measured,
                   %(moments)s
              FROM crm_value_followup WHERE rule_id = ANY(%(rules)s) AND company_id = %(company)s
             GROUP BY rule_id, "group"
            """,
                rules=rules.ids,
                company=company.id,
                moments=SQL(", ").join(
                    SQL(
                        """COALESCE(avg(%(column)s) FILTER (WHERE is_measured), 0)::float8 AS %(name)s,
                       COALESCE(var_samp(%(column)s) FILTER (WHERE is_measured), 0)::float8 AS %(variance)s""",
                        column=SQL.identifier(f"outcome_{measure}"),
                        name=SQL.identifier(measure),
                        variance=SQL.identifier(f"{measure}_variance"),
                    )
                    for measure in _MEASURES
                ),
            )
        )
        counts = {}
        for row in rows:
            counts.setdefault(row["rule_id"], {})[row["group"]] = row
        return counts

    @api.model
    def _measure(self, company):
        """Store what was invoiced after follow-ups, of both groups, once the rule's days are over."""
        self.env.flush_all()
        today = company._value_today()
        over = SQL(
            """FROM crm_value_followup followup
               JOIN crm_value_followup_rule rule ON rule.id = followup.rule_id
               JOIN crm_value value ON value.id = followup.value_id
              WHERE followup.company_id = %s AND followup.is_measured IS NOT TRUE
                AND followup.date + rule.measure_days < %s""",
            company.id,
            today,
        )
        [[first, partner_ids]] = self.env.execute_query(
            SQL("SELECT min(followup.date), array_agg(DISTINCT value.partner_id) %s", over)
        )
        if not first:
            return
        days = self.env["crm.value.purchase"]._query(
            SQL(
                "source.company_id = %s AND source.partner_id = ANY(%s) AND source.date > %s",
                company.id,
                partner_ids,
                first,
            )
        )
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value_followup followup
               SET outcome_revenue = after.revenue, outcome_margin = after.margin, is_measured = TRUE
              FROM (SELECT over.id, COALESCE(sum(bought.revenue), 0) AS revenue,
                           COALESCE(sum(bought.margin), 0) AS margin
                      FROM (SELECT followup.id, value.partner_id, followup.date,
                                   followup.date + rule.measure_days AS until %s) over
                      LEFT JOIN (%s) bought ON bought.partner_id = over.partner_id
                                           AND bought.date > over.date AND bought.date <= over.until
                     GROUP BY over.id) after
             WHERE after.id = followup.id
            """,
                over,
                days,
            )
        )
        self.env["crm.value.followup"].invalidate_model()
