from odoo import api, models
from odoo.tools import formatLang


class CrmValue(models.Model):
    """Whose tier gives benefits now, and why one does not."""

    _inherit = "crm.value"

    @api.model
    def _benefit_standing(self, company, customer_ids):
        """Return whose tier gives benefits now: commercial partner id → (tier, reason of a pause or False).

        The tier is empty while benefits pause. Customers without a tier are left out.
        """
        # sudo: orders are made by customers and by sellers of other companies' customers, too.
        values = self.sudo().search_fetch(
            [("company_id", "=", company.id), ("partner_id", "in", list(customer_ids)), ("tier_id", "!=", False)],
            ["partner_id", "tier_id", *self._pause_fields()], order="id")
        standing = {}
        for value in values:
            reason = value._pause_reason(company)
            tier = value.tier_id.with_env(self.env)
            standing[value.partner_id.id] = (tier.browse() if reason else tier, reason)
        return standing

    @api.model
    def _pause_fields(self):
        return ["overdue_amount"]

    def _pause_reason(self, company):
        """Return why the benefits of this customer pause, False when they do not."""
        self.ensure_one()
        company = company.sudo()
        if self._owes_too_much(company):
            return self.env._(
                "The benefits of %(tier)s pause: %(overdue)s are overdue, more than %(limit)s.", tier=self.tier_id.name,
                overdue=formatLang(self.env, self.overdue_amount, currency_obj=company.currency_id),
                limit=formatLang(self.env, company.value_pause_overdue_limit, currency_obj=company.currency_id))
        return False

    def _owes_too_much(self, company):
        self.ensure_one()
        return company.value_pause_overdue and self.overdue_amount > company.value_pause_overdue_limit

    def _assign_tiers(self, company, as_of, **kwargs):
        written = super()._assign_tiers(company, as_of, **kwargs)
        # Tiers are written by SQL; what contacts get by them is not stored.
        self.env["res.partner"].invalidate_model(["property_product_pricelist"])
        return written
