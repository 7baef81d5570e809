from odoo import api, fields, models

from ..const import MANAGER_GROUP
from .privacy.field_access import denies


class LoyaltyHistory(models.Model):
    """Notes which points a tier added, and what they were worth at the time."""

    _inherit = "loyalty.history"

    value_tier_id = fields.Many2one("crm.value.tier", string="Tier", ondelete="set null", readonly=True)
    value_extra_points = fields.Float(string="Points by the Tier", readonly=True)
    value_extra_amount = fields.Float(
        string="Worth of the Points by the Tier",
        readonly=True,
        groups=MANAGER_GROUP,
        help="In the currency of the program, by its most generous reward",
    )

    value_order_id = fields.Many2one(
        "sale.order",
        string="Follows the Money of",
        ondelete="cascade",
        index="btree_not_null",
        readonly=True,
        help="The order whose documents or payments this line follows",
    )
    value_missing_points = fields.Float(
        string="Points Not Taken Back", readonly=True, help="The customer had spent them already"
    )
    value_lapsed_points = fields.Float(string="Lapsed Points", readonly=True)

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not denies(self, field, operation)

    @api.model
    def _issued_by(self, order):
        """Return the lines of loyalty cards that say which points an order brought, for the superuser.

        :param order: a sales order, or one of a till
        """
        # sudo: neither a customer in the web shop nor a cashier has rights on the history
        return self.sudo().search(
            [
                ("order_model", "=", order._name),
                ("order_id", "=", order.id),
                ("issued", ">", 0),
                ("card_id.program_id.program_type", "=", "loyalty"),
            ]
        )

    @api.model
    def _env_of(self, card):
        """Return the environment in the language of the customer who reads the history of a card."""
        return self.with_context(lang=card.partner_id.lang or self.env.company.partner_id.lang or self.env.lang).env

    def _note_tier(self, tier, factor):
        """Note on these lines that a tier multiplied their points."""
        for line in self:
            extra = line.issued - line.issued / factor
            env = self._env_of(line.card_id)
            line.write(
                {
                    "value_tier_id": tier.id,
                    "value_extra_points": extra,
                    "value_extra_amount": extra * line.card_id.program_id._point_worth(),
                    "description": env._(
                        "%(order)s (points × %(factor)s: %(tier)s)",
                        order=line.description,
                        factor=f"{factor:g}",
                        tier=tier.with_context(lang=env.lang).name,
                    ),
                }
            )

    def _forget_tier(self):
        """Remove the tier from these lines; the points stay."""
        for line in self:
            order = (
                self.env["sale.order"].browse(line.order_id).exists()
                if line.order_model == "sale.order"
                else self.env["sale.order"]
            )
            env = self._env_of(line.card_id)
            line.write(
                {
                    "value_tier_id": False,
                    "description": env._("Order %(order)s", order=order.name) if order else env._("Points"),
                }
            )
