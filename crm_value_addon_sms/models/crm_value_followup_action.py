from odoo import api, models
from odoo.addons.crm_value_addon.models.followups.actions import Action
from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

_SMS = Action(
    "sms", "A text message to the customer", needs="sms_template_id", needs_label=_lt("a text template"), message="sms"
)


class CrmValueFollowupAction(models.AbstractModel):
    _inherit = "crm.value.followup.action"

    @api.model
    def _actions(self):
        return {**super()._actions(), _SMS.code: _SMS}

    @api.model
    def _write_sms(self, rule, company, due):
        return self.env["crm.value.message"]._write(rule, rule.sms_template_id, company, due)

    @api.model
    def _do_sms(self, rule, company, _deadline, due, _user_of, followup_ids, written):
        self.env["crm.value.message"]._queue_texts(rule, company, due, followup_ids, written)
        return {}
