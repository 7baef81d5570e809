from odoo import fields, models


class CrmValueLeavingReason(models.Model):
    """Why customers leave: a reason that lies with the company, or one that lies outside."""

    _name = "crm.value.leaving.reason"
    _description = "Reason for Leaving"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=100)
    active = fields.Boolean(default=True)
    origin = fields.Selection(
        [("inside", "With us"), ("outside", "Outside")], string="Lies", required=True, default="inside"
    )
    company_id = fields.Many2one("res.company", index="btree_not_null", help="Empty for all companies")
