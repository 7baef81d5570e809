from odoo import fields, models


class CrmValueRebateSettlement(models.Model):
    """A rebate that was settled by a credit note, drafted or posted; written by the rebate only.

    It goes with its credit note: whoever deletes or cancels it lets the amount be settled again.
    """

    _name = "crm.value.rebate.settlement"
    _description = "Settled Rebate"
    _order = "date desc, id desc"
    _rec_name = "rebate_id"

    rebate_id = fields.Many2one("crm.value.rebate", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="rebate_id.company_id")
    currency_id = fields.Many2one(related="rebate_id.currency_id", string="Currency")
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    date = fields.Date(string="Until", required=True, readonly=True)
    drafted_on = fields.Date(readonly=True)
    amount = fields.Monetary(readonly=True)
    move_id = fields.Many2one(
        "account.move", string="Credit Note", required=True, ondelete="cascade", index=True, readonly=True
    )
