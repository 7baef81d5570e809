from odoo import models
from odoo.tools import formatLang

from .tiers.crm_value_tier_criterion import CUSTOMER_METRICS


class SaleOrder(models.Model):
    """What an order does to its customer's tier, as far as the customer may know (see `crm.value._customer_page`)."""

    _inherit = "sale.order"

    def _customer_progress(self):
        """Return what the web shop's cart tells: a dict of texts ``reached gap icon``; None when there is nothing.

        Told are only tiers that the customer can reckon itself: a figure that is not its own would show through.
        """
        self.ensure_one()
        Value, company = self.env["crm.value"], self.company_id
        state, value = Value._customer_standing(self.partner_id, company)
        if state not in ("none", "tier") or self.partner_id.is_public:
            return None
        # sudo: a customer's own order and figures.
        outlook = self.sudo().with_context(value_for_customer=True)._outlook(value)
        if not outlook:
            return None
        ladder = Value.sudo()._order_ladder(company, company._value_today())
        level_of = {rung.tier_id: level for level, rung in enumerate(ladder, 1)}
        level = level_of.get(outlook["tier_id"], 0)
        is_higher = level > level_of.get(value.tier_id.id, 0)
        is_told = is_higher and all(line.metric in CUSTOMER_METRICS for line in ladder[level - 1].lines)
        tier = self.env["crm.value.tier"].sudo().browse(outlook["tier_id"] if is_told else False)
        gap = self._tell_gap(outlook)
        return {"reached": tier.name, "gap": gap, "icon": tier.icon or "fa-bullseye"} if tier or gap else None

    def _tell_gap(self, outlook):
        """Return what is missing for the next tier, in the currency of this order, or False."""
        part, missing = outlook["part"], outlook.get("amount")
        if not missing or part["match"] == "all" and any(line["have"] is None for line in part["lines"]):
            return False
        amount = formatLang(self.env, missing * (self.currency_rate or 1.0), currency_obj=self.currency_id)
        return self.env["crm.value"]._tell_amount_missing(amount, part["tier"].name)
