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
        tiers, owed = {}, self._owed_too_much(values)
        for value in values:
            reason = self._reason(value, owed.get(value))
            tier = value.tier_id.with_env(self.env)
            tiers[value.partner_id.id] = (tier.browse() if reason else tier, reason)
        return tiers

    @api.model
    def _pause_reason(self, value):
        """Return why the benefits of a customer pause, False when they do not."""
        return self._reason(value, self._owed_too_much(value).get(value))

    @api.model
    def _paused(self, values):
        """Return those of these customers whose benefits pause."""
        owed = self._owed_too_much(values)
        return values.filtered(lambda value: self._reason(value, owed.get(value)))

    @api.model
    def _reason(self, value, owed):
        """Return why the benefits of a customer pause, False when they do not.

        :param owed: what the customer owes, if that is too much
        """
        company = value.company_id.sudo()  # sudo: reads settings, also for customers
        if owed:
            return self.env._(
                "The benefits of %(tier)s pause: %(overdue)s are overdue, more than %(limit)s.",
                tier=value.tier_id.name,
                overdue=formatLang(self.env, owed, currency_obj=company.currency_id),
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
    def _owed_too_much(self, values):
        """Return what customers owe who owe more than their company allows: value → amount.

        Who paid, or was credited, since the last refresh is not kept waiting for the next one.
        """
        owed = {}
        for company, group in values.grouped("company_id").items():
            company = company.sudo()  # sudo: reads settings, also for customers
            limit = company.value_pause_overdue_limit
            late = group.filtered(lambda value, limit=limit: value.overdue_amount > limit)
            if company.value_pause_overdue and late:
                now = self.env["crm.value.observation"]._overdue_now(company, late.partner_id.ids)
                owed |= {value: now.get(value.partner_id.id, 0.0) for value in late}
        return {
            value: amount
            for value, amount in owed.items()
            if value.currency_id.compare_amounts(amount, value.company_id.sudo().value_pause_overdue_limit) > 0
        }

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
            "pause": self._pause_reason(value),
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
