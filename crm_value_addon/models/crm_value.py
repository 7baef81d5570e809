from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..const import MARGIN_GROUP, POSTED_DOCUMENTS, SALES_CHANNELS
from ..lib.windows import days_before, windows
from ..report.crm_value_contact_source import CHANNELS
from .components.profit import DIFFERENCES, compute_profit, rate_to_sql
from .listening.crm_value_rhythm import compute_rhythm, search_rhythm

#: what a field of `crm.value` says of itself (see `CrmValue`)
_FACTS = ("written_by", "metric", "raised_by", "kept_by", "opt_out")
#: kinds of metrics: what a customer may read of itself, what only the company reads, and what a new fit of the
#: prediction, or other customers, can move
METRIC_KINDS = ("customer", "company", "forecast")


class CrmValue(models.Model):
    """What a customer (commercial partner) is worth to a company. Written by the refresh only.

    How to use: read the fields. The procedures over many customers are services of their own, one for each step of the
    way; docs/architecture.md names them in order.

    How it works: a field says on itself what else has to know of it.

    - ``written_by``: the step of a refresh that computes it: observation, prediction, component, listening, rfm,
      leaving, lifecycle
    - ``metric``: a loyalty tier may ask for it; one of `METRIC_KINDS`
    - ``raised_by``: what of an order raises it once the order is invoiced: amount, margin, purchase or
      qualifying
    - ``kept_by``: "snapshot", where each month's end keeps it
    - ``opt_out``: "kept", where it is not withheld from customers who object to being evaluated
    """

    _name = "crm.value"
    _inherit = ["mail.thread", "crm.value.ungrouped"]
    _description = "Customer Value"
    _log_access = False
    _order = "revenue_12m desc, id"
    _rec_name = "partner_id"
    _mail_post_access = "read"
    _ungrouped = frozenset(
        ("tier_color", "tier_icon", "tier_cause", "purchase_quarters", "caution_codes", "fit_id", "figures_digest")
    )

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", readonly=True)
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", index=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    as_of_date = fields.Date(string="As of", readonly=True, help="The day of the refresh that last changed a figure")
    figures_digest = fields.Float(
        readonly=True, groups="base.group_system", help="Tells whether a refresh of all customers changes anything"
    )
    figures_age = fields.Char(string="Age of the Figures", compute="_compute_figures_age", compute_sudo=True)
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    country_id = fields.Many2one(related="partner_id.country_id")
    is_opted_out = fields.Boolean(string="Opt Out of Scoring", related="partner_id.value_opt_out")

    # observed
    first_purchase_date = fields.Date(string="First Purchase", readonly=True, written_by="observation", opt_out="kept")
    last_purchase_date = fields.Date(string="Last Purchase", readonly=True, written_by="observation", opt_out="kept")
    previous_purchase_date = fields.Date(
        string="Previous Purchase",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        help="The purchase day before the last one",
    )
    purchase_count = fields.Integer(
        string="Purchases",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        metric="customer",
        raised_by="purchase",
        help="Days on which something was bought, less what was given back",
    )
    frequency = fields.Integer(
        string="Repeat Purchases",
        readonly=True,
        aggregator="sum",
        written_by="observation",
        opt_out="kept",
        help="Purchases after the first one",
    )
    category_count = fields.Integer(
        string="Categories Bought",
        readonly=True,
        aggregator="avg",
        written_by="observation",
        metric="company",
        help="Product categories of which something was bought in the last 12 months",
    )
    revenue_total = fields.Monetary(
        string="Revenue",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        metric="customer",
        raised_by="amount",
        help="All posted documents, untaxed",
    )
    revenue_12m = fields.Monetary(
        string="Revenue 12 Months",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        metric="customer",
        raised_by="amount",
        kept_by="snapshot",
        help="Invoiced less credited in the 12 months up to the day of the figures, untaxed",
    )
    revenue_year = fields.Monetary(
        string="Revenue This Year",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        metric="customer",
        raised_by="amount",
        help="Invoiced less credited since the first of January, untaxed",
    )
    revenue_previous_year = fields.Monetary(
        string="Revenue Last Year",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        metric="customer",
        help="Invoiced less credited in the last calendar year, untaxed",
    )
    qualifying_12m = fields.Monetary(
        string="Qualifying 12 Months",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        metric="customer",
        raised_by="qualifying",
        help="What counts for tiers in the last 12 months: goods less allowances, of what the settings let count",
    )
    qualifying_year = fields.Monetary(
        string="Qualifying This Year",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        metric="customer",
        raised_by="qualifying",
    )
    qualifying_total = fields.Monetary(
        string="Qualifying",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        metric="customer",
        raised_by="qualifying",
    )
    margin_total = fields.Monetary(
        string="Margin",
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="observation",
        opt_out="kept",
        metric="company",
        raised_by="margin",
        help="Margin of all posted documents, as recorded when they were posted",
    )
    margin_12m = fields.Monetary(
        string="Margin 12 Months",
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="observation",
        opt_out="kept",
        metric="company",
        raised_by="margin",
        help="Margin of the revenue of the last 12 months, as recorded when the invoices were posted",
    )
    refund_total = fields.Monetary(
        string="Credit Notes",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        help="What was given back, untaxed; corrections that were invoiced again are left out",
    )
    monetary_value = fields.Monetary(
        string="Average Purchase",
        readonly=True,
        aggregator="avg",
        written_by="observation",
        opt_out="kept",
        help="Revenue of the days with a purchase, divided by their number",
    )
    overdue_amount = fields.Monetary(
        string="Overdue",
        readonly=True,
        written_by="observation",
        opt_out="kept",
        help="Receivables past their due date less the customer's open credits, taxes included",
    )
    purchase_quarters = fields.Integer(
        readonly=True,
        aggregator=None,
        exportable=False,
        written_by="observation",
        help="As bits: bit n is set where the customer bought in the n-th calendar quarter after its first one.",
    )
    bought_in_quarter = fields.Integer(
        string="Bought in Quarter (0 = First)",
        store=False,
        search="_search_bought_in_quarter",
        exportable=False,
        help="To search only: 0 is the calendar quarter of the first purchase, 1 the next one, up to 30.",
    )
    sales_channel = fields.Selection(
        SALES_CHANNELS,
        string="Buys Through",
        readonly=True,
        written_by="channel",
        opt_out="kept",
        help="Where most of its revenue comes from; empty without a web shop or a till",
    )
    days_since_last_purchase = fields.Integer(
        compute="_compute_until_today",
        search="_search_days_since_last_purchase",
        aggregator=None,
        help="As of today; 0 for a customer who has not bought",
    )
    tenure_days = fields.Integer(
        string="Days as a Customer",
        compute="_compute_until_today",
        search="_search_tenure_days",
        aggregator=None,
        metric="customer",
    )

    # what was heard of it, and when they last spoke
    open_complaint_count = fields.Integer(
        string="Open Complaints",
        readonly=True,
        written_by="listening",
        opt_out="kept",
        help="Complaints that nobody has answered yet: the customer does not count as loyal",
    )
    last_contact_date = fields.Date(
        string="Last Contact",
        readonly=True,
        written_by="listening",
        help="The last call, message, meeting or note that Odoo has of anybody at the customer",
    )
    last_contact_channel = fields.Selection(CHANNELS, string="Last Contact by", readonly=True, written_by="listening")
    contact_count_12m = fields.Integer(
        string="Contacts 12 Months",
        readonly=True,
        written_by="listening",
        help="Days of the last 12 months with a contact",
    )
    completeness = fields.Float(
        string="Record Complete (%)",
        readonly=True,
        digits=(16, 1),
        aggregator="avg",
        written_by="listening",
        opt_out="kept",
        help="Share of the fields that the settings ask for which are filled on the customer's contact; 100 where "
        "nothing is asked for",
    )
    contact_rhythm = fields.Selection(
        [("kept", "Kept"), ("late", "Late")],
        string="Rhythm",
        compute=compute_rhythm,
        search=search_rhythm,
        help="Whether the last contact is as recent as the customer's relationship strategy, or its tier's, asks for; "
        "empty without a strategy",
    )

    # predicted
    method = fields.Selection(
        [("model", "Prediction model"), ("history", "Last 12 months carried forward"), ("none", "No purchase yet")],
        string="Computed from",
        readonly=True,
        written_by="prediction",
        kept_by="snapshot",
        help="Whether the expected figures come from the prediction model or from the last 12 months carried forward",
    )
    fit_id = fields.Many2one(
        "crm.value.fit",
        string="Prediction Model",
        ondelete="set null",
        readonly=True,
        written_by="prediction",
        kept_by="snapshot",
    )
    probability_alive = fields.Float(
        string="Likely Active",
        readonly=True,
        aggregator="avg",
        written_by="prediction",
        kept_by="snapshot",
        help="Probability that the customer will ever buy again",
    )
    usual_days = fields.Integer(
        string="Usual Interval (days)",
        readonly=True,
        aggregator="avg",
        written_by="leaving",
        help="Mean days between purchases; 0 for who bought once",
    )
    churn_days = fields.Integer(
        string="Horizon (days)",
        readonly=True,
        aggregator="avg",
        written_by="leaving",
        help="A multiple of the customer's usual interval, as the settings say, from 30 days to a year",
    )
    churn_probability = fields.Float(
        readonly=True,
        digits=(16, 4),
        aggregator="avg",
        written_by="leaving",
        help="Probability of no purchase within the horizon, as corrected by what came of earlier ones",
    )
    churn_risk = fields.Selection(
        [("low", "Low"), ("medium", "Medium"), ("high", "High")],
        readonly=True,
        written_by="leaving",
        help="From the churn probability, with the limits in the settings. High for who was also silent for longer "
        "than usual, and for three weeks at least.",
    )
    churn_reason = fields.Char(compute="_compute_until_today", help="Usual interval and present silence")
    revenue_at_risk = fields.Monetary(
        readonly=True,
        written_by="leaving",
        help="Revenue of the last 12 months times the churn probability",
    )
    expected_purchases = fields.Float(
        readonly=True, digits=(16, 2), written_by="prediction", kept_by="snapshot", help="In the next 12 months"
    )
    expected_spend = fields.Monetary(
        readonly=True,
        aggregator="avg",
        written_by="prediction",
        kept_by="snapshot",
        help="Expected amount of a coming purchase, untaxed",
    )
    expected_margin_12m = fields.Monetary(
        string="Expected Next 12 Months",
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="prediction",
        help="Expected margin (or revenue, as the company's settings say) of the next 12 months, not discounted",
    )
    next_purchase_date = fields.Date(
        string="Next Purchase Expected",
        readonly=True,
        written_by="prediction",
        help="By this day a customer of this rhythm has bought again with even odds, or without a prediction model "
        "after its usual interval; it lies in the past when overdue",
    )
    transaction_value = fields.Monetary(
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="prediction",
        kept_by="snapshot",
        help="Discounted expected contribution of purchases over the horizon",
    )

    # the components of the value
    growth_value = fields.Monetary(
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="component",
        kept_by="snapshot",
        help="Open opportunities and sent quotations, weighted with their probability, times the margin rate",
    )
    referral_value = fields.Monetary(
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="component",
        kept_by="snapshot",
        help="Share of what referred customers are expected to buy at first",
    )
    knowledge_value = fields.Monetary(
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="component",
        kept_by="snapshot",
        help="What this customer's feedback is expected to be worth",
    )
    service_cost = fields.Monetary(
        string="Expected Cost to Serve",
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="component",
        kept_by="snapshot",
        help="The cost of serving this customer in the last 12 months, carried forward",
    )
    cost_to_serve = fields.Monetary(
        string="Cost to Serve so far",
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="component",
        opt_out="kept",
        help="What serving the customer has cost, by the drivers in the settings",
    )
    cost_to_serve_12m = fields.Monetary(
        string="Cost to Serve 12 Months",
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="component",
        opt_out="kept",
        help="What serving the customer cost in the last 12 months; what winning it cost is left out",
    )
    profit_12m = fields.Monetary(
        string="Profit 12 Months",
        compute=compute_profit,
        groups=MARGIN_GROUP,
        help="Margin less cost to serve of the last 12 months",
    )
    profit_rate_12m = fields.Float(
        string="Profit Rate 12 Months (%)",
        compute=compute_profit,
        digits=(16, 1),
        aggregator=None,
        groups=MARGIN_GROUP,
        help="Profit of the last 12 months in percent of their revenue; 0 where nothing was bought",
    )
    satisfaction = fields.Float(
        readonly=True,
        digits=(16, 2),
        aggregator="avg",
        written_by="component",
        metric="company",
        kept_by="snapshot",
        help="Mean of the customer's ratings and survey scores of the last 12 months, 1 to 5; 0 where there is none",
    )
    satisfaction_count = fields.Integer(
        string="Answers",
        readonly=True,
        written_by="component",
        help="Ratings and survey scores of the last 12 months that the satisfaction is the mean of",
    )
    clv = fields.Monetary(
        string="CLV",
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="sum",
        metric="forecast",
        kept_by="snapshot",
        help="Customer lifetime value: what the customer is expected to bring over the company's horizon from "
        "purchases, growth, referrals and feedback, less the cost to serve, discounted to today",
    )
    equity = fields.Monetary(
        compute="_compute_equity",
        groups=MARGIN_GROUP,
        help="CLV without the referral value, so that each amount is counted once over all customers",
    )
    expected_revenue = fields.Monetary(
        string="Expected Revenue 12 Months",
        compute="_compute_expected_revenue",
        help="Expected purchases of the next 12 months times what one is expected to bring",
    )
    clv_low = fields.Monetary(
        string="CLV at least",
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="sum",
        help="With 80 % probability the discounted contribution falls between the two. The CLV is a mean: of a "
        "customer that will probably not buy again it may lie above both.",
    )
    clv_high = fields.Monetary(string="CLV at most", readonly=True, groups=MARGIN_GROUP, written_by="sum")
    realised_value = fields.Monetary(
        readonly=True,
        groups=MARGIN_GROUP,
        written_by="sum",
        opt_out="kept",
        metric="company",
        raised_by="margin",
        kept_by="snapshot",
        help="Margin so far less cost to serve so far",
    )
    referred_count = fields.Integer(string="Referred Customers", compute="_compute_referred")
    referred_realised_value = fields.Monetary(
        string="Realised by Referred Customers",
        compute="_compute_referred",
        groups=MARGIN_GROUP,
        help="Margin less cost to serve so far of the customers that this one brought: part of their value",
    )
    value_explanation = fields.Json(string="Why This Value", compute="_compute_value_explanation", groups=MARGIN_GROUP)
    product_ids = fields.One2many("crm.value.product", "value_id", string="Products")
    suggestion_ids = fields.One2many(
        "crm.value.suggestion", "value_id", string="Next Products", domain=[("state", "=", "open")]
    )
    snapshot_ids = fields.One2many("crm.value.snapshot", "value_id", string="Month Ends")

    # the place among all customers
    value_percentile = fields.Float(
        readonly=True,
        digits=(16, 2),
        aggregator="avg",
        groups=MARGIN_GROUP,
        written_by="rfm",
        metric="forecast",
        help="Share of the customers with less CLV: 100 is the best",
    )
    r_score = fields.Integer(string="Recency Score", readonly=True, aggregator="avg", written_by="rfm")
    f_score = fields.Integer(string="Frequency Score", readonly=True, aggregator="avg", written_by="rfm")
    m_score = fields.Integer(string="Monetary Score", readonly=True, aggregator="avg", written_by="rfm")
    rfm_score = fields.Integer(
        string="RFM Score",
        readonly=True,
        aggregator=None,
        written_by="rfm",
        help="Recency, frequency and monetary score, each from 1 to 5 (a fifth of the customers each, 5 is best); 0 "
        "for customers who have not bought. Customers with equal figures share the lower score.",
    )
    rfm_segment = fields.Many2one(
        "crm.value.rfm.segment",
        string="RFM Segment",
        index="btree_not_null",
        ondelete="set null",
        readonly=True,
        written_by="rfm",
    )
    lifecycle_stage = fields.Selection(
        [
            ("lead", "Lead"),
            ("prospect", "Prospect"),
            ("new", "New"),
            ("active", "Active"),
            ("loyal", "Loyal"),
            ("at_risk", "At risk"),
            ("lost", "Lost"),
            ("won_back", "Won back"),
        ],
        string="Lifecycle",
        readonly=True,
        written_by="lifecycle",
        kept_by="snapshot",
        help="Lead: open opportunity. Prospect: quotation sent, or a promising opportunity. Then by purchases and the "
        "churn probability, with the thresholds in the settings. Lead and prospect are as of the last nightly "
        "refresh.",
    )
    lifecycle_since = fields.Date(
        string="Stage since", readonly=True, help="Empty while the stage is the first one known"
    )

    # the tier and its benefits
    tier_id = fields.Many2one(
        "crm.value.tier", index="btree_not_null", ondelete="set null", readonly=True, kept_by="snapshot"
    )
    tier_since = fields.Date(readonly=True)
    tier_cause = fields.Char(
        readonly=True,
        exportable=False,
        help="Why the next refresh changes the tier, where it is not what the customer did",
    )
    tier_review_date = fields.Date(
        string="Tier in Danger",
        readonly=True,
        help="The customer no longer meets what its tier asks for and loses it on this date (a tier kept until the "
        "year's end: after it), unless it meets it again before.",
    )
    next_tier_id = fields.Many2one("crm.value.tier", ondelete="set null", readonly=True)
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color")
    tier_icon = fields.Selection(related="tier_id.icon", string="Tier Icon")
    tier_change_ids = fields.One2many("crm.value.tier.change", "value_id", string="Tier Changes")
    tier_lock_ids = fields.One2many("crm.value.tier.lock", "value_id", string="Tier Locks")
    tier_lock_id = fields.Many2one("crm.value.tier.lock", compute="_compute_tier_lock_id")
    tier_explanation = fields.Html(string="Why This Tier", compute="_compute_tier_explanation", sanitize=False)
    benefit_summary = fields.Html(compute="_compute_benefit_summary", sanitize=False)
    grant_ids = fields.One2many("crm.value.grant", "value_id", string="Gifts")
    caution = fields.Boolean(readonly=True, index="btree_not_null", help="Handle with care: see the reason")
    caution_codes = fields.Char(readonly=True)
    caution_reason = fields.Char(compute="_compute_caution_reason")
    caution_override_ids = fields.One2many("crm.value.caution.override", "value_id", string="Manual Caution Flags")
    caution_override_id = fields.Many2one("crm.value.caution.override", compute="_compute_caution_override_id")

    _partner_company_uniq = models.Constraint("UNIQUE(partner_id, company_id)", "A customer has one value per company.")
    # stage and revenue change rarely, so that nearly all nightly updates stay on their page
    _revenue_idx = models.Index("(company_id, revenue_12m)")
    _at_risk_idx = models.Index("(company_id, revenue_12m DESC NULLS LAST) WHERE lifecycle_stage = 'at_risk'")

    def _valid_field_parameter(self, field, name):
        return name in _FACTS or super()._valid_field_parameter(field, name)

    def init(self):
        # Pages with room for another version of each row keep the nightly updates on the page of the row (HOT): no
        # bloat, no index writes. At 50 the last rows of a page do not fit any more.
        self.env.cr.execute(SQL("ALTER TABLE crm_value SET (fillfactor = 45)"))
        self.env["crm.value.magnitude"]._init()
        self.env["crm.value.sum"]._watch(self._table)
        self.env["crm.value.schema"]._commit()

    # what the fields say of themselves

    @api.model
    def _fields_with(self, fact, *values):
        """Return the names of the fields that say one of these values of themselves, in the order of the class."""
        return [name for name, field in self._fields.items() if getattr(field, fact, None) in values]

    @api.model
    def _refreshed_fields(self):
        """Return the names of the fields that a refresh computes, besides partner, company and as-of date."""
        return [name for name, field in self._fields.items() if getattr(field, "written_by", None)]

    @api.model
    def _metrics(self, *kinds):
        """Return the names of the figures that a tier may ask for, of all or some of the `METRIC_KINDS`."""
        return self._fields_with("metric", *kinds or METRIC_KINDS)

    @api.model
    def _selection_code(self, name, value):
        """Return a value of a selection as columns hold it: its position, from 1 on."""
        return self._fields[name].get_values(self.env).index(value) + 1

    # computes and searches

    @api.depends("first_purchase_date", "last_purchase_date", "purchase_count", "is_opted_out")
    @api.depends_context("lang")
    def _compute_until_today(self):
        page = self.env["crm.value.customer.page"]
        for value in self:
            today = value.company_id._value_today() if value.company_id else fields.Date.today()
            value.days_since_last_purchase = (today - (value.last_purchase_date or today)).days
            value.tenure_days = (today - (value.first_purchase_date or today)).days
            rhythm = not value.is_opted_out and page._rhythm(
                value.first_purchase_date, value.last_purchase_date, value.purchase_count, today
            )
            value.churn_reason = rhythm[:1].upper() + rhythm[1:] if rhythm else False

    @api.depends("partner_id", "company_id")
    @api.depends_context("lang")
    def _compute_figures_age(self):
        for company, values in self.grouped("company_id").items():
            freshness = self.env["crm.value.freshness"]
            age = freshness._measure(company, values.partner_id.ids) if company else {}
            for value in values:
                value.figures_age = age and freshness._describe(
                    age["minutes"], age["waiting_of"].get(value.partner_id.id, 0)
                )

    @api.depends("partner_id")
    def _compute_referred(self):
        for value in self:
            # sudo: the sum over customers of the same company, whoever is their salesperson.
            referred = self.sudo().search(value._referred_domain())
            value.referred_count = len(referred)
            value.referred_realised_value = sum(referred.mapped("realised_value"))

    def _referred_domain(self):
        """Return the domain of the values of the customers that this one brought."""
        self.ensure_one()
        # Step by step, each by an index: of one path through contacts the planner may join all of them.
        # sudo: what the user may not see is left out where the domain is searched.
        Partner = self.env["res.partner"].sudo().with_context(active_test=False)
        contacts = Partner.search([("commercial_partner_id", "=", self.partner_id.id)])
        referred = Partner.search([("referred_by_id", "in", contacts.ids)])
        return [("company_id", "=", self.company_id.id), ("partner_id", "in", referred.ids)]

    @api.depends("clv", "realised_value")
    @api.depends_context("uid", "lang")
    def _compute_value_explanation(self):
        for value in self:
            value.value_explanation = value.explain_value() if value.id else False

    @api.depends("tier_lock_ids.until", "tier_lock_ids.active")
    def _compute_tier_lock_id(self):
        for value in self:
            value.tier_lock_id = value._in_force(value.tier_lock_ids)

    @api.depends("caution_override_ids.active", "caution_override_ids.until")
    def _compute_caution_override_id(self):
        for value in self:
            value.caution_override_id = value._in_force(value.caution_override_ids)

    def _in_force(self, decisions):
        """Return the one of a person's decisions about this customer that holds today."""
        today = self.company_id._value_today() if self.company_id else fields.Date.today()
        return decisions.filtered(lambda one: one.active and (not one.until or one.until >= today))[:1]

    @api.depends("caution", "caution_codes", "caution_override_id")
    @api.depends_context("lang")
    def _compute_caution_reason(self):
        for value in self:
            value.caution_reason = self.env["crm.value.caution"]._describe(value)

    @api.depends(lambda self: ("tier_id", "next_tier_id", "tier_review_date", "tier_lock_id", *self._metrics()))
    @api.depends_context("uid", "lang", "allowed_company_ids")
    def _compute_tier_explanation(self):
        explained = self.env["crm.value.tier.explanation"]._explain_tiers(self)
        for value in self:
            value.tier_explanation = (
                self.env["ir.qweb"]._render("crm_value_addon.tier_explanation", explained[value.id])
                if value.id in explained
                else False
            )

    @api.depends("tier_id", "overdue_amount", "caution")
    @api.depends_context("lang", "allowed_company_ids")
    def _compute_benefit_summary(self):
        for value in self:
            summary = self.env["crm.value.benefit.state"]._prepare_summary(value)
            value.benefit_summary = (
                self.env["ir.qweb"]._render("crm_value_addon.benefit_summary", summary) if summary else False
            )

    def _search_bought_in_quarter(self, operator, numbers):
        if operator != "in":
            return NotImplemented
        mask = sum(1 << int(number) for number in numbers if 0 <= int(number) <= 30)
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL("%s & %s <> 0", SQL.identifier(alias, "purchase_quarters"), mask)
        )

    def _search_days_since_last_purchase(self, operator, number):
        return self._search_day_count("last_purchase_date", operator, number)

    def _search_tenure_days(self, operator, number):
        return self._search_day_count("first_purchase_date", operator, number)

    @api.model
    def _search_day_count(self, date_field, operator, number):
        """Turn a condition on a number of days before today into one on a date, each company by its own calendar.

        A customer without a date shows 0 days and is found as such.
        """
        turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "in": "in"}.get(operator)
        if turned is None:
            return NotImplemented
        if operator == "in":
            numbers = [days or 0 for days in number]
            turned, shows_zero = "=", 0 in numbers
        else:
            numbers = [number]
            shows_zero = {"<": 0 < number, "<=": 0 <= number, ">": 0 > number, ">=": 0 >= number}[operator]
        domain = Domain.OR(
            Domain("company_id", "=", company.id)
            & Domain(date_field, turned, days_before(company._value_today(), days))
            for company in self.env.companies
            for days in numbers
        )
        return domain | Domain(date_field, "=", False) if shows_zero else domain

    # figures that follow from two stored ones, in Python and in SQL: lists sort and add them up, too

    @api.depends("clv", "referral_value")
    def _compute_equity(self):
        for value in self:
            value.equity = value.clv - value.referral_value

    @api.depends("expected_purchases", "expected_spend")
    def _compute_expected_revenue(self):
        for value in self:
            value.expected_revenue = value.expected_purchases * value.expected_spend

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr == "profit_rate_12m":
            return rate_to_sql(*(self._field_to_sql(alias, name, query) for name in ("profit_12m", "revenue_12m")))
        parts = DIFFERENCES | {"expected_revenue": ("expected_purchases", "expected_spend")}
        if field_expr not in parts:
            return super()._field_to_sql(alias, field_expr, query)
        first, second = (
            SQL("COALESCE(%s, 0)", super(CrmValue, self)._field_to_sql(alias, name, query))
            for name in parts[field_expr]
        )
        if field_expr in DIFFERENCES:
            return SQL("(%s - %s)", first, second)
        # what every session knows of currencies anyway: no query for it
        currency = self.env["res.currency"].get_all_currencies().get(self.env.company.currency_id.id)
        decimals = currency["digits"][1] if currency else 2
        return SQL("round(%s * %s, %s)", first, second, decimals)

    # writing

    def write(self, vals):
        # A digest speaks of what the refresh wrote.
        return super().write(vals if "figures_digest" in vals else vals | {"figures_digest": False})

    # doors: the scheduled actions call these by name

    @api.model
    def _cron_refresh_stale(self):
        """Refresh the customers in the queue; return at once when it is empty."""
        self.env["crm.value.scheduler"]._refresh_stale()

    @api.model
    def _cron_refresh_all(self):
        """Refresh every company that has not been refreshed today, or for which somebody asked."""
        self.env["crm.value.scheduler"]._refresh_all()

    @api.model
    def _cron_refresh_beside(self):
        """Refresh a part of the companies that are due, beside `_cron_refresh_all`."""
        self.env["crm.value.scheduler"]._refresh_beside()

    @api.model
    def action_recompute_company(self):
        """Refresh all customers of the current company: now when they are few, else by the cron.

        :return: action that tells the user
        :raise AccessError: the user may not read customer values
        """
        self.check_access("read")
        return self.env["crm.value.scheduler"]._recompute_company(self.env.company)

    # actions

    def action_open_purchases(self):
        """Open the purchase days that make the figures of this customer.

        :raise AccessError: the user may not read this value
        """
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_purchase_action")
        domain = [("partner_id", "=", self.partner_id.id), ("company_id", "=", self.company_id.id)]
        window = windows(self.company_id._value_today()).get(str(self.env.context.get("value_window")))
        if window:
            domain += [("date", ">=", window[0]), ("date", "<", window[1])]
        return action | {"domain": domain}

    @api.readonly
    @api.model
    def get_figures_age(self, partner_id=None):
        """Return a sentence per active company on how old its figures are.

        :param partner_id: a contact; only what waits for its commercial partner is told
        :raise AccessError: the user may not read customer values, or not this contact
        :raise UserError: this is no contact's id
        """
        self.check_access("read")
        if partner_id and (not isinstance(partner_id, int) or abs(partner_id) >= 2**31):
            raise UserError(self.env._("%(id)s is no contact.", id=partner_id))
        customer = self.env["res.partner"].browse(partner_id or []).exists()
        customer.check_access("read")
        partner_ids = customer.commercial_partner_id.ids or None
        companies = self.env.companies
        texts = [
            (company.name, self.env["crm.value.freshness"]._measure(company, partner_ids)["text"])
            for company in companies
        ]
        return [f"{name}: {text}" if len(companies) > 1 else text for name, text in texts]

    def action_open_documents(self):
        """Open the posted documents of this customer that the user may read.

        :raise AccessError: the user may not read this value
        """
        self.ensure_one()
        self.check_access("read")
        domain = self._documents_domain()
        if self.env.context.get("value_refunds"):
            # sudo: which documents gave something back is no secret; what they earned is
            notes = (
                self.env["crm.value.document"]
                .sudo()
                .search([("role", "=", "return"), *((f"move_id.{leaf[0]}", *leaf[1:]) for leaf in domain)])
            )
            domain = [("id", "in", notes.move_id.ids)]
        # sudo: only the number of the documents that the user may not open is told.
        return self._action_documents(domain, self.env["account.move"].sudo().search_count(domain))

    def action_open_overdue(self):
        """Open the overdue items and open credits that the overdue amount of this customer is the sum of.

        :raise AccessError: the user may not read this value
        """
        self.ensure_one()
        self.check_access("read")
        return self.env["crm.value.overdue"]._open(self)

    def _customer_mail(self):
        """Return what the mail templates write to this customer (see `crm.value.portal`)."""
        return self.env["crm.value.portal"]._prepare_portal_mail(self)

    @api.readonly
    def explain_value(self):
        """Return why this customer is worth what it is.

        :return: dict ``customer company as_of_date currency clv realised_value parts realised documents since
            nightly``:
            parts is a list of dicts ``name label amount sign configured inputs records``, whose amounts times signs add
            up to ``clv``; ``inputs`` are sentences, ``records`` dicts ``key label`` for `action_open_part`;
            ``documents`` are sentences on what the last ones counted as; ``since`` is the change from the last month's
            end, with ``as_of_date`` and ``parts``, False without one
        :raise AccessError: the user may not see what this customer is worth
        """
        self._check_worth_access()
        return self.env["crm.value.explanation"]._explain(self)

    def action_open_part(self, key):
        """Open the records behind a component of the value, as far as the user may read them.

        :param str key: a ``key`` of the ``records`` in `explain_value`
        :raise AccessError: the user may not see what this customer is worth
        :raise UserError: there is nothing of that name
        """
        self._check_worth_access()
        return self.env["crm.value.explanation"]._open(self, key)

    def _check_worth_access(self):
        self.ensure_one()
        self.check_access("read")
        self._check_field_access(self._fields["clv"], "read")

    def _documents_domain(self):
        """Return the domain of the documents that this customer's amounts are made of."""
        domain = [
            ("commercial_partner_id", "=", self.partner_id.id),
            ("company_id", "=", self.company_id.id),
            *POSTED_DOCUMENTS,
        ]
        left_out = self.env["crm.value.counting"]._journal_ids(("receivables", "nothing"))
        if left_out:
            domain.append(("journal_id", "not in", left_out))
        leaving, own = self.env["crm.value.purchase"]._intercompany_ids()
        if self.company_id.id in leaving and self.partner_id.id in own:
            domain = [*domain, ("id", "=", False)]
        return domain

    @api.model
    def _action_documents(self, domain, total):
        """Return the list of the documents of a domain that the user may read; its name tells how many are hidden."""
        Move = self.env["account.move"]
        shown = Move.search_count(domain) if Move.has_access("read") else 0
        if not shown:
            return self._notification(
                self.env._("Documents: %(total)s, none of which you may open.", total=total), "warning"
            )
        name = self.env._("Documents")
        if shown < total:
            name = self.env._("Documents (%(hidden)s not shown)", hidden=total - shown)
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "account.move",
            "views": [
                (self.env.ref("account.view_out_invoice_tree").id, "list"),
                (self.env.ref("account.view_account_move_kanban").id, "kanban"),
                (False, "form"),
            ],
            "domain": domain,
            "context": {"create": False, "default_move_type": "out_invoice"},
        }

    @api.model
    def _notification(self, message, kind="success"):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": message, "type": kind, "next": {"type": "ir.actions.client", "tag": "soft_reload"}},
        }
