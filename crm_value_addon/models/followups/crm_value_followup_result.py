from odoo import api, fields, models
from odoo.tools import SQL

from ...const import MARGIN_GROUP
from ...lib.uplift import CONFIDENCE, LEAST_GROUP, Group, uplift

_MEASURES = ("revenue", "margin")


class CrmValueFollowupResult(models.Model):
    """What a rule brought in the current company: the treated against those who were held out.

    Everybody counts that was to be treated, whether the activity was done or not: anything else would compare
    diligent sellers' customers with all.
    """

    _inherit = "crm.value.followup.rule"

    result_currency_id = fields.Many2one("res.currency", compute="_compute_results")
    treated_count = fields.Integer(string="Treated", compute="_compute_results")
    control_count = fields.Integer(string="Held Out", compute="_compute_results")
    done_count = fields.Integer(string="Done", compute="_compute_results")
    in_time_count = fields.Integer(string="Done in Time", compute="_compute_results")
    measured_count = fields.Integer(string="Measured", compute="_compute_results", help="Of both groups")
    treated_revenue = fields.Monetary(
        string="Revenue per Treated", currency_field="result_currency_id", compute="_compute_results",
        help="Invoiced in the days measured after the follow-up, per customer")
    control_revenue = fields.Monetary(
        string="Revenue per Held Out", currency_field="result_currency_id", compute="_compute_results")
    uplift_revenue = fields.Monetary(
        string="Brings", currency_field="result_currency_id", compute="_compute_results",
        help="Revenue per treated customer less revenue per customer held out")
    uplift_revenue_low = fields.Monetary(
        string="at least", currency_field="result_currency_id", compute="_compute_results")
    uplift_revenue_high = fields.Monetary(
        string="at most", currency_field="result_currency_id", compute="_compute_results")
    treated_margin = fields.Monetary(
        string="Margin per Treated", currency_field="result_currency_id", compute="_compute_results",
        groups=MARGIN_GROUP)
    control_margin = fields.Monetary(
        string="Margin per Held Out", currency_field="result_currency_id", compute="_compute_results",
        groups=MARGIN_GROUP)
    uplift_margin = fields.Monetary(
        string="Brings in Margin", currency_field="result_currency_id", compute="_compute_results", groups=MARGIN_GROUP)
    uplift_margin_low = fields.Monetary(
        string="Margin at least", currency_field="result_currency_id", compute="_compute_results", groups=MARGIN_GROUP)
    uplift_margin_high = fields.Monetary(
        string="Margin at most", currency_field="result_currency_id", compute="_compute_results", groups=MARGIN_GROUP)
    has_enough_data = fields.Boolean(compute="_compute_results")
    verdict = fields.Char(compute="_compute_results")

    @api.depends_context("company")
    def _compute_results(self):
        company = self.env.company
        counts = self._count_followups(company)
        for rule in self:
            groups = counts.get(rule.id, {})
            treated, control = (groups.get(name, {}) for name in ("treated", "control"))
            rule.result_currency_id = company.currency_id
            rule.treated_count, rule.control_count = (group.get("count", 0) for group in (treated, control))
            rule.done_count, rule.in_time_count = treated.get("done", 0), treated.get("in_time", 0)
            rule.measured_count = treated.get("measured", 0) + control.get("measured", 0)
            for measure in _MEASURES:
                rule._set_uplift(measure, treated, control)
            rule.verdict = rule._verdict(treated.get("measured", 0), control.get("measured", 0))

    def _set_uplift(self, measure, treated, control):
        groups = [Group(group.get("measured", 0), group.get(measure, 0.0), group.get(f"{measure}_variance", 0.0))
                  for group in (treated, control)]
        found = uplift(*groups)
        # sudo: the margin's fields are computed for everybody, and read by who may.
        rule = self.sudo()
        rule[f"treated_{measure}"], rule[f"control_{measure}"] = groups[0].mean, groups[1].mean
        rule[f"uplift_{measure}"] = found.difference
        rule[f"uplift_{measure}_low"], rule[f"uplift_{measure}_high"] = found.low, found.high
        rule.has_enough_data = found.is_enough

    def _verdict(self, treated, control):
        if not self.has_enough_data:
            return self.env._(
                "Not enough data: %(treated)s treated and %(control)s held out are measured, "
                "%(least)s of each are needed.", treated=treated, control=control, least=LEAST_GROUP)
        texts = {"confidence": round(100 * CONFIDENCE), "days": self.measure_days}
        if self.uplift_revenue_low > 0:
            return self.env._("It pays: more revenue within %(days)s days, with %(confidence)s %% confidence.", **texts)
        if self.uplift_revenue_high < 0:
            return self.env._(
                "It harms: less revenue within %(days)s days, with %(confidence)s %% confidence.", **texts)
        return self.env._("No difference is proven within %(days)s days.", **texts)

    def _count_followups(self, company):
        """Return the counts and moments of the groups: dict rule id → group → dict."""
        self.env["crm.value.followup"].flush_model()
        rows = self.env.execute_query_dict(SQL(
            """
            SELECT rule_id, "group", count(*) AS count, count(*) FILTER (WHERE state = 'done') AS done,
                   count(*) FILTER (WHERE is_in_time) AS in_time, count(*) FILTER (WHERE is_measured) AS measured,
                   %(moments)s
              FROM crm_value_followup WHERE rule_id = ANY(%(rules)s) AND company_id = %(company)s
             GROUP BY rule_id, "group"
            """,
            rules=self.ids, company=company.id, moments=SQL(", ").join(
                SQL("""COALESCE(avg(%(column)s) FILTER (WHERE is_measured), 0)::float8 AS %(name)s,
                       COALESCE(var_samp(%(column)s) FILTER (WHERE is_measured), 0)::float8 AS %(variance)s""",
                    column=SQL.identifier(f"outcome_{measure}"), name=SQL.identifier(measure),
                    variance=SQL.identifier(f"{measure}_variance"))
                for measure in _MEASURES)))
        counts = {}
        for row in rows:
            counts.setdefault(row["rule_id"], {})[row["group"]] = row
        return counts

    @api.model
    def _measure(self, company):
        """Note what was invoiced after follow-ups, of both groups, once the rule's days are over."""
        self.env.flush_all()
        today = company._value_today()
        over = SQL(
            """FROM crm_value_followup followup
               JOIN crm_value_followup_rule rule ON rule.id = followup.rule_id
               JOIN crm_value value ON value.id = followup.value_id
              WHERE followup.company_id = %s AND followup.is_measured IS NOT TRUE
                AND followup.date + rule.measure_days < %s""", company.id, today)
        [[first, partner_ids]] = self.env.execute_query(SQL(
            "SELECT min(followup.date), array_agg(DISTINCT value.partner_id) %s", over))
        if not first:
            return
        days = self.env["crm.value.purchase"]._query(SQL(
            "source.company_id = %s AND source.partner_id = ANY(%s) AND source.date > %s",
            company.id, partner_ids, first))
        self.env.cr.execute(SQL(
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
            """, over, days))
        self.env["crm.value.followup"].invalidate_model()
