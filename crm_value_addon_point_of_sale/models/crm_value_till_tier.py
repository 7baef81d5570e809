from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.crm_value_addon.const import CATCH_UP_DAYS
from odoo.exceptions import ValidationError

#: an order that reaches the server later than this was made without a connection
_OFFLINE = timedelta(hours=1)
#: flags of a customer as a till reads them
CAUTION, PAUSED = 1, 2


class CrmValueTillTier(models.AbstractModel):
    """What a till knows of tiers, and what the server lets it grant.

    How to use: `_describe_tiers` once for a till, `_describe_customers` for contacts, `_decide` for an order that is
    being paid, `_check_coupon` for a code.

    How it works: a till works without a connection, so it gets what a tier gives and what customers lack as plain
    data, which static/src/app/tier.js reads. It gets no margin and no lifetime value: what is missing is an amount, and
    only where the customer may know all that the tier asks for. The server looks again when the order is paid. A tier
    that the customer had within the last days counts, too, because the till may have been offline.
    """

    _name = "crm.value.till.tier"
    _description = "Tiers at the Till"

    # what a till is told

    @api.model
    def _describe_tiers(self, config):
        """Return the tiers of a till's company, and the programs and pricelists that are for some of them only."""
        Benefit, company = self.env["crm.value.benefit"], config.company_id
        # sudo: a cashier has no rights on tiers
        tiers = self.env["crm.value.tier"].sudo().browse(rule.tier_id for rule in self._rules(company))
        return {
            "tiers": [
                {
                    "id": tier.id,
                    "name": tier.name,
                    "color": tier.color,
                    "icon": tier.icon,
                    "gap": gap,
                    "benefits": [
                        {
                            "type": benefit.benefit_type,
                            "target": benefit.target_id,
                            "factor": benefit.factor,
                            "from": benefit.date_from and fields.Date.to_string(benefit.date_from),
                            "to": benefit.date_to and fields.Date.to_string(benefit.date_to),
                        }
                        for benefit in Benefit._benefits_by_tier().get(tier.id, ())
                        if benefit.is_active
                        and benefit.is_given_in(company.id)
                        and benefit.benefit_type in ("program", "points_multiplier")
                    ],
                }
                for tier, gap in zip(tiers, self._gaps_of_newcomer(company), strict=True)
            ],
            "gated": {program_id: self._tier_names(program_id) for program_id in Benefit._gated_programs()},
            "pricelists": sorted(Benefit._tier_pricelist_ids()),
            "rate": company.currency_id._convert(1.0, config.currency_id, company, company._value_today(), round=False),
            "receipt": config.value_tier_receipt,
        }

    @api.model
    def _tier_names(self, program_id):
        """Return the names of the tiers whose customers may use a program."""
        # sudo: a cashier has no rights on benefits
        benefits = self.env["crm.value.benefit"].sudo()
        benefits = benefits.search([("program_id", "=", program_id), ("benefit_type", "=", "program")])
        return ", ".join(benefits.tier_id.sorted("sequence").mapped("name"))

    @api.model
    def _describe_customers(self, partners, company):
        """Return what a till knows of contacts: contact → [tier id or 0, flags, when this was read, gaps] or False.

        The gaps are what is missing for each higher tier, in the company's currency: an amount, or 0 where no amount
        brings the tier or the customer may not know it. False says that the customer is new: what new customers lack
        is told once for all (`_describe_tiers`).
        """
        customer_of = {partner: partner.commercial_partner_id._origin.id for partner in partners}
        # sudo: a cashier has no rights on values; the till is told of tier and caution only
        values = (
            self.env["crm.value"]
            .sudo()
            .search_fetch(
                [("company_id", "=", company.id), ("partner_id", "in", list(set(customer_of.values())))],
                ["partner_id", "tier_id", "caution", "overdue_amount"],
            )
        )
        gaps = self._gaps(company, values)
        paused = self.env["crm.value.benefit.state"]._paused(values.filtered("tier_id"))
        now = int(fields.Datetime.now().timestamp())
        told = {
            value.partner_id.id: [
                value.tier_id.id or 0,
                bool(value.caution) * CAUTION + (value in paused) * PAUSED,
                now,
                gaps.get(value.partner_id.id, []),
            ]
            for value in values
        }
        excluded = partners.sudo().commercial_partner_id.filtered("value_opt_out")  # sudo: reads only the flag
        told |= {customer.id: [0, 0, now, []] for customer in excluded}
        return {partner: told.get(customer, False) for partner, customer in customer_of.items()}

    @api.model
    def _rules(self, company):
        # sudo: a cashier has no rights on tiers
        return self.env["crm.value.tier.preview"].sudo()._cached_rules(company, company._value_today())

    @api.model
    def _gaps(self, company, values):
        """Return what customers lack for each higher tier: commercial partner id → list of amounts."""
        rules = self._rules(company)
        if not rules or not values:
            return {}
        level_of = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
        explanation = self.env["crm.value.tier.explanation"].sudo()  # sudo: see `_describe_customers`
        gaps = {}
        for row in explanation._evaluate(values, company, rules):
            if not row["is_excluded"] and not row["locked_tier_id"]:
                above = range(level_of.get(row["tier_id"], 0) + 1, len(rules) + 1)
                gaps[row["partner_id"]] = [self._gap(rules, level, row) for level in above]
        return gaps

    @api.model
    def _gaps_of_newcomer(self, company):
        rules = self._rules(company)
        nothing = dict.fromkeys((criterion.metric for rule in rules for criterion in rule.criteria), 0.0)
        closed = {f"is_admitted_{level}": False for level, rule in enumerate(rules, 1) if rule.customers is not None}
        return [self._gap(rules, level, nothing | closed) for level in range(1, len(rules) + 1)]

    @api.model
    def _gap(self, rules, level, row):
        """Return the amount that brings a tier, 0 where no amount does or the customer may not know it."""
        rule = rules[level - 1]
        readable = self.env["crm.value.tier.metric"]._names("customer")
        if rule.is_manual or any(criterion.metric not in readable for criterion in rule.criteria):
            return 0
        missing = self.env["crm.value.tier.preview"]._amount_missing(rules, level, row)
        return round(missing, 2) if missing else 0

    # what the server lets a till grant

    @api.model
    def _decide(self, order):
        """Note on an order that is being paid which tier's benefits it carries.

        :raise ValidationError: it has a program or a pricelist that is for customers of other tiers
        """
        Benefit = self.env["crm.value.benefit"]
        if not Benefit._benefits_by_tier():
            return
        sold = order.lines.filtered(lambda line: not line.refunded_orderline_id)
        if not sold:  # what was granted is taken back as it was granted
            order.value_tier_id = order.lines.refunded_orderline_id.order_id[:1].value_tier_id
            return
        programs = sold.reward_id.program_id.filtered(lambda program: program.id in Benefit._gated_programs())
        is_reserved = order.pricelist_id.id in Benefit._tier_pricelist_ids() and not self._is_own_pricelist(order)
        for tier in self._tiers_to_grant(order, is_needed=bool(programs) or is_reserved):
            active = Benefit._active_benefits(tier, order.company_id, self._day(order))
            given = {(benefit.benefit_type, benefit.target_id) for benefit in active}
            has_programs = all(("program", program.id) in given for program in programs)
            if has_programs and (not is_reserved or ("pricelist", order.pricelist_id.id) in given):
                order.value_tier_id = tier
                return
        if programs or is_reserved:
            self._refuse(order, programs)

    @api.model
    def _day(self, order):
        return fields.Datetime.context_timestamp(
            self.with_context(tz=order.company_id.partner_id.tz or "UTC"), order.date_order
        ).date()

    @api.model
    def _is_own_pricelist(self, order):
        """Tell whether the customer has the pricelist of an order by a person's choice."""
        return order.partner_id.with_company(order.company_id).specific_property_product_pricelist == order.pricelist_id

    @api.model
    def _tiers_to_grant(self, order, is_needed):
        """Yield the tiers whose benefits the customer of an order may have: the present one, then those just left."""
        yield from self._present_tier(order)
        if is_needed:
            yield from self._tiers_left(order)

    @api.model
    def _present_tier(self, order):
        customer = order.partner_id.commercial_partner_id
        tiers = self.env["crm.value.benefit.state"]._active_tiers(order.company_id, customer.ids) if customer else {}
        return tiers[customer.id][0] if customer.id in tiers else self.env["crm.value.tier"]

    @api.model
    def _tiers_left(self, order):
        """Return the tiers that the customer had within the last days, or has with paused benefits.

        A pause counts at once for what is sold now, and not for what was sold before the till heard of it.
        """
        customer = order.partner_id.commercial_partner_id
        if not customer:
            return self.env["crm.value.tier"]
        # sudo: a cashier has no rights on values
        value = (
            self.env["crm.value"]
            .sudo()
            .search([("partner_id", "=", customer.id), ("company_id", "=", order.company_id.id)], limit=1)
        )
        since = self._day(order) - timedelta(days=CATCH_UP_DAYS)
        left = value.tier_change_ids.filtered(lambda change: change.date >= since).sorted("date", reverse=True)
        was_offline = fields.Datetime.now() - order.date_order > _OFFLINE
        return left.from_tier_id | (value.tier_id if was_offline else value.tier_id.browse())

    @api.model
    def _refuse(self, order, programs):
        customer = order.partner_id.display_name or self.env._("an order without a customer")
        if programs:
            raise ValidationError(
                self.env._(
                    "%(program)s is for customers of certain tiers only (%(tiers)s), not for %(customer)s. Remove the "
                    "reward, or choose the right customer.",
                    program=programs[0].name,
                    tiers=self._tier_names(programs[0].id),
                    customer=customer,
                )
            )
        raise ValidationError(
            self.env._(
                "The pricelist %(pricelist)s is for customers of certain tiers only, not for %(customer)s. Choose "
                "another pricelist, or the right customer.",
                pricelist=order.pricelist_id.display_name,
                customer=customer,
            )
        )

    @api.model
    def _check_coupon(self, config, program, partner):
        """Return why a contact cannot use a coupon of a program, False when nothing speaks against it."""
        Benefit, company = self.env["crm.value.benefit"], config.company_id
        if program.id not in Benefit._gated_programs():
            return False
        customer = partner.commercial_partner_id
        tiers = self.env["crm.value.benefit.state"]._active_tiers(company, customer.ids) if customer else {}
        active = Benefit._active_benefits(tiers[customer.id][0], company, company._value_today()) if tiers else []
        if any(benefit.benefit_type == "program" and benefit.target_id == program.id for benefit in active):
            return False
        return self.env._(
            "%(program)s is for customers of certain tiers only (%(tiers)s).",
            program=program.name,
            tiers=self._tier_names(program.id),
        )

    # points

    @api.model
    def _factor(self, order):
        """Return by how much the tier of an order multiplies the points of loyalty cards."""
        if not order.value_tier_id:
            return 1.0
        active = self.env["crm.value.benefit"]._active_benefits(order.value_tier_id, order.company_id, self._day(order))
        return next((benefit.factor for benefit in active if benefit.benefit_type == "points_multiplier"), 1.0)

    @api.model
    def _cap_points(self, order, coupon_data):
        """Lower the points of loyalty cards to what an order can bring; changes the dicts in place.

        Odoo believes a till. Where tiers multiply points, it believes it up to what the programs' rules and the factor
        of the order's tier can give at most.
        """
        if not any(
            benefit.benefit_type == "points_multiplier"
            for benefits in self.env["crm.value.benefit"]._benefits_by_tier().values()
            for benefit in benefits
        ):
            return
        factor = self._factor(order)
        for coupon in coupon_data.values():
            program = self.env["loyalty.program"].browse(coupon["program_id"])
            if program.program_type == "loyalty":
                spent = sum(line.points_cost for line in order.lines if line.reward_id.program_id == program)
                coupon["points"] = min(coupon["points"], self._most_points(order, program) * factor - spent)

    @api.model
    def _most_points(self, order, program):
        """Return the points that the rules of a program give at most for an order."""
        sold = order.lines.filtered(lambda line: line.qty > 0 and line.price_unit > 0)
        amounts = {
            "order": 1.0,
            "money": sum(sold.mapped("price_subtotal_incl")),
            "unit": sum(order.lines.filtered(lambda line: line.qty > 0).mapped("qty")),
        }
        # sudo: the rules of a program are the same, whoever sells
        return sum(rule.reward_point_amount * amounts[rule.reward_point_mode] for rule in program.sudo().rule_ids)

    @api.model
    def _note_points(self, order):
        """Note in the history of the loyalty cards which points the tier of an order added."""
        factor = self._factor(order)
        if factor != 1:
            lines = self.env["loyalty.history"]._issued_by(order)
            lines.filtered(lambda line: not line.value_tier_id)._note_tier(order.value_tier_id.sudo(), factor)

    # what it costs

    @api.model
    def _set_discounts(self, orders):
        """Note on orders what their tier's prices and programs took off; the background does it, not the till."""
        for order in orders.filtered("value_tier_id"):
            order.value_tier_discount = self._discount(order)

    @api.model
    def _discount(self, order):
        """Return what the tier of an order took off, untaxed, in the currency of the order; below 0 for a return."""
        active = self.env["crm.value.benefit"]._active_benefits(order.value_tier_id, order.company_id, self._day(order))
        programs = {benefit.target_id for benefit in active if benefit.benefit_type == "program"}
        is_reserved = order.pricelist_id.id in {b.target_id for b in active if b.benefit_type == "pricelist"}
        usual, total = order.config_id.pricelist_id, 0.0
        for line in order.lines:
            amount = abs(line.price_subtotal)
            if line.reward_id.program_id.id in programs:
                total += amount if line.qty * line.price_unit < 0 else -amount
            elif is_reserved and usual and line.price_unit > 0 and not line.reward_id:
                before = usual._get_product_price(line.product_id, line.qty, date=order.date_order) + line.price_extra
                share = amount / abs(line.qty * line.price_unit) if line.qty else 0.0  # untaxed, after a discount
                total += max(before - line.price_unit, 0.0) * line.qty * share
        return order.currency_id.round(total)
