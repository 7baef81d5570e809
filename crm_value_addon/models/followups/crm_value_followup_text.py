import re

from markupsafe import Markup, escape

from odoo import api, models
from odoo.tools import SQL, format_date, formatLang, is_html_empty

PLACEHOLDER = re.compile(r"\{(\w*)\}")
#: what a text may say: never a margin, a lifetime value or what is derived from them
PLACEHOLDERS = (
    "customer",
    "company",
    "tier",
    "next_tier",
    "stage",
    "segment",
    "first_purchase",
    "last_purchase",
    "silent_days",
    "purchases",
    "revenue",
    "revenue_total",
    "date",
    "days",
    "detail",
)


class CrmValueFollowupText(models.AbstractModel):
    """Writes what an activity says, in the language of the user who gets it.

    How to use: `_texts(rule, company, due, user_of)` returns summary and note for each due customer.

    How it works: the words in braces of the rule's summary and note are replaced by facts (`_facts`); everything that
    is filled in is escaped. Figures are left out where people of another company read the contact's activities.
    """

    _name = "crm.value.followup.text"
    _description = "Follow-ups: Texts"

    @api.model
    def _texts(self, rule, company, due, user_of):
        """Return summary and note of each customer's activity: dict value id → (str, Markup).

        :param due: list of `DueCustomer`
        :param user_of: dict value id → res.users who get the activities
        """
        values = self.env["crm.value"].browse([row.value_id for row in due])
        shared = self._known_elsewhere(values)
        tier_rules = self.env["crm.value.tier"]._rules_of(company) if rule.trigger == "near_next_tier" else []
        texts = {}
        for row, value in zip(due, values, strict=True):
            service = self.with_context(lang=user_of[value.id].lang or self.env.lang)
            texts[value.id] = service._text(
                rule.with_env(service.env), company, row, value.with_env(service.env), value.id in shared, tier_rules
            )
        return texts

    @api.model
    def _text(self, rule, company, due, value, is_shared, tier_rules):
        facts = self._facts(company, due, value, is_shared, tier_rules)
        return self._fill(rule.summary or rule.name, facts), self._note(rule, company, due, value, facts)

    @api.model
    def _note(self, rule, company, due, value, facts):
        """Return the note: the rule's words, how to approach the person, and which rule asks for it."""
        parts = []
        if not is_html_empty(rule.note):
            # the note is sanitised HTML, what is filled in is escaped
            parts.append(Markup(self._fill(rule.note, facts, escape)))  # nosec B704
        # sudo: the hint is for the assignee, who is a seller. A style is a person's: that of whom it is about counts.
        person = self.env["res.partner"].sudo().browse(self.env["crm.value.message"]._recipient_id(rule, due))
        hint = (person if person.contact_style else value.partner_id.sudo()).contact_style_hint
        if hint:
            parts.append(Markup("<p>%s</p>") % hint)
        parts.append(Markup("<p>%s · %s</p>") % (company.name, rule.name))
        return Markup().join(parts)

    @api.model
    def _fill(self, template, facts, quote=str):
        return PLACEHOLDER.sub(lambda match: str(quote(facts[match[1]]())) if match[1] in facts else "", template)

    @api.model
    def _facts(self, company, due, value, is_shared, tier_rules):
        """Return what can be filled in, as functions by name because most texts need few of them."""
        no_figure = self.env._("(see the customer value)")

        def money(amount):
            return no_figure if is_shared else formatLang(self.env, amount, currency_obj=company.currency_id)

        def day(date):
            return format_date(self.env, date) if date else ""

        return {
            "customer": lambda: value.partner_id.name or "",
            "company": lambda: company.name,
            "tier": lambda: value.tier_id.name or "",
            "next_tier": lambda: value.next_tier_id.name or "",
            "segment": lambda: value.rfm_segment.name or "",
            "stage": lambda: self._stage_name(value.lifecycle_stage),
            "first_purchase": lambda: day(value.first_purchase_date),
            "last_purchase": lambda: day(value.last_purchase_date),
            "silent_days": lambda: value.days_since_last_purchase,
            "purchases": lambda: value.purchase_count,
            "revenue": lambda: money(value.revenue_12m),
            "revenue_total": lambda: money(value.revenue_total),
            "date": lambda: day(due.date),
            "days": lambda: "" if due.number is None else due.number,
            "detail": lambda: due.detail or self._missing(company, value, is_shared, tier_rules),
        }

    @api.model
    def _stage_name(self, stage):
        return dict(self.env["crm.value"]._fields["lifecycle_stage"]._description_selection(self.env)).get(stage, "")

    @api.model
    def _known_elsewhere(self, values):
        """Return the ids of the values whose contact is also a customer of another company.

        People of that company read the activities on the contact, so these say no figures.
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT value.id FROM crm_value value WHERE value.id = ANY(%s) AND EXISTS (
                   SELECT FROM crm_value other WHERE other.partner_id = value.partner_id
                      AND other.company_id != value.company_id)""",
                values.ids,
            )
        )
        return {value_id for [value_id] in rows}

    @api.model
    def _missing(self, company, value, is_shared, tier_rules):
        """Return which steps to the next tier are missing, and how much where everybody may know."""
        tier_rule = next((one for one in tier_rules if one.tier_id == value.next_tier_id.id), None)
        Explanation, Metric = self.env["crm.value.tier.explanation"], self.env["crm.value.tier.metric"]
        steps = []
        for criterion in tier_rule.criteria if tier_rule else ():
            metric = criterion.metric
            field, gap = Explanation._field(metric), criterion.enter_min - Metric._amount(value, metric)
            if gap <= 0:
                continue
            label = Metric._label(metric)
            if field.groups or is_shared and field.type == "monetary":
                steps.append(label)
            else:
                steps.append(
                    self.env._(
                        "%(figure)s: %(missing)s of %(needed)s missing",
                        figure=label,
                        missing=Explanation._format_figure(company.currency_id, metric, gap),
                        needed=Explanation._format_figure(company.currency_id, metric, criterion.enter_min),
                    )
                )
        glue = self.env._(" or ") if tier_rule and tier_rule.match == "any" else self.env._(" and ")
        return glue.join(steps)
