from odoo import api, fields, models


class CrmValueTierSimulationCriterion(models.TransientModel):
    """A criterion of a tier with the thresholds of a simulation."""

    _name = "crm.value.tier.simulation.criterion"
    _description = "Tier Simulation: Criterion"
    _order = "sequence desc, id"

    simulation_id = fields.Many2one("crm.value.tier.simulation", required=True, ondelete="cascade", index=True)
    tier_id = fields.Many2one("crm.value.tier", required=True, ondelete="cascade")
    sequence = fields.Integer(related="tier_id.sequence", store=True)
    metric = fields.Selection(
        selection=lambda self: self.env["crm.value.tier.criterion"]._selection_metric(), required=True
    )
    enter_min = fields.Float(string="To Enter", digits=(16, 2))
    keep_min = fields.Float(string="To Keep", digits=(16, 2))

    @api.constrains("metric")
    def _check_metric(self):
        for criterion in self:
            self.env["crm.value.tier.criterion"]._check_metric(criterion.metric)

    @api.onchange("enter_min")
    def _onchange_enter_min(self):
        self.keep_min = min(self.keep_min or self.enter_min, self.enter_min)
