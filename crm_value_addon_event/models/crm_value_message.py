from odoo import api, models


class CrmValueMessage(models.AbstractModel):
    """Lets the text of an invitation name the event: ``event``."""

    _inherit = "crm.value.message"

    @api.model
    def _variables(self, rule):
        # sudo: the text is the same, whoever runs the rule.
        return {**super()._variables(rule), "event": rule.event_id.sudo()}
