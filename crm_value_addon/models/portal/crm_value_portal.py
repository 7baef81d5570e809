from datetime import date

from odoo import api, models
from odoo.tools import format_date

_HISTORY = 20


class CrmValuePortal(models.Model):
    """What a customer may know of its own tier, as plain data: the one source of the portal, the web shop and mails.

    The figures are those of the explanation that sellers read (`_explain_tiers`), looked at with the customer's eyes
    (`_may_see`): what it bought, no margin, no prediction, no rank. Where a tier asks for more than that, a sentence
    stands in the place of the figure. Nobody's reasons are told.
    """

    _inherit = "crm.value"

    @api.model
    def _customer_standing(self, partner, company):
        """Return whether a person may see the tier of the customer it belongs to, and that customer's value.

        :return: (state, value); state: ``off`` no page in this company, ``opted_out`` the customer wants no evaluation,
            ``contact`` the tier is the employer's and not for its contacts, ``none`` no tier yet, or ``tier``; the
            value, of sudo, is empty but for the last two
        """
        # sudo: customers have no rights on any of this; what they get is plain data about themselves.
        partner, company, value = partner.sudo(), company.sudo(), self.sudo().browse()
        customer = partner.commercial_partner_id
        if not company.value_portal or not customer:
            return "off", value
        if customer.value_opt_out:
            return "opted_out", value
        if partner != customer and not company.value_portal_contacts:
            return "contact", value
        value = value.with_context(value_for_customer=True, allowed_company_ids=company.ids).search(
            [("partner_id", "=", customer.id), ("company_id", "=", company.id)], limit=1)
        return "tier" if value.tier_id else "none", value

    @api.model
    def _customer_page(self, partner, company):
        """Return all that the loyalty page of a person shows, as texts, numbers and dates; None when it has no page."""
        state, value = self._customer_standing(partner, company)
        if state == "off":
            return None
        customer = partner.sudo().commercial_partner_id
        page = {
            "state": state, "company": company.sudo().name, "customer": customer.name,
            "tier": False, "next": False, "keep": False, "history": [], "cards": [],
        }
        if state == "opted_out":
            return page
        whose = partner if state == "contact" else partner | customer
        page["cards"] = self.env["loyalty.card"]._tell_customer(whose, company)
        if state == "contact":
            return page
        parts = value._parts_for_customer(company)
        return page | {
            "tier": value._tell_tier(), "next": self._tell_next(company, parts.get("next")),
            "keep": value._tell_keep(parts.get("keep")), "history": value._tell_history(),
        }

    @api.model
    def _customer_entry(self, partner, company):
        """Return what the portal's home shows: a dict ``tier``, a text; None without a tier to show or a page."""
        state, value = self._customer_standing(partner, company)
        return {"tier": value.tier_id.name} if state in ("tier", "none") else None

    def _customer_mail(self):
        """Return what a mail about the tier tells: ``tier`` and ``keep`` as on the loyalty page, and its address."""
        self.ensure_one()
        value = self.with_context(value_for_customer=True)
        parts = value._parts_for_customer(value.company_id)
        return {"tier": value._tell_tier(), "keep": value._tell_keep(parts.get("keep")),
                "url": f"{value.get_base_url()}/my/loyalty" if value.company_id.value_portal else False}

    def _parts_for_customer(self, company):
        """Return the parts of the explanation by kind (see `_explain_tiers`); a customer without a value has one."""
        if self:
            explained = self._explain_tiers()[self.id]
            # What is fixed by hand is neither kept nor lost by figures.
            kinds = ("next",) if explained["lock"] else ("next", "keep")
            return {part["kind"]: part for part in explained["parts"] if part["kind"] in kinds}
        part = self._order_outlook(company, 0, 0.0, 0.0)["part"]
        return {"next": part} if part else {}

    # the tier

    def _tell_tier(self):
        tier = self.tier_id
        if not tier:
            return False
        pause = self._pause_reason(self.company_id)
        return {
            **self._tell_label(tier), "since": self.tier_since, "text": tier.description or False,
            "benefits": self.env["crm.value.benefit"]._tell_customer(tier, self.company_id, self),
            "is_paused": bool(pause), "is_paused_overdue": bool(pause and self._owes_too_much(self.company_id)),
        }

    @api.model
    def _tell_label(self, tier):
        return {"name": tier.name, "color": tier.color, "icon": tier.icon}

    def _tell_history(self):
        """Return the moves between tiers, the latest first, without why and by whom."""
        changes = self.tier_change_ids.sorted(lambda change: (change.date, change.id), reverse=True)[:_HISTORY]
        return [{"date": change.date, "before": change.from_tier_id.name, "after": change.to_tier_id.name,
                 "is_up": change.direction == "up"} for change in changes]

    # the next tier, and what keeping this one asks for

    @api.model
    def _tell_next(self, company, part):
        """Return what is missing for the next tier: a dict of the tier, its benefits, and lines or a hint."""
        if not part:
            return False
        lines, is_all_told = self._tell_lines(company, part)
        told = {**self._tell_label(part["tier"]), "lines": lines, "any": part["match"] == "any" and len(lines) > 1,
                "headline": False, "hint": False,
                "benefits": self.env["crm.value.benefit"].sudo()._tell_customer(part["tier"], company)}
        missing = [line for line in lines if not line["passed"]]
        texts = {"tier": part["tier"].name}
        if part["match"] == "any" and missing or is_all_told and len(missing) == 1:
            told["headline"] = self._tell_headline(max(missing, key=lambda line: line["share"]), part["tier"].name)
        if not is_all_told and not lines:
            told["hint"] = self.env._(
                "%(tier)s is given for our relationship as a whole: there is no single figure to reach.", **texts)
        elif not is_all_told:
            told["hint"] = self.env._("Besides this, %(tier)s depends on our relationship as a whole.", **texts)
        return told

    def _tell_keep(self, part):
        """Return what keeping the present tier asks for, and when it ends if it is in danger."""
        if not part or part["tier"].downgrade_policy == "never":
            return False
        lines, is_all_told = self._tell_lines(self.company_id, part)
        ends = self.tier_review_date
        return {"lines": lines, "any": part["match"] == "any" and len(lines) > 1, "ends": ends,
                "is_all_told": is_all_told} if lines or ends else False

    @api.model
    def _tell_lines(self, company, part):
        """Return the lines of a part that a customer may know, and whether these are all that it asks for.

        Where one line is enough, those that are hidden ask for nothing more.
        """
        labels = self._customer_labels()
        year_end = date(company._value_today().year, 12, 31)
        lines = [{
            "metric": line["metric"], "label": labels[line["metric"]], "passed": line["passed"], "have": line["have"],
            "need": line["need"], "missing": line["missing"], "share": line["share"],
            "until": year_end if line["metric"] == "revenue_year" else False,
        } for line in part["lines"] if line["have"] is not None]
        hidden = len(part["lines"]) - len(lines)
        is_all_told = bool(lines) and part["is_admitted"] is not False and (not hidden or part["match"] == "any")
        return lines, is_all_told

    @api.model
    def _customer_labels(self):
        return {
            "revenue_total": self.env._("Purchases so far"),
            "revenue_12m": self.env._("Purchases of the last 12 months"),
            "revenue_year": self.env._("Purchases of this year"),
            "revenue_previous_year": self.env._("Purchases of last year"),
            "purchase_count": self.env._("Number of purchases"),
            "tenure_days": self.env._("Days as a customer"),
        }

    @api.model
    def _tell_headline(self, line, tier):
        """Return in one sentence what is missing for a tier, False when the customer can do nothing about it."""
        texts = {"missing": line["missing"], "tier": tier}
        if line["metric"] == "revenue_previous_year":
            return False
        if line["until"]:
            return self.env._("%(missing)s more until %(date)s and you reach %(tier)s",
                              date=format_date(self.env, line["until"], date_format="d MMMM"), **texts)
        if line["metric"] == "purchase_count":
            if texts["missing"] == "1":
                return self.env._("One more purchase and you reach %(tier)s", **texts)
            return self.env._("%(missing)s more purchases and you reach %(tier)s", **texts)
        if line["metric"] == "tenure_days":
            return self.env._("%(missing)s more days as our customer and you reach %(tier)s", **texts)
        return self._tell_amount_missing(**texts)

    @api.model
    def _tell_amount_missing(self, missing, tier):
        return self.env._("%(missing)s more and you reach %(tier)s", missing=missing, tier=tier)
