from odoo import models
from odoo.tools import float_round


class SaleOrder(models.Model):
    """Programs and points by the tier that an order carries; website_sale_loyalty asks the same methods."""

    _inherit = "sale.order"

    def _closed_program_ids(self):
        """Return the programs that are for certain tiers only, this order's not among them."""
        self.ensure_one()
        gated = self.env["crm.value.benefit"]._gated_programs()
        if not gated:
            return []
        return sorted(gated - {
            entry.target_id for entry in self._benefits_in_force() if entry.benefit_type == "program"})

    def _get_program_domain(self):
        domain = super()._get_program_domain()
        closed = self._closed_program_ids()
        # A list of leaves: website_sale_loyalty replaces one of them.
        return [*domain, ("id", "not in", closed)] if closed else domain

    def _get_trigger_domain(self):
        domain = super()._get_trigger_domain()
        closed = self._closed_program_ids()
        return [*domain, ("program_id", "not in", closed)] if closed else domain

    def _points_factor(self):
        return next((entry.factor for entry in self._benefits_in_force()
                     if entry.benefit_type == "points_multiplier"), 1.0)

    def _program_check_compute_points(self, programs):
        result = super()._program_check_compute_points(programs)
        factor = self._points_factor()
        if factor != 1:
            for program, status in result.items():
                if program.program_type == "loyalty" and "points" in status:
                    # Rounded as Odoo rounds points.
                    status["points"] = [float_round(points * factor, precision_digits=2, rounding_method="DOWN")
                                        for points in status["points"]]
        return result

    def _add_loyalty_history_lines(self):
        super()._add_loyalty_history_lines()
        factor = self._points_factor()
        if factor != 1:
            # sudo: a customer that confirms in the web shop writes no history.
            lines = self.env["loyalty.history"].sudo().search([
                ("order_model", "=", self._name), ("order_id", "=", self.id), ("issued", ">", 0),
                ("card_id.program_id.program_type", "=", "loyalty")])
            lines._note_tier(self.value_tier_id, factor)
