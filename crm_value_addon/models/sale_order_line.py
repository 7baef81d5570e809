from odoo import api, fields, models
from odoo.tools.sql import column_exists, create_column, index_exists

from ..const import SELLER_GROUP
from .privacy.field_access import denies

#: what the margin of a line is made of
_MARGIN_FIELDS = {
    "order_id",
    "product_id",
    "product_uom_id",
    "product_uom_qty",
    "price_unit",
    "discount",
    "tax_ids",
    "purchase_price",
    "display_type",
}


class SaleOrderLine(models.Model):
    """What the customer's tier costs on a line, against the price that everybody else pays."""

    _inherit = "sale.order.line"

    value_benefit_cost = fields.Monetary(
        string="Cost of Benefits",
        compute="_compute_value_benefit_cost",
        store=True,
        precompute=True,
        copy=False,
        help="Untaxed: what a customer without the tier would pay more",
    )
    value_benefit_kind = fields.Selection(
        [("discount", "Discount"), ("gift", "Gift"), ("shipping", "Free shipping")],
        compute="_compute_value_benefit_cost",
        store=True,
        precompute=True,
        copy=False,
    )

    def _auto_init(self):
        # old lines cost nothing: the columns exist before Odoo would compute them for each line
        for name, kind in (("value_benefit_cost", "numeric"), ("value_benefit_kind", "varchar")):
            if not column_exists(self.env.cr, self._table, name):
                create_column(self.env.cr, self._table, name, kind)
        return super()._auto_init()

    def init(self):
        # as in account_move.py: no lock on all order lines for an index that is there
        if not index_exists(self.env.cr, "sale_order_line_analytic_distribution_accounts_gin_index"):
            super().init()
        self.env["crm.value.schema"]._commit()

    @api.depends(
        "price_subtotal",
        "product_id",
        "product_uom_qty",
        "reward_id",
        "coupon_id",
        "order_id.pricelist_id",
        "order_id.value_tier_id",
    )
    def _compute_value_benefit_cost(self):
        for line, (kind, cost) in self.env["crm.value.order.margin"]._line_costs(self).items():
            line.value_benefit_cost, line.value_benefit_kind = cost, kind

    @api.model_create_multi
    def create(self, vals_list):
        # what is billed on at its cost, by whoever posts the bill, is no decision about a price
        is_seller = self.env.user.has_group(SELLER_GROUP)
        order_ids = {vals.get("order_id") for vals in vals_list if is_seller or not vals.get("is_expense")}
        with self.env["crm.value.order.margin"]._guarding_lines(self.env["sale.order"].browse(filter(None, order_ids))):
            return super().create(vals_list)

    def write(self, vals):
        if _MARGIN_FIELDS.isdisjoint(vals):
            return super().write(vals)
        orders = self.order_id | self.env["sale.order"].browse(vals.get("order_id") or [])
        with self.env["crm.value.order.margin"]._guarding_lines(orders):
            return super().write(vals)

    def unlink(self):
        with self.env["crm.value.order.margin"]._guarding_lines(self.order_id):
            return super().unlink()

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not denies(self, field, operation)
