from odoo import api, fields, models
from odoo.tools import SQL

from ..const import MARGIN_GROUP, SELLER_GROUP


class SaleOrder(models.Model):
    """What the order form and the order list tell about the customer. Stores nothing.

    Configuration comes from the registry's cache, so that opening an order costs three queries at most.
    """

    _name = "sale.order"
    _inherit = ["sale.order", "crm.value.mixin"]

    clv = fields.Monetary(
        related="value_id.clv", currency_field="value_currency_id", groups=MARGIN_GROUP, aggregator=None)
    # The tier of the customer now; `value_tier_id` is the one whose benefits the order carries.
    customer_tier_id = fields.Many2one(related="value_id.tier_id", string="Customer Tier", groups=SELLER_GROUP)
    customer_tier_color = fields.Integer(
        related="value_id.tier_id.color", string="Customer Tier Color", groups=SELLER_GROUP)
    customer_tier_icon = fields.Selection(
        related="value_id.tier_id.icon", string="Customer Tier Icon", groups=SELLER_GROUP)
    value_tier_color = fields.Integer(related="value_tier_id.color", string="Tier Color")
    value_tier_icon = fields.Selection(related="value_tier_id.icon", string="Tier Icon")
    value_notice = fields.Char(compute="_compute_value_notice", groups=SELLER_GROUP)
    value_summary = fields.Html(compute="_compute_value_summary", sanitize=False, groups=SELLER_GROUP)

    @api.depends("partner_id", "company_id")
    def _compute_value_id(self):
        super()._compute_value_id()

    def _value_keys(self):
        # Read together with the company's contact, which knows the company's day: one query less on every form.
        (self.partner_id | self.company_id.partner_id).mapped("tz")
        return {order: (order.partner_id.commercial_partner_id._origin.id, order.company_id.id) for order in self}

    def _value_key_to_sql(self, alias, query):
        partner = query.make_alias(alias, "value_partner")
        query.add_join("LEFT JOIN", partner, "res_partner", SQL(
            "%s = %s", SQL.identifier(partner, "id"), self._field_to_sql(alias, "partner_id", query)))
        return (
            self.env["res.partner"]._field_to_sql(partner, "commercial_partner_id", query),
            self._field_to_sql(alias, "company_id", query))

    # what differs from the customer's present tier

    @api.depends("value_tier_id", "value_pause_reason", "partner_id", "company_id", "state")
    def _compute_value_notice(self):
        for order in self:
            order.value_notice = order._describe_difference() if order.state in ("draft", "sent") else False

    def _describe_difference(self):
        """Return why an open quotation's benefits differ from the customer's present ones, False when they do not."""
        value = self.sudo().value_id
        live, reason = value.tier_id, self.env["crm.value.benefit.state"]._pause_reason(
            value, self.company_id) if value.tier_id else False
        if reason:
            if not self.value_tier_id:
                return reason
            return self.env._("%(reason)s This order keeps the benefits of %(kept)s.", reason=reason,
                              kept=self.sudo().value_tier_id.name)
        if live == self.sudo().value_tier_id:
            return False
        texts = {"now": live.name, "kept": self.sudo().value_tier_id.name}
        if not live:
            return self.env._("The customer no longer has a tier; this order keeps the benefits of %(kept)s.", **texts)
        if not self.value_tier_id:
            return self.env._("The customer is %(now)s now; this order carries no benefits of a tier.", **texts)
        return self.env._("The customer is %(now)s now; this order keeps the benefits of %(kept)s.", **texts)

    # the box on the form

    @api.depends("value_tier_id", "partner_id", "company_id", "state", "order_line.price_subtotal",
                 "order_line.value_benefit_cost", "pricelist_id")
    @api.depends_context("uid", "lang")
    def _compute_value_summary(self):
        for order in self:
            order.value_summary = self.env["ir.qweb"]._render(
                "crm_value_addon.sale_order_summary", order._prepare_summary()) if order.partner_id else False

    def _prepare_summary(self):
        """Return what the box on the order form shows (see views/crm_value_templates.xml)."""
        self.ensure_one()
        sees_margin = self.env.user.has_group(MARGIN_GROUP)
        value = self.sudo().value_id
        tiers = self.env["crm.value.benefit.text"]._tier_labels(self.env.lang)
        stages = dict(value._fields["lifecycle_stage"]._description_selection(self.env))
        outlook = self._outlook(value)
        return {
            "order": self, "value": value, "currency": self.company_id.currency_id, "sees_margin": sees_margin,
            "tier": tiers.get(self.sudo().value_tier_id.id), "live_tier": tiers.get(value.tier_id.id),
            "stage": stages.get(value.lifecycle_stage), "risk": self._describe_risk(value),
            "benefits": self._carried_benefits(tiers), "outlook": outlook,
            "gap": self.env["crm.value.tier.preview"]._describe_gap(self.company_id, outlook) if outlook else False,
            "brings": tiers.get(outlook["tier_id"]) if outlook and outlook["tier_id"] != value.tier_id.id else None,
        }

    @api.model
    def _describe_risk(self, value):
        """Return the words of the badge for a churn risk that asks for something (as static/src/value_badges)."""
        if value.churn_risk not in ("medium", "high"):
            return False
        field = value._fields["churn_risk"]
        risks = dict(field._description_selection(self.env))
        return f"{field._description_string(self.env)}: {risks[value.churn_risk]}"

    def _carried_benefits(self, tiers):
        """Return the benefits of this order in words, each with whether something set by hand stands before it."""
        card = tiers.get(self.sudo().value_tier_id.id)
        if not card:
            return []
        held = {"pricelist": self.pricelist_id.id, "payment_term": self.payment_term_id.id, "manager": self.user_id.id}
        return [
            {"text": card["benefits"][entry.id], "kind": entry.benefit_type,
             "is_overruled": entry.benefit_type in held and held[entry.benefit_type] != entry.target_id}
            for entry in self._benefits_in_force() if entry.benefit_type != "gift"]

    def _outlook(self, value):
        """Return what this order, once invoiced, does to the customer's tier.

        None when nothing is left to invoice, and for a customer who wants no evaluation.
        """
        if self.partner_id.sudo().commercial_partner_id.value_opt_out:  # sudo: reads only the flag
            return None
        amount = self.amount_untaxed
        margin = sum(self.sudo().order_line.mapped("margin"))
        if self.state == "sale":
            open_amount = sum(self.order_line.mapped(
                lambda line: line.price_subtotal - line.untaxed_amount_invoiced if not line.is_downpayment else 0.0))
            margin, amount = margin * (open_amount / amount if amount else 0.0), open_amount
        if self.state == "cancel" or self.state == "sale" and amount <= 0 or not self.company_id:
            return None
        rate = self.currency_rate or 1.0
        customer = self.partner_id.commercial_partner_id._origin
        return self.env["crm.value.tier.preview"].sudo()._after_order(
            self.company_id, customer.id or 0, amount / rate, margin / rate) if customer else None
