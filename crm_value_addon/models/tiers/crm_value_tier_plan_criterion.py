from odoo import api, fields, models


class CrmValueTierPlanCriterion(models.Model):
    """A criterion of a tier in planned rules."""

    _name = "crm.value.tier.plan.criterion"
    _description = "Planned Tier Rules: Criterion"
    _order = "sequence desc, id"
    _rec_name = "metric"

    plan_id = fields.Many2one("crm.value.tier.plan", required=True, ondelete="cascade", index=True)
    tier_id = fields.Many2one("crm.value.tier", required=True, ondelete="restrict", index=True)
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
