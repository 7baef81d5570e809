from odoo import api, fields, models

from ..const import MARGIN_GROUP

#: sequences of the lines without a tier, below the tiers
NO_TIER, OTHER_SET = -1, -2


class CrmValueTierSimulationLine(models.TransientModel):
    """A tier in a simulation; one line without a tier counts who has none, one who has a tier of another set."""

    _name = "crm.value.tier.simulation.line"
    _description = "Tier Simulation: Tier"
    _order = "sequence desc, id desc"

    simulation_id = fields.Many2one("crm.value.tier.simulation", required=True, ondelete="cascade", index=True)
    currency_id = fields.Many2one(related="simulation_id.currency_id", string="Currency")
    tier_id = fields.Many2one("crm.value.tier", ondelete="cascade")
    sequence = fields.Integer()
    color = fields.Integer(related="tier_id.color")
    is_used = fields.Boolean(string="Use", default=True)
    wished_share = fields.Float(string="Target Share", digits=(16, 2), help="Share of the customers that have bought")
    customers_now = fields.Integer(string="Now", readonly=True)
    customers_then = fields.Integer(string="After", readonly=True)
    leaving = fields.Integer(
        string="In Danger", readonly=True, help="Those of them who keep the tier only until their grace period ends")
    revenue_now = fields.Monetary(readonly=True, help="Of the last 12 months")
    revenue_then = fields.Monetary(string="Revenue After", readonly=True, help="Of the last 12 months")
    margin_now = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    margin_then = fields.Monetary(string="Margin After", readonly=True, groups=MARGIN_GROUP)

    @api.depends("tier_id.name", "sequence")
    def _compute_display_name(self):
        for line in self:
            line.display_name = line.tier_id.name or (
                self.env._("Other set of tiers") if line.sequence == OTHER_SET else self.env._("No tier"))


class CrmValueTierSimulationCriterion(models.TransientModel):
    """A threshold that is tried out."""

    _name = "crm.value.tier.simulation.criterion"
    _description = "Tier Simulation: Criterion"
    _order = "sequence desc, id"

    simulation_id = fields.Many2one("crm.value.tier.simulation", required=True, ondelete="cascade", index=True)
    tier_id = fields.Many2one("crm.value.tier", required=True, ondelete="cascade")
    sequence = fields.Integer(related="tier_id.sequence", store=True)
    metric = fields.Selection(
        selection=lambda self: self.env["crm.value.tier.criterion"]._selection_metric(), required=True)
    enter_min = fields.Float(string="To Enter", digits=(16, 2))
    keep_min = fields.Float(string="To Keep", digits=(16, 2))

    @api.constrains("metric")
    def _check_metric(self):
        for line in self:
            self.env["crm.value.tier.criterion"]._check_metric(line.metric)

    @api.onchange("enter_min")
    def _onchange_enter_min(self):
        self.keep_min = min(self.keep_min or self.enter_min, self.enter_min)


class CrmValueTierSimulationMove(models.TransientModel):
    """A customer that would move, inserted by the preview."""

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
        [("up", "Up"), ("down", "Down")], readonly=True,
        help="Empty between two sets of tiers, which have no common order")
    revenue_12m = fields.Monetary(string="Revenue 12 Months", readonly=True)
    margin_12m = fields.Monetary(string="Margin 12 Months", readonly=True, groups=MARGIN_GROUP)
    purchase_count = fields.Integer(related="value_id.purchase_count")
    revenue_total = fields.Monetary(related="value_id.revenue_total")
    clv = fields.Monetary(related="value_id.clv", groups=MARGIN_GROUP)
    last_purchase_date = fields.Date(related="value_id.last_purchase_date")
