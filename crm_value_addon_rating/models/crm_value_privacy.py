from odoo import api, models

#: what an export tells of an answer
_TOLD = ("rating", "feedback", "rated_on")


class CrmValuePrivacy(models.AbstractModel):
    """Exports and erases what customers answered when they were asked how it was."""

    _inherit = "crm.value.privacy"

    @api.model
    def _domains(self, customer, persons):
        values = self.env["crm.value"].search([("partner_id", "=", customer.id)])
        asked = [("res_model", "=", "crm.value"), ("res_id", "in", values.ids)]
        return super()._domains(customer, persons) | {"rating.rating": asked}

    @api.model
    def _is_exported(self, records, name):
        return super()._is_exported(records, name) or records._name == "rating.rating" and name in _TOLD

    @api.model
    def _erase_values(self, values):
        # sudo: the values are; an answer is no record of the books
        asked = [("res_model", "=", "crm.value"), ("res_id", "in", values.ids)]
        self.env["rating.rating"].sudo().search(asked).unlink()
        return super()._erase_values(values)
