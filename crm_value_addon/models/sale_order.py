from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column

from ..const import MANAGER_GROUP, MARGIN_GROUP, SELLER_GROUP
from .privacy.field_access import denies

#: what makes the same prices another margin
_PRICING_FIELDS = {"pricelist_id", "currency_id", "company_id", "date_order", "fiscal_position_id"}


class SaleOrder(models.Model):
    """An order carries the benefits of a tier, and shows what the customer is worth.

    The services do the work: `crm.value.order.tier` for the tier and its terms, `crm.value.order.loyalty` for programs
    and points, `crm.value.order.margin` for the cost of the benefits and the margin guard, `crm.value.order.summary`
    for what the form shows.
    """

    _name = "sale.order"
    _inherit = ["sale.order", "crm.value.mixin"]

    # the tier whose benefits the order carries
    value_tier_id = fields.Many2one(
        "crm.value.tier",
        string="Tier",
        compute="_compute_value_tier_id",
        store=True,
        precompute=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        help="The tier whose benefits this order carries",
    )
    value_tier_date = fields.Date(
        string="Benefits as of",
        compute="_compute_value_tier_id",
        store=True,
        precompute=True,
        copy=False,
        groups=SELLER_GROUP,
        help="The day whose benefits this order carries",
    )
    value_pause_reason = fields.Char(
        string="Benefits Paused",
        compute="_compute_value_tier_id",
        store=True,
        precompute=True,
        copy=False,
        groups=SELLER_GROUP,
    )
    value_carried_benefits = fields.Json(
        compute="_compute_value_tier_id",
        store=True,
        precompute=True,
        copy=False,
        groups=SELLER_GROUP,
        help="The ids of the benefits that this order was promised",
    )
    value_tier_color = fields.Integer(related="value_tier_id.color", string="Tier Color")
    value_tier_icon = fields.Selection(related="value_tier_id.icon", string="Tier Icon")

    # the customer now
    clv = fields.Monetary(
        related="value_id.clv", currency_field="value_currency_id", groups=MARGIN_GROUP, aggregator=None
    )
    customer_tier_id = fields.Many2one(related="value_id.tier_id", string="Customer Tier", groups=SELLER_GROUP)
    customer_tier_color = fields.Integer(
        related="value_id.tier_id.color", string="Customer Tier Color", groups=SELLER_GROUP
    )
    customer_tier_icon = fields.Selection(
        related="value_id.tier_id.icon", string="Customer Tier Icon", groups=SELLER_GROUP
    )
    value_notice = fields.Char(compute="_compute_value_notice", groups=SELLER_GROUP)
    value_suggestion_ids = fields.Many2many(
        "crm.value.suggestion", string="Next Products", compute="_compute_value_suggestion_ids", groups=SELLER_GROUP
    )
    value_summary = fields.Html(compute="_compute_value_summary", sanitize=False, groups=SELLER_GROUP)

    # what the benefits cost, and the margin they leave
    value_benefit_cost = fields.Monetary(string="Cost of Benefits", compute="_compute_value_benefit_cost")
    value_margin_before = fields.Monetary(
        string="Margin Before Benefits", compute="_compute_value_margin_before", groups=MARGIN_GROUP
    )
    value_approved_shortfall = fields.Monetary(
        string="Shortfall Approved",
        copy=False,
        readonly=True,
        groups=MARGIN_GROUP,
        help="A manager let the order be confirmed with so much less margin than the company asks for",
    )
    value_margin_approved_by_id = fields.Many2one(
        "res.users", string="Margin Approved by", copy=False, readonly=True, ondelete="set null"
    )
    value_is_below_floor = fields.Boolean(
        string="Margin Too Low", compute="_compute_value_is_below_floor", compute_sudo=True
    )

    def _auto_init(self):
        # old orders carry no tier: the columns exist before Odoo would compute them for each order
        for name, kind in (
            ("value_tier_id", "int4"),
            ("value_pause_reason", "varchar"),
            ("value_tier_date", "date"),
            ("value_carried_benefits", "jsonb"),
        ):
            if not column_exists(self.env.cr, self._table, name):
                create_column(self.env.cr, self._table, name, kind)
        return super()._auto_init()

    def init(self):
        super().init()
        self.env["crm.value.schema"]._commit()

    # computes

    @api.depends("partner_id", "company_id")
    def _compute_value_id(self):
        super()._compute_value_id()

    @api.depends("partner_id", "company_id")
    def _compute_value_tier_id(self):
        self.env["crm.value.order.tier"]._decide(self)

    @api.depends("value_tier_id", "value_pause_reason", "partner_id", "company_id", "state")
    def _compute_value_notice(self):
        Summary = self.env["crm.value.order.summary"]
        for order in self:
            order.value_notice = Summary._describe_difference(order) if order.state in ("draft", "sent") else False

    @api.depends(
        "value_tier_id",
        "partner_id",
        "company_id",
        "state",
        "order_line.price_subtotal",
        "order_line.value_benefit_cost",
        "pricelist_id",
    )
    @api.depends_context("uid", "lang")
    def _compute_value_summary(self):
        Summary = self.env["crm.value.order.summary"]
        for order in self:
            order.value_summary = (
                self.env["ir.qweb"]._render("crm_value_addon.sale_order_summary", Summary._prepare_summary(order))
                if order.partner_id
                else False
            )

    @api.depends("partner_id", "company_id", "state", "pricelist_id", "order_line.product_id")
    def _compute_value_suggestion_ids(self):
        for order in self:
            order.value_suggestion_ids = self.env["crm.value.product.offer"]._suggestions(order)

    @api.depends("order_line.value_benefit_cost")
    def _compute_value_benefit_cost(self):
        for order in self:
            order.value_benefit_cost = sum(order.order_line.mapped("value_benefit_cost"))

    @api.depends("margin", "value_benefit_cost")
    def _compute_value_margin_before(self):
        for order in self:
            order.value_margin_before = order.margin + order.value_benefit_cost

    @api.depends(
        "order_line.price_unit",
        "order_line.discount",
        "order_line.product_uom_qty",
        "order_line.product_uom_id",
        "order_line.product_id",
        "order_line.tax_ids",
        "order_line.purchase_price",
        "state",
        "value_tier_id",
        "company_id",
        "value_approved_shortfall",
        "value_margin_approved_by_id",
    )
    def _compute_value_is_below_floor(self):
        for order in self:
            is_open = order.state in ("draft", "sent")
            order.value_is_below_floor = is_open and self.env["crm.value.order.margin"]._is_below_floor(order)

    # Odoo's own computes

    def _compute_pricelist_id(self):
        if not self.env["crm.value.benefit"]._of_type("pricelist"):
            return super()._compute_pricelist_id()
        for order in self:
            in_tier = self.env["crm.value.order.tier"]._with_benefits(order, order.value_tier_id)
            super(SaleOrder, in_tier)._compute_pricelist_id()

    def _compute_payment_term_id(self):
        super()._compute_payment_term_id()
        self.env["crm.value.order.tier"]._set_payment_terms(self)

    def _compute_user_id(self):
        OrderTier = self.env["crm.value.order.tier"]
        unassigned = self.filtered(lambda order: order.partner_id and not (order._origin.id and order.user_id))
        super()._compute_user_id()
        # a cart gets its salesperson when it is confirmed
        carts = OrderTier._shop_orders(unassigned).filtered(lambda order: order.state == "draft")
        OrderTier._set_managers(unassigned - carts)

    # creating, changing, copying

    @api.model_create_multi
    def create(self, vals_list):
        orders = super().create(self.env["crm.value.order.tier"]._prepare_vals_list(vals_list))
        self.env["crm.value.order.margin"]._check_floor(orders.filtered(lambda order: order.state == "sale"))
        return orders

    def write(self, vals):
        Margin, OrderTier = self.env["crm.value.order.margin"], self.env["crm.value.order.tier"]
        before = OrderTier._terms_before(self, vals)
        if before and "partner_id" in vals and "order_line" in vals:
            # prices typed together with a new customer are written after those of the customer
            self.write({"partner_id": vals["partner_id"]})
            vals, before = {name: value for name, value in vals.items() if name != "partner_id"}, {}
        Margin._withdraw_approval(self, vals)
        confirmed = self.filtered(lambda order: order.state != "sale") if vals.get("state") == "sale" else self.browse()
        was_cancelled = self.filtered(lambda order: order.state == "cancel") if "state" in vals else self.browse()
        guarded = self.browse() if _PRICING_FIELDS.isdisjoint(vals) else self
        with OrderTier._keeping_tier(self, vals), Margin._guarding_lines(guarded):
            result = super().write(vals)
        OrderTier._follow_customer(before)
        Margin._check_floor(confirmed)
        if "state" in vals:
            # what was kept of a cancelled order is margin
            changed = self - was_cancelled if vals["state"] == "cancel" else was_cancelled
            self.env["crm.value.document"]._refreeze_advances(changed)
        return result

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for order, vals in zip(self, vals_list, strict=True):
            self.env["crm.value.order.tier"]._drop_old_terms(order, vals, default or {})
        return vals_list

    def copy(self, default=None):
        """Return copies that carry what the customer's present tier gives, at its prices."""
        copies = super().copy(default)
        for order, copied in zip(self, copies, strict=True):
            if copied.value_tier_id != order.value_tier_id and copied.pricelist_id != order.pricelist_id:
                copied._recompute_prices()
        return copies

    # confirming

    def action_confirm(self):
        OrderTier = self.env["crm.value.order.tier"]
        OrderTier._set_managers(OrderTier._shop_orders(self))
        self.env["crm.value.order.stacking"]._check_confirmed(self)
        result = super().action_confirm()
        self.env["crm.value.points"]._on_confirmed(self)
        return result

    def _action_confirm(self):
        result = super()._action_confirm()
        self.env["crm.value.order.tier"]._hurry_deliveries(self)
        return result

    def _action_cancel(self):
        points = self.env["crm.value.points"]
        lines = points._lines_of(self.filtered(lambda order: order.state == "sale"))
        result = super()._action_cancel()
        points._forget(lines.filtered(lambda line: line.value_order_id.state == "cancel"))
        return result

    # buttons

    def action_update_benefits(self):
        """Let these quotations carry the benefits of the customers' present tiers, at their prices.

        :raise AccessError: the user may not change these orders
        """
        self.check_access("write")
        for order in self.exists().filtered(lambda order: order.state in ("draft", "sent") and not order.locked):
            self.env["crm.value.order.tier"]._update_benefits(order)
        return True

    def action_request_margin_approval(self):
        """Schedule an activity for a sales manager, the leader of the order's team if they are one; once per order.

        :raise AccessError: the user may not change these orders
        """
        self.check_access("write")
        self.env["crm.value.order.margin"]._request_approval(self)
        return self.env["crm.value"]._notification(self.env._("A sales manager was asked."))

    def action_approve_margin(self):
        """Let these orders be confirmed with the margin that they have now.

        :raise AccessError: the user is no sales manager
        """
        if not self.env.user.has_group(MANAGER_GROUP):
            raise AccessError(self.env._("Only a sales manager can approve a margin."))
        self.check_access("write")
        self.env["crm.value.order.margin"]._approve(self)

    def action_recompute_value(self):
        """Recompute the values of these orders' customers (see `res.partner.action_recompute_value`)."""
        self.check_access("read")
        return self.partner_id.action_recompute_value()

    # programs and points

    def _get_program_domain(self):
        return self.env["crm.value.order.loyalty"]._close_programs(self, super()._get_program_domain(), "id")

    def _get_trigger_domain(self):
        return self.env["crm.value.order.loyalty"]._close_programs(self, super()._get_trigger_domain(), "program_id")

    def _program_check_compute_points(self, programs):
        result = super()._program_check_compute_points(programs)
        self.env["crm.value.order.loyalty"]._multiply_points(self, result)
        return result

    def _get_claimable_rewards(self, forced_coupons=None):
        claimable = super()._get_claimable_rewards(forced_coupons)
        return self.env["crm.value.order.stacking"]._allowed(self, claimable)

    def _find_claimable_rewards(self):
        """Return the rewards that Odoo would offer, whatever may come together."""
        return super()._get_claimable_rewards()  # pylint: disable=super-method-mismatch

    def _apply_program_reward(self, reward, coupon, **kwargs):
        reason = self.env["crm.value.order.stacking"]._reason(self, reward.program_id)
        return {"error": reason} if reason else super()._apply_program_reward(reward, coupon, **kwargs)

    def _add_loyalty_history_lines(self):
        super()._add_loyalty_history_lines()
        self.env["crm.value.order.loyalty"]._note_points(self)

    # who sees what

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not denies(self, field, operation)

    def _customer_progress(self):
        """Return what the web shop's cart shows of the tier (see `crm.value.portal`); None when there is nothing."""
        return self.env["crm.value.portal"]._prepare_portal_progress(self)

    def _value_keys(self):
        # read together with the company's contact, which knows the company's day: one query less on every form
        (self.partner_id | self.company_id.partner_id).mapped("tz")
        return {order: (order.partner_id.commercial_partner_id._origin.id, order.company_id.id) for order in self}

    def _value_key_to_sql(self, alias, query):
        partner = query.make_alias(alias, "value_partner")
        query.add_join(
            "LEFT JOIN",
            partner,
            "res_partner",
            SQL("%s = %s", SQL.identifier(partner, "id"), self._field_to_sql(alias, "partner_id", query)),
        )
        return (
            self.env["res.partner"]._field_to_sql(partner, "commercial_partner_id", query),
            self._field_to_sql(alias, "company_id", query),
        )
