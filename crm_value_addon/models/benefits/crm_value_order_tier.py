from odoo import api, models

#: fields of an order that are decided together, and that nobody writes
TIER_FIELDS = ("value_tier_id", "value_pause_reason", "value_tier_date")


class CrmValueOrderTier(models.AbstractModel):
    """The tier whose benefits an order carries, and the terms that this tier gives the order.

    How to use: `_decide` computes the tier, `_update_benefits` serves the button, and `_active_benefits` returns what
    an order carries.

    How it works: the order stores its tier, and the stored tier alone decides, never the customer's live tier. It is
    set when the order is created, when customer or company change on a draft, and by the button. Terms that a person
    chose are kept: `_unchosen_terms` finds the others, by comparing the order with what contact and tier give anyway.
    """

    _name = "crm.value.order.tier"
    _description = "Sales Orders: Tier"

    # which tier

    @api.model
    def _decide(self, orders):
        """Set the tier, its day and the reason of a pause on orders, except on those that keep their tier."""
        kept = orders.filtered(self._keeps_tier)
        for order in kept.filtered(lambda order: not order.id):
            # a form being edited shows what is stored
            for name in TIER_FIELDS:
                order[name] = order._origin[name]
        orders, moved = orders - kept, orders.browse()
        for company, group in orders.grouped("company_id").items():
            tiers = self._current_tiers(group, company)
            for order in group:
                tier, reason = tiers[order]
                if order._origin.id and order._origin.value_tier_id != tier:
                    moved |= order
                order.value_tier_id, order.value_pause_reason = tier, reason
                order.value_tier_date = company._value_today() if company else False
        # Odoo recomputes the terms when the customer changes, but not when the company does
        self.env.add_to_compute(orders._fields["payment_term_id"], moved)

    @api.model
    def _keeps_tier(self, order):
        """Tell whether an order keeps its tier: it is no draft, or its form changes neither customer nor company."""
        origin = order._origin
        if not origin.id or order.state != "draft":
            return bool(origin.id)
        return not order.id and order.partner_id._origin == origin.partner_id and order.company_id == origin.company_id

    @api.model
    def _current_tiers(self, orders, company):
        """Return what orders would carry if they were created now: order → (tier, reason of a pause or False)."""
        customer_of = {order: order.partner_id.commercial_partner_id._origin.id for order in orders}
        customers = {customer for customer in customer_of.values() if customer}
        tiers = self.env["crm.value.benefit.state"]._active_tiers(company, customers) if company and customers else {}
        nothing = (self.env["crm.value.tier"], False)
        return {order: tiers.get(customer, nothing) for order, customer in customer_of.items()}

    @api.model
    def _prepare_vals_list(self, vals_list):
        """Return the values of new orders, without an outdated pricelist from a visitor's session."""
        reserved = self.env["crm.value.benefit"]._tier_pricelist_ids()
        # a session can outlive the tier whose pricelist it holds, so the order computes its pricelist again
        return [
            {name: value for name, value in vals.items() if name != "pricelist_id"}
            if vals.get("website_id") and vals.get("pricelist_id") in reserved
            else vals
            for vals in vals_list
        ]

    @api.model
    def _keeping_tier(self, orders, vals):
        """Return a context manager that keeps the tier of those orders whose customer and company do not change."""
        keys = {"partner_id", "company_id"} & vals.keys()
        same = orders.filtered(lambda order: keys and all(order[name].id == vals[name] for name in keys))
        return self.env.protecting([orders._fields[name] for name in TIER_FIELDS], same)

    # what the order carries

    @api.model
    def _active_benefits(self, order):
        """Return what an order carries, as a list of `ActiveBenefit`."""
        order = order.sudo()  # sudo: customers place orders in the web shop and have no rights on tiers
        if not order.value_tier_id:
            return []
        return self.env["crm.value.benefit"]._active_benefits(
            order.value_tier_id, order.company_id, self._benefit_day(order)
        )

    @api.model
    def _benefit_day(self, order):
        """Return the day whose benefits an order carries."""
        return order.sudo().value_tier_date or order.company_id._value_today()  # sudo: reads this date only

    @api.model
    def _active_benefit(self, order, benefit_type):
        """Return the `ActiveBenefit` of a type that an order carries, None without one."""
        return next((benefit for benefit in self._active_benefits(order) if benefit.benefit_type == benefit_type), None)

    @api.model
    def _target_id(self, order, benefit_type):
        """Return the id of the record that an order's tier gives by a type of benefit, False without such a benefit."""
        benefit = self._active_benefit(order, benefit_type)
        return benefit.target_id if benefit else False

    @api.model
    def _with_benefits(self, order, tier):
        """Return an order in a context in which contacts have the pricelist of a tier, or of no tier."""
        return order.with_context(value_order_tier_id=tier.id, value_order_day=self._benefit_day(order))

    @api.model
    def _manager(self, order):
        """Return the account manager that an order's tier gives, empty when the contact has a salesperson."""
        partner = order.partner_id
        if not order.value_tier_id or partner.user_id or partner.commercial_partner_id.user_id:
            return self.env["res.users"]
        return (
            self.env["crm.value.benefit"]
            ._manager(order.value_tier_id, order.company_id, self._benefit_day(order))
            .with_env(self.env)
        )

    # what the tier sets on the order

    @api.model
    def _set_payment_terms(self, orders):
        for order in orders:
            term_id = self._target_id(order, "payment_term")
            if term_id and not self._has_manual_term(order.partner_id.with_company(order.company_id)):
                order.payment_term_id = term_id

    @api.model
    def _has_manual_term(self, partner):
        return partner._is_set_manually("property_payment_term_id")

    @api.model
    def _set_managers(self, orders):
        for order in orders:
            order.user_id = self._manager(order) or order.user_id

    @api.model
    def _shop_orders(self, orders):
        """Return those of these orders that come from a web shop, where one is installed."""
        return orders.filtered("website_id") if "website_id" in orders._fields else orders.browse()

    @api.model
    def _hurry_deliveries(self, orders):
        """Mark the deliveries of urgent orders, where Inventory is installed."""
        if "picking_ids" in orders._fields:
            urgent = orders.filtered(self._is_urgent)
            # sudo: whoever confirms an order need not have rights on its deliveries
            urgent.sudo().picking_ids.filtered(lambda picking: picking.state not in ("done", "cancel")).priority = "1"

    @api.model
    def _is_urgent(self, order):
        return self._active_benefit(order, "priority") is not None

    # terms that nobody chose

    @api.model
    def _unchosen_terms(self, order, tier):
        """Return the names of those fields of an order that hold what its contact and a tier give anyway."""
        Benefit = self.env["crm.value.benefit"]
        order_in_tier = self._with_benefits(order, tier).with_company(order.company_id)
        active = Benefit._active_benefits(tier, order.company_id, self._benefit_day(order))
        target_id = {benefit.benefit_type: benefit.target_id for benefit in active}
        return [
            row.order_field
            for row in Benefit._types().values()
            if row.order_field
            and order[row.order_field].id
            == getattr(self, f"_default_{row.code}")(order_in_tier.partner_id, target_id.get(row.code, 0))
        ]

    @api.model
    def _default_pricelist(self, partner, target_id):
        return partner.property_product_pricelist.id  # by the tier in the context

    @api.model
    def _default_payment_term(self, partner, target_id):
        own_id = partner.property_payment_term_id.id
        return own_id if self._has_manual_term(partner) else target_id or own_id

    @api.model
    def _default_manager(self, partner, target_id):
        return target_id  # Odoo copies a salesperson that its own rules chose

    @api.model
    def _drop_old_terms(self, order, vals, default):
        """Take the terms that nobody chose out of the values of a copy, if the copy will carry another tier.

        :param dict default: what the caller of the copy sets
        """
        partner = self.env["res.partner"].browse(default.get("partner_id") or order.partner_id.id)
        probe = order.new({"partner_id": partner.id, "company_id": order.company_id.id})
        tier, _reason = self._current_tiers(probe, order.company_id)[probe]
        if tier != order.value_tier_id:
            for name in self._unchosen_terms(order, order.value_tier_id):
                if name not in default:
                    vals.pop(name, None)

    @api.model
    def _update_benefits(self, order):
        """Let a quotation carry the benefits of its customer's present tier, at their prices."""
        before, unchosen = order.value_tier_id, self._unchosen_terms(order, order.value_tier_id)
        tier, reason = self._current_tiers(order, order.company_id)[order]
        # sudo: nobody chooses the tier itself (see field_access.py); whether the user may ask for it was checked
        order.sudo().write(
            {"value_tier_id": tier.id, "value_pause_reason": reason, "value_tier_date": order.company_id._value_today()}
        )
        vals = {}
        if "pricelist_id" in unchosen or self._target_id(order, "pricelist"):
            order_in_tier = self._with_benefits(order, tier).with_company(order.company_id)
            vals["pricelist_id"] = order_in_tier.partner_id.property_product_pricelist.id
        order.write(vals)
        if "payment_term_id" in unchosen or self._target_id(order, "payment_term"):
            order._compute_payment_term_id()
        order._recompute_prices()
        order._update_programs_and_rewards()
        nothing = self.env._("no tier")
        order._message_log(
            body=self.env._(
                "Benefits updated: %(before)s → %(after)s", before=before.name or nothing, after=tier.name or nothing
            )
        )
