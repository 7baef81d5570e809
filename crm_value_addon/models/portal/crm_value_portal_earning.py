from odoo import api, models
from odoo.tools import formatLang

#: what was earned lately, on the loyalty page
_LATEST = 5


class CrmValuePortalEarning(models.AbstractModel):
    """How a customer earns points for something other than an order, and what it earned that way."""

    _name = "crm.value.portal.earning"
    _description = "Customer Value: Ways to Earn Points for Customers"

    @api.model
    def _prepare(self, value, company):
        """Return the ways to earn points that are open to a customer.

        :param value: of the customer, a sudo record, or empty
        :return: dict ``ways``: list of dicts of texts ``name points limit`` and ``is_done``; ``earned``: list of dicts
            ``date name points``, the latest first; False without a way
        """
        # sudo: customers have no rights on these; they read what they can earn themselves
        rules = self.env["crm.value.earning"].sudo()._in_use(company, company._value_today())
        rules = rules.filtered(lambda rule: not rule.tier_ids or value.tier_id in rule.tier_ids)
        if not value or not rules:
            return False
        gifts = (
            self.env["crm.value.grant"]
            .sudo()
            .search(
                [("value_id", "=", value.id), ("earning_id", "!=", False), ("state", "=", "given")],
                order="date desc, id desc",
            )
        )
        return {
            "ways": [
                {
                    "name": rule.name,
                    "points": self._points(rule, rule.points),
                    "limit": self._limit(rule),
                    "is_done": rule._event().is_once and rule in gifts.earning_id,
                }
                for rule in rules
            ],
            "earned": [
                {"date": gift.date, "name": gift._label(), "points": self._points(gift.earning_id, issued)}
                for gift in gifts[:_LATEST]
                if (issued := gift.history_id.issued)
            ],
        }

    @api.model
    def _points(self, rule, points):
        digits = 0 if points == int(points) else 2
        return f"{formatLang(self.env, points, digits=digits)} {rule.program_id.portal_point_name or ''}".strip()

    @api.model
    def _limit(self, rule):
        """Return how often a customer gets the points of a rule, in words; False without a limit."""
        if not rule.most_count or rule._event().is_once:
            return False
        period = dict(rule._fields["most_period"]._description_selection(self.env))[rule.most_period]
        if rule.most_count == 1:
            return self.env._("once %(period)s", period=period)
        return self.env._("up to %(count)s times %(period)s", count=rule.most_count, period=period)
