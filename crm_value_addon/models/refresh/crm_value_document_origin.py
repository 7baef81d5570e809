from odoo import fields, models


class CrmValueDocumentOrigin(models.Model):
    """The amount of a document that makes the purchase of an earlier day larger or smaller.

    `crm.value.document.role` writes the rows. What is given back makes the purchase of the document smaller that it was
    bought with: the amount is negative. A document that replaces another one (credited and invoiced anew) counts on
    the day of that one: the amount is positive. Such a row is there from the draft on, with nothing in it until both
    are posted. What undoes a part of a credit note gives the purchase back what that took, and makes the credit note
    smaller (`refund`).
    """

    _name = "crm.value.document.origin"
    _description = "Origin of a Document"
    _log_access = False
    _order = "id"
    _rec_name = "move_id"

    move_id = fields.Many2one("account.move", string="Document", required=True, ondelete="cascade", index=True)
    counted_id = fields.Many2one(
        "account.move",
        string="Counts for the Customer of",
        required=True,
        ondelete="cascade",
        index=True,
        help="The document whose customer has the purchase: the one that was given back, or the new one",
    )
    origin_id = fields.Many2one(
        "account.move", string="Counts on the Day of", required=True, ondelete="cascade", index=True
    )
    replaced_id = fields.Many2one(
        "account.move", string="Replaces", ondelete="cascade", index="btree_not_null", help="Credited and invoiced anew"
    )
    note_id = fields.Many2one(
        "account.move",
        string="Instead of What Was Credited by",
        ondelete="set null",
        index="btree_not_null",
        help="The credit note, of an order that was invoiced again",
    )
    # float8: see crm.value.document
    amount = fields.Float(required=True, default=0.0)
    refund = fields.Float(
        required=True, default=0.0, help="Less was given back by so much, below 0, because a credit note was undone"
    )
