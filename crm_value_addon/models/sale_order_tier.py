from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools.sql import column_exists, create_column

from ..const import SELLER_GROUP

_COLUMNS = {"value_tier_id": "int4", "value_pause_reason": "varchar", "value_tier_date": "date"}
#: what a tier can give an order besides prices and points
_TERMS = ("pricelist_id", "payment_term_id", "user_id")


class SaleOrder(models.Model):
    """The tier whose benefits an order carries. It is stored, and it alone decides: never the customer's live tier.

    It is set at creation, when customer or company change on a draft, and by `action_update_benefits`.
    """

    _inherit = "sale.order"

    value_tier_id = fields.Many2one(
        "crm.value.tier", string="Tier", compute="_compute_value_tier_id", store=True, precompute=True, copy=False,
        ondelete="set null", index="btree_not_null", help="The tier whose benefits this order carries")
    value_tier_date = fields.Date(
        string="Benefits as of", compute="_compute_value_tier_id", store=True, precompute=True, copy=False,
        groups=SELLER_GROUP, help="The day whose benefits this order carries")
    value_pause_reason = fields.Char(
        string="Benefits Paused", compute="_compute_value_tier_id", store=True, precompute=True, copy=False,
        groups=SELLER_GROUP)

    def _auto_init(self):
        # Old orders carry nothing: their column is not computed at the installation.
        for name, kind in _COLUMNS.items():
            if not column_exists(self.env.cr, self._table, name):
                create_column(self.env.cr, self._table, name, kind)
        return super()._auto_init()

    def init(self):
        super().init()
        self.env["crm.value.schema"]._commit()

    # the tier

    @api.depends("partner_id", "company_id")
    def _compute_value_tier_id(self):
        kept = self.filtered(lambda order: order._keeps_tier())
        for order in kept.filtered(lambda order: not order.id):
            # a form that is being edited: as it is stored
            for name in _COLUMNS:
                order[name] = order._origin[name]
        orders, moved = self - kept, self.browse()
        for company, group in orders.grouped("company_id").items():
            standing = group._live_standing(company)
            for order in group:
                tier, reason = standing[order]
                if order._origin.id and order._origin.value_tier_id != tier:
                    moved |= order
                order.value_tier_id, order.value_pause_reason = tier, reason
                order.value_tier_date = company._value_today() if company else False
        # Odoo looks at the terms anew when the customer changes, not when the company does.
        self.env.add_to_compute(self._fields["payment_term_id"], moved)

    def _keeps_tier(self):
        """Tell whether this order's tier stands: it is no draft, or its form changes neither customer nor company."""
        self.ensure_one()
        origin = self._origin
        if not origin.id or self.state != "draft":
            return bool(origin.id)
        return not self.id and self.partner_id._origin == origin.partner_id and self.company_id == origin.company_id

    def _live_standing(self, company):
        """Return what these orders would carry if they were made now: order → (tier, reason of a pause or False)."""
        customer_of = {order: order.partner_id.commercial_partner_id._origin.id for order in self}
        nothing = (self.env["crm.value.tier"], False)
        wanted = {customer for customer in customer_of.values() if customer}
        found = self.env["crm.value.benefit.state"]._active_tiers(company, wanted) if company and wanted else {}
        return {order: found.get(customer, nothing) for order, customer in customer_of.items()}

    def _benefits_in_force(self):
        """Return the entries of the benefits that this order carries (see `crm.value.benefit`)."""
        self.ensure_one()
        # sudo: the order of a customer in the web shop asks, too.
        order = self.sudo()
        if not order.value_tier_id:
            return []
        return self.env["crm.value.benefit"]._active_benefits(
            order.value_tier_id, order.company_id, order._benefit_day())

    def _benefit_day(self):
        self.ensure_one()
        return self.sudo().value_tier_date or self.company_id._value_today()

    def _benefit_target_id(self, kind):
        return next((entry.target_id for entry in self._benefits_in_force() if entry.benefit_type == kind), False)

    # Odoo's own fields

    def _compute_pricelist_id(self):
        if not self.env["crm.value.benefit"]._tier_pricelist_ids():
            return super()._compute_pricelist_id()
        for order in self:
            super(SaleOrder, order._with_benefits(order.value_tier_id))._compute_pricelist_id()

    def _with_benefits(self, tier):
        """Return this order in a context in which contacts have the pricelist of a tier, or of none."""
        self.ensure_one()
        return self.with_context(value_order_tier_id=tier.id, value_order_day=self._benefit_day())

    def _compute_payment_term_id(self):
        super()._compute_payment_term_id()
        for order in self:
            term_id = order._benefit_target_id("payment_term")
            if term_id and not order._partner_has_own("property_payment_term_id"):
                order.payment_term_id = term_id

    def _partner_has_own(self, name):
        """Tell whether a person set this on the contact: that wins."""
        self.ensure_one()
        return self.partner_id.with_company(self.company_id)._is_set_manually(name)

    def _compute_user_id(self):
        fresh = self.filtered(lambda order: order.partner_id and not (order._origin.id and order.user_id))
        super()._compute_user_id()
        for order in fresh:
            is_cart = "website_id" in order._fields and order.website_id and order.state == "draft"
            if not is_cart:  # a cart gets its salesperson when it is confirmed
                order.user_id = order._tier_manager() or order.user_id

    def _tier_manager(self):
        """Return the account manager that this order's tier gives, empty when the contact has a salesperson."""
        self.ensure_one()
        partner = self.partner_id
        if not self.value_tier_id or partner.user_id or partner.commercial_partner_id.user_id:
            return self.env["res.users"]
        return self.env["crm.value.benefit"]._manager(
            self.value_tier_id, self.company_id, self._benefit_day()).with_env(self.env)

    def action_confirm(self):
        if "website_id" in self._fields:
            for cart in self.filtered("website_id"):
                cart.user_id = cart._tier_manager() or cart.user_id
        return super().action_confirm()

    def _action_confirm(self):
        result = super()._action_confirm()
        if "picking_ids" in self._fields:  # where stock is installed
            urgent = self.filtered(lambda order: order._is_urgent())
            # sudo: whoever confirms an order need not have rights on its deliveries.
            urgent.sudo().picking_ids.filtered(lambda picking: picking.state not in ("done", "cancel")).priority = "1"
        return result

    def _is_urgent(self):
        self.ensure_one()
        return any(entry.benefit_type == "priority" for entry in self._benefits_in_force())

    # making, changing, copying

    @api.model_create_multi
    def create(self, vals_list):
        reserved = self.env["crm.value.benefit"]._tier_pricelist_ids()
        for vals in vals_list:
            self._check_tier_vals(vals)
            if vals.get("website_id") and vals.get("pricelist_id") in reserved:
                # A visitor's session can outlive the tier whose pricelist it holds: asked anew.
                del vals["pricelist_id"]
        return super().create(vals_list)

    def write(self, vals):
        self._check_tier_vals(vals)
        keys = {"partner_id", "company_id"} & vals.keys()
        if not keys:
            return super().write(vals)
        # What is written as it was is no change of customer or company.
        same = self.filtered(lambda order: all(order[name].id == vals[name] for name in keys))
        with self.env.protecting([self._fields[name] for name in _COLUMNS], same):
            return super().write(vals)

    @api.model
    def _check_tier_vals(self, vals):
        if not self.env.su and not vals.keys().isdisjoint(_COLUMNS):
            raise AccessError(self.env._("Nobody chooses the tier of an order: the customer's tier does."))

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for order, vals in zip(self, vals_list, strict=True):
            partner = self.env["res.partner"].browse((default or {}).get("partner_id") or order.partner_id.id)
            probe = order.new({"partner_id": partner.id, "company_id": order.company_id.id})
            tier, _reason = probe._live_standing(order.company_id)[probe]
            if tier != order.value_tier_id:
                for name in order._terms_by_rule(order.value_tier_id):
                    if name not in (default or {}):
                        vals.pop(name, None)
        return vals_list

    def copy(self, default=None):
        """Return copies that carry what the customer's present tier gives, at its prices."""
        copies = super().copy(default)
        for order, copied in zip(self, copies, strict=True):
            if copied.value_tier_id != order.value_tier_id and copied.pricelist_id != order.pricelist_id:
                copied._recompute_prices()
        return copies

    def _terms_by_rule(self, tier):
        """Return the names of the terms of this order that nobody chose: what the contact and a tier give anyway."""
        self.ensure_one()
        order = self._with_benefits(tier).with_company(self.company_id)
        partner = order.partner_id
        entries = self.env["crm.value.benefit"]._active_benefits(tier, self.company_id, self._benefit_day())
        target = {entry.benefit_type: entry.target_id for entry in entries}
        own_term = partner.property_payment_term_id
        has_own_term = partner._is_set_manually("property_payment_term_id")
        by_rule = {
            "pricelist_id": partner.property_product_pricelist.id,
            "payment_term_id": own_term.id if has_own_term else target.get("payment_term") or own_term.id,
            # a salesperson that nobody chose is the tier's only: Odoo copies its own
            "user_id": target.get("manager") or 0,
        }
        return [name for name in _TERMS if self[name].id == by_rule[name]]

    # the button

    def action_update_benefits(self):
        """Let these quotations carry the benefits of the customers' present tiers, at their prices.

        :raise AccessError: the user may not change these orders
        """
        self.check_access("write")
        for order in self.exists().filtered(lambda order: order.state in ("draft", "sent") and not order.locked):
            order._update_benefits()
        return True

    def _update_benefits(self):
        self.ensure_one()
        before = self.value_tier_id
        free = self._terms_by_rule(before)
        tier, reason = self._live_standing(self.company_id)[self]
        # sudo: the tier itself is nobody's choice (see `_check_tier_vals`); who may ask for it was checked.
        self.sudo().write({
            "value_tier_id": tier.id, "value_pause_reason": reason, "value_tier_date": self.company_id._value_today()})
        vals = {}
        if "pricelist_id" in free or self._benefit_target_id("pricelist"):
            order = self._with_benefits(tier).with_company(self.company_id)
            vals["pricelist_id"] = order.partner_id.property_product_pricelist.id
        self.write(vals)
        if "payment_term_id" in free or self._benefit_target_id("payment_term"):
            self._compute_payment_term_id()
        self._recompute_prices()
        self._update_programs_and_rewards()
        nothing = self.env._("no tier")
        self._message_log(body=self.env._(
            "Benefits updated: %(before)s → %(after)s", before=before.name or nothing, after=tier.name or nothing))
