from odoo import api, fields, models
from odoo.addons.crm_value_addon.models.club.earning_events import EarningEvent

_EVENT = EarningEvent("event", "An event attended")


class CrmValueEarning(models.Model):
    _inherit = "crm.value.earning"

    event = fields.Selection(selection_add=[("event", _EVENT.label)], ondelete={"event": "set default"})

    @api.model
    def _events(self):
        return {**super()._events(), _EVENT.code: _EVENT}
