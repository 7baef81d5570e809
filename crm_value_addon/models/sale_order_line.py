from odoo import api, fields, models
from odoo.tools.sql import column_exists, create_column, index_exists


class SaleOrderLine(models.Model):
    """What the customer's tier costs on a line, against the price that everybody else pays."""

    _inherit = "sale.order.line"

    value_benefit_cost = fields.Monetary(
        string="Cost of Benefits", compute="_compute_value_benefit_cost", store=True, precompute=True, copy=False,
        help="Untaxed: what a customer without the tier would pay more")
    value_benefit_kind = fields.Selection(
        [("discount", "Discount"), ("gift", "Gift"), ("shipping", "Free shipping")],
        compute="_compute_value_benefit_cost", store=True, precompute=True, copy=False)

    def _auto_init(self):
        # Old lines cost nothing: their columns are not computed at the installation.
        for name, kind in (("value_benefit_cost", "numeric"), ("value_benefit_kind", "varchar")):
            if not column_exists(self.env.cr, self._table, name):
                create_column(self.env.cr, self._table, name, kind)
        return super()._auto_init()

    def init(self):
        # as in account_move.py: no lock on all order lines for an index that is there
        if not index_exists(self.env.cr, "sale_order_line_analytic_distribution_accounts_gin_index"):
            super().init()
        self.env["crm.value.schema"]._commit()

    @api.depends("price_subtotal", "product_id", "product_uom_qty", "reward_id", "coupon_id",
                 "order_id.pricelist_id", "order_id.value_tier_id")
    def _compute_value_benefit_cost(self):
        gift_cards = self._gift_cards()
        for order, lines in self.grouped("order_id").items():
            rewards = lines.filtered("reward_id")
            prices = order._prices_without_tier(lines - rewards) if order.value_tier_id else {}
            for line in lines:
                kind, cost = False, 0.0
                if line in prices:
                    kind, cost = "discount", line._discount_of_tier(prices[line])
                elif line in rewards:
                    kind, cost = line._cost_of_reward(gift_cards)
                line.value_benefit_cost, line.value_benefit_kind = cost, kind if cost else False

    def _gift_cards(self):
        """Return those coupons used on these lines that were gifts."""
        cards = self.coupon_id
        if not cards:
            return cards
        # sudo: a seller need not see the gifts of other customers to use a coupon.
        return self.env["crm.value.grant"].sudo().search([("card_id", "in", cards.ids)]).card_id

    def _discount_of_tier(self, public_price):
        """Return what the line would cost more at a public unit price; a discount of the seller's is not the tier's."""
        paid = self.price_unit * (1 - self.discount / 100)
        if not paid:
            return 0.0
        by_list = self.price_unit == self.technical_price_unit and not self.discount
        # The rule of the order's own pricelist is known from pricing the line; as it came, it is what is paid.
        of_tier = paid if by_list else max(paid, self._price_by_rules(self.pricelist_item_id))
        cost = self.price_subtotal * (public_price - of_tier) / paid
        return self.currency_id.round(cost)

    def _price_by_rules(self, rules):
        """Return the unit price of this line by the first rule that applies, as `product.pricelist` chooses."""
        self.ensure_one()
        line = self.with_company(self.company_id or self.order_id.company_id)
        quantity = line.product_uom_id._compute_quantity(
            line.product_uom_qty or 1.0, line.product_id.uom_id, raise_if_failure=False)
        rule = next((rule for rule in rules if rule._is_applicable_for(line.product_id, quantity)), rules.browse())
        price = rule._compute_price(
            product=line.product_id.with_context(**line._get_product_price_context()),
            **line._get_pricelist_kwargs())
        taxes = line.product_id.taxes_id._filter_taxes_by_company(line.company_id)
        return line.product_id._get_tax_included_unit_price_from_price(
            price, product_taxes=taxes, fiscal_position=line.order_id.fiscal_position_id)

    def _cost_of_reward(self, gift_cards):
        """Return (kind, cost) of a reward that this tier or a gift brought; a program for everybody costs no tier."""
        program = self.reward_id.program_id
        is_gift = self.coupon_id in gift_cards
        if not is_gift and not (
                self.order_id.value_tier_id and program.id in self.env["crm.value.benefit"]._gated_programs()):
            return False, 0.0
        if self.reward_id.reward_type == "product":
            full = self.tax_ids.compute_all(
                self.price_unit, currency=self.currency_id, quantity=self.product_uom_qty,
                product=self.product_id)["total_excluded"]
            return "gift", self.currency_id.round(full - self.price_subtotal)
        kind = "gift" if is_gift else "shipping" if self.reward_id.reward_type == "shipping" else "discount"
        return kind, -self.price_subtotal
