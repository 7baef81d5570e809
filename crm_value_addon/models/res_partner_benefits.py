from odoo import api, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    @api.depends("commercial_partner_id.value_ids.tier_id")
    @api.depends_context("value_order_tier_id", "value_order_day")
    def _compute_product_pricelist(self):
        super()._compute_product_pricelist()

    def _inverse_product_pricelist(self):
        """Never store what the tier gives; store a pricelist chosen by hand even if it is everybody else's."""
        of_tier = self.env["product.pricelist"]._tier_pricelists(self)
        chosen = {partner: partner.property_product_pricelist for partner in self if partner in of_tier}
        super(ResPartner, self - self.browse().concat(*chosen))._inverse_product_pricelist()
        for partner, pricelist in chosen.items():
            partner.specific_property_product_pricelist = pricelist if pricelist != of_tier[partner] else False
        # What orders of other tiers read is not what was assigned here.
        self.invalidate_recordset(["property_product_pricelist"], flush=False)

    def _is_set_manually(self, name):
        """Tell whether a person set a field on this contact; what every contact has by default is nobody's choice."""
        self.ensure_one()
        field = self._fields[name]
        return bool(self[name]) and not (
            field.company_dependent and self[name] == field.get_company_dependent_fallback(self))
