from odoo import api, models

from ...const import MARGIN_GROUP


class CrmValueOrderSummary(models.AbstractModel):
    """What the order form shows of the customer: the box, and the notice above it. Stores nothing.

    How to use: `_prepare_summary` for the box, `_describe_difference` for the notice; the web shop's cart asks
    `_tier_preview`.

    How it works: tiers and benefits come from the registry's cache, so that opening an order costs three queries at
    most.
    """

    _name = "crm.value.order.summary"
    _description = "Sales Orders: Summary of the Customer"

    @api.model
    def _prepare_summary(self, order):
        """Return what the box on the order form shows (see views/crm_value_templates.xml)."""
        sees_margin = self.env.user.has_group(MARGIN_GROUP)
        # sudo: the box is for sellers, who may not read every figure; the template shows margins by `sees_margin`
        value, tier_id = order.sudo().value_id, order.sudo().value_tier_id.id
        labels = self.env["crm.value.benefit.text"]._tier_labels(self.env.lang)
        stages = dict(value._fields["lifecycle_stage"]._description_selection(self.env))
        preview = self._tier_preview(order, value)
        return {
            "order": order,
            "value": value,
            "currency": order.company_id.currency_id,
            "sees_margin": sees_margin,
            "tier": labels.get(tier_id),
            "live_tier": labels.get(value.tier_id.id),
            # sudo: as above
            "style_hint": order.sudo().partner_id.contact_style_hint,
            "channel": dict(value._fields["last_contact_channel"]._description_selection(self.env)).get(
                value.last_contact_channel
            ),
            "stage": stages.get(value.lifecycle_stage),
            "risk": self._describe_risk(value),
            "benefits": self._prepare_benefits(order, labels.get(tier_id)),
            "left_out": self.env["crm.value.order.stacking"]._left_out(order),
            "gap": self.env["crm.value.tier.preview"]._describe_gap(order.company_id, preview) if preview else False,
            "reached": labels.get(preview["tier_id"]) if preview and preview["tier_id"] != value.tier_id.id else None,
        }

    @api.model
    def _describe_risk(self, value):
        """Return the words of the badge for a churn risk that asks for something (as static/src/value_badges)."""
        if value.churn_risk not in ("medium", "high"):
            return False
        field = value._fields["churn_risk"]
        risks = dict(field._description_selection(self.env))
        return f"{field._description_string(self.env)}: {risks[value.churn_risk]}"

    @api.model
    def _prepare_benefits(self, order, label):
        """Return the benefits of an order in words, each with whether a person set something else on the order."""
        types, benefits = self.env["crm.value.benefit"]._types(), []
        for benefit in self.env["crm.value.order.tier"]._active_benefits(order) if label else ():
            row = types[benefit.benefit_type]
            # a pricelist in another currency is for other customers
            if row.is_on_orders and benefit.currency_id in (0, order.currency_id.id):
                benefits.append(
                    {
                        "text": label["benefits"][benefit.id],
                        "benefit_type": benefit.benefit_type,
                        "is_overridden": bool(row.order_field) and order[row.order_field].id != benefit.target_id,
                    }
                )
        return benefits

    @api.model
    def _tier_preview(self, order, value):
        """Return what an order, once invoiced, does to the customer's tier (see `crm.value.tier.preview`).

        None when nothing is left to invoice, and for a customer who wants no evaluation.
        """
        if order.partner_id.sudo().commercial_partner_id.value_opt_out:  # sudo: reads only the flag
            return None
        brings = self._open_amounts(order)
        if order.state == "cancel" or order.state == "sale" and brings["purchase"] <= 0 or not order.company_id:
            return None
        rate = order.currency_rate or 1.0
        customer = order.partner_id.commercial_partner_id._origin
        # sudo: sellers have no rights on margins, which a tier may ask for
        return (
            self.env["crm.value.tier.preview"]
            .sudo()
            ._after_order(order.company_id, customer.id or 0, {kind: amount / rate for kind, amount in brings.items()})
            if customer
            else None
        )

    @api.model
    def _open_amounts(self, order):
        """Return what an order adds once the rest is invoiced, in its currency: dict of `raised_by` → amount.

        Advances are no purchase and have no margin; fees have a margin. What was paid in advance is revenue already, so
        that the rest brings less.
        """
        lines, Kind = order.sudo().order_line, self.env["crm.value.line.kind"]  # sudo: the preview shows no margin
        left = {line: line.price_subtotal for line in lines}
        if order.state == "sale":
            left = {line: line.price_subtotal - line.untaxed_amount_invoiced for line in lines}
        sold = lines - Kind._is_advance(lines)
        bought = sold - Kind._with_mark(sold, "value_no_purchase")
        qualifying = bought - Kind._with_mark(bought, "value_not_for_tiers")
        return {
            "amount": sum(left.values()),
            "margin": sum(line.margin * left[line] / line.price_subtotal for line in sold if line.price_subtotal)
            if order.state == "sale"
            else sum(sold.mapped("margin")),
            "purchase": sum(left[line] for line in bought),
            "qualifying": sum(left[line] for line in qualifying),
        }

    # the notice

    @api.model
    def _describe_difference(self, order):
        """Return why an open quotation's benefits differ from the customer's present ones, False when they do not."""
        order = order.sudo()  # sudo: the tier may be one of a company that the reader does not see any more
        value, kept = order.value_id, order.value_tier_id
        live = value.tier_id
        reason = live and self.env["crm.value.benefit.state"]._pause_reason(value)
        if reason:
            return (
                reason
                if not kept
                else self.env._("%(reason)s This order keeps the benefits of %(kept)s.", reason=reason, kept=kept.name)
            )
        if live == kept:
            return False
        if not live:
            return self.env._(
                "The customer no longer has a tier; this order keeps the benefits of %(kept)s.", kept=kept.name
            )
        if not kept:
            return self.env._("The customer is %(now)s now; this order carries no benefits of a tier.", now=live.name)
        return self.env._(
            "The customer is %(now)s now; this order keeps the benefits of %(kept)s.", now=live.name, kept=kept.name
        )
