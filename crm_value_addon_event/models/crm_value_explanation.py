from odoo import api, models


class CrmValueExplanation(models.AbstractModel):
    _inherit = "crm.value.explanation"

    @api.model
    def _driver_label(self, driver):
        return self.env._("Events") if driver == "events" else super()._driver_label(driver)

    @api.model
    def _open(self, value, key):
        if key != "events":
            return super()._open(value, key)
        return self._open_records(
            "event.registration",
            [("partner_id", "child_of", value.partner_id.id), ("event_id.company_id", "=", value.company_id.id)],
        )
