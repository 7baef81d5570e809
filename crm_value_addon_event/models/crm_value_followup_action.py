from odoo import api, models
from odoo.addons.crm_value_addon.models.followups.actions import Action
from odoo.addons.crm_value_addon.models.refresh.said import Name, SaidError
from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

_EVENT = Action("event", "An invitation to an event", needs="event_id", needs_label=_lt("an event"), message="mail")


class CrmValueFollowupAction(models.AbstractModel):
    _inherit = "crm.value.followup.action"

    @api.model
    def _actions(self):
        return {**super()._actions(), _EVENT.code: _EVENT}

    @api.model
    def _check(self, rule):
        super()._check(rule)
        if rule.action_type == "event" and not rule.event_id.sudo().event_registrations_open:  # sudo: reads the flag
            raise SaidError(
                self.env,
                _lt(
                    "%(rule)s is stopped: nobody can register for %(event)s any more.",
                    rule=Name.of(rule),
                    event=Name.of(rule.event_id),
                ),
            )

    @api.model
    def _write_event(self, rule, company, due):
        return self.env["crm.value.message"]._write(rule, rule.mail_template_id, company, due)

    @api.model
    def _do_event(self, rule, company, deadline, due, user_of, followup_ids, written):
        return self._do_mail(rule, company, deadline, due, user_of, followup_ids, written)
