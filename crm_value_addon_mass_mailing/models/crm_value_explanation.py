from odoo import api, models


class CrmValueExplanation(models.AbstractModel):
    _inherit = "crm.value.explanation"

    @api.model
    def _driver_label(self, driver):
        return self.env._("Mailings") if driver == "mailings" else super()._driver_label(driver)

    @api.model
    def _open(self, value, key):
        if key != "mailings":
            return super()._open(value, key)
        return self._open_records("crm.value.followup", [("value_id", "=", value.id), ("channel", "=", "mailing")])
