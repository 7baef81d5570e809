from odoo import api, models


class CrmValueFit(models.Model):
    _inherit = "crm.value.fit"

    @api.model
    def _current(self, company):
        """Return the fit that the context asks for (``value_fit_id``, False for none) instead of the one in use."""
        fit_id = self.env.context.get("value_fit_id")
        if fit_id is False or isinstance(fit_id, int):
            return self.sudo().browse(fit_id or [])
        return super()._current(company)
