from odoo import fields, models


class ProductCategory(models.Model):
    """Says whether what is sold of a category is a purchase, and whether it counts for tiers."""

    _inherit = "product.category"

    value_no_purchase = fields.Boolean(
        string="No Purchase",
        help="Fees, postage, deposits: revenue and margin, but neither bought nor given back. Holds for the categories "
        "below, too.",
    )
    value_not_for_tiers = fields.Boolean(
        string="Not for Tiers", help="Bought, but without weight for tiers. Holds for the categories below, too."
    )

    def write(self, vals):
        with self.env["crm.value.counting"]._watch(vals):
            return super().write(vals)
