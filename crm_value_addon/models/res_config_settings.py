from odoo import api, fields, models


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
    value_health = fields.Html(compute="_compute_value_health", sanitize=False)

    @api.depends("company_id")
    @api.depends_context("lang", "tz")
    def _compute_value_health(self):
        for settings in self:
            # sudo: whoever may open the settings reads here how the machine is, not its records.
            settings.value_health = self.env["ir.qweb"]._render(
                "crm_value_addon.health_panel", settings.company_id.sudo()._prepare_value_health())

    def action_open_value_skipped(self):
        """Open the customers that refreshes of the company left out.

        :raise AccessError: the user may not read them
        """
        self.env["crm.value.run.skipped"].check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_run_skipped_action")
        return action | {"domain": [("run_id.company_id", "=", self.company_id.id or self.env.company.id)]}

    def action_open_value_crons(self):
        """Open the scheduled actions of the customer values.

        :raise AccessError: the user may not read scheduled actions
        """
        self.env["ir.cron"].check_access("read")
        crons = self.env.company._value_crons()
        action = self.env["ir.actions.act_window"]._for_xml_id("base.ir_cron_act")
        return action | {"domain": [("id", "in", crons.ids)], "context": {"active_test": False}}
