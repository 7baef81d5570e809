from odoo import fields, models


class CrmValueFeedbackCause(models.Model):
    """What a complaint is about, and who answers for it."""

    _name = "crm.value.feedback.cause"
    _description = "Cause of a Complaint"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=100)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index="btree_not_null", help="Empty for all companies")
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        ondelete="set null",
        domain="[('share', '=', False)]",
        help="Whoever gets the complaints and low ratings with this cause. Empty: whoever enters them",
    )
