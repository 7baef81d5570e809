from odoo import api, models
from odoo.exceptions import ValidationError


class LoyaltyProgram(models.Model):
    """Keeps programs that are for certain tiers only away from tills, which know no tiers."""

    _inherit = "loyalty.program"

    def _register_hook(self):
        # Point of Sale may be installed after the tiers were set up, and it opens every program to its tills.
        super()._register_hook()
        if self._has_tills():
            # sudo: nobody in particular loads the registry
            self.sudo().browse(self.env["crm.value.benefit"]._gated_programs()).exists()._close_tills()

    @api.model
    def _has_tills(self):
        """Tell whether programs can be used at tills; the field belongs to pos_loyalty."""
        return "pos_ok" in self._fields

    def _close_tills(self):
        """Take these programs from all tills, which load programs for whoever buys there."""
        if self._has_tills():
            # sudo: whoever manages tiers need not manage programs
            self.sudo().filtered("pos_ok").pos_ok = False

    def write(self, vals):
        result = super().write(vals)
        if vals.get("pos_ok"):
            self._check_tills()
        return result

    def _check_tills(self):
        """Refuse to open programs of tiers to tills.

        :raise ValidationError: names the program
        """
        gated = self.env["crm.value.benefit"]._gated_programs()
        for program in self.filtered(lambda program: program.id in gated):
            raise ValidationError(
                self.env._(
                    "%(program)s is for customers of certain tiers only. Tills do not know the tier of a customer: "
                    "they would give it to everybody.",
                    program=program.name,
                )
            )

    def _point_worth(self):
        """Return what a point is worth in money, by the most generous reward that gives an amount; 0 without one."""
        self.ensure_one()
        worths = [0.0]
        for reward in self.reward_ids:
            points = reward.required_points or 1.0
            if reward.reward_type == "product":
                worths.append(reward.reward_product_ids[:1].lst_price * reward.reward_product_qty / points)
            elif reward.reward_type == "discount" and reward.discount_mode == "per_point":
                worths.append(reward.discount)
            elif reward.reward_type == "discount" and reward.discount_mode == "per_order":
                worths.append(reward.discount / points)
        return max(worths)
