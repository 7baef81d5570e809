from odoo import api, models
from odoo.tools import formatLang


class CrmValueBenefitState(models.AbstractModel):
    """Whose tier gives benefits now, why benefits pause, and what a person set in the place of a benefit.

    How to use: `_active_tiers` for orders and contacts, `_pause_reason` and `_prepare_summary` for one value.
    """

    _name = "crm.value.benefit.state"
    _description = "Tier Benefits: State"

    @api.model
    def _active_tiers(self, company, customer_ids):
        """Return whose tier gives benefits now: commercial partner id → (tier, reason of a pause or False).

        The tier is empty while benefits pause. Customers without a tier are left out.
        """
        # sudo: customers create orders, too, and sellers those of customers they may not see
        values = (
            self.env["crm.value"]
            .sudo()
            .search_fetch(
                [("company_id", "=", company.id), ("partner_id", "in", list(customer_ids)), ("tier_id", "!=", False)],
                ["partner_id", "tier_id", "overdue_amount", "caution"],
                order="id",
            )
        )
        tiers = {}
        for value in values:
            reason = self._pause_reason(value, company)
            tier = value.tier_id.with_env(self.env)
            tiers[value.partner_id.id] = (tier.browse() if reason else tier, reason)
        return tiers

    @api.model
    def _pause_reason(self, value, company):
        """Return why the benefits of a customer pause, False when they do not."""
        company = company.sudo()  # sudo: reads settings, also for customers
        if self._owes_too_much(value, company):
            return self.env._(
                "The benefits of %(tier)s pause: %(overdue)s are overdue, more than %(limit)s.",
                tier=value.tier_id.name,
                overdue=formatLang(self.env, value.overdue_amount, currency_obj=company.currency_id),
                limit=formatLang(self.env, company.value_pause_overdue_limit, currency_obj=company.currency_id),
            )
        if company.value_pause_caution and value.caution:
            return self.env._(
                "The benefits of %(tier)s pause: the customer is cautioned (%(reason)s).",
                tier=value.tier_id.name,
                reason=value.caution_reason or "",
            )
        return False

    @api.model
    def _owes_too_much(self, value, company):
        return company.value_pause_overdue and value.overdue_amount > company.value_pause_overdue_limit

    # on the form of a customer

    @api.model
    def _prepare_summary(self, value):
        """Return what the form of a customer shows of the benefits of its tier; empty where there are none."""
        Benefit, company = self.env["crm.value.benefit"], value.company_id
        label = self.env["crm.value.benefit.text"]._tier_labels(self.env.lang).get(value.tier_id.id)
        if not label:
            return []
        active = self._benefits_for(value, Benefit._active_benefits(value.tier_id, company, company._value_today()))
        return active and {
            "pause": self._pause_reason(value, company),
            "benefits": [(label["benefits"][benefit.id], self._manual_override(value, benefit)) for benefit in active],
        }

    @api.model
    def _benefits_for(self, value, benefits):
        """Return of these benefits those that a customer gets, which is not quoted in the currency of the others."""
        if not any(benefit.currency_id for benefit in benefits):
            return benefits
        # sudo: the user may not open the pricelist, and only the currency is read
        partner = value.partner_id.sudo().with_company(value.company_id)
        currency = partner.property_product_pricelist.currency_id or value.company_id.sudo().currency_id
        return [benefit for benefit in benefits if benefit.currency_id in (0, currency.id)]

    @api.model
    def _manual_override(self, value, active):
        """Return in words what a person set on the contact in the place of an `ActiveBenefit`, or False."""
        name = self.env["crm.value.benefit"]._types()[active.benefit_type].contact_field
        # sudo: the user may not open the pricelist or the user, but reads the name
        partner = value.partner_id.sudo().with_company(value.company_id)
        return partner[name].display_name if name and partner._is_set_manually(name) else False
