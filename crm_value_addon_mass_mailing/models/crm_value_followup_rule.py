from odoo import fields, models


class CrmValueFollowupRule(models.Model):
    _inherit = "crm.value.followup.rule"

    action_type = fields.Selection(
        selection_add=[("mailing_list", "A place in a mailing list"), ("mailing", "A mailing")],
        ondelete={"mailing_list": "set default", "mailing": "set default"},
    )
    mailing_list_id = fields.Many2one(
        "mailing.list", ondelete="set null", help="Customers have a place in it until the reason is gone"
    )
    mailing_id = fields.Many2one("mailing.mailing", ondelete="cascade", readonly=True, index="btree_not_null")
