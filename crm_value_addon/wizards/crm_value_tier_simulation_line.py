from odoo import api, fields, models

from ..const import MARGIN_GROUP

#: sequences of the lines without a tier, which stand below the tiers
NO_TIER, OTHER_SET = -1, -2


class CrmValueTierSimulationLine(models.TransientModel):
    """A tier in a simulation, with its customers now and after.

    Two lines have no tier: one counts customers without a tier, one customers with a tier of the other set.
    """

    _name = "crm.value.tier.simulation.line"
    _description = "Tier Simulation: Tier"
    _order = "sequence desc, id desc"

    simulation_id = fields.Many2one("crm.value.tier.simulation", required=True, ondelete="cascade", index=True)
    currency_id = fields.Many2one(related="simulation_id.currency_id", string="Currency")
    tier_id = fields.Many2one("crm.value.tier", ondelete="cascade")
    sequence = fields.Integer()
    color = fields.Integer(related="tier_id.color")
    is_used = fields.Boolean(string="Use", default=True)
    is_draft = fields.Boolean(string="Draft", readonly=True, help="Applying the simulation activates it")
    wished_share = fields.Float(string="Target Share", digits=(16, 2), help="Share of the customers that have bought")
    downgrade_policy = fields.Selection(
        selection=lambda self: self.env["crm.value.tier"]._fields["downgrade_policy"]._description_selection(self.env),
        string="Downgrade",
    )
    grace_days = fields.Integer(string="Grace Period (days)")
    customers_now = fields.Integer(string="Now", readonly=True)
    customers_then = fields.Integer(string="After", readonly=True)
    leaving = fields.Integer(
        string="In Danger", readonly=True, help="Those of them who keep the tier only until their grace period ends"
    )
    nearly = fields.Integer(
        readonly=True,
        help="Customers with a lower tier or none who reach at least 90 % of what each figure of this one asks for",
    )
    revenue_now = fields.Monetary(readonly=True, help="Of the last 12 months")
    revenue_then = fields.Monetary(string="Revenue After", readonly=True, help="Of the last 12 months")
    margin_now = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    margin_then = fields.Monetary(string="Margin After", readonly=True, groups=MARGIN_GROUP)
    missing_benefits = fields.Char(
        compute="_compute_missing_benefits", help="What the tier below gives and this one does not"
    )
    benefit_cost_rate = fields.Float(readonly=True, groups=MARGIN_GROUP)
    benefit_cost_now = fields.Monetary(
        string="Benefits Now",
        compute="_compute_benefit_costs",
        groups=MARGIN_GROUP,
        help="What the tier's benefits cost per revenue of its orders of the last 12 months, on the revenue of the "
        "customers that have it; 0 for a tier without such orders",
    )
    benefit_cost_then = fields.Monetary(
        string="Benefits After",
        compute="_compute_benefit_costs",
        groups=MARGIN_GROUP,
        help="The same on the revenue of the customers that would have it",
    )

    @api.depends("tier_id.name", "sequence")
    def _compute_display_name(self):
        for line in self:
            line.display_name = line.tier_id.name or (
                self.env._("Other set of tiers") if line.sequence == OTHER_SET else self.env._("No tier")
            )

    @api.depends("is_used", "tier_id", "simulation_id.line_ids.is_used")
    def _compute_missing_benefits(self):
        Comparison = self.env["crm.value.benefit.comparison"]
        for line in self:
            used = line.simulation_id._used_tiers()
            below = used.filtered(lambda tier, own=line.tier_id: (tier.sequence, tier.id) < (own.sequence, own.id))[-1:]
            missing = Comparison._missing(line.tier_id, below) if line.is_used else below.benefit_ids.browse()
            line.missing_benefits = Comparison._in_words(missing) or False

    @api.depends("benefit_cost_rate", "revenue_now", "revenue_then")
    def _compute_benefit_costs(self):
        for line in self:
            line.benefit_cost_now = line.benefit_cost_rate * line.revenue_now
            line.benefit_cost_then = line.benefit_cost_rate * line.revenue_then
