from datetime import date

from odoo import api, fields, models
from odoo.tools import SQL


class CrmValuePurchase(models.Model):
    """Orders of the till that nobody invoiced are a source of purchases."""

    _inherit = "crm.value.purchase"

    till_order_count = fields.Integer(string="Orders at the Till", compute="_compute_till_order_count")

    _depends = {
        "crm.value.till.order": [
            "order_id",
            "partner_id",
            "company_id",
            "date",
            "revenue",
            "margin",
            "refund",
            "purchase_revenue",
            "taken_back",
            "origin_partner_id",
            "origin_date",
        ],
        "pos.order": ["account_move"],
    }

    def _sources(self):
        until = self.env.context.get("value_till_until")
        # RPC callers control the context, but cannot put a date object into it
        until = until if isinstance(until, date) else None
        Order = self.env["crm.value.till.order"]
        return [*super()._sources(), Order._select_orders(until), Order._select_taken_back(until)]

    def _sources_for(self, basis):
        # What is taken back lies on the day of the sale; whether it was there is asked by its own day.
        asked = self.with_context(value_till_until=basis.until) if basis.until else self
        return super(CrmValuePurchase, asked)._sources_for(basis)

    def _query_intercompany(self, company):
        Order = self.env["crm.value.till.order"]
        own = SQL("own.partner_id = ANY(%s)", self._intercompany_ids()[1])
        return SQL("SELECT (%s) + (%s)", super()._query_intercompany(company), Order._query_revenue(company, own))

    @api.depends("partner_id", "company_id", "date")
    def _compute_till_order_count(self):
        orders = self._till_orders()
        for purchase in self:
            purchase.till_order_count = len(orders.get(purchase._day(), ()))

    def _day(self):
        return self.partner_id.id, self.company_id.id, self.date

    def _till_orders(self):
        """Return the ids of the orders of the till that these days are made of, by day; of who may read them or not."""
        # sudo: who reads the purchase may know how many there are; Odoo asks for rights where they are opened
        frozen = (
            self.env["crm.value.till.order"]
            .sudo()
            .search_fetch(
                [
                    ("partner_id", "in", self.partner_id.ids),
                    ("company_id", "in", self.company_id.ids),
                    ("date", "in", self.mapped("date")),
                    ("order_id.account_move", "=", False),
                ],
                ["partner_id", "company_id", "date", "order_id"],
            )
        )
        orders = {}
        for row in frozen:
            orders.setdefault((row.partner_id.id, row.company_id.id, row.date), []).append(row.order_id.id)
        return orders

    def _open_documents(self, total):
        count = self.till_order_count
        return self.action_open_till_orders() if count and count == total else super()._open_documents(total - count)

    def action_open_till_orders(self):
        """Open the orders of the till of this day.

        :raise AccessError: the user may not read this purchase
        """
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Orders at the Till"),
            "res_model": "pos.order",
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", self._till_orders().get(self._day(), []))],
            "context": {"create": False},
        }
