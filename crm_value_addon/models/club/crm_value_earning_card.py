from odoo import api, models


class CrmValueEarningCard(models.AbstractModel):
    """Points on a customer's card of a loyalty program, with a line in Odoo's own history.

    How to use: `crm.value.grant` calls `_add` for gifts of points, to give them, take them back and give them again.
    """

    _name = "crm.value.earning.card"
    _description = "Ways to Earn Points: Cards"

    @api.model
    def _add(self, points_of):
        """Put points on the customers' cards; who has none gets one.

        :param points_of: gift → points; below 0 to take some back, as far as the card still has them
        """
        gifts_of = self.env["crm.value.grant"].union(*points_of).grouped("program_id")
        for program, gifts in gifts_of.items():
            card_of, changes = self._cards(program, gifts.partner_id.ids), {}
            for gift in gifts:
                card = card_of[gift.partner_id.id]
                change = max(points_of[gift], -max(card.points, 0.0))
                gift.points_taken_back = max(-change, 0.0)
                if change:
                    card.points += change
                    changes[gift] = self._prepare_history_vals(gift, card, change)
            # sudo: whoever causes it has no rights on the history of points
            lines = self.env["loyalty.history"].sudo().create(list(changes.values()))
            for gift, line in zip(changes, lines, strict=True):
                if line.issued:
                    gift.history_id = line

    @api.model
    def _cards(self, program, partner_ids):
        """Return the cards of customers in a program, and make missing ones: partner id → card."""
        # sudo: whoever causes it has no rights on cards
        Card = self.env["loyalty.card"].sudo().with_context(loyalty_no_mail=True, tracking_disable=True)
        cards = Card.search([("program_id", "=", program.id), ("partner_id", "in", partner_ids)], order="id desc")
        # the oldest card of several
        card_of = {card.partner_id.id: card for card in cards}
        missing = [partner_id for partner_id in partner_ids if partner_id not in card_of]
        made = Card.create([{"program_id": program.id, "partner_id": one, "points": 0} for one in missing])
        return card_of | {card.partner_id.id: card for card in made}

    @api.model
    def _prepare_history_vals(self, gift, card, change):
        env = self.env["loyalty.history"]._env_of(card)
        label = gift.with_env(env)._label()
        return {
            "card_id": card.id,
            "issued": max(change, 0.0),
            "used": max(-change, 0.0),
            "description": label if change > 0 else env._("Taken back: %(occasion)s", occasion=label),
        }
