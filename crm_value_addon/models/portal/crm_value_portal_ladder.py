from odoo import api, models


class CrmValuePortalLadder(models.AbstractModel):
    """All tiers side by side, as a customer may know them.

    How it works: a tier is shown when it is open to the customer, or the customer has it. What a tier asks for is told
    as far as it is about the customer's own purchases (see `crm.value.portal`).
    """

    _name = "crm.value.portal.ladder"
    _description = "Customer Value: All Tiers for Customers"

    @api.model
    def _prepare(self, value, company):
        """Return the tiers of a company from the lowest to the highest.

        :param value: of the customer, or empty
        :return: list of dicts ``name color icon asks benefits is_current is_reached``; ``asks`` is a list of texts
        """
        # sudo: customers have no rights on tiers and benefits; they read the texts that are meant for them.
        Tier = self.env["crm.value.tier"].sudo()
        rules = self.env["crm.value.tier.preview"].sudo()._cached_rules(company, company._value_today())
        admitted = self._admitted_levels(value, company, rules)
        levels = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
        current = levels.get(value.tier_id.id, 0)
        ladder = []
        for level, rule in enumerate(rules, 1):
            if level != current and (rule.is_manual or level not in admitted):
                continue
            tier = Tier.browse(rule.tier_id)
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
    def _admitted_levels(self, value, company, rules):
        """Return the levels of the tiers that are open to a customer."""
        is_open = {level for level, rule in enumerate(rules, 1) if rule.customers is None}
        if not value or len(is_open) == len(rules):
            return is_open
        [row] = self.env["crm.value.tier.explanation"].sudo()._evaluate(value, company, rules)
        return {level for level in range(1, len(rules) + 1) if level in is_open or row[f"is_admitted_{level}"]}

    @api.model
    def _asks(self, rule, company):
        """Return what a tier asks for, as texts; what is not the customer's own purchases is left out."""
        labels = self.env["crm.value.portal"]._labels()
        Explanation = self.env["crm.value.tier.explanation"]
        return [
            self.env._(
                "%(figure)s: at least %(amount)s",
                figure=labels[criterion.metric],
                amount=Explanation._format_figure(company.currency_id, criterion.metric, criterion.enter_min),
            )
            for criterion in rule.criteria
            if criterion.metric in labels
        ]
