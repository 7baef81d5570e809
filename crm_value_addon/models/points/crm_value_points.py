from contextlib import contextmanager

from odoo import api, models
from odoo.tools import SQL, float_round

#: points that differ by less are the same
_HALF = 0.005


class CrmValuePoints(models.AbstractModel):
    """Points that follow the money: given for what was bought and kept, and where a program says so, paid.

    How to use: the refresh wakes the cron (`crm.value.points.due`), which calls `_follow_customers`. The hooks of
    orders call `_on_confirmed` and, around a cancellation, `_lines_of` and `_forget`.

    How it works: nothing is kept but Odoo's own history of points. What an order should have brought follows each time
    from the order, its documents and their payments (`_share`); what it brought is the sum of its lines of history. A
    line more makes the two equal, so that any path back to the same documents ends with the same points, and nothing is
    taken twice. No card goes below 0: what a customer spent meanwhile is told on the line, and taken from what the card
    gets later.
    """

    _name = "crm.value.points"
    _description = "Points that Follow the Money"

    # when

    @api.model
    def _follow_customers(self, company, partner_ids):
        """Bring the points of some customers of a company up to date."""
        self._follow(company, SQL("contact.commercial_partner_id = ANY(%s)", list(partner_ids)))

    @api.model
    def _on_confirmed(self, orders):
        """Hold the points of orders that were just confirmed, where they count once paid."""
        if self.env["loyalty.program"]._followed_ids(("paid",)):
            confirmed = orders.filtered(lambda order: order.state == "sale")
            for company, in_company in confirmed.grouped("company_id").items():
                # sudo: a customer in the web shop has no rights on points
                self.sudo()._follow(company, SQL("sale.id = ANY(%s)", in_company.ids), ("paid",))

    @api.model
    def _lines_of(self, orders):
        """Return the lines of history by which points of these orders followed the money."""
        if not orders or not self.env["loyalty.program"]._followed_ids(("returned", "paid")):
            return self.env["loyalty.history"].sudo()
        # sudo: whoever cancels an order has no rights on the history of points
        return self.env["loyalty.history"].sudo().search([("value_order_id", "in", orders.ids)])

    @api.model
    def _forget(self, lines):
        """Undo lines of orders that were cancelled: Odoo has just taken back all that the orders brought."""
        for line in lines.exists():
            line.card_id.points += line.used - line.issued
        lines.exists().unlink()

    @api.model
    @contextmanager
    def _merging_cards(self, sources, destination):
        """Let the history of cards go where Odoo puts their points when contacts are merged.

        Odoo adds the points up on one card and leaves the history on those that it archives: what was bought could not
        be taken back any more, and all points would seem to be of former years.
        """
        # sudo: whoever merges contacts has no rights on their cards
        Card, History = self.env["loyalty.card"].sudo(), self.env["loyalty.history"].sudo()
        cards = Card.search([("partner_id", "in", sources.ids)])
        yield
        for card in cards.exists().filtered(lambda card: not card.active):
            kept = Card.search([("partner_id", "=", destination.id), ("program_id", "=", card.program_id.id)], limit=1)
            if kept:
                History.search([("card_id", "=", card.id)]).card_id = kept

    # what

    def _follow(self, company, where, kinds=("returned", "paid")):
        """Bring the points of orders up to date.

        :param SQL where: a condition on ``sale``, an order, and ``contact``, who has the card
        :param kinds: values of `loyalty.program.value_points_follow`
        """
        programs = self.env["loyalty.program"]._followed_ids(kinds)
        if not programs:
            return
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
            SELECT history.card_id, history.order_id, sum(history.issued)
              FROM loyalty_history history
              JOIN loyalty_card card ON card.id = history.card_id
              JOIN loyalty_program program ON program.id = card.program_id
              JOIN sale_order sale ON sale.id = history.order_id
              JOIN res_partner contact ON contact.id = card.partner_id
             WHERE history.order_model = 'sale.order' AND history.issued > 0 AND sale.state = 'sale'
               AND history.create_date >= program.value_points_since AND card.program_id = ANY(%s)
               AND sale.company_id = %s AND %s
             GROUP BY history.card_id, history.order_id ORDER BY history.order_id, history.card_id
            """,
                list(programs),
                company.id,
                where,
            )
        )
        for card_id, order_id, issued in rows:
            # sudo: points follow the documents, whoever wrote these
            card = self.env["loyalty.card"].sudo().browse(card_id)
            self._bring_up_to_date(card, self.env["sale.order"].sudo().browse(order_id), issued)

    def _bring_up_to_date(self, card, order, issued):
        lines = (
            self.env["loyalty.history"]
            .sudo()
            .search([("card_id", "=", card.id), ("value_order_id", "=", order.id)], order="id")
        )
        kept, paid = self._shares(order, card.program_id)
        share = min(kept, paid) if card.program_id.value_points_follow == "paid" else kept
        target = float_round(issued * share, precision_digits=2)
        delta = target - issued - sum(lines.mapped("issued")) + sum(lines.mapped("used"))
        if abs(delta) < _HALF:
            return
        change = max(delta, -max(card.points, 0.0))
        missing = float_round(change - delta, precision_digits=2)
        if abs(change) < _HALF and lines and abs(lines[-1].value_missing_points - missing) < _HALF:
            return  # said already
        self.env["loyalty.history"].sudo().create(
            {
                "card_id": card.id,
                "value_order_id": order.id,
                "issued": max(change, 0.0),
                "used": max(-change, 0.0),
                "value_missing_points": missing,
                "description": self.with_env(self.env["loyalty.history"]._env_of(card))._describe(
                    order, delta, kept, missing
                ),
            }
        )
        card.points = float_round(card.points + change, precision_digits=2)

    def _describe(self, order, delta, kept, missing):
        if delta > 0:
            text = self.env._("Order %(order)s: points given", order=order.name)
        elif kept < 1:
            text = self.env._("Order %(order)s: points of what was credited", order=order.name)
        else:
            text = self.env._("Order %(order)s: points held until it is paid", order=order.name)
        if missing > _HALF:
            text = self.env._(
                "%(text)s; %(points)s were spent already and are taken from the next ones", text=text, points=missing
            )
        return text

    # how much

    @api.model
    def _shares(self, order, program):
        """Return which shares of what an order earned points with were kept, and paid: two numbers from 0 to 1.

        Only the goods count that the program gives points for, by what their lines came to on posted documents. What is
        not invoiced yet is kept, and not paid.
        """
        lines = self._earning_lines(order, program)
        total = sum(lines.mapped("price_subtotal"))
        if total <= 0:
            return 1.0, 1.0
        invoiced = credited = paid = 0.0
        for line in lines.invoice_lines.filtered(lambda line: line.parent_state == "posted"):
            amount = self._amount(line, order)
            if line.move_id.move_type == "out_refund":
                credited -= amount
            else:
                invoiced += amount
            paid += amount * self._paid_share(line.move_id)
        back = min(invoiced, total) - (invoiced - credited)
        return 1 - min(max(back / total, 0), 1), min(max(paid / total, 0), 1)

    def _earning_lines(self, order, program):
        """Return the lines of an order that a program gives points for; all goods where it names none of them."""
        goods = order.order_line.filtered(
            lambda line: not line.display_type and not line.is_downpayment and not line.is_reward_line
        )
        named = self.env["product.product"].union(*program._get_valid_products(goods.product_id).values())
        return goods.filtered(lambda line: line.product_id in named) or goods

    def _amount(self, line, order):
        """Return what a line of a document comes to in the currency of its order; below 0 on a credit note."""
        if line.currency_id == order.currency_id:
            return -line.price_subtotal if line.move_id.move_type == "out_refund" else line.price_subtotal
        return -line.balance * (order.currency_rate or 1.0)

    def _paid_share(self, move):
        if not move.amount_total:
            return 1.0
        return 1 - min(max(move.amount_residual / move.amount_total, 0), 1)
