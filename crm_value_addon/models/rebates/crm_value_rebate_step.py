from odoo import fields, models


class CrmValueRebateStep(models.Model):
    """From an amount on, a percentage of the whole amount."""

    _name = "crm.value.rebate.step"
    _description = "Step of a Rebate"
    _order = "amount_from, id"
    _rec_name = "percent"

    rebate_id = fields.Many2one("crm.value.rebate", required=True, ondelete="cascade", index=True)
    currency_id = fields.Many2one(related="rebate_id.currency_id", string="Currency")
    amount_from = fields.Monetary(string="From", help="Qualifying amount of the period")
    percent = fields.Float(digits=(16, 2), required=True, help="Of the whole amount, not of the rest")

    def write(self, vals):
        result = super().write(vals)
        self.rebate_id._check_steps()
        return result
