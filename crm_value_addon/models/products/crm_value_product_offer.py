from odoo import Command, api, models


class CrmValueProductOffer(models.AbstractModel):
    """Offers a customer a product: on a quotation, or by a question.

    How to use: the buttons of `crm.value.product` and `crm.value.suggestion` call it, with the rights of the user.
    """

    _name = "crm.value.product.offer"
    _description = "Customer and Product: Offer"

    @api.model
    def _open_quotation(self, partner, company):
        """Return the latest quotation of a customer that is still a draft, or a new one."""
        Order = self.env["sale.order"].with_company(company)
        order = Order.search(
            [("partner_id", "child_of", partner.id), ("company_id", "=", company.id), ("state", "=", "draft")],
            limit=1,
            order="id desc",
        )
        return order or Order.create({"partner_id": partner.id, "company_id": company.id})

    @api.model
    def _suggestions(self, order):
        """Return what to suggest on an order that is still open; nothing where the settings ask for none."""
        Suggestion = self.env["crm.value.suggestion"]
        customer = order.partner_id.commercial_partner_id._origin
        # sudo: reads the setting and the company of the order
        if order.state not in ("draft", "sent") or not customer or not order.sudo().company_id.value_suggestions:
            return Suggestion
        # sudo: the setting of the order's company, which may withhold what the pricelist does not name
        company = order.sudo().company_id
        return Suggestion._open_for(
            customer, company, order.order_line.product_id.product_tmpl_id.ids, order.pricelist_id._origin
        )

    @api.model
    def _add(self, order, product):
        """Put a product on an order, once; return its line."""
        line = order.order_line.filtered(lambda line: line.product_id == product)[:1]
        if not line:
            order.order_line = [Command.create({"product_id": product.id, "product_uom_qty": 1})]
            line = order.order_line.filtered(lambda line: line.product_id == product)
        return line

    @api.model
    def _action_order(self, order):
        return {
            "type": "ir.actions.act_window",
            "res_model": "sale.order",
            "res_id": order.id,
            "views": [(False, "form")],
        }

    @api.model
    def _action_ask(self, partner, item):
        """Return Odoo's dialog for an activity on a customer, about something it may need."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Ask"),
            "res_model": "mail.activity.schedule",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "active_model": "res.partner",
                "active_ids": partner.ids,
                "active_id": partner.id,
                "default_activity_user_id": (partner.user_id or self.env.user).id,
                "default_summary": self.env._("Ask about %(item)s", item=item),
            },
        }
