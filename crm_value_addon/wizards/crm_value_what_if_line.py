from odoo import api, fields, models

from ..const import MARGIN_GROUP


class CrmValueWhatIfLine(models.TransientModel):
    """The customers of a tier, or of a stage, in a what-if."""

    _name = "crm.value.what.if.line"
    _description = "What If: Tier or Stage"
    _order = "kind, tier_id desc, id"

    what_if_id = fields.Many2one("crm.value.what.if", required=True, ondelete="cascade", readonly=True)
    currency_id = fields.Many2one(related="what_if_id.currency_id", string="Currency")
    kind = fields.Selection([("tier", "Tier"), ("stage", "Stage")], required=True, readonly=True)
    tier_id = fields.Many2one("crm.value.tier", ondelete="cascade", readonly=True)
    stage = fields.Selection(
        selection=lambda self: self.env["crm.value"]._fields["lifecycle_stage"]._description_selection(self.env),
        readonly=True,
    )
    customer_count = fields.Integer(string="Customers", readonly=True)
    equity_now = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    equity_then = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    equity_change = fields.Monetary(string="Change", compute="_compute_equity_change", groups=MARGIN_GROUP)

    @api.depends("equity_now", "equity_then")
    def _compute_equity_change(self):
        for line in self:
            line.equity_change = line.equity_then - line.equity_now
