from odoo import api, models, tools

from .benefit_types import OCCASIONS


class CrmValueBenefitText(models.AbstractModel):
    """Tier benefits in words, for sellers and for customers.

    How to use: `_describe` names a benefit to sellers, `_tier_labels` all benefits from the registry's cache;
    `_prepare_portal_benefits` names to a customer what its tier gives.

    How it works: the texts are those of the benefit's type (`benefit_types.py`). Customers read the benefit's own text
    instead where it has one; they read neither notes nor the names of pricelists.
    """

    _name = "crm.value.benefit.text"
    _description = "Tier Benefits: Texts"

    # for sellers

    @api.model
    def _describe(self, benefit):
        """Return a benefit in a few words, as a seller reads it on an order."""
        row = benefit._type()
        if row.target and not benefit[row.target]:
            return self.env._("New benefit")
        return self._fill(row.seller_text, benefit)

    @api.model
    def _fill(self, text, benefit):
        """Return a text of the table, translated and filled; the benefit's target itself in the place of no text."""
        target = benefit.sudo()._target()  # sudo: only the name of a record that the user may not open
        name = target.name if isinstance(target, models.BaseModel) else target or ""
        if not text:
            return name
        translated = self.env._(text)
        return translated % {
            "name": name,
            "factor": f"{benefit.points_factor:g}",
            "occasion": self._occasion_label(benefit),
        }

    @api.model
    def _occasion_label(self, benefit):
        labels = dict(benefit._fields["occasion"]._description_selection(self.env))
        return labels.get(benefit.occasion, "").lower()

    @api.model
    @tools.ormcache("lang")
    def _tier_labels(self, lang):
        """Return how tiers and their benefits are shown to sellers: tier id → dict ``name color icon benefits``."""
        # sudo: an order may carry a tier of a company that its reader does not see any more
        tiers = self.env["crm.value.tier"].sudo().with_context(active_test=False, lang=lang).search([])
        return {
            tier.id: {
                "name": tier.name,
                "color": tier.color,
                "icon": tier.icon,
                "benefits": {benefit.id: benefit.display_name for benefit in tier.benefit_ids},
            }
            for tier in tiers
        }

    # for customers

    @api.model
    def _prepare_portal_benefits(self, tier, company, value=None):
        """Return what a tier gives now, in the customer's words.

        :param value: of a customer that has the tier already: leaves out the gift for reaching it, and what a person
            set otherwise on the contact
        """
        Benefit, State, texts = self.env["crm.value.benefit"], self.env["crm.value.benefit.state"], []
        given = Benefit._active_benefits(tier, company, company._value_today())
        for active in State._benefits_for(value, given) if value else given:
            benefit = Benefit.browse(active.id)
            is_past = benefit._type().has_occasion and benefit.occasion == "reach"
            if not value or not is_past and not State._manual_override(value, active):
                text = self._prepare_portal_text(benefit, company)
                # one of the pricelists in several currencies is the customer's
                if text and not (active.currency_id and text in texts):
                    texts.append(text)
        return texts

    @api.model
    def _prepare_portal_text(self, benefit, company):
        """Return a benefit in the customer's words, False when the customer reads nothing of it."""
        row = benefit._type()
        if not row.is_for_customers:
            return False
        if benefit.customer_text:
            return benefit.customer_text
        if row.has_occasion:
            occasion = OCCASIONS.get(benefit.occasion)
            if not occasion:
                return False
            translated = self.env._(occasion.customer_text)
            # sudo: the name of a day that the customer reads
            return translated % {"holiday": benefit.sudo().holiday_id.name or ""}
        if row.code == "manager" and not benefit._manager(benefit.tier_id, company, company._value_today()):
            return False
        return self._fill(row.customer_text, benefit)
