from odoo import api, fields, models
from odoo.exceptions import ValidationError


class CrmValueFollowupRule(models.Model):
    _inherit = "crm.value.followup.rule"

    action_type = fields.Selection(
        selection_add=[("event", "An invitation to an event")], ondelete={"event": "set default"}
    )
    trigger = fields.Selection(
        selection_add=[
            ("event_attended", "Event attended"),
            ("event_missed", "Registered for an event, and did not come"),
        ],
        ondelete={"event_attended": "set default", "event_missed": "set default"},
    )
    event_id = fields.Many2one("event.event", ondelete="set null", help="Its invitations are e-mails")

    @api.constrains("action_type", "event_id", "mail_template_id", "company_id")
    def _check_event(self):
        for rule in self.filtered(lambda rule: rule.action_type == "event"):
            company = rule.event_id.sudo().company_id  # sudo: reads whose event it is
            if not rule.mail_template_id:
                raise ValidationError(self.env._("%(rule)s needs an e-mail template.", rule=rule.name))
            if company and company != rule.company_id:
                raise ValidationError(
                    self.env._(
                        "%(rule)s: the event %(event)s is %(company)s's only, and the rule is not.",
                        rule=rule.name,
                        event=rule.event_id.name,
                        company=company.name,
                    )
                )
