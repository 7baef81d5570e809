import re

from markupsafe import Markup, escape

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL, format_date, formatLang, is_html_empty

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
#: what a text may say: never a margin, a lifetime value or what is derived from them
PLACEHOLDERS = (
    "customer", "company", "tier", "next_tier", "stage", "segment", "first_purchase", "last_purchase", "silent_days",
    "purchases", "revenue", "revenue_total", "date", "days", "detail")


class CrmValueFollowupText(models.Model):
    """What an activity says, in the language of who gets it."""

    _inherit = "crm.value.followup.rule"

    placeholder_hint = fields.Char(compute="_compute_placeholder_hint")

    @api.depends("trigger")
    def _compute_placeholder_hint(self):
        names = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        about = {
            "near_next_tier": self.env._("what is missing for the next tier"),
            "tier_gained": self.env._("the new tier"), "tier_lost": self.env._("the tier it had"),
            "birthday": self.env._("the person"), "contact_gone": self.env._("the person"),
            "low_rating": self.env._("what the customer wrote"),
            "opportunity_stalled": self.env._("the opportunity"), "service_due": self.env._("the product"),
            "product_replaced": self.env._("the product and what replaces it"),
        }
        for rule in self:
            rule.placeholder_hint = self.env._("Words that are filled in: %(names)s", names=names)
            if rule.trigger in about:
                rule.placeholder_hint += self.env._("; {detail} is %(what)s", what=about[rule.trigger])

    @api.constrains("summary", "note")
    def _check_placeholders(self):
        for rule in self:
            for name in _PLACEHOLDER.findall(f"{rule.summary or ''} {rule.note or ''}"):
                if name not in PLACEHOLDERS:
                    raise ValidationError(self.env._(
                        "%(rule)s: {%(name)s} is not known. A text can say: %(names)s",
                        rule=rule.name, name=name, names=", ".join(PLACEHOLDERS)))

    def _texts(self, company, due, user_of):
        """Return summary and note of each customer's activity: dict value id → (str, Markup).

        :param due: list of `Due`
        :param user_of: dict value id → who gets it
        """
        values = self.env["crm.value"].browse([row.value_id for row in due])
        shared = self._known_elsewhere(values)
        ladder = self.env["crm.value.tier"]._ladder(company) if self.trigger == "near_next_tier" else []
        texts = {}
        for row, value in zip(due, values, strict=True):
            lang = user_of[value.id].lang or self.env.lang
            rule, value = self.with_context(lang=lang), value.with_context(lang=lang)
            facts = rule._facts(company, row, value, value.id in shared, ladder)
            summary = rule._fill(rule.summary or rule.name, facts)
            texts[value.id] = summary, rule._note(company, value, facts)
        return texts

    def _note(self, company, value, facts):
        """Return the note: what the rule says, how to approach the person, and whose reason it is."""
        parts = []
        if not is_html_empty(self.note):
            # the note is sanitised HTML, what is filled in is escaped
            parts.append(Markup(self._fill(self.note, facts, escape)))  # nosec B704
        # sudo: the hint is for who gets the activity, who is a seller.
        style = value.partner_id.sudo().contact_style
        if style:
            parts.append(Markup("<p>%s</p>") % self._contact_style_hint(style))
        parts.append(Markup("<p>%s · %s</p>") % (company.name, self.name))
        return Markup().join(parts)

    @api.model
    def _contact_style_hint(self, style):
        return self.env["res.partner"]._contact_style_hints()[style]

    @api.model
    def _fill(self, template, facts, quote=str):
        return _PLACEHOLDER.sub(lambda match: str(quote(facts[match[1]]())) if match[1] in facts else "", template)

    def _facts(self, company, due, value, is_shared, ladder):
        """Return what can be filled in, as functions by name: most texts need few of them."""
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
            "detail": lambda: due.detail or self._missing(company, value, is_shared, ladder),
        }

    @api.model
    def _stage_name(self, stage):
        return dict(self.env["crm.value"]._fields["lifecycle_stage"]._description_selection(self.env)).get(stage, "")

    @api.model
    def _known_elsewhere(self, values):
        """Return the ids of those values whose contact is a customer of another company, too.

        Its people read the activities on that contact: they are told no figures.
        """
        rows = self.env.execute_query(SQL(
            """SELECT value.id FROM crm_value value WHERE value.id = ANY(%s) AND EXISTS (
                   SELECT FROM crm_value other WHERE other.partner_id = value.partner_id
                      AND other.company_id != value.company_id)""", values.ids))
        return {value_id for [value_id] in rows}

    def _missing(self, company, value, is_shared, ladder):
        """Return which steps to the next tier are missing, and how much where everybody may know."""
        rung = next((rung for rung in ladder if rung.tier_id == value.next_tier_id.id), None)
        steps = []
        for line in rung.lines if rung else ():
            field, have = value._fields[line.metric], value[line.metric]
            if have >= line.enter_min:
                continue
            label = field._description_string(self.env)
            if field.groups or is_shared and field.type == "monetary":
                steps.append(label)
            else:
                steps.append(self.env._(
                    "%(figure)s: %(missing)s of %(needed)s missing", figure=label,
                    missing=value._format_figure(company.currency_id, line.metric, line.enter_min - have),
                    needed=value._format_figure(company.currency_id, line.metric, line.enter_min)))
        glue = self.env._(" or ") if rung and rung.match == "any" else self.env._(" and ")
        return glue.join(steps)
