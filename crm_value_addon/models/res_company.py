from datetime import datetime
from math import inf

import pytz
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import MissingError, ValidationError
from odoo.tools import ormcache

from .benefits.benefit_types import BENEFIT_TYPES
from .listening.crm_value_completeness import COMPLETENESS_DOMAIN
from .privacy.field_access import denies

#: settings that change what counts, so that tiers follow in silence
_COUNTING = {"value_tiers_count", "value_leave_out_intercompany"}
#: what a limit of a setting allows: from, to. A hundred years are never, and any day plus or less them is a date.
_LIMITS = {"share": (0, 1), "not_negative": (0, inf), "days": (0, 36_500), "months": (0, 1_200)}


class ResCompany(models.Model):
    """The settings of the customer values, one set for each company, in the order of the screen.

    How to use: a new setting is a field here, a related field in res_config_settings.py and a line in
    views/res_config_settings_views.xml.

    How it works: a setting says on its own field what else has to know of it.

    - ``value_setting``: "refresh", where a change requests a refresh of all customers and is noted on the company's
      contact; "note", where it is only noted
    - ``value_limit``: "share", "not_negative", "days" or "months" (see `_LIMITS`)
    """

    _inherit = "res.company"

    # what a customer is worth
    value_basis = fields.Selection(
        [("margin", "Margin"), ("revenue", "Revenue")],
        default="margin",
        required=True,
        value_setting="refresh",
        help="What a customer's value is computed from.",
    )
    value_margin_rate = fields.Float(
        string="Margin Rate",
        default=0.3,
        value_setting="note",
        help="Share of the revenue that counts as margin where neither the order line nor the product has a cost.",
    )
    value_horizon_months = fields.Integer(
        string="Horizon (months)",
        default=36,
        value_setting="refresh",
        help="How far ahead the customer lifetime value looks.",
    )
    value_discount_rate = fields.Float(
        string="Yearly Discount Rate",
        default=0.1,
        value_setting="refresh",
        help="What money is worth a year later: 0.1 makes 110 next year worth 100 today.",
    )
    value_retention_rate = fields.Float(
        string="Yearly Retention Rate",
        default=0.75,
        value_setting="refresh",
        help="Share of the customers of a year that still buy a year later. Used where no prediction model applies.",
    )
    value_tiers_count = fields.Selection(
        [("invoiced", "What is invoiced"), ("paid", "What is paid")],
        string="Tiers Count",
        default="invoiced",
        required=True,
        value_setting="refresh",
        help="What the qualifying amounts add up. Of a document that is paid in part, that part counts.",
    )
    value_leave_out_intercompany = fields.Boolean(
        string="Leave Out Own Companies",
        value_setting="refresh",
        help="Documents for contacts that are companies of this database, this one and its branches included, count "
        "neither for these contacts nor for the company.",
    )

    # prediction
    value_method = fields.Selection(
        [("auto", "Whatever the backtest says"), ("model", "Prediction model"), ("history", "Last 12 months")],
        string="Prediction Method",
        default="auto",
        required=True,
        value_setting="refresh",
        help="What expected figures are computed from, where there is enough data for a model.",
    )
    value_model = fields.Selection(
        [("mbg", "MBG/NBD (everybody may leave)"), ("bg", "BG/NBD (one-time buyers stay)")],
        string="Model Type",
        default="mbg",
        required=True,
        value_setting="note",
    )
    value_prior_strength = fields.Float(
        string="Prior Strength",
        default=1.0,
        value_setting="note",
        help="How much the usual behaviour of customers counts beside the company's own data: "
        "1 as recommended, 0 not at all.",
    )
    value_fit_months = fields.Integer(
        string="History Fitted (months)",
        default=0,
        value_setting="note",
        value_limit="months",
        help="How far back the model looks; 0 for all.",
    )
    value_low_risk = fields.Float(
        string="Low Risk From",
        default=0.7,
        value_setting="refresh",
        help="Likely to buy within their horizon with at least this probability: low churn risk.",
    )
    value_high_risk = fields.Float(
        string="High Risk Below",
        default=0.4,
        value_setting="refresh",
        help="Likely to buy within their horizon with less than this probability: high churn risk, and at risk. Where "
        "too much revenue of those called at risk came back by itself in the past, the limit is stricter.",
    )

    # lifecycle: what separates its stages (lib/lifecycle.py)
    value_prospect_probability = fields.Float(
        string="Prospect from (%)",
        default=60.0,
        value_setting="refresh",
        help="An opportunity whose automated probability reaches this makes its contact a prospect: "
        "its profile resembles those who bought.",
    )
    value_new_days = fields.Integer(
        string="New for (days)",
        default=90,
        value_setting="refresh",
        value_limit="days",
        help="A customer is new for this many days after its first purchase.",
    )
    value_loyal_purchases = fields.Integer(
        string="Loyal from (purchases)",
        default=5,
        value_setting="refresh",
        value_limit="not_negative",
        help="Together with the days: frequent over time.",
    )
    value_loyal_days = fields.Integer(
        string="Loyal after (days)", default=365, value_setting="refresh", value_limit="days"
    )
    value_lost_probability = fields.Float(
        string="Lost below",
        default=0.1,
        value_setting="refresh",
        help="Likely to buy within their horizon with less than this probability.",
    )
    value_risk_factor = fields.Float(
        string="Horizon (intervals)",
        default=2.0,
        value_setting="refresh",
        help="A customer who stays is expected to buy within this many of their usual intervals, 30 days at least and "
        "a year at most. The next fit tries on the past how well that can be told.",
    )
    value_lost_factor = fields.Float(
        string="Lost after (intervals)",
        default=4.0,
        value_setting="refresh",
        help="Nobody is lost before they have been silent for this many of their usual intervals.",
    )
    value_won_back_days = fields.Integer(
        string="Won Back for (days)",
        default=180,
        value_setting="refresh",
        value_limit="days",
        help="A lost customer who buys is called won back for this many days, or until the next purchase.",
    )

    # follow-ups
    value_followup_cap = fields.Integer(
        string="Follow-ups per Day",
        default=25,
        value_limit="not_negative",
        help="No user gets more new follow-ups a day; the customers with the largest revenue come first, the others "
        "the next day. 0 for no limit.",
    )
    value_message_limit = fields.Integer(
        string="Messages at Most",
        default=2,
        value_limit="not_negative",
        help="No customer gets more messages of follow-up rules in the days beside it, mails about its tier included. "
        "0 for no limit.",
    )
    value_message_days = fields.Integer(string="Messages at Most: Days", default=7, value_limit="days")
    value_message_quiet = fields.Boolean(
        string="Quiet Outside Working Hours",
        default=True,
        help="Messages of follow-up rules wait for the next working hour of the company's calendar",
    )
    value_cadence_clasp = fields.Integer(string="Clasp: contact every (days)", default=180, value_limit="days")
    value_cadence_velcro = fields.Integer(string="Velcro: contact every (days)", default=60, value_limit="days")
    value_cadence_zipper = fields.Integer(string="Zipper: contact every (days)", default=30, value_limit="days")
    value_completeness_field_ids = fields.Many2many(
        "ir.model.fields",
        "crm_value_completeness_field_rel",
        string="Complete Records",
        domain=COMPLETENESS_DOMAIN,
        value_setting="refresh",
        help="What of a customer's contact has to be filled for its record to be complete",
    )
    value_monday_mail = fields.Boolean(
        string="Monday Mail",
        value_setting="note",
        help="Each Monday every salesperson gets a mail: whom to call, whose purchase is overdue, who is near a tier, "
        "what customers no longer buy. In their language; nothing to tell, no mail.",
    )
    value_monday_sent = fields.Date(string="Monday Mail Sent", readonly=True)
    value_track_contacts = fields.Boolean(
        string="Last Contact and Rhythm",
        default=True,
        value_setting="refresh",
        help="Refreshes note when somebody last spoke with a customer, how, and on how many days of 12 months.",
    )

    # beyond purchases: a component whose rates are 0 is not configured
    value_quotation_probability = fields.Float(
        string="Chance of a Quotation",
        default=0.5,
        value_setting="refresh",
        value_limit="share",
        help="Probability of a sent quotation that belongs to no opportunity.",
    )
    value_referral_share = fields.Float(
        string="Referral Share",
        value_setting="refresh",
        value_limit="share",
        help="Share of a referred customer's expected purchases that its referrer is credited.",
    )
    value_referral_months = fields.Integer(
        string="First Months",
        default=12,
        value_setting="refresh",
        value_limit="months",
        help="Only this many months after the referred customer's first purchase count.",
    )
    value_knowledge_cap = fields.Monetary(
        string="Knowledge Cap",
        value_setting="refresh",
        value_limit="not_negative",
        help="Highest worth of the feedback of one customer in a year; 0: no cap.",
    )
    value_loyal_satisfaction = fields.Float(
        string="Loyal from (rating)",
        default=3.0,
        value_setting="refresh",
        help="A customer that rates below this is not called loyal.",
    )
    value_snapshot_months = fields.Integer(
        string="Keep Month Ends (months)",
        default=60,
        value_limit="months",
        help="Older figures of customers are deleted; 0: never.",
    )
    value_is_sample = fields.Boolean(
        string="Sample Data", readonly=True, copy=False, help="Holds the sample data of the customer values only"
    )
    value_first_hour = fields.Char(
        string="First Steps Taken",
        readonly=True,
        copy=False,
        help="Names of the steps of the checklist on the dashboard",
    )
    value_log_months = fields.Integer(
        string="Keep Tier Changes and Ended Follow-ups (months)",
        default=0,
        value_limit="months",
        help="Older tier changes and ended follow-ups are deleted; 0: never. Rules that ask who lost a tier "
        "look back a year.",
    )
    value_run_months = fields.Integer(
        string="Keep Refreshes (months)",
        default=3,
        value_limit="months",
        help="Records of older refreshes are deleted; 0: never.",
    )

    # what customers buy
    value_product_level = fields.Selection(
        [
            ("auto", "Products where there are few, else categories"),
            ("product", "Products"),
            ("category", "Categories"),
            ("top", "Categories of the first level"),
            ("none", "Nothing"),
        ],
        string="What Customers Buy, by",
        default="auto",
        required=True,
        value_setting="refresh",
        help="What the history of a customer is told about: when it buys what, in which rhythm, and what it lost.",
    )
    value_product_months = fields.Integer(
        string="Keep Products Bought (months)",
        default=60,
        value_setting="refresh",
        value_limit="months",
        help="What a customer has not bought for longer is forgotten; 0: never.",
    )

    value_suggestions = fields.Boolean(
        string="Suggest Next Products",
        default=True,
        value_setting="note",
        help="What a customer does not buy yet and may want, on its orders, opportunities and value.",
    )
    value_suggestions_portal = fields.Boolean(
        string="Customers See Them",
        value_setting="note",
        help="On the loyalty page and, with the web shop, beside the cart: without shares and margins.",
    )
    value_suggestion_holdout = fields.Float(
        string="Control Group (%)",
        default=10.0,
        value_setting="note",
        help="A stable share of the customers gets the best sellers, so that the effect can be measured.",
    )
    value_suggestions_priced = fields.Boolean(
        string="Only What the Pricelist Names",
        value_setting="note",
        help="For pricelists that are an assortment: a product without a rule of the customer's pricelist, or the "
        "order's, is not suggested.",
    )
    value_suggestion_since = fields.Date(string="Suggestions Since", readonly=True)

    _value_suggestion_holdout_range = models.Constraint(
        "CHECK(value_suggestion_holdout BETWEEN 0 AND 50)",
        "The control group has 0 % to 50 % of the customers.",
    )

    # cost to serve
    value_cost_acquisition = fields.Selection(
        [("off", "Not counted"), ("lead", "Per won opportunity"), ("source", "Per source")],
        string="Acquisition",
        default="off",
        required=True,
        value_setting="refresh",
    )
    value_cost_won_lead = fields.Monetary(
        string="Cost of a Won Opportunity", value_setting="refresh", value_limit="not_negative"
    )
    value_cost_work = fields.Boolean(string="Activities and Messages", value_setting="refresh")
    value_activity_minutes = fields.Float(
        string="Minutes per Activity", default=20.0, value_setting="refresh", value_limit="not_negative"
    )
    value_message_minutes = fields.Float(
        string="Minutes per Message", default=5.0, value_setting="refresh", value_limit="not_negative"
    )
    value_hourly_cost = fields.Monetary(string="Hourly Cost", value_setting="refresh", value_limit="not_negative")
    value_cost_benefits = fields.Boolean(string="Gifts and Discounts of Tiers", value_setting="refresh")
    value_cost_gift = fields.Monetary(string="Cost of a Gift", value_setting="refresh", value_limit="not_negative")
    value_cost_discount_share = fields.Float(
        string="Share of Discounts",
        value_setting="refresh",
        value_limit="share",
        help="The margin of an invoice already lacks its discounts: usually 0.",
    )
    value_cost_credit_notes = fields.Boolean(string="Handling of Credit Notes", value_setting="refresh")
    value_cost_credit_note = fields.Monetary(
        string="Cost of a Credit Note", value_setting="refresh", value_limit="not_negative"
    )
    value_cost_late_payment = fields.Boolean(string="Late Payment", value_setting="refresh")
    value_cost_interest = fields.Float(
        string="Yearly Interest",
        value_setting="refresh",
        value_limit="not_negative",
        help="On what is paid late, for the days that it is late.",
    )

    # benefits
    value_pause_overdue = fields.Boolean(
        string="Pause Benefits While Overdue",
        value_setting="note",
        help="New orders carry no benefits while the customer owes too much.",
    )
    value_pause_overdue_limit = fields.Monetary(
        string="Overdue Limit",
        value_setting="note",
        value_limit="not_negative",
        help="Benefits pause while more than this is overdue.",
    )
    value_caution_return_rate = fields.Float(
        string="Returns Above",
        value_setting="refresh",
        help="Share of the revenue that was given back; 0: never a reason.",
    )
    value_caution_overdue_days = fields.Integer(
        string="Overdue For More Than (days)",
        value_setting="refresh",
        value_limit="days",
        help="Age of the oldest overdue amount; 0: never a reason.",
    )
    value_caution_loss = fields.Monetary(
        string="Loss Above",
        value_setting="refresh",
        value_limit="not_negative",
        help="Realised value below minus this amount; 0: never a reason.",
    )
    value_pause_caution = fields.Boolean(
        string="Pause Benefits While Cautioned",
        value_setting="note",
        help="New orders carry no benefits while the customer is flagged.",
    )
    value_margin_guard = fields.Boolean(
        string="Margin Guard",
        value_setting="note",
        help="Orders that carry benefits and leave too little margin need a sales manager.",
    )
    value_margin_floor = fields.Float(
        string="Lowest Margin",
        default=0.1,
        value_setting="note",
        help="Share of the untaxed amount that must be left after benefits.",
    )
    value_referral_program_id = fields.Many2one(
        "loyalty.program",
        string="Referral Reward",
        ondelete="set null",
        domain=[("program_type", "in", BENEFIT_TYPES["gift"].program_types)],
        help="Whoever referred a customer gets a coupon of this program when that customer's first invoice is posted.",
    )
    value_referral_points = fields.Float(string="Points on the Referral Coupon", default=1.0)
    value_referral_since = fields.Date(
        string="First Purchases From", help="Referred customers who bought before this day earn nobody a reward."
    )
    value_goodwill_program_id = fields.Many2one(
        "loyalty.program",
        string="Goodwill Coupon",
        ondelete="set null",
        domain=[("program_type", "in", BENEFIT_TYPES["gift"].program_types)],
        value_setting="note",
        help="Salespeople give a coupon of this program for a complaint, as often as the customer's tier allows in 12 "
        "months. Empty: no such coupons.",
    )
    value_goodwill_points = fields.Float(string="Points on the Goodwill Coupon", default=1.0, value_setting="note")
    value_goodwill_days = fields.Integer(
        string="Goodwill Valid for (days)", value_setting="note", value_limit="days", help="0: no end"
    )
    value_goodwill_monthly = fields.Integer(
        string="Goodwill Coupons a Month",
        default=5,
        value_setting="note",
        value_limit="not_negative",
        help="How many one salesperson may give in a calendar month; a sales manager may give more.",
    )

    # what customers see
    value_portal = fields.Boolean(
        string="Loyalty Page in the Customer Portal",
        help="Customers see their tier, its benefits, and what is missing for the next one. Never a margin, a "
        "prediction or another customer.",
    )
    value_portal_contacts = fields.Boolean(
        string="Contacts See Their Company's Tier",
        help="Each person with a login sees the tier, the points and the coupons of the company it works for.",
    )
    value_mail_reached_id = fields.Many2one(
        "mail.template",
        string="Mail: Tier Reached",
        ondelete="set null",
        domain="[('model', '=', 'crm.value')]",
        help="Sent to a customer that earned a higher tier. Empty: no mail.",
    )
    value_mail_danger_id = fields.Many2one(
        "mail.template",
        string="Mail: Tier in Danger",
        ondelete="set null",
        domain="[('model', '=', 'crm.value')]",
        help="Sent to a customer some days before it loses its tier. Empty: no mail.",
    )
    value_mail_points_id = fields.Many2one(
        "mail.template",
        string="Mail: Points Lapse",
        ondelete="set null",
        domain="[('model', '=', 'crm.value')]",
        help="Sent to a customer some days before its points lapse. Empty: no mail.",
    )
    value_mail_rules_id = fields.Many2one(
        "mail.template",
        string="Mail: Rules Change",
        ondelete="set null",
        domain="[('model', '=', 'crm.value')]",
        help="Sent to a customer that will lose its tier by planned rules. Empty: no mail.",
    )
    value_mail_danger_days = fields.Integer(string="Days Before the Tier Is Lost", default=14)
    value_mail_birthday_id = fields.Many2one(
        "mail.template",
        string="Mail: Birthday Gift",
        ondelete="set null",
        domain="[('model', '=', 'crm.value.grant')]",
        help="Sent with a birthday gift. Empty: the mail of the coupon's program.",
    )
    value_mail_anniversary_id = fields.Many2one(
        "mail.template",
        string="Mail: Anniversary Gift",
        ondelete="set null",
        domain="[('model', '=', 'crm.value.grant')]",
        help="Sent with a gift on the anniversary of the first purchase. Empty: the mail of the coupon's program.",
    )

    value_gifts_from = fields.Date(
        string="Gifts and Mails From",
        value_setting="note",
        help="Before this day no tier brings a gift, a mail or an activity, and nobody is rewarded for a referral. Set "
        "it before history is imported. Empty: at once.",
    )
    value_recent_days = fields.Integer(
        string="Recent Days",
        default=7,
        required=True,
        value_setting="note",
        help="A customer rises without gift, mail and activity where documents older than this many days alone give it "
        "the tier, as after an import, or where it had the tier within this many days: then it gets it back by what "
        "keeps the tier, with the old date.",
    )

    _value_recent_days_range = models.Constraint(
        "CHECK(value_recent_days BETWEEN 1 AND 366)", "The recent days are between 1 and 366."
    )
    _value_mail_danger_days_positive = models.Constraint(
        "CHECK(value_mail_danger_days BETWEEN 0 AND 366)",
        "A tier in danger is told between 0 and 366 days before it is lost.",
    )

    def _valid_field_parameter(self, field, name):
        return name in ("value_setting", "value_limit") or super()._valid_field_parameter(field, name)

    @api.model
    def _value_fields_with(self, fact, *values):
        """Return the names of the settings that say one of these values of themselves, in the order of the class."""
        return [name for name, field in self._fields.items() if getattr(field, fact, None) in values]

    @api.constrains(lambda self: self._value_fields_with("value_limit", *_LIMITS))
    def _check_value_limits(self):
        for name in self._value_fields_with("value_limit", *_LIMITS):
            lowest, highest = _LIMITS[self._fields[name].value_limit]
            for company in self:
                if not lowest <= company[name] <= highest:
                    raise ValidationError(self._describe_value_limit(name))

    @api.model
    def _describe_value_limit(self, name):
        """Return the sentence on what a setting may be."""
        setting, limit = self._fields[name]._description_string(self.env), self._fields[name].value_limit
        if limit == "share":
            return self.env._("%(setting)s must lie between 0 %% and 100 %%.", setting=setting)
        if limit == "days":
            return self.env._(
                "%(setting)s must lie between 0 and %(highest)s days.", setting=setting, highest=_LIMITS[limit][1]
            )
        if limit == "months":
            return self.env._(
                "%(setting)s must lie between 0 and %(highest)s months.", setting=setting, highest=_LIMITS[limit][1]
            )
        return self.env._("%(setting)s cannot be negative.", setting=setting)

    @api.constrains("value_margin_rate", "value_retention_rate", "value_discount_rate", "value_horizon_months")
    def _check_value_settings(self):
        for company in self:
            if not -1 <= company.value_margin_rate <= 1:
                raise ValidationError(
                    self.env._(
                        "The margin rate must lie between -100 %% and 100 %%, not at %(rate)s.",
                        rate=company.value_margin_rate,
                    )
                )
            if not 0 <= company.value_retention_rate <= 1:
                raise ValidationError(
                    self.env._(
                        "The retention rate must lie between 0 %% and 100 %%, not at %(rate)s.",
                        rate=company.value_retention_rate,
                    )
                )
            if not 0 <= company.value_discount_rate <= 10:
                raise ValidationError(
                    self.env._(
                        "The discount rate must lie between 0 %% and 1000 %%, not at %(rate)s.",
                        rate=company.value_discount_rate,
                    )
                )
            if not 1 <= company.value_horizon_months <= 240:
                raise ValidationError(
                    self.env._(
                        "The horizon must lie between 1 and 240 months, not at %(months)s.",
                        months=company.value_horizon_months,
                    )
                )

    @api.constrains("value_prior_strength", "value_low_risk", "value_high_risk")
    def _check_prediction_settings(self):
        for company in self:
            if not 0 <= company.value_prior_strength <= 100:
                raise ValidationError(
                    self.env._(
                        "The prior strength must lie between 0 and 100, not at %(strength)s.",
                        strength=company.value_prior_strength,
                    )
                )
            if not 0 <= company.value_high_risk <= company.value_low_risk <= 1:
                raise ValidationError(
                    self.env._(
                        "The limits of the churn risk must lie between 0 %% and 100 %%, the one for high risk "
                        "(%(high)s) not above the one for low risk (%(low)s).",
                        high=company.value_high_risk,
                        low=company.value_low_risk,
                    )
                )

    @api.constrains(
        "value_risk_factor",
        "value_lost_factor",
        "value_lost_probability",
        "value_prospect_probability",
    )
    def _check_lifecycle_settings(self):
        for company in self:
            if not 0 < company.value_risk_factor <= company.value_lost_factor:
                raise ValidationError(
                    self.env._(
                        "A customer is asked for within their horizon before they are lost: after %(risk)s and "
                        "%(lost)s intervals is not possible.",
                        risk=company.value_risk_factor,
                        lost=company.value_lost_factor,
                    )
                )
            if not 0 <= company.value_lost_probability <= company.value_high_risk:
                raise ValidationError(
                    self.env._(
                        "The probability below which a customer is lost (%(lost)s) must lie between 0 %% and the limit "
                        "of high churn risk (%(high)s).",
                        lost=company.value_lost_probability,
                        high=company.value_high_risk,
                    )
                )
            if not 0 <= company.value_prospect_probability <= 100:
                raise ValidationError(
                    self.env._(
                        "The probability of a prospect must lie between 0 and 100, not at %(probability)s.",
                        probability=company.value_prospect_probability,
                    )
                )

    @api.constrains("value_caution_return_rate", "value_margin_floor", "value_referral_points", "value_goodwill_points")
    def _check_benefit_settings(self):
        for company in self:
            if not 0 <= company.value_caution_return_rate <= 1:
                raise ValidationError(self.env._("The share of returns must lie between 0 %% and 100 %%."))
            if not -1 <= company.value_margin_floor < 1:
                raise ValidationError(self.env._("The lowest margin must lie between -100 %% and 100 %%."))
            if company.value_referral_program_id and company.value_referral_points <= 0:
                raise ValidationError(self.env._("A referral coupon needs at least a part of a point."))
            if company.value_goodwill_program_id and company.value_goodwill_points <= 0:
                raise ValidationError(self.env._("A goodwill coupon needs at least a part of a point."))

    @api.constrains("value_referral_program_id", "value_goodwill_program_id")
    def _check_coupon_programs(self):
        for company in self:
            for program in company.value_referral_program_id | company.value_goodwill_program_id:
                owner = program.sudo().company_id
                if owner and owner != company:
                    raise ValidationError(
                        self.env._(
                            "%(program)s belongs to %(company)s.",
                            program=program.name,
                            company=owner.name,
                        )
                    )

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        # Purchases remember which contacts are companies of this database.
        self.env.registry.clear_cache()
        return companies

    def write(self, vals):
        if vals.get("value_referral_program_id") and "value_referral_since" not in vals:
            # A program chosen for the first time rewards nothing that happened before today.
            for company in self.filtered(lambda company: not company.value_referral_since):
                super(ResCompany, company).write({"value_referral_since": company._value_today()})
        names = sorted(set(self._value_fields_with("value_setting", "refresh", "note")).intersection(vals))
        before = {company: {name: company[name] for name in names} for company in self} if names else {}
        result = super().write(vals)
        if not {"value_leave_out_intercompany", "partner_id"}.isdisjoint(vals):
            self.env.registry.clear_cache()
        for company, values in before.items():
            changed = [name for name in names if values[name] != company[name]]
            if changed:
                company._value_log_settings(values, changed)
            if not set(self._value_fields_with("value_setting", "refresh")).isdisjoint(changed):
                is_new = not _COUNTING.isdisjoint(changed)
                self.env["crm.value.run"]._request(company, new_rules=is_new, cause="counting")
        return result

    def _has_field_access(self, field, operation):
        # Customers read their companies through the API; the settings of the values are for employees.
        return super()._has_field_access(field, operation) and not denies(self, field, operation)

    def _value_log_settings(self, before, names):
        """Note on the company's contact who changed which setting of the customer values from what to what."""
        lines = [
            Markup("<li>%s: %s → %s</li>")
            % (
                self._fields[name].get_description(self.env, ["string"])["string"],
                self._fields[name].convert_to_export(before[name], self),
                self._fields[name].convert_to_export(self[name], self),
            )
            for name in names
        ]
        # sudo: whoever may change the settings need not have rights on the company's contact.
        self.sudo().partner_id._message_log(
            body=Markup("<p>%s</p><ul>%s</ul>") % (self.env._("Customer value settings"), Markup().join(lines))
        )

    def _value_is_early(self, day):
        """Tell whether a day lies before the one from which on tiers bring gifts and mails."""
        return bool(self.value_gifts_from and day < self.value_gifts_from)

    def _value_today(self):
        """Return today's date where the company is: in the timezone of its own contact, else in UTC.

        :raise MissingError: the company is that of a record that does not exist
        """
        return self._value_now().date()

    @api.model
    @ormcache("company_id")
    def _value_timezone(self, company_id):
        """Return the timezone of a company's own contact, False without one: asked for each time figures are shown."""
        return self.sudo().browse(company_id).partner_id.tz  # sudo: a timezone is no secret

    def _value_now(self):
        """Return the present where the company is, a datetime with its timezone.

        :raise MissingError: the company is that of a record that does not exist
        """
        if not self:
            raise MissingError(self.env._("This record does not exist, or belongs to no company."))
        self.ensure_one()
        now = pytz.utc.localize(fields.Datetime.now())
        name = self._value_timezone(self.id)
        local: datetime = now.astimezone(pytz.timezone(name)) if name else now
        return local
