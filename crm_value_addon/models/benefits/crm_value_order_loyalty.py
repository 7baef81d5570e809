from odoo import api, models
from odoo.tools import float_round


class CrmValueOrderLoyalty(models.AbstractModel):
    """Programs and points by the tier that an order carries.

    How to use: the hooks of `sale_loyalty` on `sale.order` call these methods; `website_sale_loyalty` calls the same
    hooks.
    """

    _name = "crm.value.order.loyalty"
    _description = "Sales Orders: Programs and Points"

    @api.model
    def _close_programs(self, order, domain, name):
        """Add to a domain that programs for other tiers only are closed to an order.

        :param str name: the field of the domain's model that is the id of the program
        :return: list of leaves, because website_sale_loyalty replaces one of them
        """
        closed = self._closed_program_ids(order)
        return [*domain, (name, "not in", closed)] if closed else domain

    @api.model
    def _closed_program_ids(self, order):
        """Return the programs that are for certain tiers only, without those of the order's tier."""
        gated = self.env["crm.value.benefit"]._gated_programs()
        if not gated:
            return []
        active = self.env["crm.value.order.tier"]._active_benefits(order)
        return sorted(gated - {benefit.target_id for benefit in active if benefit.benefit_type == "program"})

    @api.model
    def _multiply_points(self, order, points_by_program):
        """Multiply the points of loyalty cards by the factor of an order's tier.

        :param points_by_program: what `_program_check_compute_points` returned; changed in place
        """
        factor = self._factor(order)
        if factor == 1:
            return
        for program, status in points_by_program.items():
            if program.program_type == "loyalty" and "points" in status:
                # rounded as Odoo rounds points
                status["points"] = [
                    float_round(points * factor, precision_digits=2, rounding_method="DOWN")
                    for points in status["points"]
                ]

    @api.model
    def _factor(self, order):
        benefit = self.env["crm.value.order.tier"]._active_benefit(order, "points_multiplier")
        return benefit.factor if benefit else 1.0

    @api.model
    def _note_points(self, order):
        """Note in the history of the loyalty cards which points an order's tier added."""
        factor = self._factor(order)
        if factor != 1:
            self.env["loyalty.history"]._issued_by(order)._note_tier(order.value_tier_id, factor)
