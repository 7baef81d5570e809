from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ProductCategory(models.Model):
    """Says whether what is sold of a category is a purchase, counts for tiers, or is something that tiers ask for."""

    _inherit = "product.category"

    value_no_purchase = fields.Boolean(
        string="No Purchase",
        help="Fees, postage, deposits: revenue and margin, but neither bought nor given back. Holds for the categories "
        "below, too.",
    )
    value_not_for_tiers = fields.Boolean(
        string="Not for Tiers", help="Bought, but without weight for tiers. Holds for the categories below, too."
    )

    value_for_tiers = fields.Boolean(
        string="Tiers May Ask for It",
        help="What a customer spends within this category, and those below it, in 12 months can be a tier's criterion.",
    )

    @api.constrains("value_for_tiers")
    def _check_value_for_tiers(self):
        self.env.registry.clear_cache()
        self.filtered(lambda category: not category.value_for_tiers)._check_no_tier_asks()

    @api.ondelete(at_uninstall=False)
    def _unlink_not_asked_for(self):
        self._check_no_tier_asks()

    def _check_no_tier_asks(self):
        """Refuse to take away what a tier asks for.

        :raise ValidationError: names the tiers
        """
        criteria = self.env["crm.value.tier.metric"]._criteria_about(self)
        if criteria:
            raise ValidationError(
                self.env._(
                    "%(tiers)s asks for what is spent within %(categories)s: change these criteria first.",
                    tiers=", ".join(dict.fromkeys(criterion.tier_id.name for criterion in criteria)),
                    categories=", ".join(self.mapped("complete_name")),
                )
            )

    def write(self, vals):
        with self.env["crm.value.counting"]._watch(vals):
            return super().write(vals)
