from odoo import api, fields, models
from odoo.tools import SQL

from .crm_value import MARGIN_GROUP
from .sale_order_tier import SELLER_GROUP


class SaleOrder(models.Model):
    """What the order form and the order list tell about the customer. Stores nothing.

    Configuration comes from the registry's cache, so that opening an order costs three queries at most.
    """

    _inherit = "sale.order"

    value_id = fields.Many2one(
        "crm.value", string="Customer Value", compute="_compute_value_id", search="_search_value_id",
        compute_sudo=True, groups=SELLER_GROUP)
    value_currency_id = fields.Many2one(related="company_id.currency_id", string="Company Currency")
    clv = fields.Monetary(
        related="value_id.clv", currency_field="value_currency_id", groups=MARGIN_GROUP, aggregator=None)
    lifecycle_stage = fields.Selection(related="value_id.lifecycle_stage", groups=SELLER_GROUP)
    churn_risk = fields.Selection(related="value_id.churn_risk", groups=SELLER_GROUP)
    value_tier_color = fields.Integer(related="value_tier_id.color", string="Tier Color")
    value_notice = fields.Char(compute="_compute_value_notice", groups=SELLER_GROUP)
    value_summary = fields.Html(compute="_compute_value_summary", sanitize=False, groups=SELLER_GROUP)

    @api.depends("partner_id", "company_id")
    def _compute_value_id(self):
        # Read together with the company's contact, which knows the company's day: one query less on every form.
        (self.partner_id | self.company_id.partner_id).mapped("tz")
        customers = {order: order.partner_id.commercial_partner_id._origin.id for order in self}
        values = self.env["crm.value"].search_fetch([
            ("partner_id", "in", [customer for customer in customers.values() if customer]),
            ("company_id", "in", self.company_id.ids)])
        value_of = {(value.partner_id.id, value.company_id.id): value for value in values}
        for order, customer in customers.items():
            order.value_id = value_of.get((customer, order.company_id.id), False)

    def _search_value_id(self, operator, value):
        if operator not in ("in", "any", "any!"):
            return NotImplemented
        if operator == "in":
            value = [("id", "in", [number for number in value if number])]
        # Each order belongs to its company's value: joined, not looked up by the current company.
        return [("id", "in", self._query_with_value(value).subselect())]

    @api.model
    def _query_with_value(self, domain):
        query = self.sudo()._search([])
        alias = self._join_value(self._table, query)
        wanted = self.env["crm.value"].sudo()._search(domain)
        query.add_where(SQL("%s IN %s", SQL.identifier(alias, "id"), wanted.subselect()))
        return query

    def _field_to_sql(self, alias, field_expr, query=None):
        field = self._fields.get(field_expr)
        path = (field.related or "").split(".") if field else []
        if query is None or field_expr != "value_id" and path[:1] != ["value_id"]:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(field, "read")
        # sudo: the access to this field was checked above; the joined row is the order's company's own.
        return self.env["crm.value"].sudo()._field_to_sql(
            self._join_value(alias, query), ".".join(path[1:]) or "id", query)

    def _join_value(self, alias, query):
        """Join the value of the order's commercial partner in the order's company; return its alias."""
        partner, value = query.make_alias(alias, "value_partner"), query.make_alias(alias, "value")
        query.add_join("LEFT JOIN", partner, "res_partner", SQL(
            "%s = %s", SQL.identifier(partner, "id"), SQL.identifier(alias, "partner_id")))
        query.add_join("LEFT JOIN", value, "crm_value", SQL(
            "%s = %s AND %s = %s",
            SQL.identifier(value, "partner_id"), SQL.identifier(partner, "commercial_partner_id"),
            SQL.identifier(value, "company_id"), SQL.identifier(alias, "company_id")))
        return value

    # what differs from the customer's present tier

    @api.depends("value_tier_id", "value_pause_reason", "partner_id", "company_id", "state")
    def _compute_value_notice(self):
        for order in self:
            order.value_notice = order._describe_difference() if order.state in ("draft", "sent") else False

    def _describe_difference(self):
        """Return why an open quotation's benefits differ from the customer's present ones, False when they do not."""
        value = self.sudo().value_id
        live, reason = value.tier_id, value._pause_reason(self.company_id) if value.tier_id else False
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
        """Return what the box on the order form shows (see views/sale_order_views.xml)."""
        self.ensure_one()
        sees_margin = self.env.user.has_group(MARGIN_GROUP)
        value = self.sudo().value_id
        tiers = self.env["crm.value.benefit"]._tier_cards(self.env.lang)
        stages, risks = (dict(value._fields[name]._description_selection(self.env))
                         for name in ("lifecycle_stage", "churn_risk"))
        outlook = self._outlook(value)
        return {
            "order": self, "value": value, "currency": self.company_id.currency_id, "sees_margin": sees_margin,
            "tier": tiers.get(self.sudo().value_tier_id.id), "live_tier": tiers.get(value.tier_id.id),
            "stage": stages.get(value.lifecycle_stage), "risk": risks.get(value.churn_risk),
            "benefits": self._carried_benefits(tiers), "outlook": outlook,
            "gap": self.env["crm.value"]._describe_gap(self.company_id, outlook) if outlook else False,
            "brings": tiers.get(outlook["tier_id"]) if outlook and outlook["tier_id"] != value.tier_id.id else None,
        }

    def _carried_benefits(self, tiers):
        """Return the benefits of this order in words, each with whether something set by hand stands before it."""
        card = tiers.get(self.sudo().value_tier_id.id)
        if not card:
            return []
        held = {"pricelist": self.pricelist_id.id, "payment_term": self.payment_term_id.id, "manager": self.user_id.id}
        return [
            {"text": card["benefits"][entry.id], "kind": entry.kind,
             "is_overruled": entry.kind in held and held[entry.kind] != entry.target_id}
            for entry in self._benefits_in_force() if entry.kind != "gift"]

    def _outlook(self, value):
        """Return what this order, once invoiced, does to the customer's tier; None when nothing is left to invoice."""
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
        return self.env["crm.value"].sudo()._order_outlook(
            self.company_id, customer.id or 0, amount / rate, margin / rate) if customer else None
