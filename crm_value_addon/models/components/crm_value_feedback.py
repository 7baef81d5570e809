from odoo import fields, models


class CrmValueFeedback(models.Model):
    """What a customer told the company, entered by hand."""

    _name = "crm.value.feedback"
    _description = "Customer Feedback"
    _order = "date desc, id desc"
    _rec_name = "description"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", index=True, default=lambda self: self.env.company
    )
    kind_id = fields.Many2one(
        "crm.value.feedback.kind",
        required=True,
        ondelete="restrict",
        index=True,
        domain="[('source', '=', 'manual'), ('company_id', 'in', [False, company_id])]",
    )
    date = fields.Date(required=True, default=lambda self: self.env.company._value_today())
    description = fields.Char(required=True, help="What was said, and what came of it")
    user_id = fields.Many2one("res.users", string="Entered by", default=lambda self: self.env.user, readonly=True)
