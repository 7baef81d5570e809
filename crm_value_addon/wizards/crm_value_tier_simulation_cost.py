from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..const import MARGIN_GROUP


class CrmValueTierSimulation(models.TransientModel):
    """What the benefits of the tiers would cost, from what they cost on the orders of the last 12 months."""

    _inherit = "crm.value.tier.simulation"

    def _finish_preview(self):
        super()._finish_preview()
        rates = self._benefit_cost_rates()
        # sudo: costs are for those who may see margins.
        for line in self.line_ids.sudo():
            line.benefit_cost_rate = rates.get(line.tier_id, 0.0)

    @api.model
    def _benefit_cost_rates(self):
        """Return for each tier what its benefits cost per revenue of its orders, confirmed in the last 12 months."""
        since = self.company_id._value_today() - relativedelta(years=1, day=1)
        self.env.flush_all()
        # sudo: see _finish_preview
        costs = self.env["crm.value.tier.cost"].sudo()._read_group(
            [("company_id", "=", self.company_id.id), ("month", ">=", since)], ["tier_id"], ["cost:sum"])
        revenue = dict(self.env.execute_query(SQL(
            """
            SELECT value_tier_id, sum(amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1)) FROM sale_order
             WHERE company_id = %s AND state = 'sale' AND value_tier_id IS NOT NULL AND date_order >= %s
             GROUP BY value_tier_id
            """, self.company_id.id, since)))
        return {tier: cost / float(revenue[tier.id]) for tier, cost in costs if revenue.get(tier.id, 0) > 0}


class CrmValueTierSimulationLine(models.TransientModel):
    _inherit = "crm.value.tier.simulation.line"

    benefit_cost_rate = fields.Float(readonly=True, groups=MARGIN_GROUP)
    benefit_cost_now = fields.Monetary(
        string="Benefits Now", compute="_compute_benefit_costs", groups=MARGIN_GROUP,
        help="What the tier's benefits cost per revenue of its orders of the last 12 months, on the revenue of the "
             "customers that have it; 0 for a tier without such orders")
    benefit_cost_then = fields.Monetary(
        string="Benefits After", compute="_compute_benefit_costs", groups=MARGIN_GROUP,
        help="The same on the revenue of the customers that would have it")

    @api.depends("benefit_cost_rate", "revenue_now", "revenue_then")
    def _compute_benefit_costs(self):
        for line in self:
            line.benefit_cost_now = line.benefit_cost_rate * line.revenue_now
            line.benefit_cost_then = line.benefit_cost_rate * line.revenue_then
