from odoo import fields, models


class CrmValueMessageKind(models.Model):
    """A kind of messages that customers can refuse, and keep getting the others."""

    _name = "crm.value.message.kind"
    _description = "Kind of Messages"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, help="Customers read it where they refuse messages")
    description = fields.Char(translate=True, help="What customers read below the name")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    _name_uniq = models.Constraint("UNIQUE(name)", "Two kinds of messages cannot have the same name.")
