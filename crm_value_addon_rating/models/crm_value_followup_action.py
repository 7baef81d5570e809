from markupsafe import Markup

from odoo import api, models
from odoo.addons.crm_value_addon.models.followups.actions import Action
from odoo.tools.translate import LazyTranslate

from .crm_value_message import PLACEHOLDER

_lt = LazyTranslate(__name__)

_RATING = Action(
    "rating",
    "An e-mail that asks how it was",
    needs="mail_template_id",
    needs_label=_lt("an e-mail template"),
    message="mail",
)


class CrmValueFollowupAction(models.AbstractModel):
    """Asks customers how it was: each mail has links of its own, whose answer is a rating of the customer's value."""

    _inherit = "crm.value.followup.action"

    @api.model
    def _actions(self):
        return {**super()._actions(), _RATING.code: _RATING}

    @api.model
    def _write_rating(self, rule, company, due):
        return self.env["crm.value.message"]._write(rule, rule.mail_template_id, company, due)

    @api.model
    def _do_rating(self, rule, company, deadline, due, user_of, followup_ids, written):
        texts = [written[row.value_id] for row in due]
        # sudo: whoever runs the rule need not be allowed to write ratings, nor to read who serves whom.
        values = self.env["crm.value"].sudo().browse([row.value_id for row in due])
        questions = (
            self.env["rating.rating"]
            .sudo()
            .create(
                [
                    {
                        "res_model_id": self.env["ir.model"]._get_id("crm.value"),
                        "res_id": value.id,
                        "partner_id": text.recipient_id,
                        "rated_partner_id": value.user_id.partner_id.id,
                        "is_internal": False,
                        "value_rule_id": rule.id,
                    }
                    for value, text in zip(values, texts, strict=True)
                ]
            )
        )
        own = {
            row.value_id: text._replace(body=Markup(str(text.body).replace(PLACEHOLDER, question.access_token)))  # nosec B704
            for row, text, question in zip(due, texts, questions, strict=True)
        }
        return self._do_mail(rule, company, deadline, due, user_of, followup_ids, own)
