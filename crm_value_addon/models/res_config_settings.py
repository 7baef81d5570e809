from odoo import api, fields, models
from odoo.exceptions import UserError


class ResConfigSettings(models.TransientModel):
    """The settings of the customer values, in the order of the screen (see `ResCompany`)."""

    _inherit = "res.config.settings"

    value_currency_id = fields.Many2one(related="company_id.currency_id", string="Currency of the Company")

    # what a customer is worth
    value_basis = fields.Selection(related="company_id.value_basis", readonly=False, required=True)
    value_margin_rate = fields.Float(related="company_id.value_margin_rate", readonly=False)
    value_horizon_months = fields.Integer(related="company_id.value_horizon_months", readonly=False)
    value_discount_rate = fields.Float(related="company_id.value_discount_rate", readonly=False)
    value_retention_rate = fields.Float(related="company_id.value_retention_rate", readonly=False)
    value_measured_retention = fields.Float(
        string="Measured",
        compute="_compute_value_measured_retention",
        help="Share of the customers of the year before that bought again, at the last month's end; 0: not known yet",
    )
    value_completeness_field_ids = fields.Many2many(related="company_id.value_completeness_field_ids", readonly=False)
    value_tiers_count = fields.Selection(related="company_id.value_tiers_count", readonly=False, required=True)
    value_leave_out_intercompany = fields.Boolean(related="company_id.value_leave_out_intercompany", readonly=False)

    # prediction
    value_method = fields.Selection(related="company_id.value_method", readonly=False, required=True)
    value_model = fields.Selection(related="company_id.value_model", readonly=False, required=True)
    value_prior_strength = fields.Float(related="company_id.value_prior_strength", readonly=False)
    value_fit_months = fields.Integer(related="company_id.value_fit_months", readonly=False)
    value_low_risk = fields.Float(related="company_id.value_low_risk", readonly=False)
    value_high_risk = fields.Float(related="company_id.value_high_risk", readonly=False)

    # lifecycle
    value_prospect_probability = fields.Float(related="company_id.value_prospect_probability", readonly=False)
    value_new_days = fields.Integer(related="company_id.value_new_days", readonly=False)
    value_loyal_purchases = fields.Integer(related="company_id.value_loyal_purchases", readonly=False)
    value_loyal_days = fields.Integer(related="company_id.value_loyal_days", readonly=False)
    value_lost_probability = fields.Float(related="company_id.value_lost_probability", readonly=False)
    value_risk_factor = fields.Float(related="company_id.value_risk_factor", readonly=False)
    value_lost_factor = fields.Float(related="company_id.value_lost_factor", readonly=False)
    value_won_back_days = fields.Integer(related="company_id.value_won_back_days", readonly=False)

    # follow-ups
    value_followup_cap = fields.Integer(related="company_id.value_followup_cap", readonly=False)
    value_message_limit = fields.Integer(related="company_id.value_message_limit", readonly=False)
    value_message_days = fields.Integer(related="company_id.value_message_days", readonly=False)
    value_message_quiet = fields.Boolean(related="company_id.value_message_quiet", readonly=False)
    value_cadence_clasp = fields.Integer(related="company_id.value_cadence_clasp", readonly=False)
    value_cadence_velcro = fields.Integer(related="company_id.value_cadence_velcro", readonly=False)
    value_cadence_zipper = fields.Integer(related="company_id.value_cadence_zipper", readonly=False)
    value_monday_mail = fields.Boolean(related="company_id.value_monday_mail", readonly=False)
    value_track_contacts = fields.Boolean(related="company_id.value_track_contacts", readonly=False)

    # beyond purchases
    value_quotation_probability = fields.Float(related="company_id.value_quotation_probability", readonly=False)
    value_referral_share = fields.Float(related="company_id.value_referral_share", readonly=False)
    value_referral_months = fields.Integer(related="company_id.value_referral_months", readonly=False)
    value_knowledge_cap = fields.Monetary(
        related="company_id.value_knowledge_cap", readonly=False, currency_field="value_currency_id"
    )
    value_loyal_satisfaction = fields.Float(related="company_id.value_loyal_satisfaction", readonly=False)
    value_snapshot_months = fields.Integer(related="company_id.value_snapshot_months", readonly=False)
    value_log_months = fields.Integer(related="company_id.value_log_months", readonly=False)
    value_run_months = fields.Integer(related="company_id.value_run_months", readonly=False)
    value_product_level = fields.Selection(related="company_id.value_product_level", readonly=False, required=True)
    value_suggestions = fields.Boolean(related="company_id.value_suggestions", readonly=False)
    value_suggestions_portal = fields.Boolean(related="company_id.value_suggestions_portal", readonly=False)
    value_suggestions_priced = fields.Boolean(related="company_id.value_suggestions_priced", readonly=False)
    value_suggestion_holdout = fields.Float(related="company_id.value_suggestion_holdout", readonly=False)
    value_product_months = fields.Integer(related="company_id.value_product_months", readonly=False)

    # cost to serve
    value_cost_acquisition = fields.Selection(
        related="company_id.value_cost_acquisition", readonly=False, required=True
    )
    value_cost_won_lead = fields.Monetary(
        related="company_id.value_cost_won_lead", readonly=False, currency_field="value_currency_id"
    )
    value_cost_work = fields.Boolean(related="company_id.value_cost_work", readonly=False)
    value_activity_minutes = fields.Float(related="company_id.value_activity_minutes", readonly=False)
    value_message_minutes = fields.Float(related="company_id.value_message_minutes", readonly=False)
    value_hourly_cost = fields.Monetary(
        related="company_id.value_hourly_cost", readonly=False, currency_field="value_currency_id"
    )
    value_cost_benefits = fields.Boolean(related="company_id.value_cost_benefits", readonly=False)
    value_cost_gift = fields.Monetary(
        related="company_id.value_cost_gift", readonly=False, currency_field="value_currency_id"
    )
    value_cost_discount_share = fields.Float(related="company_id.value_cost_discount_share", readonly=False)
    value_cost_credit_notes = fields.Boolean(related="company_id.value_cost_credit_notes", readonly=False)
    value_cost_credit_note = fields.Monetary(
        related="company_id.value_cost_credit_note", readonly=False, currency_field="value_currency_id"
    )
    value_cost_late_payment = fields.Boolean(related="company_id.value_cost_late_payment", readonly=False)
    value_cost_interest = fields.Float(related="company_id.value_cost_interest", readonly=False)

    # benefits
    value_pause_overdue = fields.Boolean(related="company_id.value_pause_overdue", readonly=False)
    value_pause_overdue_limit = fields.Monetary(
        related="company_id.value_pause_overdue_limit", readonly=False, currency_field="value_currency_id"
    )
    value_caution_return_rate = fields.Float(related="company_id.value_caution_return_rate", readonly=False)
    value_caution_overdue_days = fields.Integer(related="company_id.value_caution_overdue_days", readonly=False)
    value_caution_loss = fields.Monetary(
        related="company_id.value_caution_loss", readonly=False, currency_field="value_currency_id"
    )
    value_pause_caution = fields.Boolean(related="company_id.value_pause_caution", readonly=False)
    value_margin_guard = fields.Boolean(related="company_id.value_margin_guard", readonly=False)
    value_margin_floor = fields.Float(related="company_id.value_margin_floor", readonly=False)
    value_referral_program_id = fields.Many2one(related="company_id.value_referral_program_id", readonly=False)
    value_referral_points = fields.Float(related="company_id.value_referral_points", readonly=False)
    value_referral_since = fields.Date(related="company_id.value_referral_since", readonly=False)

    value_goodwill_program_id = fields.Many2one(related="company_id.value_goodwill_program_id", readonly=False)
    value_goodwill_points = fields.Float(related="company_id.value_goodwill_points", readonly=False)
    value_goodwill_days = fields.Integer(related="company_id.value_goodwill_days", readonly=False)
    value_goodwill_monthly = fields.Integer(related="company_id.value_goodwill_monthly", readonly=False)

    # what customers see
    value_portal = fields.Boolean(related="company_id.value_portal", readonly=False)
    value_portal_contacts = fields.Boolean(related="company_id.value_portal_contacts", readonly=False)
    value_mail_reached_id = fields.Many2one(related="company_id.value_mail_reached_id", readonly=False)
    value_mail_points_id = fields.Many2one(related="company_id.value_mail_points_id", readonly=False)
    value_mail_danger_id = fields.Many2one(related="company_id.value_mail_danger_id", readonly=False)
    value_mail_rules_id = fields.Many2one(related="company_id.value_mail_rules_id", readonly=False)
    value_gifts_from = fields.Date(related="company_id.value_gifts_from", readonly=False)
    value_recent_days = fields.Integer(related="company_id.value_recent_days", readonly=False, required=True)
    value_mail_danger_days = fields.Integer(related="company_id.value_mail_danger_days", readonly=False)
    value_mail_birthday_id = fields.Many2one(related="company_id.value_mail_birthday_id", readonly=False)
    value_mail_anniversary_id = fields.Many2one(related="company_id.value_mail_anniversary_id", readonly=False)

    # refresh
    value_health = fields.Html(compute="_compute_value_health", sanitize=False)

    @api.depends("company_id")
    def _compute_value_measured_retention(self):
        for settings in self:
            # sudo: whoever may open the settings sees the share, not the customers
            measured = self.env["crm.value.target"].sudo()._measured_retention(settings.company_id)
            settings.value_measured_retention = measured or 0.0

    def action_use_measured_retention(self):
        """Let the retention that was measured be the company's setting.

        :raise AccessError: the user may not change the settings
        :raise UserError: nothing was measured yet
        """
        self.ensure_one()
        self.check_access("write")
        if not self.value_measured_retention:
            raise UserError(self.env._("No month's end of a year ago is known yet, so no retention was measured."))
        self.company_id.value_retention_rate = self.value_measured_retention
        return {"type": "ir.actions.client", "tag": "reload"}

    @api.depends("company_id")
    @api.depends_context("lang", "tz")
    def _compute_value_health(self):
        for settings in self:
            # sudo: whoever may open the settings sees here the state of the refreshes, not their records.
            health = self.env["crm.value.health"].sudo()._prepare_panel(settings.company_id)
            settings.value_health = self.env["ir.qweb"]._render("crm_value_addon.health_panel", health)

    def action_open_value_skipped(self):
        """Open the customers that refreshes of the company left out.

        :raise AccessError: the user may not read them
        """
        self.env["crm.value.run.skipped"].check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_run_skipped_action")
        return action | {"domain": [("run_id.company_id", "=", self.company_id.id or self.env.company.id)]}

    def action_load_value_sample(self):
        """Load the sample data into a company of its own.

        :raise AccessError: the user is no administrator
        :raise UserError: it is there already
        """
        return self.env["crm.value.sample"].load_sample()

    def action_remove_value_sample(self):
        """Remove the sample data and its company.

        :raise AccessError: the user is no administrator
        :raise UserError: there is none, or something else refers to it
        """
        return self.env["crm.value.sample"].remove_sample()

    def action_open_value_crons(self):
        """Open the scheduled actions of the customer values.

        :raise AccessError: the user may not read scheduled actions
        """
        self.env["ir.cron"].check_access("read")
        crons = self.env["crm.value.health"]._crons()
        action = self.env["ir.actions.act_window"]._for_xml_id("base.ir_cron_act")
        return action | {"domain": [("id", "in", crons.ids)], "context": {"active_test": False}}
