import logging

import psycopg2

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_date

from ..refresh.said import to_data, to_text, words_of
from . import tier_rules

_logger = logging.getLogger(__name__)


class CrmValueTierPlan(models.Model):
    """Rules of tiers that hold from a day to come: which tiers are in use, what they ask for, how they are lost.

    How to use: a simulation is kept for a day (`crm.value.tier.simulation.action_plan`); `action_simulate` shows it
    again, with the customers of today. Until its day nothing counts.

    How it works: the cron applies what is due as a simulation would be applied by hand, so that there is one way from
    planned thresholds to rules; the next refresh decides the tiers. Month ends before that day keep their tiers. A
    plan whose rules cannot be saved any more stays as it is, says why, and asks its author.
    """

    _name = "crm.value.tier.plan"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _description = "Planned Tier Rules"
    _order = "from_date desc, id desc"
    _rec_name = "from_date"

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    scheme = fields.Selection(
        selection=lambda self: self.env["crm.value.tier"]._fields["scheme"]._description_selection(self.env),
        string="Set of Tiers",
        required=True,
        readonly=True,
    )
    from_date = fields.Date(string="From", required=True, tracking=True, help="The first day on which the rules hold")
    state = fields.Selection(
        [
            ("planned", "Planned"),
            ("applied", "Applied"),
            ("failed", "Could Not Be Applied"),
            ("cancelled", "Cancelled"),
        ],
        default="planned",
        required=True,
        readonly=True,
        tracking=True,
        copy=False,
    )
    failure_note = fields.Json(readonly=True, copy=False, help="Why it could not be applied, in no language yet")
    failure = fields.Char(string="Why Not", compute="_compute_failure")
    announce_days = fields.Integer(
        string="Announced Before (days)",
        default=30,
        help="How long before it customers are told who would fall, where the settings have a mail for that",
    )
    tiers_count = fields.Selection(
        selection=lambda self: self.env["res.company"]._fields["value_tiers_count"]._description_selection(self.env),
        help="Changes what the qualifying amounts add up from that day on. Empty: as in the settings.",
    )
    line_ids = fields.One2many("crm.value.tier.plan.line", "plan_id", string="Tiers", readonly=True)
    criterion_ids = fields.One2many("crm.value.tier.plan.criterion", "plan_id", string="Criteria", readonly=True)

    _announce_days_positive = models.Constraint(
        "CHECK(announce_days BETWEEN 0 AND 366)", "Planned rules are announced 0 to 366 days before."
    )

    @api.depends("from_date")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for plan in self:
            plan.display_name = self.env._("Rules from %(day)s", day=format_date(self.env, plan.from_date) or "…")

    @api.depends("failure_note")
    @api.depends_context("lang")
    def _compute_failure(self):
        for plan in self:
            plan.failure = plan.failure_note and to_text(self.env, plan.failure_note)

    @api.constrains("from_date", "company_id", "scheme", "state")
    def _check_day(self):
        for plan in self.filtered(lambda plan: plan.state == "planned"):
            if plan.from_date <= plan.company_id._value_today():
                raise ValidationError(self.env._("Planned rules hold from tomorrow at the earliest."))
            others = [("company_id", "=", plan.company_id.id), ("scheme", "=", plan.scheme), ("id", "!=", plan.id)]
            if self.search_count([*others, ("state", "=", "planned"), ("from_date", "=", plan.from_date)], limit=1):
                raise ValidationError(
                    self.env._(
                        "Rules are planned for %(day)s already: cancel them first.",
                        day=format_date(self.env, plan.from_date),
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_applied(self):
        if self.filtered(lambda plan: plan.state == "applied"):
            raise UserError(self.env._("These rules held, or hold: they stay as a record."))

    # by hand

    def action_cancel(self):
        """Cancel plans that do not hold yet.

        :raise AccessError: the user may not change planned rules
        """
        self.filtered(lambda plan: plan.state in ("planned", "failed")).state = "cancelled"

    def action_simulate(self):
        """Show who would have which tier by the planned rules, by the figures of today.

        :raise AccessError: the user may not simulate tiers
        """
        self.ensure_one()
        self.check_access("read")
        return self._simulation()._open()

    def _simulation(self):
        """Return a simulation with the planned rules."""
        self.ensure_one()
        simulation = (
            self.env["crm.value.tier.simulation"]
            .with_company(self.company_id)
            .create({"company_id": self.company_id.id, "scheme": self.scheme, "from_date": self.from_date})
        )
        if self.tiers_count:
            simulation.tiers_count = self.tiers_count
        planned = {line.tier_id: line for line in self.line_ids}
        for line in simulation.line_ids.filtered("tier_id"):
            wanted = planned.get(line.tier_id)
            line.is_used = bool(wanted)
            if wanted:
                line.write({"downgrade_policy": wanted.downgrade_policy, "grace_days": wanted.grace_days})
        simulation.criterion_ids = [
            Command.clear(),
            *self.env["crm.value.tier.criterion"]._prepare_copies(self.criterion_ids),
        ]
        return simulation

    # applying

    @api.model
    def _cron_apply(self):
        """Apply the plans whose day has come, each in its own transaction."""
        due = self.search([("state", "=", "planned")], order="from_date, id").filtered(
            lambda plan: plan.from_date <= plan.company_id._value_today()
        )
        self.env["ir.cron"]._commit_progress(remaining=len(due))
        for plan in due:
            plan._apply_safely()
            if not self.env["ir.cron"]._commit_progress(1):
                break

    def _apply_safely(self):
        """Apply a plan; rules that cannot be saved are told to its author, and nothing of them holds."""
        try:
            with self.env.cr.savepoint():
                self._apply()
                return
        except psycopg2.OperationalError:
            raise
        except (UserError, psycopg2.Error) as error:
            reason = to_data(words_of(error))
        self.write({"state": "failed", "failure_note": reason})
        author = self.create_uid
        plan = self.with_context(lang=author.lang)
        _logger.warning("Customer value: the planned tier rules %s could not be applied: %s", self.id, self.failure)
        plan.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=plan.env._("Planned tier rules could not be applied"),
            note=plan.failure,
            user_id=author.id,
        )

    def _apply(self):
        """Make the planned rules those of the company; its tiers follow with the next refresh.

        :raise ValidationError: they contradict each other, or those of other tiers, by now
        """
        company = self.company_id
        plan = self.with_company(company).with_context(allowed_company_ids=company.ids)
        simulation = plan._simulation()
        simulation._simulated_rules()
        simulation._save_rules()
        simulation.unlink()
        if self.tiers_count:
            company.value_tiers_count = self.tiers_count
        self.state = "applied"

    # telling customers

    @api.model
    def _announced(self, company, today):
        """Return the next planned rules of a company that customers may be told of, empty for none."""
        plan = self.search([("company_id", "=", company.id), ("state", "=", "planned")], order="from_date, id", limit=1)
        return plan.filtered(lambda plan: (plan.from_date - today).days <= plan.announce_days)

    @api.model
    def _select_told(self, company, today):
        """Return the SELECT of who would lose its tier by the announced rules: value_id, tier_id, occasion."""
        plan = self._announced(company, today)
        if not plan:
            return SQL("SELECT NULL::int AS value_id, NULL::int AS tier_id, NULL AS occasion WHERE FALSE")
        return SQL(
            """
            SELECT planned.id AS value_id, planned.tier_id, %s AS occasion FROM (%s) planned
             WHERE planned.tier_id IS NOT NULL AND NOT planned.is_excluded
               AND (planned.decided_level < planned.current_level OR planned.decided_tier_id IS NULL
                    OR (planned.decided_review_date IS NOT NULL AND planned.tier_review_date IS NULL))
            """,
            f"rules {plan.id} {plan.from_date}",
            plan._select_decision(SQL("TRUE")),
        )

    def _select_decision(self, where):
        """Return the SELECT of the decision by the planned rules, by the figures of today."""
        company = self.company_id
        rules = self.env["crm.value.tier"]._rules_by(company, self.line_ids, self.criterion_ids)
        source = self.env["crm.value.tier.assignment"]._select_figures(company, company._value_today(), rules, where)
        return tier_rules.decide(rules, source, self.from_date)

    @api.model
    def _tell(self, value):
        """Return what a customer is told of the announced rules: dict ``day tier until criteria``, None for nothing.

        ``tier`` is the name of the tier that it would have, False for none; ``until`` the day until which it keeps the
        present one, False where that ends at once; ``criteria`` says what keeping the present tier would ask for.
        """
        company = value.company_id
        plan = self._announced(company, company._value_today())
        if not plan or not value.tier_id:
            return None
        self.env.flush_all()
        [row] = self.env.execute_query_dict(plan._select_decision(SQL("value.id = %s", value.id)))
        kept = plan.criterion_ids.filtered(lambda criterion: criterion.tier_id == value.tier_id)
        readable = self.env["crm.value.tier.metric"]._names("customer")
        return {
            "day": plan.from_date,
            "tier": self.env["crm.value.tier"].browse(row["decided_tier_id"]).name or False,
            "until": row["decided_review_date"] or False,
            "criteria": [
                self.env["crm.value.tier.criterion"]._describe(criterion)
                for criterion in kept
                if criterion.metric in readable
            ],
        }
