from odoo import api, fields, models


class CrmValue(models.Model):
    """What the customer's tier gives, and what a person set on the contact that stands before it."""

    _inherit = "crm.value"

    benefit_summary = fields.Html(compute="_compute_benefit_summary", sanitize=False)
    grant_ids = fields.One2many("crm.value.grant", "value_id", string="Gifts")

    @api.depends("tier_id", "overdue_amount", "caution")
    @api.depends_context("lang", "allowed_company_ids")
    def _compute_benefit_summary(self):
        cards = self.env["crm.value.benefit"]._tier_cards(self.env.lang)
        for value in self:
            card = cards.get(value.tier_id.id)
            company = value.company_id
            entries = self.env["crm.value.benefit"]._in_force(
                value.tier_id, company, company._value_today()) if card else []
            value.benefit_summary = self.env["ir.qweb"]._render("crm_value_addon.benefit_summary", {
                "pause": value._pause_reason(company) if card else False,
                "benefits": [(card["benefits"][entry.id], value._set_by_hand(entry)) for entry in entries],
            }) if entries else False

    def _set_by_hand(self, entry):
        """Return what a person set on the contact in the place of a benefit, in words, or False."""
        self.ensure_one()
        # sudo: the name of a pricelist or user is told also to who may not open it.
        partner = self.partner_id.sudo().with_company(self.company_id)
        own = {
            "pricelist": partner.specific_property_product_pricelist,
            "payment_term": partner.property_payment_term_id if partner._has_own("property_payment_term_id") else False,
            "manager": partner.user_id,
        }.get(entry.kind)
        return own.display_name if own else False
