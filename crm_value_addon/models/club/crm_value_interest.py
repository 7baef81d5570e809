from odoo import fields, models


class CrmValueInterest(models.Model):
    """Something that customers may be interested in: they choose on their loyalty page, employees on the contact."""

    _name = "crm.value.interest"
    _description = "Interest of Customers"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, help="Customers read it on their loyalty page")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, help="Off: nobody can choose it any more; whoever chose it keeps it")
    color = fields.Integer()

    _name_uniq = models.Constraint("UNIQUE(name)", "Two interests cannot have the same name.")
