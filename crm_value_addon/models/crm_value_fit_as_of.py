from odoo import api, models


class CrmValueFit(models.Model):
    _inherit = "crm.value.fit"

    @api.model
    def _current(self, company):
        """Return the fit that the context asks for (``value_fit_id``, False for none) instead of the one in use."""
        if "value_fit_id" in self.env.context:
            return self.sudo().browse(self.env.context["value_fit_id"] or [])
        return super()._current(company)
