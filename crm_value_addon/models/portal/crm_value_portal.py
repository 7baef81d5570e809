from datetime import date, timedelta

from odoo import api, models
from odoo.tools import format_date, formatLang

#: tier changes, and days with purchases, on the loyalty page
_CHANGES, _PURCHASES = 20, 12
_YEAR = timedelta(days=365)


class CrmValuePortal(models.AbstractModel):
    """What a customer may know of its own tier, as plain data: the one source of the portal, the web shop and mails.

    How to use: `_prepare_portal_page` for the loyalty page, `_prepare_portal_entry` for the portal's home and for the
    pages of quotations and invoices, `_prepare_portal_mail` for mails, `_prepare_portal_progress` for the cart.
    Templates stored in databases read the keys of these dicts: they do not change.

    How it works: `_portal_access` decides what a person may see at all. The figures are those of the explanation that
    sellers read (`crm.value.tier.explanation`), reduced to what the customer bought (`_may_see`): no margin, no
    prediction, no rank. Where a tier asks for more than that, a sentence replaces the figure. Reasons are never shown.
    """

    _name = "crm.value.portal"
    _description = "Customer Value: What Customers See"

    @api.model
    def _portal_access(self, partner, company):
        """Return whether a person may see the tier of the customer it belongs to, and that customer's value.

        :return: (state, value); state: ``off`` no page in this company, ``opted_out`` the customer opted out of
            scoring, ``contact`` the tier is the employer's and hidden from its contacts, ``none`` no tier yet, or
            ``tier``; the value is a sudo record, and empty except for the last two states
        """
        # sudo: customers have no rights on any of this; they get plain data about themselves.
        partner, company, value = partner.sudo(), company.sudo(), self.env["crm.value"].sudo()
        customer = partner.commercial_partner_id
        if not company.value_portal or not customer:
            return "off", value
        if customer.value_opt_out:
            return "opted_out", value
        if partner != customer and not company.value_portal_contacts:
            return "contact", value
        value = value.with_context(value_for_customer=True, allowed_company_ids=company.ids).search(
            [("partner_id", "=", customer.id), ("company_id", "=", company.id)], limit=1
        )
        return "tier" if value.tier_id else "none", value

    @api.model
    def _prepare_portal_page(self, partner, company):
        """Return the loyalty page of a person as texts, numbers and dates; None when the person has no page."""
        state, value = self._portal_access(partner, company)
        if state == "off":
            return None
        customer = partner.sudo().commercial_partner_id  # sudo: the page shows the name of the person's own customer
        page = {
            "state": state,
            "company": company.sudo().name,
            "customer": customer.name,
            "tier": False,
            "next": False,
            "keep": False,
            "ladder": [],
            "notices": [],
            "purchases": [],
            "history": [],
            "cards": [],
            "lapsing": [],
            "profile": False,
            "referral": False,
            "earning": False,
            "suggestions": [],
        }
        page["profile"] = self.env["crm.value.membership"]._prepare_profile(partner, company, value)
        if state == "opted_out":
            return page
        owners = partner if state == "contact" else partner | customer
        page["cards"] = self.env["crm.value.portal.cards"]._prepare(owners, company)
        # sudo: the company's day
        page["lapsing"] = self.env["crm.value.points.expiry"]._lapsing(owners, company.sudo())
        page["referral"] = self.env["crm.value.referral.link"]._prepare(partner, company)
        if state == "contact":
            return page
        steps, open_tier_ids = self._explained(value, company)
        Ladder = self.env["crm.value.portal.ladder"]
        return page | {
            "tier": self._prepare_portal_tier(value),
            "next": self._prepare_portal_next(company, steps.get("next")),
            "keep": self._prepare_portal_keep(value, steps.get("keep")),
            "ladder": Ladder._prepare(value, company, open_tier_ids),
            "notices": Ladder._prepare_notices(company, value, open_tier_ids),
            "purchases": self._prepare_portal_purchases(value),
            "history": self._prepare_portal_changes(value),
            "earning": self.env["crm.value.portal.earning"]._prepare(value, company),
            "suggestions": self.env["crm.value.portal.suggestion"]._prepare(value, company),
        }

    @api.model
    def _prepare_portal_entry(self, partner, company):
        """Return the entry on the portal's home: a dict of texts ``tier progress``; None without a page or a tier."""
        state, value = self._portal_access(partner, company)
        if state not in ("tier", "none"):
            return None
        steps, _open_tier_ids = self._explained(value, company)
        coming = self._prepare_portal_next(company, steps.get("next"))
        return {"tier": value.tier_id.name, "progress": coming and coming["headline"]}

    @api.model
    def _prepare_portal_document(self, user, document):
        """Return the entry for the page of an order or invoice, None where the reader is not its customer.

        Whoever opens the page by a link that was forwarded must not learn the tier.
        """
        document = document.sudo()  # sudo: the page shows it already
        customer = document.partner_id.commercial_partner_id
        if user._is_public() or customer != user.partner_id.commercial_partner_id:
            return None
        return self._prepare_portal_entry(user.partner_id, document.company_id)

    @api.model
    def _prepare_portal_mail(self, value):
        """Return the content of a mail about tier or points: ``tier``, ``keep`` and ``lapsing`` as on the loyalty page,
        ``rules``, what is announced (see `crm.value.tier.plan._tell`), and ``url``."""
        value.ensure_one()
        value = value.with_context(value_for_customer=True)
        steps, _open_tier_ids = self._explained(value, value.company_id)
        return {
            "tier": self._prepare_portal_tier(value),
            "keep": self._prepare_portal_keep(value, steps.get("keep")),
            "lapsing": self.env["crm.value.points.expiry"]._lapsing(
                value.partner_id | value.partner_id.child_ids, value.company_id
            ),
            "rules": self.env["crm.value.tier.plan"]._tell(value),
            "url": f"{value.get_base_url()}/my/loyalty" if value.company_id.value_portal else False,
        }

    @api.model
    def _explained(self, value, company):
        """Evaluate the rules for a customer; one without a value has a next tier, too.

        :return: what keeping the tier and reaching the next one ask for, by kind (see `crm.value.tier.explanation`);
            and the ids of the tiers that are open to the customer
        """
        if value:
            explained = value.env["crm.value.tier.explanation"]._explain_tiers(value)[value.id]
            # Figures neither keep nor lose a tier that is locked.
            kinds = ("next",) if explained["lock"] else ("next", "keep")
            steps = {step["kind"]: step for step in explained["steps"] if step["kind"] in kinds}
            return steps, explained["open_tier_ids"]
        Preview = value.env["crm.value.tier.preview"]
        step = Preview._after_order(company, 0, {})["step"]
        rules = Preview._cached_rules(company, company._value_today())
        return {"next": step} if step else {}, {rule.tier_id for rule in rules if rule.customers is None}

    # the present tier

    @api.model
    def _prepare_portal_tier(self, value):
        tier, company = value.tier_id, value.company_id
        if not tier:
            return False
        State = self.env["crm.value.benefit.state"]
        pause = State._pause_reason(value)
        return {
            **self._prepare_portal_label(tier),
            "since": value.tier_since,
            "text": tier.description or False,
            "benefits": value.env["crm.value.benefit.text"]._prepare_portal_benefits(tier, company, value),
            "is_paused": bool(pause),
            "is_paused_overdue": bool(pause and State._owed_too_much(value)),
        }

    @api.model
    def _prepare_portal_label(self, tier):
        return {"name": tier.name, "color": tier.color, "icon": tier.icon}

    @api.model
    def _prepare_portal_changes(self, value):
        """Return the tier changes, the latest first, without their reasons and users."""
        if not value:
            return []
        changes = value.env["crm.value.tier.change"].search_fetch(
            [("value_id", "=", value.id)],
            ["date", "from_tier_id", "to_tier_id", "direction"],
            order="date desc, id desc",
            limit=_CHANGES,
        )
        return [
            {
                "date": change.date,
                "before": change.from_tier_id.name,
                "after": change.to_tier_id.name,
                "is_up": change.direction == "up",
            }
            for change in changes
        ]

    @api.model
    def _prepare_portal_purchases(self, value):
        """Return what counted in the last 12 months, the latest first: dicts of the date and the amount as a text."""
        if not value:
            return []
        days = self.env["crm.value.purchase"].sudo()  # sudo: a customer's own purchases
        days = days.search_fetch(
            [
                ("partner_id", "=", value.partner_id.id),
                ("company_id", "=", value.company_id.id),
                ("date", ">", value.company_id._value_today() - _YEAR),
                ("is_purchase", "=", True),
            ],
            ["date", "purchase_revenue"],
            limit=_PURCHASES,
        )
        currency = value.company_id.currency_id
        return [
            {"date": day.date, "amount": formatLang(self.env, day.purchase_revenue, currency_obj=currency)}
            for day in days
        ]

    # the next tier, and what keeping this one asks for

    @api.model
    def _prepare_portal_next(self, company, step):
        """Return what is missing for the next tier: a dict of the tier, its benefits, and lines or a hint."""
        if not step:
            return False
        lines, is_complete = self._prepare_portal_lines(company, step)
        tier = step["tier"]
        missing = [line for line in lines if not line["passed"]]
        headline = False
        if step["match"] == "any" and missing or is_complete and len(missing) == 1:
            headline = self._headline(max(missing, key=lambda line: line["share"]), tier.name)
        return {
            **self._prepare_portal_label(tier),
            "lines": lines,
            "any": step["match"] == "any" and len(lines) > 1,
            "headline": headline,
            "hint": False if is_complete else self._hint(tier, bool(lines)),
            # sudo: customers have no rights on benefits; they read the texts that are meant for them.
            "benefits": self.env["crm.value.benefit.text"].sudo()._prepare_portal_benefits(tier, company),
        }

    @api.model
    def _hint(self, tier, has_lines):
        """Return the sentence that replaces the figures a customer may not see."""
        if has_lines:
            return self.env._("Besides this, %(tier)s depends on our relationship as a whole.", tier=tier.name)
        return self.env._(
            "%(tier)s is given for our relationship as a whole: there is no single figure to reach.", tier=tier.name
        )

    @api.model
    def _prepare_portal_keep(self, value, step):
        """Return what keeping the present tier asks for, and when a tier in danger ends."""
        if not step or step["tier"].downgrade_policy == "never":
            return False
        lines, is_complete = self._prepare_portal_lines(value.company_id, step)
        ends = value.tier_review_date
        return (
            {"lines": lines, "any": step["match"] == "any" and len(lines) > 1, "ends": ends, "is_all_told": is_complete}
            if lines or ends
            else False
        )

    @api.model
    def _prepare_portal_lines(self, company, step):
        """Return the criteria of a step that a customer may know, and whether these are all that it asks for.

        With match = any, hidden criteria add no requirement.
        """
        labels = self._labels()
        year_end = date(company._value_today().year, 12, 31)
        lines = [
            {
                "metric": line["metric"],
                "label": labels[line["metric"]],
                "passed": line["passed"],
                "have": line["have"],
                "need": line["need"],
                "missing": line["missing"],
                "share": line["share"],
                "until": year_end if line["metric"] in ("revenue_year", "qualifying_year") else False,
            }
            for line in step["criteria"]
            if line["have"] is not None
        ]
        hidden = len(step["criteria"]) - len(lines)
        is_complete = bool(lines) and step["is_admitted"] is not False and (not hidden or step["match"] == "any")
        return lines, is_complete

    @api.model
    def _labels(self):
        """Return the customer's words for the metrics that it may see."""
        return {
            "revenue_total": self.env._("Purchases so far"),
            "revenue_12m": self.env._("Purchases of the last 12 months"),
            "revenue_year": self.env._("Purchases of this year"),
            "qualifying_12m": self.env._("Purchases of the last 12 months that count"),
            "qualifying_year": self.env._("Purchases of this year that count"),
            "qualifying_total": self.env._("Purchases so far that count"),
            "revenue_previous_year": self.env._("Purchases of last year"),
            "purchase_count": self.env._("Number of purchases"),
            "tenure_days": self.env._("Days as a customer"),
            **{name: self._category_label(name) for name in self.env["crm.value.tier.metric"]._category_metrics()},
        }

    @api.model
    def _category_label(self, metric):
        category = self.env["crm.value.tier.metric"]._category(metric)
        return self.env._("Purchases of %(category)s, last 12 months", category=category.name)

    @api.model
    def _headline(self, line, tier):
        """Return in one sentence what is missing for a tier, False when the customer can do nothing about it."""
        texts = {"missing": line["missing"], "tier": tier}
        if line["metric"] == "revenue_previous_year":
            return False
        if line["until"]:
            return self.env._(
                "%(missing)s more until %(date)s and you reach %(tier)s",
                date=format_date(self.env, line["until"], date_format="d MMMM"),
                **texts,
            )
        if line["metric"] == "purchase_count":
            if texts["missing"] == "1":
                return self.env._("One more purchase and you reach %(tier)s", **texts)
            return self.env._("%(missing)s more purchases and you reach %(tier)s", **texts)
        category = self.env["crm.value.tier.metric"]._category(line["metric"])
        if category:
            return self.env._(
                "%(missing)s more of %(category)s and you reach %(tier)s", category=category.name, **texts
            )
        if line["metric"] == "tenure_days":
            return self.env._("%(missing)s more days as our customer and you reach %(tier)s", **texts)
        return self._amount_missing(**texts)

    @api.model
    def _amount_missing(self, missing, tier):
        return self.env._("%(missing)s more and you reach %(tier)s", missing=missing, tier=tier)

    # the order in the cart

    @api.model
    def _prepare_portal_progress(self, order):
        """Return what an order does to the tier: a dict of texts ``reached gap icon``; None when there is nothing.

        Only tiers based on the customer's own purchases are returned; any other figure could be inferred from them.
        """
        order.ensure_one()
        company = order.company_id
        state, value = self._portal_access(order.partner_id, company)
        if state not in ("none", "tier") or order.partner_id.is_public:
            return None
        # sudo: a customer's own order and figures
        order = order.sudo().with_context(value_for_customer=True)
        preview = order.env["crm.value.order.summary"]._tier_preview(order, value)
        if not preview:
            return None
        tier, gap = self._reached_tier(company, value, preview), self._gap(order, preview)
        return {"reached": tier.name, "gap": gap, "icon": tier.icon or "fa-bullseye"} if tier or gap else None

    @api.model
    def _reached_tier(self, company, value, preview):
        """Return the higher tier that the order reaches, empty without one that the customer may know."""
        # sudo: customers have no rights on tiers; this one is their own.
        rules = self.env["crm.value.tier.preview"].sudo()._cached_rules(company, company._value_today())
        level_of = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
        level = level_of.get(preview["tier_id"], 0)
        is_higher = level > level_of.get(value.tier_id.id, 0)
        readable = self.env["crm.value.tier.metric"]._names("customer")
        is_shown = is_higher and all(criterion.metric in readable for criterion in rules[level - 1].criteria)
        return self.env["crm.value.tier"].sudo().browse(preview["tier_id"] if is_shown else False)

    @api.model
    def _gap(self, order, preview):
        """Return what is missing for the next tier, in the currency of the order, or False."""
        step, missing = preview["step"], preview.get("amount")
        if not missing or step["match"] == "all" and any(criterion["have"] is None for criterion in step["criteria"]):
            return False
        amount = formatLang(self.env, missing * (order.currency_rate or 1.0), currency_obj=order.currency_id)
        return self._amount_missing(amount, step["tier"].name)
