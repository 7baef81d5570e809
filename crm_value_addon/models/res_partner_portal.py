from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

    def _is_opted_out(self):
        """Tell whether this contact wants not to be evaluated."""
        self.ensure_one()
        return "value_opt_out" in self._fields and bool(self.value_opt_out)
