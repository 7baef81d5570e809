import ast
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ..refresh.said import Name, SaidValidationError, with_values
from . import tier_rules
from .conditions import domain_error, try_domain
from .draft import is_draft_by_default

_lt = LazyTranslate(__name__)

STRATEGIES = [("clasp", "Clasp"), ("velcro", "Velcro"), ("zipper", "Zipper")]
#: fields whose change can change the tiers of customers
_RULE_FIELDS = {
    "sequence",
    "state",
    "active",
    "company_id",
    "criterion_match",
    "criterion_ids",
    "partner_domain",
    "downgrade_policy",
    "grace_days",
}
_WRITING = "crm_value_addon.tiers_being_written"
_CONFLICTS = {
    "limit": _lt("%(tier)s, line “%(line)s”: a threshold must be a number below 9e14."),
    "keep": _lt("%(tier)s, line “%(line)s”: keeping the tier must not ask for more than entering it."),
    "enter_easier": _lt(
        "%(tier)s, line “%(line)s”: entering it must not be easier than entering the lower tier "
        "%(other)s (“%(other_line)s”)."
    ),
    "keep_easier": _lt(
        "%(tier)s, line “%(line)s”: keeping it must not be easier than keeping the lower tier "
        "%(other)s (“%(other_line)s”)."
    ),
    "unreachable": _lt(
        "%(other)s asks for no more than the lower tier %(tier)s: nobody would ever be %(tier)s. "
        "Raise a line of %(other)s or lower one of %(tier)s."
    ),
}
#: conditions on these would make a tier depend on itself
_TIER_FIELDS = ("value_id", "value_ids", "value_tier_id", "value_next_tier_id", "value_tier_review_date")


class CrmValueTier(models.Model):
    """A loyalty tier with its rules; the higher its sequence, the higher the tier.

    How to use: `_rules_of` returns the rules of a company for the arithmetic in models/tiers/tier_rules.py.

    How it works: a tier and its criteria are written one by one and checked together (`_writing`). Then the cron
    decides the tiers of all customers again (`_request_pass`). A draft is archived until it is activated, so that
    nothing counts it that leaves out archived tiers; the forms create drafts, other code active tiers.
    """

    _name = "crm.value.tier"
    _description = "Loyalty Tier"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=lambda self: self._default_sequence(), help="From the lowest tier to the highest")
    state = fields.Selection(
        [("draft", "Draft"), ("active", "Active")],
        default=lambda self: "draft" if is_draft_by_default(self) else "active",
        required=True,
        copy=False,
        help="No customer gets a draft; a simulation shows what it would do",
    )
    active = fields.Boolean(compute="_compute_active", store=True, readonly=False, precompute=True, copy=False)
    company_id = fields.Many2one(
        "res.company",
        index=True,
        ondelete="cascade",
        help="This company and its branches. Empty: all companies. Each company has its own figures.",
    )
    scheme = fields.Selection(
        [("standard", "Tiers with thresholds"), ("pyramid", "Customer pyramid")],
        string="Set of Tiers",
        default="standard",
        required=True,
        help="A simulation can switch from one set of tiers to the other.",
    )
    color = fields.Integer(default=lambda self: self.env["crm.value.tier.start"]._color(self))
    icon = fields.Selection(
        [
            ("fa-circle-o", "Circle"),
            ("fa-star-o", "Outlined star"),
            ("fa-star", "Star"),
            ("fa-certificate", "Seal"),
            ("fa-trophy", "Trophy"),
            ("fa-diamond", "Diamond"),
            ("fa-heart", "Heart"),
        ],
        default="fa-star",
        required=True,
    )
    description = fields.Text(translate=True, help="What the customer may read about this tier")
    criterion_ids = fields.One2many("crm.value.tier.criterion", "tier_id", string="Criteria", copy=True)
    criterion_match = fields.Selection(
        [("all", "All criteria"), ("any", "Any criterion")], string="Match", default="all", required=True
    )
    partner_domain = fields.Char(
        string="Only for Customers", default="[]", help="Conditions on the contact, such as its country or its tags"
    )
    downgrade_policy = fields.Selection(
        [
            ("immediate", "At once"),
            ("grace", "After a grace period"),
            ("year_end", "At the end of the calendar year"),
            ("never", "Never"),
        ],
        string="Downgrade",
        default="immediate",
        required=True,
        help="When customers lose the tier after they no longer meet the figures to keep it",
    )
    grace_days = fields.Integer(string="Grace Period (days)", default=30)
    benefit_ids = fields.One2many("crm.value.benefit", "tier_id", string="Benefits", copy=True)
    relationship_strategy = fields.Selection(
        STRATEGIES,
        help="How close we stay to customers of this tier; sets how often they are contacted. "
        "Clasp: a contact now and then, the customer fits our process. Velcro: we adapt to the "
        "customer. Zipper: in touch all the time, both adapt.",
    )
    goodwill_limit = fields.Integer(
        string="Goodwill Coupons a Year",
        default=1,
        help="How many coupons for complaints salespeople may give a customer of this tier in 12 months",
    )
    missing_benefits = fields.Char(
        compute="_compute_missing_benefits", help="What the tier below gives and this does not"
    )
    criteria_summary = fields.Char(string="Criteria in Words", compute="_compute_criteria_summary")
    next_metric = fields.Char(compute="_compute_next_metric", help="What another criterion asks for at first")
    is_by_hand = fields.Boolean(compute="_compute_is_by_hand")
    has_predicted = fields.Boolean(compute="_compute_has_predicted")
    customer_count = fields.Integer(string="Customers", compute="_compute_customer_count")
    qualifying_summary = fields.Char(
        string="Who Qualifies",
        compute="_compute_qualifying_summary",
        help="How many customers of the company meet the criteria as they stand on the screen, saved or not",
    )

    _goodwill_limit_positive = models.Constraint(
        "CHECK(goodwill_limit >= 0)", "The number of goodwill coupons cannot be negative."
    )
    _grace_days_positive = models.Constraint(
        "CHECK(grace_days BETWEEN 0 AND 3660)", "The grace period must lie between 0 and 3660 days."
    )

    @api.model
    def _default_sequence(self):
        highest = self.with_context(active_test=False).search([], order="sequence desc", limit=1)
        return highest.sequence + 10

    @api.depends("state")
    def _compute_active(self):
        for tier in self:
            tier.active = tier.state == "active"

    @api.constrains("state", "active")
    def _check_state(self):
        for tier in self:
            if tier.active and tier.state == "draft":
                raise ValidationError(self.env._("%(tier)s is a draft: activate it first.", tier=tier.name))

    @api.constrains("sequence", "state", "active", "company_id", "criterion_match", "partner_domain", "criterion_ids")
    def _check_rules(self, without=()):
        """Refuse rules that contradict each other.

        :param without: criteria that are about to be deleted
        :raise ValidationError: a sentence that names the criterion
        """
        for tier in self:
            tier._check_partner_domain()
        for company in self._companies():
            self._check_conflicts(self._rules_of(company, without=without))

    @api.depends("criterion_ids.display_name", "criterion_match")
    def _compute_criteria_summary(self):
        for tier in self:
            glue = self.env._(" or ") if tier.criterion_match == "any" else self.env._(" and ")
            tier.criteria_summary = glue.join(tier.criterion_ids.mapped("display_name"))

    @api.depends("criterion_ids.metric")
    def _compute_next_metric(self):
        usual = ["revenue_12m", "purchase_count", *self.env["crm.value"]._metrics()]
        for tier in self:
            used = tier.criterion_ids.mapped("metric")
            tier.next_metric = next((metric for metric in usual if metric not in used), False)

    @api.depends("criterion_ids", "partner_domain")
    def _compute_is_by_hand(self):
        for tier in self:
            tier.is_by_hand = not tier.criterion_ids and (tier.partner_domain or "[]").strip() == "[]"

    @api.depends("criterion_ids.metric")
    def _compute_has_predicted(self):
        predicted = self.env["crm.value"]._metrics("forecast")
        for tier in self:
            tier.has_predicted = any(criterion.metric in predicted for criterion in tier.criterion_ids)

    @api.depends("benefit_ids", "sequence", "scheme", "company_id", "active")
    def _compute_missing_benefits(self):
        Comparison = self.env["crm.value.benefit.comparison"]
        for tier in self:
            below = tier._tier_below()
            missing = Comparison._in_words(Comparison._missing(tier, below))
            tier.missing_benefits = missing and self.env._("%(tier)s: %(benefits)s", tier=below.name, benefits=missing)

    @api.depends("criterion_ids.metric", "criterion_ids.enter_min", "criterion_match", "partner_domain", "company_id")
    @api.depends_context("uid", "allowed_company_ids", "lang")
    def _compute_qualifying_summary(self):
        for tier in self:
            tier.qualifying_summary = self.env["crm.value.tier.preview"]._describe_qualifying(tier)

    def _compute_customer_count(self):
        groups = self.env["crm.value"]._read_group(
            [("tier_id", "in", self.ids), ("company_id", "in", self.env.companies.ids)], ["tier_id"], ["__count"]
        )
        counts = dict(groups)
        for tier in self:
            tier.customer_count = counts.get(tier, 0)

    @api.model_create_multi
    def create(self, vals_list):
        with self._writing():
            tiers = super().create(vals_list)
        self._request_pass(tiers._companies())
        self.env.registry.clear_cache()
        return tiers

    def write(self, vals):
        if _RULE_FIELDS.isdisjoint(vals):
            result = super().write(vals)
        else:
            companies = self._companies()
            with self._writing():
                result = super().write(vals)
            self._request_pass(companies | self._companies())
        self.env.registry.clear_cache()
        if "company_id" in vals:
            self.benefit_ids._check_company()
        return result

    def unlink(self):
        companies = self._companies()
        programs = self.benefit_ids.filtered(lambda benefit: benefit.benefit_type == "program").program_id
        result = super().unlink()
        self._request_pass(companies)
        self.env.registry.clear_cache()
        self.env["crm.value.benefit"]._close_programs(programs)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # sudo: uses in companies that the user may not see count, too.
        change = (
            self.env["crm.value.tier.change"]
            .sudo()
            .search(["|", ("from_tier_id", "in", self.ids), ("to_tier_id", "in", self.ids)], limit=1)
        )
        lock = (
            self.env["crm.value.tier.lock"]
            .sudo()
            .with_context(active_test=False)
            .search([("tier_id", "in", self.ids)], limit=1)
        )
        if change or lock:
            raise UserError(
                self.env._(
                    "Customers have, or had, the tier %(tier)s, and their history names it. Archive it instead.",
                    tier=(change.to_tier_id & self or change.from_tier_id & self or lock.tier_id).name,
                )
            )

    def action_activate(self):
        """Make drafts count: the cron decides the tiers of all customers again.

        :raise AccessError: the user may not change these tiers
        :raise ValidationError: their rules contradict those of other tiers
        """
        self.write({"state": "active"})

    def action_start_above(self):
        """Fill this draft with what asks for more than the highest tier in use and gives no less.

        :raise AccessError: the user may not change this tier
        :raise UserError: it is no empty draft, or there is no tier in use
        """
        self.ensure_one()
        self.check_access("write")
        self.env["crm.value.tier.start"]._fill(self)

    def action_simulate(self):
        """Show what this tier does, or would do as it stands: who gets it, who nearly does, who loses what.

        :raise AccessError: the user may not simulate tiers
        """
        self.ensure_one()
        self.check_access("read")
        company = self.company_id if self.company_id in self.env.companies else self.env.company
        simulation = self.env["crm.value.tier.simulation"].with_context(simulated_tier_ids=self.ids)
        return simulation.create({"company_id": company.id, "scheme": self.scheme})._open()

    def action_take_over_benefits(self):
        """Give this tier what the tier below gives and this one does not.

        :raise AccessError: the user may not change this tier
        """
        self.ensure_one()
        self.check_access("write")
        self.env["crm.value.benefit.comparison"]._take_over(self, self._tier_below())

    def action_open_customers(self):
        """Open the customers of this tier.

        :raise AccessError: the user may not read this tier or customer values
        """
        self.ensure_one()
        self.check_access("read")
        self.env["crm.value"].check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_action")
        return action | {"domain": [("tier_id", "=", self.id)], "display_name": self.name}

    # rules

    @api.model
    def _domain_of(self, company):
        """Return the domain of the tiers of a company: its own, those of its parents, and those for all companies."""
        # sudo: which branches there are is the same for everybody
        return [("company_id", "in", [False, *company.sudo().parent_ids.ids])]

    def _tier_below(self):
        """Return the next lower tier in use of the same set."""
        self.ensure_one()
        company = self.company_id or self.env.company
        tiers = self.search([*self._domain_of(company), ("scheme", "=", self.scheme), ("active", "=", True)])
        place = (self.sequence, self._origin.id or float("inf"))
        return tiers.filtered(lambda tier: (tier.sequence, tier.id) < place)[-1:]

    def _companies(self):
        """Return the companies that use these tiers; a shared tier concerns all with customers or tiers, and ours."""
        if all(tier.company_id for tier in self):
            # sudo: a tier concerns branches that its author may not see.
            return self.env["res.company"].sudo().search([("id", "child_of", self.company_id.ids)])
        self.flush_model(["company_id"])
        rows = self.env.execute_query(
            SQL(
                """
            SELECT id FROM res_company company
             WHERE EXISTS (SELECT FROM crm_value WHERE company_id = company.id)
                OR EXISTS (SELECT FROM crm_value_tier WHERE company_id = company.id)
            """
            )
        )
        # sudo: a shared tier concerns companies that its author may not see.
        return self.env["res.company"].sudo().browse(company_id for [company_id] in rows) | self.env.company

    @api.model
    def _rules_of(self, company, without=()):
        """Return the rules of a company's tiers from the lowest to the highest (see models/tiers/tier_rules.py).

        :param without: criteria to leave out
        """
        # sudo: the rules are the same for every user.
        tiers = self.sudo().with_context(active_test=True).search(self._domain_of(company))
        return [
            tier._tier_rule(company, tier.criterion_ids.filtered(lambda criterion: criterion not in without))
            for tier in tiers
        ]

    @api.model
    def _rules_by(self, company, lines, criteria):
        """Return the rules that other records describe than tiers: of a simulation, or planned ones.

        :param lines: a record for each tier in use, which says how it is lost
        :param criteria: their criteria
        """
        of_tier = criteria.grouped("tier_id")
        return [
            line.tier_id._tier_rule(company, of_tier.get(line.tier_id, criteria.browse()), policy=line)
            for line in lines.sorted(lambda line: (line.tier_id.sequence, line.tier_id.id))
        ]

    def _tier_rule(self, company, criteria, policy=None):
        """Return the rule of this tier in a company with these criteria.

        :param policy: a record that says how the tier is lost; the tier itself where empty
        """
        self.ensure_one()
        domain, policy = self._parse_domain(), policy or self
        return tier_rules.TierRule(
            tier_id=self.id,
            match=self.criterion_match,
            policy=policy.downgrade_policy,
            grace_days=policy.grace_days,
            criteria=tuple(
                tier_rules.Criterion(criterion.metric, criterion.enter_min, criterion.keep_min)
                for criterion in criteria
            ),
            domain="" if domain.is_true() else repr(domain),
            customers=None if domain.is_true() else self._select_customers(company, domain),
        )

    def _select_customers(self, company, domain):
        """Return the SELECT of the contacts that meet a domain."""
        # sudo, and in this company alone: the decision must not depend on the user who starts the refresh.
        partners = self.env["res.partner"].sudo().with_context(active_test=False, allowed_company_ids=company.ids)
        query = partners._search(domain)
        return query.subselect()

    def _parse_domain(self):
        """Return the condition on customers as a domain.

        :raise ValueError, SyntaxError: the text is no domain
        """
        parsed = ast.literal_eval(self.partner_domain or "[]")
        if not isinstance(parsed, list | tuple):
            raise ValueError(self.env._("it is not a list of conditions"))
        return Domain(parsed)

    # contradictions

    def _check_partner_domain(self):
        self.ensure_one()
        try:
            domain = self._parse_domain()
            try_domain(self.env["res.partner"], domain)
        except Exception as error:
            raise ValidationError(
                self.env._(
                    "%(tier)s: the condition on customers “%(domain)s” cannot be used: %(reason)s",
                    tier=self.name,
                    domain=self.partner_domain,
                    reason=domain_error(self.env, error),
                )
            ) from error
        for condition in domain.iter_conditions():
            if condition.field_expr.split(".")[0] in _TIER_FIELDS:
                raise ValidationError(
                    self.env._(
                        "%(tier)s: the condition on customers must not depend on the tier itself (%(field)s).",
                        tier=self.name,
                        field=condition.field_expr,
                    )
                )

    @api.model
    def _check_conflicts(self, rules):
        """Refuse rules of a company that contradict each other.

        :raise ValidationError: a sentence that names the criterion
        """
        for conflict in tier_rules.rule_conflicts(rules):
            raise SaidValidationError(self.env, self._conflict_said(conflict))

    @api.model
    def _conflict_said(self, conflict):
        """Return a conflict of the rules as a sentence that can be stored (see models/refresh/said.py)."""
        # sudo: the tier that a rule contradicts may be another company's.
        tier, other = (self.sudo().browse(rule and rule.tier_id) for rule in (conflict.rule, conflict.other))
        line, other_line = (
            criterion and self.env["crm.value.tier.criterion"]._said(criterion)
            for criterion in (conflict.criterion, conflict.other_criterion)
        )
        return with_values(
            _CONFLICTS[conflict.code],
            tier=Name.of(tier),
            other=Name.of(other) if other else "",
            line=line,
            other_line=other_line,
        )

    # changes of rules

    @contextmanager
    def _writing(self):
        """Check the criteria of a tier together, after all of them are written, instead of one by one.

        While some thresholds are new and some are old, they may contradict each other. The flag lies on the cursor: the
        context belongs to the caller, who could switch the check off.
        """
        nested = self.env.cr.cache.get(_WRITING)
        self.env.cr.cache[_WRITING] = True
        try:
            yield
        finally:
            self.env.cr.cache[_WRITING] = nested

    @api.model
    def _is_being_written(self):
        """Tell whether a tier is being written, so that the tier checks its criteria afterwards."""
        return bool(self.env.cr.cache.get(_WRITING))

    @api.model
    def _request_pass(self, companies):
        """Ask the cron to decide the tiers of all customers of these companies again; customers read what changed."""
        self.env["crm.value.tier.asked"]._note(companies)
        for company in companies:
            # A company without customers yet gets its tiers with its first refresh.
            if self.env.execute_query(SQL("SELECT FROM crm_value WHERE company_id = %s LIMIT 1", company.id)):
                self.env["crm.value.run"]._request(company, "tiers")
