from odoo import api, fields, models
from odoo.tools import SQL, formatLang

from . import tier_rules
from .crm_value_tier_criterion import CUSTOMER_METRICS, METRICS

_COUNTS = ("purchase_count", "tenure_days")


class CrmValueTierExplanation(models.Model):
    """Why a customer has its tier, and what is missing for the next: the assignment's conditions, asked one by one."""

    _inherit = "crm.value"

    tier_explanation = fields.Html(
        string="Why This Tier", compute="_compute_tier_explanation", sanitize=False)

    @api.depends("tier_id", "next_tier_id", "tier_review_date", "tier_lock_id", *METRICS)
    @api.depends_context("uid", "lang", "allowed_company_ids")
    def _compute_tier_explanation(self):
        explained = self._explain_tiers()
        for value in self:
            value.tier_explanation = self.env["ir.qweb"]._render(
                "crm_value_addon.tier_explanation", explained[value.id]) if value.id in explained else False

    def _explain_tiers(self):
        """Return what keeping the present tier and entering the next one ask for, and what of it each customer has.

        :return: dict value id → dict with ``value``, ``lock`` and ``parts``, a list of dicts: ``kind`` (next or keep),
            ``tier``, ``match``, ``is_met``, ``is_admitted`` (None: open to everybody) and ``lines``, a list of dicts:
            ``metric label passed have need missing share``; the figures are None for who may not see the metric
        """
        explained = {}
        for company, values in self.filtered("id").grouped("company_id").items():
            ladder = self.env["crm.value.tier"]._ladder(company)
            level_of = {rung.tier_id: level for level, rung in enumerate(ladder, 1)}
            for row in values._judge(company, ladder):
                value = values.browse(row["id"])
                parts = [
                    self._explain_part(value, kind, ladder, level_of[tier.id], row)
                    for kind, tier in (("next", value.next_tier_id), ("keep", value.tier_id)) if tier.id in level_of]
                explained[value.id] = {"value": value, "lock": value.tier_lock_id, "parts": parts}
        return explained

    def _judge(self, company, ladder):
        """Return a dict for each of these customers: its figures and which conditions of the ladder it meets."""
        self.env.flush_all()
        as_of = company._value_today()
        source = self._tier_source(company, as_of, ladder, SQL("value.id = ANY(%s)", self.ids))
        conditions = []
        for level, rung in enumerate(ladder, 1):
            for kind in ("next", "keep"):
                keep = kind == "keep"
                conditions.append((f"{kind}_{level}", tier_rules.qualifies(ladder, level, keep)))
                conditions += [(f"{kind}_{level}_{line.metric}", tier_rules.passes(line, keep)) for line in rung.lines]
        return self.env.execute_query_dict(SQL(
            "SELECT figures.*%s FROM (%s) figures",
            SQL().join(SQL(", %s AS %s", condition, SQL.identifier(name)) for name, condition in conditions),
            tier_rules.figures(ladder, source)))

    @api.model
    def _explain_part(self, value, kind, ladder, level, row):
        rung = ladder[level - 1]
        return {
            "kind": kind, "tier": self.env["crm.value.tier"].browse(rung.tier_id), "match": rung.match,
            "is_met": row[f"{kind}_{level}"], "is_admitted": row.get(f"is_admitted_{level}"),
            "lines": [self._explain_line(value, kind, line, row[line.metric], row[f"{kind}_{level}_{line.metric}"])
                      for line in rung.lines],
        }

    @api.model
    def _explain_line(self, value, kind, line, have, passed):
        label = self._fields[line.metric]._description_string(self.env)
        explained = {"metric": line.metric, "label": label, "passed": passed}
        if not self._may_see(line.metric):
            return explained | {"have": None, "need": None, "missing": None, "share": 100 if passed else 0}
        need = line.keep_min if kind == "keep" else line.enter_min
        texts = (self._format_figure(value.currency_id, line.metric, number)
                 for number in (have, need, max(need - float(have), 0.0)))
        share = 100 if passed else int(100 * max(float(have), 0.0) / need) if need > 0 else 0
        return explained | dict(zip(("have", "need", "missing"), texts, strict=True), share=min(share, 100))

    @api.model
    def _may_see(self, metric):
        """Tell whether the user may see a figure, also where sudo reads it for him.

        A customer sees what it bought, and so does whoever looks at it with the customer's eyes.
        """
        if self.env.context.get("value_for_customer") or self.env.user.share:
            return metric in CUSTOMER_METRICS
        groups = self._fields[metric].groups
        return not groups or self.env.user.has_groups(groups)

    @api.model
    def _format_figure(self, currency, metric, number):
        if self._fields[metric].type == "monetary":
            return formatLang(self.env, float(number), currency_obj=currency)
        return formatLang(self.env, float(number), digits=0 if metric in _COUNTS else 2)

    @api.model
    def _reason(self, ladder, from_id, to_id, figures, currency):
        """Return in words what a move looked at, without the figures that not everybody may see."""
        level_of = {rung.tier_id: level for level, rung in enumerate(ladder, 1)}
        before, after = level_of.get(from_id, 0), level_of.get(to_id, 0)
        rung = ladder[max(before, after) - 1] if before != after else None
        texts = []
        for line in rung.lines if rung else ():
            label = self._fields[line.metric]._description_string(self.env)
            if self._fields[line.metric].groups:
                texts.append(label)
                continue
            asked = line.enter_min if after > before else line.keep_min
            texts.append(self.env._(
                "%(figure)s %(have)s (needs %(asked)s)", figure=label,
                have=self._format_figure(currency, line.metric, figures[line.metric]),
                asked=self._format_figure(currency, line.metric, asked)))
        return ", ".join(texts)

