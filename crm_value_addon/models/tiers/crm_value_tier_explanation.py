from odoo import api, models
from odoo.tools import SQL, formatLang

from . import tier_rules


class CrmValueTierExplanation(models.AbstractModel):
    """Why a customer has its tier, and what is missing for the next one.

    How to use: `_explain_tiers` for values, `_asked` and `_reason_in_words` for a tier change.

    How it works: the database evaluates the assignment's own conditions (tier_rules.py), each in a column of its own.
    """

    _name = "crm.value.tier.explanation"
    _description = "Loyalty Tiers: Explanation"

    @api.model
    def _explain_tiers(self, values):
        """Return what it takes to keep the present tier and to enter the next one, and how far each customer is.

        Customers who opted out of scoring are left out.

        :return: dict value id → dict with ``value``, ``lock``, ``open_tier_ids`` (the tiers that are open to the
            customer) and ``steps``, a list of dicts: ``kind`` (next or keep), ``tier``, ``match``, ``is_met``,
            ``is_admitted`` (None: open to everybody) and ``criteria``, a list of dicts: ``metric label passed have
            need missing share``; the figures are None for users who may not see the metric
        """
        explained = {}
        values = values.filtered(lambda value: value.id and not value.sudo().is_opted_out)  # sudo: reads only the flag
        for company, in_company in values.grouped("company_id").items():
            rules = self.env["crm.value.tier.preview"]._cached_rules(company, company._value_today())
            level_of = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
            for row in self._evaluate(in_company, company, rules):
                value = values.browse(row["id"]).with_prefetch(values.ids)
                steps = [
                    self._explain_step(value, kind, rules, level_of[tier.id], row)
                    for kind, tier in (("next", value.next_tier_id), ("keep", value.tier_id))
                    if tier.id in level_of
                ]
                explained[value.id] = {
                    "value": value,
                    "lock": value.tier_lock_id,
                    "steps": steps,
                    "open_tier_ids": {
                        rule.tier_id
                        for level, rule in enumerate(rules, 1)
                        if rule.customers is None or row[f"is_admitted_{level}"]
                    },
                }
        return explained

    @api.model
    def _evaluate(self, values, company, rules):
        """Return a dict for each of these customers: its figures, and which conditions of the rules it meets."""
        self.env.flush_all()
        rows = self.env["crm.value.tier.assignment"]._select_figures(
            company, company._value_today(), rules, SQL("value.id = ANY(%s)", values.ids)
        )
        return self.env.execute_query_dict(
            SQL(
                "SELECT figures.*%s FROM (%s) figures",
                SQL().join(
                    SQL(", %s AS %s", condition, SQL.identifier(name))
                    for kind in ("next", "keep")
                    for name, condition in self._conditions(rules, kind)
                ),
                tier_rules.figures(rules, rows),
            )
        )

    @api.model
    def _conditions(self, rules, kind):
        """Return each condition of the rules as (name of its column, SQL), as `_explain_step` reads them.

        :param kind: "next" to enter tiers, "keep" to keep them
        """
        keep = kind == "keep"
        conditions = []
        for level, rule in enumerate(rules, 1):
            conditions.append((f"{kind}_{level}", tier_rules.qualifies(rules, level, keep)))
            conditions += [
                (f"{kind}_{level}_{criterion.metric}", tier_rules.passes(criterion, keep))
                for criterion in rule.criteria
            ]
        return conditions

    @api.model
    def _explain_step(self, value, kind, rules, level, row):
        rule = rules[level - 1]
        return {
            "kind": kind,
            # what is read of one tier is read of all
            "tier": self.env["crm.value.tier"].browse(rule.tier_id).with_prefetch([one.tier_id for one in rules]),
            "match": rule.match,
            "is_met": row[f"{kind}_{level}"],
            "is_admitted": row.get(f"is_admitted_{level}"),
            "criteria": [
                self._explain_criterion(
                    value, kind, criterion, row[criterion.metric], row[f"{kind}_{level}_{criterion.metric}"]
                )
                for criterion in rule.criteria
            ],
        }

    @api.model
    def _explain_criterion(self, value, kind, criterion, have, passed):
        metric = criterion.metric
        explained = {"metric": metric, "label": self._label(metric), "passed": passed}
        if not self._may_see(metric):
            return explained | {"have": None, "need": None, "missing": None, "share": 100 if passed else 0}
        need = criterion.keep_min if kind == "keep" else criterion.enter_min
        texts = (
            self._format_figure(value.currency_id, metric, number)
            for number in (have, need, max(need - float(have), 0.0))
        )
        share = 100 if passed else int(100 * max(float(have), 0.0) / need) if need > 0 else 0
        return explained | dict(zip(("have", "need", "missing"), texts, strict=True), share=min(share, 100))

    @api.model
    def _may_see(self, metric):
        """Tell whether the user may see a figure, even where it was read with sudo.

        Customers see what they bought, and so does a user who looks at a page or a mail through a customer's eyes.
        """
        if self.env.context.get("value_for_customer") or self.env.user.share:
            return metric in self.env["crm.value.tier.metric"]._names("customer")
        groups = self._field(metric).groups
        return not groups or self.env.user.has_groups(groups)

    @api.model
    def _format_figure(self, currency, metric, number):
        field = self._field(metric)
        if field.type == "monetary":
            return formatLang(self.env, float(number), currency_obj=currency)
        return formatLang(self.env, float(number), digits=0 if field.type == "integer" else 2)

    @api.model
    def _asked(self, rules, from_id, to_id):
        """Return what the figures that decide a tier change are compared with: dict metric → threshold."""
        level_of = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
        before, after = level_of.get(from_id, 0), level_of.get(to_id, 0)
        criteria = rules[max(before, after) - 1].criteria if before != after else ()
        return {
            criterion.metric: criterion.enter_min if after > before else criterion.keep_min for criterion in criteria
        }

    @api.model
    def _reason_in_words(self, change):
        """Return which figures decided a tier change; restricted figures are named without a number."""
        texts, currency = [], change.company_id.currency_id
        figures = change.figures or {}
        for metric, asked in (change.asked or {}).items():
            field = self._field(metric)
            if not field:
                continue  # of a module that is gone
            label = self._label(metric)
            if field.groups or metric not in figures:
                texts.append(label)
                continue
            texts.append(
                self.env._(
                    "%(figure)s %(have)s (needs %(asked)s)",
                    figure=label,
                    have=self._format_figure(currency, metric, figures[metric]),
                    asked=self._format_figure(currency, metric, asked),
                )
            )
        return ", ".join(texts)

    @api.model
    def _field(self, metric):
        return self.env["crm.value.tier.metric"]._field(metric)

    @api.model
    def _label(self, metric):
        return self.env["crm.value.tier.metric"]._label(metric)
