from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools.translate import LazyTranslate

from ...const import MARGIN_GROUP
from ..refresh.said import Name, SaidError, to_lines, to_text, words_of
from ..tiers.conditions import domain_error, try_domain
from ..tiers.draft import is_draft_by_default
from .actions import ACTIONS
from .condition import check_fields, parse_condition
from .crm_value_followup_text import PLACEHOLDER, PLACEHOLDERS
from .triggers import TRIGGERS

_lt = LazyTranslate(__name__)
#: what the addon alone writes
_KEPT = ("domain_author_id", "stop_note", "failure_notes", "last_user_id")


class CrmValueFollowupRule(models.Model):
    """Turns a state or a date of a customer into an activity for the right person, or a message to the customer.

    How it works: the cron has `crm.value.followup.run` schedule and close the follow-ups of each rule. For that,
    `crm.value.followup.due` lists whom the rule reaches (by the rows of `triggers.py` and the SELECTs of
    `crm.value.followup.trigger`), `…action` does what the rule says (by the rows of `actions.py`), and `…result`
    measures what it brought. For an activity, `…assignee` finds who gets it, `…text` writes what it says, and
    `…activity` creates it.
    """

    _name = "crm.value.followup.rule"
    _description = "Follow-up Rule"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(string="Switched On", default=lambda self: not is_draft_by_default(self))
    company_id = fields.Many2one("res.company", index=True, ondelete="cascade", help="Empty: for all companies")

    trigger = fields.Selection(
        [(trigger.code, trigger.label) for trigger in TRIGGERS.values()], required=True, default="at_risk"
    )
    days = fields.Integer(help="The meaning depends on the trigger, as shown beside it.")
    days_hint = fields.Char(compute="_compute_hints")
    gap_percent = fields.Float(
        string="Gap up to (%)",
        default=10.0,
        help="Share of the requirements of the next tier that may be missing, or by which revenue must have fallen",
    )
    rating_max = fields.Float(string="Rating up to", default=2.0, help="From 1 to 5")
    stage = fields.Selection(
        lambda self: self.env["crm.value"]._fields["lifecycle_stage"]._description_selection(self.env), default="loyal"
    )
    figure = fields.Selection(
        [
            ("revenue_12m", "Revenue of 12 months, against the 12 before"),
            ("clv", "Customer lifetime value, against the last month end"),
        ],
        default="revenue_12m",
    )
    change_direction = fields.Selection(
        [("falls", "falls by"), ("rises", "rises by")], string="Change", default="falls", required=True
    )
    change_percent = fields.Float(string="Change (%)", default=30.0)
    date_field = fields.Selection(
        lambda self: self.env["crm.value.followup.reason"]._date_fields(),
        string="Date",
        default="crm.lead.date_deadline",
        help="Of the contact, or of a record that has a customer: an order, an opportunity, a contract",
    )
    is_after = fields.Boolean(string="After the Date", help="The days count from the date on; else until it")
    is_yearly = fields.Boolean(string="Each Year", help="The date recurs: an inspection or an insurance, for instance")
    holiday_id = fields.Many2one("crm.value.holiday", ondelete="set null", help="Empty: all in the list")
    feedback_kind_id = fields.Many2one("crm.value.feedback.kind", ondelete="set null", help="Empty: all kinds")
    tier_id = fields.Many2one(
        "crm.value.tier",
        string="Minimum Tier",
        ondelete="set null",
        index="btree_not_null",
        help="Only customers of this tier or a higher one. For a lost tier or customer: those that had it.",
    )
    domain = fields.Char(string="Only for Customers", default="[]", help="Conditions on the customer value")
    domain_author_id = fields.Many2one(
        "res.users",
        string="Author of the Condition",
        ondelete="set null",
        readonly=True,
        copy=False,
        help="Whoever wrote the condition last; it may use only fields that they may read",
    )
    stop_note = fields.Json(readonly=True, copy=False, help="Why this rule schedules nothing, in no language yet")
    stop_reason = fields.Char(string="Stopped", compute="_compute_notes", help="Why this rule schedules nothing")
    failure_notes = fields.Json(readonly=True, copy=False, help="Whom the last run left out, in no language yet")
    failures = fields.Text(
        string="Left Out",
        compute="_compute_notes",
        help="The customers for whom the last run could do nothing, and why",
    )

    action_type = fields.Selection(
        [(action.code, action.label) for action in ACTIONS.values()],
        string="Action",
        default="activity",
        required=True,
    )
    is_message = fields.Boolean(compute="_compute_is_message")
    mail_template_id = fields.Many2one(
        "mail.template",
        string="E-mail Template",
        ondelete="restrict",
        domain="[('model', 'in', ('crm.value', 'res.partner'))]",
        help="Sent in the customer's language. It may name occasion['date'], occasion['days'] and occasion['detail'].",
    )
    message_kind_id = fields.Many2one(
        "crm.value.message.kind",
        string="Kind of Message",
        ondelete="restrict",
        default=lambda self: self.env.ref("crm_value_addon.message_kind_offers", raise_if_not_found=False),
        help="Customers can refuse a kind, and keep getting the others",
    )
    gift_id = fields.Many2one(
        "crm.value.benefit",
        ondelete="set null",
        domain="[('benefit_type', '=', 'gift'), ('occasion', '=', 'rule')]",
        help="A gift of a tier whose occasion is a follow-up rule",
    )
    server_action_id = fields.Many2one(
        "ir.actions.server",
        ondelete="set null",
        domain="[('model_id.model', 'in', ('crm.value', 'res.partner'))]",
        help="Run for the customers; a webhook, for instance",
    )
    portion = fields.Integer(
        string="At Most per Day", help="So many customers of this rule a day, the most worth first. 0 for all."
    )
    activity_type_id = fields.Many2one(
        "mail.activity.type",
        ondelete="restrict",
        default=lambda self: self.env.ref("mail.mail_activity_data_call", raise_if_not_found=False),
        domain="[('res_model', 'in', (False, 'res.partner'))]",
    )
    plan_id = fields.Many2one("mail.activity.plan", ondelete="restrict", domain="[('res_model', '=', 'res.partner')]")
    has_document = fields.Boolean(compute="_compute_hints")
    target = fields.Selection(
        [("contact", "The contact"), ("document", "The order or opportunity that caused it")],
        string="Assign to",
        default="contact",
        required=True,
        help="Without such an order or opportunity, the activity goes to the contact.",
    )
    summary = fields.Char(translate=True, help="Placeholders in braces are filled in, such as {customer} or {days}")
    note = fields.Html(translate=True, sanitize=True)
    placeholder_hint = fields.Char(compute="_compute_hints")
    delay_days = fields.Integer(string="Due within (working days)", default=2)

    responsible_type = fields.Selection(
        [
            ("account_manager", "Account manager"),
            ("salesperson", "Salesperson"),
            ("team_leader", "Team leader"),
            ("user", "A certain user"),
            ("round_robin", "Members of a team in turn"),
        ],
        string="Responsible",
        default="salesperson",
        required=True,
        help="Where there is none, or the user is archived or not of the company: the salesperson of the contact, then "
        "of its last order, then the leader of that order's team, then the user named here, then a sales manager.",
    )
    user_id = fields.Many2one("res.users", ondelete="set null", domain="[('share', '=', False)]")
    team_id = fields.Many2one("crm.team", ondelete="set null")
    last_user_id = fields.Many2one("res.users", ondelete="set null", readonly=True, copy=False)

    cooldown_days = fields.Integer(
        string="Cooldown (days)", default=60, help="After a follow-up of this rule is done, cancelled or closed"
    )
    holdout_percent = fields.Float(
        string="Control Group (%)", help="Share of the customers, always the same ones, that get no activity"
    )
    measure_days = fields.Integer(
        string="Measured for (days)", default=60, help="Invoices of these days after the follow-up show its result"
    )
    followup_ids = fields.One2many("crm.value.followup", "rule_id", string="Follow-ups")
    open_count = fields.Integer(string="Open", compute="_compute_open_count")

    result_currency_id = fields.Many2one("res.currency", compute="_compute_results")
    treated_count = fields.Integer(string="Followed Up", compute="_compute_results")
    control_count = fields.Integer(string="Control Group", compute="_compute_results")
    done_count = fields.Integer(string="Done", compute="_compute_results")
    in_time_count = fields.Integer(string="Done on Time", compute="_compute_results")
    measured_count = fields.Integer(string="Measured", compute="_compute_results", help="Of both groups")
    treated_revenue = fields.Monetary(
        string="Revenue: Followed Up",
        currency_field="result_currency_id",
        compute="_compute_results",
        help="Invoiced per customer in the days measured after the follow-up",
    )
    control_revenue = fields.Monetary(
        string="Revenue: Control Group", currency_field="result_currency_id", compute="_compute_results"
    )
    uplift_revenue = fields.Monetary(
        string="Uplift",
        currency_field="result_currency_id",
        compute="_compute_results",
        help="Revenue per customer followed up less revenue per customer of the control group",
    )
    uplift_revenue_low = fields.Monetary(
        string="Uplift at Least", currency_field="result_currency_id", compute="_compute_results"
    )
    uplift_revenue_high = fields.Monetary(
        string="Uplift at Most", currency_field="result_currency_id", compute="_compute_results"
    )
    treated_margin = fields.Monetary(
        string="Margin: Followed Up",
        currency_field="result_currency_id",
        compute="_compute_results",
        groups=MARGIN_GROUP,
    )
    control_margin = fields.Monetary(
        string="Margin: Control Group",
        currency_field="result_currency_id",
        compute="_compute_results",
        groups=MARGIN_GROUP,
    )
    uplift_margin = fields.Monetary(
        string="Margin Uplift", currency_field="result_currency_id", compute="_compute_results", groups=MARGIN_GROUP
    )
    uplift_margin_low = fields.Monetary(
        string="Margin Uplift at Least",
        currency_field="result_currency_id",
        compute="_compute_results",
        groups=MARGIN_GROUP,
    )
    uplift_margin_high = fields.Monetary(
        string="Margin Uplift at Most",
        currency_field="result_currency_id",
        compute="_compute_results",
        groups=MARGIN_GROUP,
    )
    has_enough_data = fields.Boolean(compute="_compute_results")
    verdict = fields.Char(compute="_compute_results")

    _numbers = models.Constraint(
        "CHECK(days BETWEEN 0 AND 3660 AND gap_percent BETWEEN 0 AND 100 AND delay_days BETWEEN 0 AND 365"
        " AND cooldown_days BETWEEN 0 AND 3660 AND holdout_percent BETWEEN 0 AND 90"
        " AND measure_days BETWEEN 1 AND 730 AND portion >= 0"
        " AND change_percent BETWEEN 1 AND 1000)",
        "Days lie between 0 and 3660 (due within: 365; measured for: 730), the gap between 0 and 100 %, "
        "the control group is at most 90 %, the number per day is not negative, and a change is between 1 and 1000 %.",
    )

    @api.depends("action_type")
    def _compute_is_message(self):
        actions = self.env["crm.value.followup.action"]._actions()
        for rule in self:
            action = actions.get(rule.action_type)
            rule.is_message = bool(action and (action.message or action.by_preference))

    @api.depends("trigger", "date_field")
    def _compute_hints(self):
        names = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        for rule in self:
            trigger = self.env["crm.value.followup.trigger"]._trigger(rule)
            rule.days_hint = trigger and trigger.days_hint and self.env._(trigger.days_hint)
            rule.has_document = self.env["crm.value.followup.trigger"]._document_model(rule) not in (
                None,
                "res.partner",
            )
            rule.placeholder_hint = self.env._("Placeholders: %(names)s", names=names)
            if trigger and trigger.detail_hint:
                rule.placeholder_hint += self.env._("; {detail} is %(what)s", what=self.env._(trigger.detail_hint))

    def _compute_open_count(self):
        counts = dict(
            self.env["crm.value.followup"]._read_group(
                [("rule_id", "in", self.ids), ("state", "=", "open"), ("company_id", "in", self.env.companies.ids)],
                ["rule_id"],
                ["__count"],
            )
        )
        for rule in self:
            rule.open_count = counts.get(rule, 0)

    @api.depends_context("company")
    def _compute_results(self):
        results = self.env["crm.value.followup.result"]._results(self, self.env.company)
        for rule in self:
            # sudo: margins are computed for everybody, and read only by users who may see them.
            rule.sudo().update(results[rule])

    @api.constrains("domain")
    def _check_domain(self):
        for rule in self:
            try:
                domain = rule._parse_domain(self.env.company)
                check_fields(self.env["crm.value"].sudo(False), domain)
                try_domain(self.env["crm.value"], domain)
            except Exception as error:
                raise ValidationError(
                    self.env._(
                        "%(rule)s: the condition on customers “%(domain)s” cannot be used: %(reason)s",
                        rule=rule.name,
                        domain=rule.domain,
                        reason=domain_error(self.env, error),
                    )
                ) from error

    @api.constrains("trigger", "stage", "figure", "date_field")
    def _check_trigger(self):
        for rule in self:
            trigger = self.env["crm.value.followup.trigger"]._trigger(rule)
            if trigger.needs and not rule[trigger.needs]:
                field = self._fields[trigger.needs]._description_string(self.env)
                raise ValidationError(self.env._("%(rule)s needs %(what)s.", rule=rule.name, what=field))
            if rule.trigger == "date_field":
                self.env["crm.value.followup.reason"]._check_date_field(rule)
            figures = self.env["crm.value"].sudo(False)
            if rule.trigger == "figure_changed" and not figures._has_field_access(figures._fields[rule.figure], "read"):
                raise ValidationError(self.env._("%(rule)s: you may not see this figure yourself.", rule=rule.name))

    @api.constrains("summary", "note")
    def _check_placeholders(self):
        for rule in self:
            for name in PLACEHOLDER.findall(f"{rule.summary or ''} {rule.note or ''}"):
                if name not in PLACEHOLDERS:
                    raise ValidationError(
                        self.env._(
                            "%(rule)s: {%(name)s} is not known. Placeholders: %(names)s",
                            rule=rule.name,
                            name=name,
                            names=", ".join(PLACEHOLDERS),
                        )
                    )

    @api.constrains(lambda self: self.env["crm.value.followup.action"]._constrained_fields())
    def _check_action(self):
        for rule in self:
            action = self.env["crm.value.followup.action"]._action(rule)
            missing = {
                self.env._(action.needs_label): not rule[action.needs],
                self.env._("a kind of message"): rule.is_message and not rule.message_kind_id,
                self.env._("a user"): rule.responsible_type == "user" and not rule.user_id,
                self.env._("a sales team"): rule.responsible_type == "round_robin" and not rule.team_id,
            }
            for what, is_missing in missing.items():
                if is_missing:
                    raise ValidationError(self.env._("%(rule)s needs %(what)s.", rule=rule.name, what=what))
            self.env["crm.value.followup.action"]._check_loop(rule)
            company = rule.plan_id.company_id
            if rule.action_type == "plan" and company and company != rule.company_id:
                raise ValidationError(
                    self.env._(
                        "%(rule)s: the plan %(plan)s is %(company)s's only, and the rule is not.",
                        rule=rule.name,
                        plan=rule.plan_id.name,
                        company=company.name,
                    )
                )

    @api.depends("stop_note", "failure_notes")
    @api.depends_context("lang")
    def _compute_notes(self):
        for rule in self:
            rule.stop_reason = rule.stop_note and to_text(self.env, rule.stop_note)
            rule.failures = to_lines(self.env, rule.failure_notes)

    def _has_field_access(self, field, operation):
        """Keep users from writing what is readonly: the author of a condition is whoever writes it."""
        is_kept = operation == "write" and field.name in _KEPT
        return super()._has_field_access(field, operation) and (self.env.su or not is_kept)

    @api.model_create_multi
    def create(self, vals_list):
        rules = super().create(vals_list)
        rules._sign()
        return rules

    def write(self, vals):
        result = super().write(vals)
        if "domain" in vals:
            self._sign()
        if "measure_days" in vals:
            # sudo: only the machine may write follow-ups; the run measures them again over the new days.
            self.with_context(active_test=False).followup_ids.sudo().write({"is_measured": False})
        return result

    def _sign(self):
        """Remember who wrote the condition, because the rule may look at no more than they may."""
        # sudo: nobody may name another author.
        self.sudo().write({"domain_author_id": self.env.uid, "stop_note": False})

    # doors: buttons and the cron

    def action_activate(self):
        """Switch rules on: from the next night on, they schedule follow-ups.

        :raise AccessError: the user may not change these rules
        """
        self.write({"active": True})

    def action_preview(self):
        """Show whom this rule would reach today, without writing anything.

        :raise AccessError: the user may not change this rule
        """
        self.ensure_one()
        self.check_access("write")
        return {
            "type": "ir.actions.act_window",
            "res_model": "crm.value.followup.preview",
            "views": [(False, "form")],
            "target": "new",
            "name": self.env._("Customers “%(rule)s” would reach today", rule=self.name),
            "context": {"default_rule_id": self.id},
        }

    def action_open_due(self):
        """Open the customers whom this rule would reach today, but for those who are held out.

        Whoever reads the list may call those on it, and then nobody is left to compare with.

        :raise AccessError: the user may not change this rule
        """
        self.ensure_one()
        self.check_access("write")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_action")
        # sudo: the list is what the cron would find; the user sees of it what they may see.
        rule = self.sudo()
        Due, Plan = rule.env["crm.value.followup.due"], rule.env["crm.value.followup.plan"]
        value_ids = set()
        for company in self._companies() & self.env.companies:
            due = Due._find(rule, company)
            value_ids |= {row.value_id for row in due} - Plan._draw(rule, due)
        return action | {"domain": [("id", "in", sorted(value_ids))], "display_name": self.name}

    def action_run(self):
        """Schedule what is due of these rules now, for the user's companies; at most 500 each, the rest by night.

        :return: action that tells the user
        :raise AccessError: the user may not change these rules
        """
        self.check_access("write")
        # sudo: users may not write follow-ups, nor activities of other users.
        rules = self.sudo().filtered("active")
        run = rules.env["crm.value.followup.run"]
        count = sum(run._run_now(rules, company, limit=500) for company in self.env.companies)
        return self.env["crm.value"]._notification(self.env._("%(count)s follow-ups were scheduled.", count=count))

    def action_open_followups(self):
        """Open the follow-ups of this rule."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_followup_action")
        return action | {"domain": [("rule_id", "=", self.id)], "context": {}, "display_name": self.name}

    @api.model
    def _cron_followup(self):
        """Close and measure follow-ups; once a day, after the night's figures, schedule new ones."""
        self.env["crm.value.followup.run"]._run_all()

    def _companies(self):
        """Return the companies whose customers the rule is for."""
        self.ensure_one()
        # sudo: a rule for all companies is also for those the user is not a member of.
        return self.company_id or self.env["res.company"].sudo().search([])

    def _parse_domain(self, company):
        """Return the condition on customer values, with the days as they are where a company is.

        :raise UserError: the text is no condition
        """
        return parse_condition(self.env, self.domain, company._value_now())

    def _condition(self, company):
        """Return the condition on customer values, after asking whether its author may still use these fields.

        :raise UserError: it is no condition, it has no author, or the author may not read a field
        """
        self.ensure_one()
        domain = self._parse_domain(company)
        if domain.is_true():
            return domain
        if not self.domain_author_id:
            raise SaidError(
                self.env,
                _lt(
                    "%(rule)s: nobody answers for the condition. Open the rule and write it again.", rule=Name.of(self)
                ),
            )
        try:
            check_fields(self.env["crm.value"].with_user(self.domain_author_id), domain)
        except (AccessError, ValueError) as error:
            raise SaidError(
                self.env,
                _lt(
                    "%(rule)s is stopped, because of its condition: %(reason)s Somebody who may read it can write the "
                    "condition again.",
                    rule=Name.of(self),
                    reason=words_of(error),
                ),
            ) from error
        return domain
