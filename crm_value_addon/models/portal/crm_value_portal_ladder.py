from odoo import api, models


class CrmValuePortalLadder(models.AbstractModel):
    """All tiers side by side, as a customer may know them.

    How it works: a tier is shown when it is open to the customer, or the customer has it. What a tier asks for is told
    as far as it is about the customer's own purchases (see `crm.value.portal`).
    """

    _name = "crm.value.portal.ladder"
    _description = "Customer Value: All Tiers for Customers"

    @api.model
    def _prepare(self, value, company, open_tier_ids):
        """Return the tiers of a company from the lowest to the highest.

        :param value: of the customer, or empty
        :param open_tier_ids: ids of the tiers that are open to the customer
        :return: list of dicts ``name color icon asks benefits is_current is_reached``; ``asks`` is a list of texts
        """
        # sudo: customers have no rights on tiers and benefits; they read the texts that are meant for them.
        rules = self.env["crm.value.tier.preview"].sudo()._cached_rules(company, company._value_today())
        tiers = self.env["crm.value.tier"].sudo().browse([rule.tier_id for rule in rules])
        levels = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
        current = levels.get(value.tier_id.id, 0)
        ladder = []
        for (level, rule), tier in zip(enumerate(rules, 1), tiers, strict=True):
            if level != current and (rule.is_manual or rule.tier_id not in open_tier_ids):
                continue
            ladder.append(
                {
                    **self.env["crm.value.portal"]._prepare_portal_label(tier),
                    "asks": self._asks(rule, company),
                    "is_any": rule.match == "any",
                    "benefits": self.env["crm.value.benefit.text"].sudo()._prepare_portal_benefits(tier, company),
                    "is_current": level == current,
                    "is_reached": level <= current,
                }
            )
        return ladder

    @api.model
    def _asks(self, rule, company):
        """Return what a tier asks for, as texts; what is not the customer's own purchases is left out."""
        labels = self.env["crm.value.portal"]._labels()
        return [
            self.env._(
                "%(figure)s: at least %(amount)s",
                figure=labels[criterion.metric],
                amount=self._format(company, criterion.metric, criterion.enter_min),
            )
            for criterion in rule.criteria
            if criterion.metric in labels
        ]

    @api.model
    def _format(self, company, metric, amount):
        return self.env["crm.value.tier.explanation"]._format_figure(company.currency_id, metric, amount)

    # notices

    @api.model
    def _prepare_notices(self, company, value, open_tier_ids):
        """Return what changed lately in what the tiers of a customer ask for, the latest first: dicts ``date text``."""
        # sudo: customers have no rights on tiers; they read what is asked of themselves.
        Asked = self.env["crm.value.tier.asked"].sudo()
        labels = self.env["crm.value.portal"]._labels()
        notices = []
        for change in Asked._lately(company, company._value_today()):
            is_own = change["tier_id"] == value.tier_id.id
            is_shown = is_own if change["kind"] == "keep" else is_own or change["tier_id"] in open_tier_ids
            if is_shown and (change["is_new_tier"] or change["metric"] in labels):
                tier = self.env["crm.value.tier"].sudo().browse(change["tier_id"])
                text = self._notice(company, change, tier.name)
                if {"date": change["date"], "text": text} not in notices:
                    notices.append({"date": change["date"], "text": text})
        return notices

    @api.model
    def _notice(self, company, change, tier):
        """Return a change of the rules in one sentence."""
        if change["is_new_tier"]:
            return self.env._("%(tier)s is new.", tier=tier)
        before, after = (
            amount is not None and self._format(company, change["metric"], amount)
            for amount in (change["before"], change["after"])
        )
        texts = {"tier": tier, "figure": self.env["crm.value.portal"]._labels()[change["metric"]]}
        if change["kind"] == "keep":
            if not after:
                return self.env._("To keep %(tier)s, no figure is asked for any more: %(figure)s.", **texts)
            if not before:
                return self.env._("To keep %(tier)s: %(figure)s at least %(after)s.", after=after, **texts)
            return self.env._(
                "To keep %(tier)s: %(figure)s at least %(after)s instead of %(before)s.",
                after=after,
                before=before,
                **texts,
            )
        if not after:
            return self.env._("%(tier)s no longer asks for: %(figure)s.", **texts)
        if not before:
            return self.env._("%(tier)s now asks for %(figure)s: at least %(after)s.", after=after, **texts)
        return self.env._(
            "%(tier)s now asks for %(figure)s: at least %(after)s instead of %(before)s.",
            after=after,
            before=before,
            **texts,
        )
