from odoo import Command, api, models
from odoo.exceptions import UserError

from .draft import is_draft_by_default

#: thresholds of a new tier, as a multiple of those of the highest one
_STEP = 2
_COLORS = range(1, 12)


class CrmValueTierStart(models.AbstractModel):
    """What a new tier may start with, to be changed.

    How to use: `_color` is the colour of a new draft; `_fill` puts it above the highest tier.

    How it works: it asks for what the highest tier asks for, twice as much of amounts and purchases, and gives what
    that one gives, so that nobody loses a benefit by rising.
    """

    _name = "crm.value.tier.start"
    _description = "Loyalty Tiers: New Tier"

    @api.model
    def _color(self, tiers):
        """Return a colour that no tier has yet; code that makes a tier says its own."""
        if not is_draft_by_default(tiers):
            return 0
        taken = set(tiers.with_context(active_test=False).search([]).mapped("color"))
        return next((color for color in _COLORS if color not in taken), 0)

    @api.model
    def _fill(self, tier):
        """Put a draft above the highest tier.

        :raise UserError: it is no empty draft, or there is no tier in use
        """
        if tier.state != "draft" or tier.criterion_ids or tier.benefit_ids:
            raise UserError(self.env._("%(tier)s has criteria or benefits already.", tier=tier.name))
        company = tier.company_id or self.env.company
        highest = tier.search(
            [*tier._domain_of(company), ("scheme", "=", tier.scheme), ("id", "!=", tier.id)],
            order="sequence desc, id desc",
            limit=1,
        )
        if not highest:
            raise UserError(self.env._("There is no tier in use to start from."))
        tier.write(
            {
                "sequence": max(tier.sequence, highest.sequence + 10),
                "criterion_match": highest.criterion_match,
                "downgrade_policy": highest.downgrade_policy,
                "grace_days": highest.grace_days,
                "criterion_ids": [Command.create(vals) for vals in self._prepare_criteria_vals(highest)],
            }
        )
        for benefit in highest.benefit_ids:
            benefit.copy({"tier_id": tier.id})

    @api.model
    def _prepare_criteria_vals(self, highest):
        Metric = self.env["crm.value.tier.metric"]
        for criterion in highest.criterion_ids:
            is_amount = Metric._field(criterion.metric).type == "monetary" or criterion.metric == "purchase_count"
            step = _STEP if is_amount else 1
            yield {
                "metric": criterion.metric,
                "enter_min": criterion.enter_min * step,
                "keep_min": criterion.keep_min * step,
            }
