from odoo import api, models

#: changes that pay an order, invoice it, or hand it to another customer
_WATCHED = {"state", "partner_id", "account_move"}


class PosOrder(models.Model):
    """Queues the customers of paid orders; nothing is computed while the till waits."""

    _inherit = "pos.order"

    @api.model
    def sync_from_ui(self, orders):
        with self.env["crm.value.till.order"]._one_insert():
            return super().sync_from_ui(orders)

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

    def _compute_total_cost_at_session_closing(self, stock_moves):
        late = self.filtered(lambda order: not order.is_total_cost_computed)
        result = super()._compute_total_cost_at_session_closing(stock_moves)
        late._value_enqueue(late._value_queue_keys())
        return result

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
                customers = (order | earlier).partner_id.commercial_partner_id
                keys |= {
                    (customer.id, order.company_id.id, -sale.id, bool(order.account_move)) for customer in customers
                }
        return keys

    def _value_earlier_orders(self):
        """Return the orders that this one takes goods back from, and those before them."""
        found, earlier = self.browse(), self.lines.refunded_orderline_id.order_id - self
        while earlier:
            found |= earlier
            earlier = earlier.lines.refunded_orderline_id.order_id - found - self
        return found
