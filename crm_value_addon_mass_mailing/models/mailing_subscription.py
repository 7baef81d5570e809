from odoo import fields, models


class MailingSubscription(models.Model):
    _inherit = "mailing.subscription"

    value_followup_id = fields.Many2one(
        "crm.value.followup",
        string="Given by Follow-up",
        ondelete="set null",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )
