from odoo import api, models
from odoo.tools import SQL, formatLang

from . import tier_rules


class CrmValueTierExplanation(models.AbstractModel):
    """Why a customer has its tier, and what is missing for the next: the assignment's conditions, asked one by one.

    How to use: `_explain_tiers` for values, `_reason` for a tier change that was decided.
    """

    _name = "crm.value.tier.explanation"
    _description = "Loyalty Tiers: Explanation"

    @api.model
    def _explain_tiers(self, values):
        """Return what keeping the present tier and entering the next one ask for, and what of it each customer has.

        Customers who want no evaluation are left out.

        :return: dict value id → dict with ``value``, ``lock`` and ``parts``, a list of dicts: ``kind`` (next or keep),
            ``tier``, ``match``, ``is_met``, ``is_admitted`` (None: open to everybody) and ``lines``, a list of dicts:
            ``metric label passed have need missing share``; the figures are None for who may not see the metric
        """
        explained = {}
        values = values.filtered(lambda value: value.id and not value.sudo().is_opted_out)  # sudo: reads only the flag
        for company, in_company in values.grouped("company_id").items():
            ladder = self.env["crm.value.tier"]._ladder(company)
            level_of = {rung.tier_id: level for level, rung in enumerate(ladder, 1)}
            for row in self._evaluate(in_company, company, ladder):
                value = values.browse(row["id"])
                parts = [
                    self._explain_part(value, kind, ladder, level_of[tier.id], row)
                    for kind, tier in (("next", value.next_tier_id), ("keep", value.tier_id)) if tier.id in level_of]
                explained[value.id] = {"value": value, "lock": value.tier_lock_id, "parts": parts}
        return explained

    @api.model
    def _evaluate(self, values, company, ladder):
        """Return a dict for each of these customers: its figures and which conditions of the ladder it meets."""
        self.env.flush_all()
        as_of = company._value_today()
        rows = self.env["crm.value.tier.assignment"]._select_figures(
            company, as_of, ladder, SQL("value.id = ANY(%s)", values.ids))
        conditions = []
        for level, rung in enumerate(ladder, 1):
            for kind in ("next", "keep"):
                keep = kind == "keep"
                conditions.append((f"{kind}_{level}", tier_rules.qualifies(ladder, level, keep)))
                conditions += [(f"{kind}_{level}_{line.metric}", tier_rules.passes(line, keep)) for line in rung.lines]
        return self.env.execute_query_dict(SQL(
            "SELECT figures.*%s FROM (%s) figures",
            SQL().join(SQL(", %s AS %s", condition, SQL.identifier(name)) for name, condition in conditions),
            tier_rules.figures(ladder, rows)))

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
        label = self._field(line.metric)._description_string(self.env)
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
        """Tell whether the user may see a figure, also where sudo reads it for them.

        A customer sees what it bought, and so does whoever looks at it with the customer's eyes.
        """
        if self.env.context.get("value_for_customer") or self.env.user.share:
            return metric in self.env["crm.value"]._metrics("customer")
        groups = self._field(metric).groups
        return not groups or self.env.user.has_groups(groups)

    @api.model
    def _format_figure(self, currency, metric, number):
        field = self._field(metric)
        if field.type == "monetary":
            return formatLang(self.env, float(number), currency_obj=currency)
        return formatLang(self.env, float(number), digits=0 if field.type == "integer" else 2)

    @api.model
    def _reason(self, ladder, from_id, to_id, figures, currency):
        """Return in words what a move looked at, without the figures that not everybody may see."""
        level_of = {rung.tier_id: level for level, rung in enumerate(ladder, 1)}
        before, after = level_of.get(from_id, 0), level_of.get(to_id, 0)
        rung = ladder[max(before, after) - 1] if before != after else None
        texts = []
        for line in rung.lines if rung else ():
            label = self._field(line.metric)._description_string(self.env)
            if self._field(line.metric).groups:
                texts.append(label)
                continue
            asked = line.enter_min if after > before else line.keep_min
            texts.append(self.env._(
                "%(figure)s %(have)s (needs %(asked)s)", figure=label,
                have=self._format_figure(currency, line.metric, figures[line.metric]),
                asked=self._format_figure(currency, line.metric, asked)))
        return ", ".join(texts)

    @api.model
    def _field(self, metric):
        return self.env["crm.value"]._fields[metric]
