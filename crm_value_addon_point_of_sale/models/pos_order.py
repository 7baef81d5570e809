from odoo import api, fields, models
from odoo.addons.crm_value_addon.models.privacy.field_access import denies

#: changes that pay an order, invoice it, or hand it to another customer
_WATCHED = {"state", "partner_id", "account_move"}


class PosOrder(models.Model):
    """Queues the customers of paid orders, and carries the tier whose benefits were granted.

    The services do the work: `crm.value.till.order` for what was bought, `crm.value.till.tier` for the tier. No figure
    is computed while the till waits.
    """

    _inherit = "pos.order"

    value_tier_id = fields.Many2one(
        "crm.value.tier",
        string="Tier",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        help="The tier whose benefits this order carries",
    )
    value_tier_discount = fields.Monetary(
        string="Discount by the Tier",
        readonly=True,
        copy=False,
        help="Against the till's usual prices, untaxed, noted by the next refresh of the customer",
    )

    @api.model
    def sync_from_ui(self, orders):
        with self.env["crm.value.till.order"]._one_insert():
            return super().sync_from_ui(orders)

    @api.model
    def _process_order(self, order, existing_order):
        # the server decides the tier, whatever a till sends back of what it was told
        for name in ("value_tier_id", "value_tier_discount"):
            order.pop(name, None)
        return super()._process_order(order, existing_order)

    def action_pos_order_paid(self):
        # sudo: nobody chooses the tier (see field_access.py), and a cashier has no rights on what decides it
        self.env["crm.value.till.tier"]._decide(self.sudo())
        return super().action_pos_order_paid()

    @api.model_create_multi
    def create(self, vals_list):
        orders = super().create(vals_list)
        orders._value_enqueue(orders._value_queue_keys())
        return orders

    def write(self, vals):
        if _WATCHED.isdisjoint(vals):
            return super().write(vals)
        before = self._value_queue_keys()
        result = super().write(vals)
        self._value_enqueue(before ^ self._value_queue_keys())
        return result

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not denies(self, field, operation)

    def _compute_total_cost_at_session_closing(self, stock_moves):
        late = self.filtered(lambda order: not order.is_total_cost_computed)
        result = super()._compute_total_cost_at_session_closing(stock_moves)
        late._value_enqueue(late._value_queue_keys())
        return result

    # points

    def confirm_coupon_programs(self, coupon_data):
        self.env["crm.value.till.tier"]._cap_points(self.sudo(), coupon_data)  # sudo: reads the order's tier
        return super().confirm_coupon_programs(coupon_data)

    def add_loyalty_history_lines(self, coupon_data, coupon_updates):
        super().add_loyalty_history_lines(coupon_data, coupon_updates)
        self.env["crm.value.till.tier"]._note_points(self.sudo())  # sudo: reads the order's tier

    # the queue

    def _value_enqueue(self, keys):
        self.env["crm.value.till.order"]._enqueue({key[:3] for key in keys})

    def _value_queue_keys(self):
        """Return {(commercial partner id, company id, id below 0, whether invoiced)} of the paid orders among these.

        An order that takes goods back concerns the customers of the sales before it, and one that is invoiced those of
        the orders that took back from it.
        """
        keys = set()
        # sudo: a till may serve whoever may not read all orders; only ids are kept
        for order in self.sudo().filtered(lambda order: order.state in ("paid", "done")):
            earlier = order._value_earlier_orders()
            later = order.lines.refund_orderline_ids.order_id if order.account_move else order.browse()
            for sale in order | later:
                for customer in (order | earlier).partner_id.commercial_partner_id:
                    keys.add((customer.id, order.company_id.id, -sale.id, bool(order.account_move)))
        return keys

    def _value_earlier_orders(self):
        """Return the orders that this one takes goods back from, and those before them."""
        found, earlier = self.browse(), self.lines.refunded_orderline_id.order_id - self
        while earlier:
            found |= earlier
            earlier = earlier.lines.refunded_orderline_id.order_id - found - self
        return found
