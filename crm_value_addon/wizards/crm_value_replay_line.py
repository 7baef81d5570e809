from odoo import fields, models

from ..const import MARGIN_GROUP


class CrmValueReplayLine(models.TransientModel):
    _name = "crm.value.replay.line"
    _description = "Customer Value as of a Day: Customer"
    _order = "revenue_total desc, id"

    replay_id = fields.Many2one("crm.value.replay", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="replay_id.currency_id", string="Currency")
    partner_id = fields.Many2one("res.partner", string="Customer")
    purchase_count = fields.Integer(string="Purchases")
    revenue_total = fields.Monetary(string="Revenue")
    revenue_12m = fields.Monetary(string="Revenue 12 Months")
    margin_total = fields.Monetary(string="Margin", groups=MARGIN_GROUP)
    transaction_value = fields.Monetary(groups=MARGIN_GROUP)
