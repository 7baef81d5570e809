from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    value_basis = fields.Selection(related="company_id.value_basis", readonly=False, required=True)
    value_margin_rate = fields.Float(related="company_id.value_margin_rate", readonly=False)
    value_retention_rate = fields.Float(related="company_id.value_retention_rate", readonly=False)
    value_discount_rate = fields.Float(related="company_id.value_discount_rate", readonly=False)
    value_horizon_months = fields.Integer(related="company_id.value_horizon_months", readonly=False)
    value_method = fields.Selection(related="company_id.value_method", readonly=False, required=True)
    value_model = fields.Selection(related="company_id.value_model", readonly=False, required=True)
    value_prior_strength = fields.Float(related="company_id.value_prior_strength", readonly=False)
    value_fit_months = fields.Integer(related="company_id.value_fit_months", readonly=False)
    value_low_risk = fields.Float(related="company_id.value_low_risk", readonly=False)
    value_high_risk = fields.Float(related="company_id.value_high_risk", readonly=False)
    value_last_run_id = fields.Many2one("crm.value.run", compute="_compute_value_last_run_id")

    def _compute_value_last_run_id(self):
        for settings in self:
            settings.value_last_run_id = self.env["crm.value.run"].search(
                [("company_id", "=", settings.company_id.id), ("kind", "=", "full")], limit=1)
