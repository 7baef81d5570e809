from odoo import fields, models

from ..const import MARGIN_GROUP


class CrmValueTierSimulationMove(models.TransientModel):
    """A customer who would change tier, now or when a grace period ends, or nearly would; inserted by the preview."""

    _name = "crm.value.tier.simulation.move"
    _description = "Tier Simulation: Customer Who Changes Tier"
    _order = "revenue_12m desc, id"
    _rec_name = "value_id"

    simulation_id = fields.Many2one("crm.value.tier.simulation", required=True, ondelete="cascade", index=True)
    currency_id = fields.Many2one(related="simulation_id.currency_id", string="Currency")
    value_id = fields.Many2one("crm.value", string="Customer", required=True, readonly=True, ondelete="cascade")
    from_tier_id = fields.Many2one("crm.value.tier", string="Now", readonly=True, ondelete="cascade")
    to_tier_id = fields.Many2one("crm.value.tier", string="After", readonly=True, ondelete="cascade")
    direction = fields.Selection(
        [("up", "Up"), ("down", "Down"), ("later", "Down later"), ("near", "Nearly up")],
        readonly=True,
        help="Empty between two sets of tiers, which have no common order",
    )
    falls_on = fields.Date(string="Keeps It until", readonly=True)
    revenue_12m = fields.Monetary(string="Revenue 12 Months", readonly=True)
    margin_12m = fields.Monetary(string="Margin 12 Months", readonly=True, groups=MARGIN_GROUP)
    purchase_count = fields.Integer(related="value_id.purchase_count")
    revenue_total = fields.Monetary(related="value_id.revenue_total")
    clv = fields.Monetary(related="value_id.clv", groups=MARGIN_GROUP)
    last_purchase_date = fields.Date(related="value_id.last_purchase_date")
