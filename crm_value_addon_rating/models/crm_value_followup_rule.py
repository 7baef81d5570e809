from odoo import api, fields, models
from odoo.exceptions import ValidationError


class CrmValueFollowupRule(models.Model):
    _inherit = "crm.value.followup.rule"

    action_type = fields.Selection(
        selection_add=[("rating", "An e-mail that asks how it was")], ondelete={"rating": "set default"}
    )
    asked_cause_id = fields.Many2one(
        "crm.value.feedback.cause",
        string="Asks about",
        ondelete="set null",
        help="A low answer becomes a complaint with this cause, and goes to whoever is responsible for it.",
    )
    asked_limit = fields.Integer(
        string="Low up to (stars)",
        default=2,
        help="An answer of so many stars or fewer becomes a complaint; 0: none does. Customers answer with 1, 3 or 5.",
    )

    @api.constrains("action_type", "mail_template_id", "asked_limit")
    def _check_rating(self):
        for rule in self:
            if rule.action_type == "rating" and not rule.mail_template_id:
                raise ValidationError(self.env._("%(rule)s needs an e-mail template.", rule=rule.name))
            if not 0 <= rule.asked_limit <= 5:
                raise ValidationError(self.env._("A low answer has between 0 and 5 stars."))
