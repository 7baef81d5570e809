from odoo import api, models
from odoo.tools import formatLang

#: programs whose balance belongs to a person, and those whose coupons are used once
_BALANCES, _COUPONS = ("loyalty", "ewallet"), ("coupons", "next_order_coupons", "gift_card")


class CrmValuePortalCards(models.AbstractModel):
    """The points and coupons on the loyalty page: what they are, what they bring, and how they are used."""

    _name = "crm.value.portal.cards"
    _description = "Customer Value: Points and Coupons for Customers"

    @api.model
    def _prepare(self, partners, company):
        """Return the points and coupons of contacts that can be used in a company now, the first to expire first.

        :return: list of dicts ``name kind points code reward expires url rewards``: texts, but ``expires`` is a date or
            False, and ``rewards`` a list of what points buy, dicts ``text price is_enough``
        """
        today = company._value_today()
        # sudo: customers have no rights on cards; these are their own.
        cards = (
            self.env["loyalty.card"]
            .sudo()
            .search(
                [
                    ("partner_id", "in", partners.ids),
                    ("program_id.active", "=", True),
                    # as sale_loyalty looks for programs
                    ("program_id.company_id", "in", [False, company.id, company.parent_id.id]),
                    ("program_id.program_type", "in", _BALANCES + _COUPONS),
                    "|",
                    ("expiration_date", "=", False),
                    ("expiration_date", ">=", today),
                    "|",
                    ("program_id.date_to", "=", False),
                    ("program_id.date_to", ">=", today),
                ],
                order="id",
            )
        )
        usable = cards.filtered(self._is_usable).sorted(
            lambda card: (not card.expiration_date, card.expiration_date or today)
        )
        return [self._prepare_card(card) for card in usable]

    @api.model
    def _is_usable(self, card):
        kind = card.program_id.program_type
        if kind in _BALANCES:
            return True
        rewards = card.program_id.reward_ids
        return card.points > 0 and (
            kind == "gift_card" or any(reward.required_points <= card.points for reward in rewards)
        )

    @api.model
    def _prepare_card(self, card):
        kind = card.program_id.program_type
        is_balance = kind in _BALANCES
        return {
            "name": card.program_id.name,
            "kind": kind,
            "expires": card.expiration_date,
            "points": card.points_display if is_balance or kind == "gift_card" else False,
            "code": False if is_balance else card.code,
            "reward": False if is_balance or kind == "gift_card" else card.program_id.reward_ids[:1].description,
            "url": False if is_balance else self._shop_url(card),
            "rewards": self._prepare_rewards(card) if kind == "loyalty" else [],
        }

    @api.model
    def _shop_url(self, card):
        """Return where the customer can use a coupon at once, False without a web shop."""
        return False

    @api.model
    def _prepare_rewards(self, card):
        """Return what the points of a card buy, the cheapest first."""
        return [
            {
                "text": reward.description,
                "price": f"{formatLang(self.env, reward.required_points, digits=0)} {card.point_name}",
                "is_enough": reward.required_points <= card.points,
            }
            for reward in card.program_id.reward_ids.sorted("required_points")
        ]
