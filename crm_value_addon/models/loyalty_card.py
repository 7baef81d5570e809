from odoo import api, models

#: programs whose balance belongs to a person, and those whose coupons are used once
_BALANCES, _COUPONS = ("loyalty", "ewallet"), ("coupons", "next_order_coupons", "gift_card")


class LoyaltyCard(models.Model):
    _inherit = "loyalty.card"

    @api.model
    def _tell_customer(self, partners, company):
        """Return the points and coupons of contacts that can be used in a company now, the first to expire first.

        :return: list of dicts ``name kind points code reward expires``, all texts but the last, a date or False
        """
        today = company._value_today()
        # sudo: customers have no rights on cards; these are the asker's own.
        cards = self.sudo().search([
            ("partner_id", "in", partners.ids), ("program_id.active", "=", True),
            ("program_id.company_id", "in", [False, company.id]),
            ("program_id.program_type", "in", _BALANCES + _COUPONS),
            "|", ("expiration_date", "=", False), ("expiration_date", ">=", today),
            "|", ("program_id.date_to", "=", False), ("program_id.date_to", ">=", today)], order="id")
        usable = cards.filtered(lambda card: card._is_usable()).sorted(
            lambda card: (not card.expiration_date, card.expiration_date or today))
        return [card._tell_card() for card in usable]

    def _is_usable(self):
        self.ensure_one()
        kind = self.program_id.program_type
        if kind in _BALANCES:
            return True
        rewards = self.program_id.reward_ids
        return self.points > 0 and (
            kind == "gift_card" or any(reward.required_points <= self.points for reward in rewards))

    def _tell_card(self):
        self.ensure_one()
        kind = self.program_id.program_type
        is_balance = kind in _BALANCES
        return {
            "name": self.program_id.name, "kind": kind, "expires": self.expiration_date,
            "points": self.points_display if is_balance or kind == "gift_card" else False,
            "code": False if is_balance else self.code,
            "reward": False if is_balance or kind == "gift_card" else self.program_id.reward_ids[:1].description,
        }
