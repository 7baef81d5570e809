from datetime import date

from odoo import api, models

_FAR_PAST, _FAR_FUTURE = date(1, 1, 1), date(9999, 12, 31)


class CrmValueBenefitComparison(models.AbstractModel):
    """Compares benefits: which exclude each other within a tier, and which a higher tier lacks.

    How to use: `_conflict` for two benefits of a tier; `_missing` for a tier and the one below it, because customers
    have the benefits of their own tier only.
    """

    _name = "crm.value.benefit.comparison"
    _description = "Tier Benefits: Comparison"

    # two benefits of a tier

    @api.model
    def _conflict(self, benefit, other):
        """Tell whether two benefits of a tier give the same thing, in the same company at the same time."""
        return (
            other.active
            and benefit.benefit_type == other.benefit_type
            and self._share_company(benefit, other)
            and self._overlap(benefit, other)
            and (self._exclude_each_other(benefit, other) or self._give_the_same(benefit, other))
        )

    @api.model
    def _share_company(self, benefit, other):
        """Tell whether there is a company where both are given; branches have what their parents have."""
        one, two = benefit.company_id.sudo(), other.company_id.sudo()  # sudo: the hierarchy is the same for everybody
        return not one or not two or one in two.parent_ids or two in one.parent_ids

    @api.model
    def _overlap(self, benefit, other):
        """Tell whether there is a day on which both benefits are valid."""
        return (benefit.date_from or _FAR_PAST) <= (other.date_to or _FAR_FUTURE) and (
            other.date_from or _FAR_PAST
        ) <= (benefit.date_to or _FAR_FUTURE)

    @api.model
    def _exclude_each_other(self, benefit, other):
        """Tell whether an order could carry only one of two benefits of a type."""
        row = benefit._type()
        if row.is_per_currency:
            return benefit._target().currency_id == other._target().currency_id
        return row.is_single

    @api.model
    def _give_the_same(self, benefit, other):
        """Tell whether two benefits of one type have the same target, and the same occasion if they need one."""
        return benefit._target() == other._target() and (
            not benefit._type().has_occasion or benefit.occasion == other.occasion
        )

    # a tier and the one below

    @api.model
    def _missing(self, tier, lower):
        """Return the benefits of a lower tier that customers lose when they rise to a tier.

        Gifts for reaching the lower tier were given already, and past benefits are nobody's.
        """
        return lower.benefit_ids.filtered(
            lambda benefit: (
                self._is_lasting(benefit) and not any(self._replaces(own, benefit) for own in tier.benefit_ids)
            )
        )

    @api.model
    def _is_lasting(self, benefit):
        company = benefit.company_id or self.env.company
        is_given_once = benefit._type().has_occasion and benefit.occasion == "reach"
        return benefit.active and not is_given_once and (benefit.date_to or _FAR_FUTURE) >= company._value_today()

    @api.model
    def _replaces(self, benefit, lower):
        """Tell whether a benefit gives at least what a benefit of the tier below gives."""
        if not self._is_lasting(benefit) or not self._conflict(lower, benefit):
            return False
        return lower._type().target != "points_factor" or benefit.points_factor >= lower.points_factor

    @api.model
    def _take_over(self, tier, lower):
        """Give a tier what the tier below gives and it does not; fewer points are raised instead."""
        for benefit in self._missing(tier, lower):
            own = tier.benefit_ids.filtered(lambda own, benefit=benefit: self._conflict(benefit, own))
            fewer = own.filtered(self._is_lasting)
            if fewer:
                fewer.points_factor = benefit.points_factor
            else:
                today = (benefit.company_id or self.env.company)._value_today()
                benefit.copy({"tier_id": tier.id, "date_from": today if own else benefit.date_from})

    @api.model
    def _in_words(self, benefits):
        """Return benefits as one line."""
        return ", ".join(benefits.mapped("display_name"))
