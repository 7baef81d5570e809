from odoo import api, fields, models

from ..const import MARGIN_GROUP


class SaleOrder(models.Model):
    """What the benefits of an order cost, and what margin they leave."""

    _inherit = "sale.order"

    value_benefit_cost = fields.Monetary(string="Cost of Benefits", compute="_compute_value_benefit_cost")
    value_margin_before = fields.Monetary(
        string="Margin Before Benefits", compute="_compute_value_margin_before", groups=MARGIN_GROUP)

    @api.depends("order_line.value_benefit_cost")
    def _compute_value_benefit_cost(self):
        for order in self:
            order.value_benefit_cost = sum(order.order_line.mapped("value_benefit_cost"))

    @api.depends("margin", "value_benefit_cost")
    def _compute_value_margin_before(self):
        for order in self:
            order.value_margin_before = order.margin + order.value_benefit_cost

    def _prices_without_tier(self, lines):
        """Return what a unit costs everybody else: line → price.

        Only where the order has the pricelist of its tier; one chosen by hand is no benefit.
        """
        self.ensure_one()
        tier_pricelist_id = self._benefit_target_id("pricelist")
        if not tier_pricelist_id or self.pricelist_id.id != tier_pricelist_id:
            return {}
        order = self.with_company(self.company_id)
        no_tier = order._with_benefits(self.env["crm.value.tier"])
        public = no_tier.partner_id.property_product_pricelist
        lines = lines.filtered(lambda line: (
            line.product_id and not line.display_type and not line.is_downpayment and line.product_type != "combo"
            and not line.combo_item_id))
        if public == self.pricelist_id or not lines:
            return {}
        date = self.date_order or fields.Datetime.now()
        rules = public._get_applicable_rules(lines.product_id, date)
        return {line: line._price_by_rules(rules) for line in lines}
