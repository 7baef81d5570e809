import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.uplift import CONFIDENCE, LEAST_GROUP, Randomisation, uplift

_MEASURES = ("revenue", "margin")
#: a customer in the comparison: the group, the share of the control group then, the revenue before, and the measures
_CUSTOMER = np.dtype(
    [("is_control", bool), ("share", float), ("before", float), *((measure, float) for measure in _MEASURES)]
)


class CrmValueFollowupResult(models.AbstractModel):
    """Measures what rules brought: the treated customers against the control group.

    How to use: `_measure(company)` stores the outcome of follow-ups that are old enough; `_results(rules, company)`
    returns the values of the rules' result fields.

    How it works: everybody counts who was to be treated, whether the activity was done or not. Anything else would
    compare the customers of diligent salespeople with all customers. Each customer counts once, with the first
    follow-up that the rule drew for it: spells of one customer are not independent, and who is held out comes back
    sooner, because nobody has to finish anything. The test draws among customers with the same chance to be held out
    (lib/uplift.py, docs/uplift.md).
    """

    _name = "crm.value.followup.result"
    _description = "Follow-ups: Results"

    @api.model
    def _results(self, rules, company):
        """Return what rules brought in a company: dict rule → values of its result fields."""
        self.env["crm.value.followup"].flush_model()
        counts, compared = self._count_followups(rules, company), self._compared_customers(rules, company)
        nobody = np.zeros(0, _CUSTOMER)
        return {
            rule: self._result(rule, company, counts.get(rule.id, {}), compared.get(rule.id, nobody)) for rule in rules
        }

    @api.model
    def _result(self, rule, company, groups, customers):
        """Return the values of a rule's result fields.

        :param groups: group → counts of follow-ups
        :param customers: structured array, a row per customer (`_compared_customers`)
        """
        treated, control = (groups.get(name, {}) for name in ("treated", "control"))
        is_control = customers["is_control"]
        uplifts = self._uplifts(rule, customers)
        vals = {
            "result_currency_id": company.currency_id,
            "treated_count": treated.get("count", 0),
            "control_count": control.get("count", 0),
            "done_count": treated.get("done", 0),
            "in_time_count": treated.get("in_time", 0),
            "measured_count": treated.get("measured", 0) + control.get("measured", 0),
            "has_enough_data": uplifts["revenue"].is_enough,
            "verdict": self._verdict(
                rule,
                company,
                uplifts["revenue"],
                int((~is_control).sum()),
                int(is_control.sum()),
                treated.get("count", 0),
            ),
        }
        for measure, found in uplifts.items():
            vals |= {
                f"treated_{measure}": self._mean(customers[measure][~is_control], treated.get(measure)),
                f"control_{measure}": self._mean(customers[measure][is_control], control.get(measure)),
                f"uplift_{measure}": found.difference,
                f"uplift_{measure}_low": found.low,
                f"uplift_{measure}_high": found.high,
            }
        return vals

    @api.model
    def _mean(self, compared, of_all):
        """Return the mean of those who are compared, that of all follow-ups where the rule compares nobody."""
        return float(compared.mean()) if len(compared) else of_all or 0.0

    @api.model
    def _uplifts(self, rule, customers):
        """Return the uplift of each measure; both are judged by the same draws."""
        _shares, stratum = np.unique(customers["share"], return_inverse=True)
        randomisation = Randomisation(customers["is_control"], stratum)
        return {
            measure: uplift(customers[measure], customers["before"], randomisation, seed=rule.id)
            for measure in _MEASURES
        }

    @api.model
    def _verdict(self, rule, company, found, treated, control, count):
        """Return in words whether the rule pays.

        :param Uplift found: that of the revenue
        :param treated: number of customers who are compared, as `control`
        :param count: number of follow-ups, measured or not
        """
        if not treated and not control:
            if not count:
                return self.env._("Nobody was followed up yet.")
            if not rule.holdout_percent:
                return self.env._(
                    "%(count)s followed up. Without a control group nothing tells what it brought: give the rule one.",
                    count=count,
                )
            return self.env._(
                "%(count)s followed up, none measured yet: a result is known %(days)s days later.",
                count=count,
                days=rule.measure_days,
            )
        if not found.is_enough:
            return self.env._(
                "Not enough data: %(treated)s customers followed up and %(control)s of the control group are measured, "
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
        """Return the counts of follow-ups in both groups, and their means: dict rule id → group → dict."""
        rows = self.env.execute_query_dict(
            SQL(
                """
            SELECT rule_id, "group", count(*) AS count, count(*) FILTER (WHERE state = 'done') AS done,
                   count(*) FILTER (WHERE is_in_time) AS in_time, count(*) FILTER (WHERE is_measured) AS measured,
                   (avg(outcome_revenue) FILTER (WHERE is_measured))::float8 AS revenue,
                   (avg(outcome_margin) FILTER (WHERE is_measured))::float8 AS margin
              FROM crm_value_followup WHERE rule_id = ANY(%s) AND company_id = %s
             GROUP BY rule_id, "group"
            """,
                rules.ids,
                company.id,
            )
        )
        counts = {}
        for row in rows:
            counts.setdefault(row["rule_id"], {})[row["group"]] = row
        return counts

    @api.model
    def _compared_customers(self, rules, company):
        """Return one row per customer whose first drawn follow-up is measured: dict rule id → structured array.

        A customer whose first one is not measured yet is left out: a later one would stand for another time.
        """
        rows = self.env.execute_query(
            SQL(
                """
            SELECT rule_id, array_agg(is_control), array_agg(share), array_agg(before), array_agg(revenue),
                   array_agg(margin)
              FROM (SELECT DISTINCT ON (rule_id, value_id) rule_id, value_id, is_measured,
                           "group" = 'control' AS is_control, COALESCE(holdout_percent, 0)::float8 AS share,
                           COALESCE(revenue_before, 0)::float8 AS before,
                           COALESCE(outcome_revenue, 0)::float8 AS revenue,
                           COALESCE(outcome_margin, 0)::float8 AS margin
                      FROM crm_value_followup
                     WHERE rule_id = ANY(%s) AND company_id = %s AND is_compared
                     ORDER BY rule_id, value_id, date, id) first
             WHERE is_measured
             GROUP BY rule_id
            """,
                rules.ids,
                company.id,
            )
        )
        compared = {}
        for rule_id, *columns in rows:
            customers = np.zeros(len(columns[0]), _CUSTOMER)
            for name, column in zip(_CUSTOMER.names, columns, strict=True):
                customers[name] = column
            compared[rule_id] = customers
        return compared

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
