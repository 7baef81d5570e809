from odoo import fields, models


class CrmValueFollowupRule(models.Model):
    _inherit = "crm.value.followup.rule"

    action_type = fields.Selection(
        selection_add=[("sms", "A text message to the customer")], ondelete={"sms": "set default"}
    )
    sms_template_id = fields.Many2one(
        "sms.template",
        string="Text Template",
        ondelete="restrict",
        domain="[('model', 'in', ('crm.value', 'res.partner'))]",
        help="Sent in the customer's language. It may name occasion['date'], occasion['days'] and occasion['detail'].",
    )
