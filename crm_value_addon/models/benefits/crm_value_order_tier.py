from odoo import api, models

#: fields of an order that are decided together, and that nobody writes
TIER_FIELDS = ("value_tier_id", "value_pause_reason", "value_tier_date", "value_carried_benefits")


class CrmValueOrderTier(models.AbstractModel):
    """The tier whose benefits an order carries, and the terms that this tier gives the order.

    How to use: `_decide` computes the tier, `_update_benefits` serves the button, and `_active_benefits` returns what
    an order carries.

    How it works: the order stores its tier, and the stored tier alone decides, never the customer's live tier. It is
    set when the order is created, when it gets another customer or company before it is confirmed, and by the button.
    The order also stores which benefits it was promised, so that it keeps them when they, or the tier, go out of use.
    Terms that a person chose are kept: `_unchosen_terms` finds the others, by comparing the order with what contact and
    tier give anyway.
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
                for name, value in self._prepare_tier_vals(tier, reason, company).items():
                    order[name] = value
        # Odoo recomputes the terms when the customer changes, but not when the company does
        self.env.add_to_compute(orders._fields["payment_term_id"], moved)

    @api.model
    def _prepare_tier_vals(self, tier, reason, company):
        """Return the fields of `TIER_FIELDS` for an order that is to carry a tier from today on."""
        today = company._value_today() if company else False
        active = self.env["crm.value.benefit"]._active_benefits(tier, company, today) if tier else []
        values = (tier.id, reason, today, [benefit.id for benefit in active] or False)
        return dict(zip(TIER_FIELDS, values, strict=True))

    @api.model
    def _keeps_tier(self, order):
        """Tell whether an order keeps its tier: it is confirmed, or its form changes neither customer nor company."""
        origin = order._origin
        if not origin.id or order.state == "sale":
            return bool(origin.id)
        return (
            not order.id
            and order.partner_id._origin.commercial_partner_id == origin.partner_id.commercial_partner_id
            and order.company_id == origin.company_id
        )

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
        same = orders - self._changing_hands(orders, vals) if {"partner_id", "company_id"} & vals.keys() else ()
        return self.env.protecting([orders._fields[name] for name in TIER_FIELDS], orders.browse().concat(*same))

    @api.model
    def _changing_hands(self, orders, vals):
        """Return those orders that these values give to another commercial partner or company."""
        found = orders.browse()
        if "partner_id" in vals:
            customer = self.env["res.partner"].browse(vals["partner_id"]).commercial_partner_id
            found |= orders.filtered(lambda order: order.partner_id.commercial_partner_id != customer)
        if "company_id" in vals:
            found |= orders.filtered(lambda order: order.company_id.id != vals["company_id"])
        return found

    # when a quotation changes hands

    @api.model
    def _terms_before(self, orders, vals):
        """Return what quotations carry that are about to change hands: order → (tier, pricelist, whether unchosen)."""
        quotations = self._changing_hands(orders, vals).filtered(lambda order: order.state != "sale")
        return {
            order: (
                order.value_tier_id,
                order.pricelist_id,
                "pricelist_id" in self._unchosen_terms(order, order.value_tier_id),
            )
            for order in quotations
        }

    @api.model
    def _follow_customer(self, before):
        """Let quotations follow their new customer where another tier comes with it: pricelist, prices and rewards.

        Odoo computes payment terms by itself, and the pricelist of drafts.

        :param before: what `_terms_before` returned
        """
        for order, (tier, pricelist, is_unchosen) in before.items():
            if order.value_tier_id == tier:
                continue
            if is_unchosen and order.state != "draft":
                in_tier = self._with_benefits(order, order.value_tier_id).with_company(order.company_id)
                order.pricelist_id = in_tier.partner_id.property_product_pricelist
            if order.pricelist_id != pricelist:
                order._recompute_prices()
            order._update_programs_and_rewards()

    # what the order carries

    @api.model
    def _active_benefits(self, order):
        """Return what an order carries, as a list of `ActiveBenefit`."""
        order = order.sudo()  # sudo: customers place orders in the web shop and have no rights on tiers
        if not order.value_tier_id:
            return []
        return self.env["crm.value.benefit"]._active_benefits(
            order.value_tier_id, order.company_id, self._benefit_day(order), self._carried(order)
        )

    @api.model
    def _carried(self, order):
        """Return the ids of the benefits that an order was promised."""
        return tuple(order.sudo().value_carried_benefits or ())  # sudo: as above

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
        """Return the id of the record that an order's tier gives by a type of benefit, False without such a benefit.

        Of pricelists there may be one per currency: see `_pricelist_ids`.
        """
        benefit = self._active_benefit(order, benefit_type)
        return benefit.target_id if benefit else False

    @api.model
    def _pricelist_ids(self, order):
        """Return the ids of the pricelists that an order's tier gives."""
        return {benefit.target_id for benefit in self._active_benefits(order) if benefit.benefit_type == "pricelist"}

    @api.model
    def _with_benefits(self, order, tier):
        """Return an order in a context in which contacts have the pricelist of a tier, or of no tier."""
        return order.with_context(
            value_order_tier_id=tier.id,
            value_order_day=self._benefit_day(order),
            value_order_benefits=self._carried(order),
        )

    @api.model
    def _manager(self, order):
        """Return the account manager that an order's tier gives, empty when the contact has a salesperson."""
        partner = order.partner_id
        if not order.value_tier_id or partner.user_id or partner.commercial_partner_id.user_id:
            return self.env["res.users"]
        return (
            self.env["crm.value.benefit"]
            ._manager(order.value_tier_id, order.company_id, self._benefit_day(order), self._carried(order))
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
        active = Benefit._active_benefits(tier, order.company_id, self._benefit_day(order), self._carried(order))
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
        order.sudo().write(self._prepare_tier_vals(tier, reason, order.company_id))
        order_in_tier = self._with_benefits(order, tier).with_company(order.company_id)
        pricelist = order_in_tier.partner_id.property_product_pricelist
        if "pricelist_id" in unchosen or pricelist.id in self._pricelist_ids(order):
            order.pricelist_id = pricelist
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
