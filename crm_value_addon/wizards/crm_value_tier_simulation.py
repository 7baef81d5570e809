from contextlib import suppress

from odoo import Command, api, fields, models
from odoo.exceptions import MissingError, ValidationError
from odoo.tools import format_date

from ..const import MARGIN_GROUP
from ..models.refresh.crm_value_scheduler import REQUEST_LIMIT
from .crm_value_tier_simulation_line import NO_TIER, OTHER_SET


class CrmValueTierSimulation(models.TransientModel):
    """Tries out other thresholds: shows which customer would have which tier before any rule is saved.

    How to use: change `criterion_ids` or let `action_propose` find thresholds, look at the preview, then apply it.

    How it works: the preview (`crm.value.tier.simulation.preview`) decides with the assignment's own SELECT and other
    rules; applying saves these rules and runs the assignment. So both end in the same tiers.
    """

    _name = "crm.value.tier.simulation"
    _description = "Tier Simulation"

    name = fields.Char(default=lambda self: self.env._("Tier Simulation"), readonly=True)
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company, ondelete="cascade"
    )
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    scheme = fields.Selection(
        selection=lambda self: self.env["crm.value.tier"]._fields["scheme"]._description_selection(self.env),
        string="Set of Tiers",
        required=True,
        default=lambda self: self._default_scheme(),
    )
    tier_ids = fields.Many2many("crm.value.tier", compute="_compute_tier_ids", context={"active_test": False})
    is_shared = fields.Boolean(compute="_compute_tier_ids")
    has_drafts = fields.Boolean(compute="_compute_tier_ids")
    line_ids = fields.One2many(
        "crm.value.tier.simulation.line",
        "simulation_id",
        string="Tiers",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    criterion_ids = fields.One2many(
        "crm.value.tier.simulation.criterion",
        "simulation_id",
        string="Thresholds",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    from_date = fields.Date(
        string="Hold from", help="Empty: applying makes them hold at once. Rules that are kept hold from this day on."
    )
    # what would count (`crm.value.tier.simulation.counting`)
    tiers_count = fields.Selection(
        selection=lambda self: self.env["res.company"]._fields["value_tiers_count"]._description_selection(self.env),
        compute="_compute_what_counts",
        store=True,
        readonly=False,
    )
    journal_ids = fields.Many2many(
        "account.journal",
        "crm_value_tier_simulation_journal_rel",
        string="Journals Left Out",
        compute="_compute_what_counts",
        store=True,
        readonly=False,
        domain="[('company_id', '=', company_id), ('type', '=', 'sale')]",
        context={"active_test": False},
        help="Their documents are receivables only: no purchase and no revenue",
    )
    no_purchase_product_ids = fields.Many2many(
        "product.template",
        "crm_value_tier_simulation_no_purchase_rel",
        string="No Purchase",
        compute="_compute_what_counts",
        store=True,
        readonly=False,
        context={"active_test": False},
    )
    no_purchase_category_ids = fields.Many2many(
        "product.category",
        "crm_value_tier_simulation_no_purchase_category_rel",
        string="No Purchase, Categories",
        compute="_compute_what_counts",
        store=True,
        readonly=False,
    )
    not_for_tiers_product_ids = fields.Many2many(
        "product.template",
        "crm_value_tier_simulation_not_for_tiers_rel",
        string="Not for Tiers",
        compute="_compute_what_counts",
        store=True,
        readonly=False,
        context={"active_test": False},
    )
    not_for_tiers_category_ids = fields.Many2many(
        "product.category",
        "crm_value_tier_simulation_not_for_tiers_category_rel",
        string="Not for Tiers, Categories",
        compute="_compute_what_counts",
        store=True,
        readonly=False,
    )
    proposal_metric = fields.Selection(
        selection=lambda self: self.env["crm.value.tier.criterion"]._selection_metric(),
        string="By",
        default="revenue_12m",
        required=True,
    )
    # the preview
    total = fields.Integer(readonly=True)
    processed = fields.Integer(readonly=True)
    next_partner_key = fields.Integer(readonly=True)
    previewed_rules = fields.Text(readonly=True)
    is_previewed = fields.Boolean(compute="_compute_is_previewed")
    move_count = fields.Integer(readonly=True)
    up_count = fields.Integer(string="Upgrades", readonly=True)
    down_count = fields.Integer(string="Downgrades", readonly=True)
    switch_count = fields.Integer(string="Customers Changing Sets", readonly=True)
    later_count = fields.Integer(string="Downgrades Later", readonly=True)
    later_known_count = fields.Integer(string="In Danger by the Present Rules", readonly=True)
    later_summary = fields.Char(compute="_compute_later_summary")
    near_count = fields.Integer(string="Nearly Qualify", readonly=True)
    revenue_up = fields.Monetary(string="Revenue of Upgrades", readonly=True)
    revenue_down = fields.Monetary(string="Revenue of Downgrades", readonly=True)
    margin_up = fields.Monetary(string="Margin of Upgrades", readonly=True, groups=MARGIN_GROUP)
    margin_down = fields.Monetary(string="Margin of Downgrades", readonly=True, groups=MARGIN_GROUP)
    lost_benefits = fields.Text(
        readonly=True,
        help="What customers would lose although they do not fall, because their new tier does not give it",
    )

    @api.model
    def _default_scheme(self):
        tiers = self.env["crm.value.tier"].search(self.env["crm.value.tier"]._domain_of(self.env.company))
        return tiers[:1].scheme or "standard"

    @api.constrains("proposal_metric")
    def _check_proposal_metric(self):
        for wizard in self:
            self.env["crm.value.tier.criterion"]._check_metric(wizard.proposal_metric)

    @api.depends("company_id", "scheme")
    def _compute_tier_ids(self):
        for simulation in self:
            Tier, company = self.env["crm.value.tier"].with_context(active_test=False), simulation.company_id
            simulation.tier_ids = Tier.search([*Tier._domain_of(company), ("scheme", "=", simulation.scheme)])
            simulation.has_drafts = "draft" in simulation.tier_ids.mapped("state")
            simulation.is_shared = any(
                not tier.company_id or tier._companies() != company for tier in simulation.tier_ids
            )

    @api.depends("company_id", "scheme")
    def _compute_line_ids(self):
        for simulation in self:
            simulation.line_ids = [
                Command.clear(),
                *(Command.create(vals) for vals in simulation._prepare_lines_vals()),
            ]
            simulation.criterion_ids = [
                Command.clear(),
                *self.env["crm.value.tier.criterion"]._prepare_copies(simulation.tier_ids.criterion_ids),
            ]

    @api.depends("company_id")
    def _compute_what_counts(self):
        for simulation in self:
            simulation.update(self.env["crm.value.tier.simulation.counting"]._defaults(simulation.company_id))

    def _prepare_lines_vals(self):
        """Return the values of the lines: of each tier, and of those that count customers without such a tier."""
        tiers = self.tier_ids
        in_use, drafts = tiers.filtered("active"), tiers.filtered(lambda tier: tier.state == "draft")
        used = in_use or tiers - drafts
        used |= drafts.filtered(lambda tier: tier.id in self.env.context.get("simulated_tier_ids", ()))
        shares = dict(zip(reversed(used), self.env["crm.value.tier.proposal"]._pyramid(len(used)), strict=True))
        without = [NO_TIER] if in_use else [NO_TIER, OTHER_SET]
        return [{"sequence": sequence, "is_used": False} for sequence in without] + [
            {
                "tier_id": tier.id,
                "sequence": position,
                "is_used": tier in used,
                "is_draft": tier in drafts,
                "wished_share": shares.get(tier, 0),
                "downgrade_policy": tier.downgrade_policy,
                "grace_days": tier.grace_days,
            }
            for position, tier in enumerate(tiers)
        ]

    @api.depends(
        "previewed_rules",
        "line_ids.is_used",
        "line_ids.downgrade_policy",
        "line_ids.grace_days",
        "criterion_ids.metric",
        "criterion_ids.tier_id",
        "criterion_ids.enter_min",
        "criterion_ids.keep_min",
        "tiers_count",
        "journal_ids",
        "no_purchase_product_ids",
        "no_purchase_category_ids",
        "not_for_tiers_product_ids",
        "not_for_tiers_category_ids",
    )
    def _compute_is_previewed(self):
        for simulation in self:
            simulation.is_previewed = simulation.previewed_rules == simulation._rules_key()

    @api.depends("later_count", "later_known_count", "previewed_rules")
    @api.depends_context("lang")
    def _compute_later_summary(self):
        Move = self.env["crm.value.tier.simulation.move"]
        for simulation in self:
            simulation.later_summary = False
            if not simulation.later_count:
                continue
            [[first, last]] = Move._read_group(
                [("simulation_id", "=", simulation.id), ("direction", "=", "later")],
                aggregates=["falls_on:min", "falls_on:max"],
            )
            simulation.later_summary = self.env._(
                "%(count)s customers keep their tier until its grace period ends: the first until %(first)s, the last "
                "until %(last)s. %(known)s of them are in danger by the present rules, too.",
                count=simulation.later_count,
                first=format_date(self.env, first),
                last=format_date(self.env, last),
                known=simulation.later_known_count,
            )

    # actions

    def action_propose(self):
        """Replace the thresholds of the used tiers by those that give the target shares of customers."""
        self.ensure_one()
        self.check_access("write")
        lines = self.line_ids.filtered(lambda line: line.is_used and line.tier_id).sorted("sequence")
        thresholds = self.env["crm.value.tier.proposal"]._thresholds(
            self.company_id, self.proposal_metric, lines.mapped("wished_share")
        )
        commands = [
            Command.unlink(criterion.id) for criterion in self.criterion_ids if criterion.tier_id in lines.tier_id
        ]
        for line, threshold in zip(lines, thresholds, strict=True):
            metric, enter_min = ("purchase_count", 1) if threshold is None else (self.proposal_metric, threshold)
            commands.append(
                Command.create(
                    {"tier_id": line.tier_id.id, "metric": metric, "enter_min": enter_min, "keep_min": enter_min}
                )
            )
        self.criterion_ids = commands
        return self._reopen()

    def action_preview(self):
        """Compute the whole preview and show it.

        :raise ValidationError: the thresholds contradict each other
        """
        self._preview_all()
        return self._reopen()

    def _open(self):
        """Open the simulation, with its preview where that takes a moment only."""
        if self.env["crm.value.observation"]._next_batch(self.company_id, 0, REQUEST_LIMIT + 1)[0] <= REQUEST_LIMIT:
            # a draft may still contradict other tiers: the preview says so when it is asked for
            with suppress(ValidationError):
                self._preview_all()
        return self._reopen()

    def _preview_all(self):
        progress = self.preview_step(True)
        while progress["processed"] < progress["total"]:
            progress = self.preview_step()

    def preview_step(self, restart=False):
        """Decide for the next customers; the web client calls this until all are done, and shows the progress.

        :return: dict ``processed total``
        :raise ValidationError: the thresholds contradict each other
        """
        self.ensure_one()
        self.check_access("write")
        if not self.exists():
            raise MissingError(self.env._("This simulation is over; start a new one."))
        Preview, rules = self.env["crm.value.tier.simulation.preview"], self._simulated_rules()
        if restart:
            Preview._start(self)
            self.env["crm.value.tier.simulation.counting"]._prepare(self, rules)
        count = Preview._step(self, rules)
        if not count or self.processed >= self.total:
            Preview._finish(self)
        return {"processed": self.processed if count else self.total, "total": self.total}

    def action_open_moves(self):
        """Open the customers who would change tier."""
        self.ensure_one()
        self.check_access("read")
        return self._open_moves(("up", "down", False))

    def action_open_falls(self):
        """Open the customers who would lose their tier when its grace period ends."""
        return self._open_moves(("later",))

    def action_open_near(self):
        """Open the customers who would nearly qualify for a higher tier."""
        return self._open_moves(("near",))

    def _open_moves(self, directions):
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_tier_simulation_move_action")
        return action | {"domain": [("simulation_id", "=", self.id), ("direction", "in", directions)]}

    def action_apply(self):
        """Save the thresholds as rules and decide every customer's tier by them.

        :return: action that tells whether that is done, or will be done within minutes
        :raise ValidationError: the thresholds contradict each other
        :raise AccessError: the user may not change tiers
        """
        self.ensure_one()
        self.check_access("write")
        self._simulated_rules()
        self._save_rules()
        company, Counting = self.company_id, self.env["crm.value.tier.simulation.counting"]
        counts_otherwise = Counting._is_changed(self)
        if counts_otherwise:
            Counting._apply(self)
        self.unlink()
        # sudo: only the assignment writes tiers; the rules were saved with the rights of the user.
        value = self.env["crm.value"].sudo().with_company(company)
        message = self.env._("The rules are saved; the tiers follow within minutes.")
        count, _last = value.env["crm.value.observation"]._next_batch(company, 0, REQUEST_LIMIT + 1)
        if not counts_otherwise and count <= REQUEST_LIMIT and value.env["crm.value.scheduler"]._is_writer(company):
            value.env["crm.value.tier.assignment"]._assign_company(source="rules")
            message = self.env._("The rules are saved, and every customer has its tier.")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_tier_action")
        return value._notification(message) | {
            "params": {"message": message, "type": "success", "next": action | {"target": "main"}}
        }

    def action_plan(self):
        """Keep the simulated rules for a day to come, and show them.

        :raise ValidationError: the thresholds contradict each other, or the day is not to come
        :raise AccessError: the user may not plan rules
        """
        self.ensure_one()
        self.check_access("write")
        if not self.from_date:
            raise ValidationError(self.env._("Choose the day from which these rules will hold."))
        self.env["crm.value.tier.simulation.counting"]._check_can_be_planned(self)
        self._simulated_rules()
        used = self._used_tiers()
        plan = self.env["crm.value.tier.plan"].create(
            {
                "company_id": self.company_id.id,
                "scheme": self.scheme,
                "from_date": self.from_date,
                "tiers_count": self.tiers_count != self.company_id.value_tiers_count and self.tiers_count,
                "line_ids": [
                    Command.create(
                        {
                            "tier_id": tier.id,
                            "downgrade_policy": self._line_of(tier).downgrade_policy,
                            "grace_days": self._line_of(tier).grace_days,
                        }
                    )
                    for tier in used
                ],
                "criterion_ids": self.env["crm.value.tier.criterion"]._prepare_copies(
                    self.criterion_ids.filtered(lambda line: line.tier_id in used)
                ),
            }
        )
        self.unlink()
        return {
            "type": "ir.actions.act_window",
            "res_model": plan._name,
            "res_id": plan.id,
            "views": [(False, "form")],
            "name": self.env._("Planned Rules"),
            "target": "main",
        }

    def action_cancel(self):
        """Discard the simulation."""
        self.check_access("unlink")
        self.unlink()
        return self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_tier_action") | {
            "target": "main"
        }

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "name": self.env._("Tier Simulation"),
            "target": "current",
        }

    # rules

    def _used_tiers(self):
        return self.line_ids.filtered("is_used").tier_id.sorted(lambda tier: (tier.sequence, tier.id))

    def _line_of(self, tier):
        return self.line_ids.filtered(lambda line: line.tier_id == tier)

    def _criteria_of(self, tier):
        return self.criterion_ids.filtered(lambda criterion: criterion.tier_id == tier)

    def _simulated_rules(self):
        """Return the rules of the simulation (see models/tiers/tier_rules.py).

        :raise ValidationError: the thresholds contradict each other
        """
        lines = self.line_ids.filtered(lambda line: line.is_used and line.tier_id)
        Tier = self.env["crm.value.tier"]
        rules = Tier._rules_by(self.company_id, lines, self.criterion_ids)
        Tier._check_conflicts(rules)
        return rules

    def _rules_key(self):
        """Return a text that is the same as long as the rules are: it tells whether a preview still holds."""
        criteria = sorted(
            (criterion.tier_id.id, criterion.metric or "", criterion.enter_min, criterion.keep_min)
            for criterion in self.criterion_ids
        )
        policies = sorted(
            (line.tier_id.id, line.downgrade_policy or "", line.grace_days)
            for line in self.line_ids.filtered("is_used")
        )
        return repr((self.scheme, policies, criteria, self.env["crm.value.tier.simulation.counting"]._key(self)))

    def _save_rules(self):
        """Write the rules that differ; changed tiers are archived meanwhile, so that only the result is checked."""
        used = self._used_tiers()
        in_use = (
            self.env["crm.value.tier"]
            .with_context(active_test=True)
            .search(self.env["crm.value.tier"]._domain_of(self.company_id))
        )
        changed = self.tier_ids.filtered(lambda tier: self._changes(tier))
        ((in_use - used) | (in_use & changed)).active = False
        for tier in changed:
            tier.write(self._changes(tier))
        used.filtered(lambda tier: not tier.active).write({"state": "active", "active": True})

    def _changes(self, tier):
        """Return the values that turn the rules of a tier into those of the simulation."""
        wanted = {
            criterion.metric: {"enter_min": criterion.enter_min, "keep_min": criterion.keep_min}
            for criterion in self._criteria_of(tier)
        }
        commands = []
        for criterion in tier.criterion_ids:
            vals = wanted.pop(criterion.metric, None)
            if vals is None:
                commands.append(Command.delete(criterion.id))
            elif any(criterion[name] != number for name, number in vals.items()):
                commands.append(Command.update(criterion.id, vals))
        commands += [Command.create({"metric": metric, **vals}) for metric, vals in wanted.items()]
        line = self._line_of(tier)
        vals = {name: line[name] for name in ("downgrade_policy", "grace_days") if line and line[name] != tier[name]}
        return vals | ({"criterion_ids": commands} if commands else {})
