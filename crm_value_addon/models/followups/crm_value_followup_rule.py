from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval

from ..tiers.conditions import domain_fault, try_domain

#: what makes a customer due: code → (label, what the number of days means, what the text is about)
TRIGGERS = [
    ("tier_gained", "Tier gained"),
    ("tier_lost", "Tier lost"),
    ("tier_in_danger", "Tier about to be lost"),
    ("near_next_tier", "Near the next tier"),
    ("at_risk", "At risk of leaving"),
    ("lost", "Just lost"),
    ("purchase_overdue", "Expected purchase overdue"),
    ("first_purchase", "First purchase"),
    ("after_purchase", "Some days after an invoice"),
    ("anniversary", "Anniversary of the first purchase"),
    ("birthday", "Birthday"),
    ("no_contact", "No contact for long"),
    ("low_rating", "Low rating"),
    ("opportunity_stalled", "Opportunity standing still"),
    ("service_due", "Service of a product due"),
    ("product_replaced", "Product replaced"),
    ("contact_gone", "Main contact gone"),
    ("single_contact", "Known through one contact only"),
    ("manual", "Launched by an automation only"),
]
#: triggers that are about an order, an opportunity or a person: where the activity can be put
DOCUMENT_MODELS = {
    "after_purchase": "sale.order", "opportunity_stalled": "crm.lead", "birthday": "res.partner",
}


class CrmValueFollowupRule(models.Model):
    """Turns a state or a date of a customer into one activity for the right person.

    How it works, each in a file of its own: what is due (`crm_value_followup_due`, `…_events`), who gets it
    (`…_responsible`), what it says (`…_text`), doing it and closing it (`…_run`), what it brought (`…_result`).
    """

    _name = "crm.value.followup.rule"
    _description = "Follow-up Rule"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index=True, ondelete="cascade", help="Empty: for all companies")

    trigger = fields.Selection(TRIGGERS, required=True, default="at_risk")
    days = fields.Integer(help="What it means depends on the trigger; the line below it says so.")
    days_hint = fields.Char(compute="_compute_days_hint")
    gap_percent = fields.Float(
        string="Gap up to (%)", default=10.0, help="How much of what the next tier asks for may be missing")
    rating_max = fields.Float(string="Rating up to", default=2.0, help="From 1 to 5")
    tier_id = fields.Many2one(
        "crm.value.tier", string="From Tier", ondelete="set null", index="btree_not_null",
        help="Only customers of this tier or a higher one. Where a tier or a customer was lost: those that had it.")
    domain = fields.Char(string="Only Customers", default="[]", help="Conditions on the customer value")

    action_type = fields.Selection(
        [("activity", "One activity"), ("plan", "An activity plan")], string="Does", default="activity", required=True)
    activity_type_id = fields.Many2one(
        "mail.activity.type", ondelete="restrict",
        default=lambda self: self.env.ref("mail.mail_activity_data_call", raise_if_not_found=False),
        domain="[('res_model', 'in', (False, 'res.partner'))]")
    plan_id = fields.Many2one("mail.activity.plan", ondelete="restrict", domain="[('res_model', '=', 'res.partner')]")
    target = fields.Selection(
        [("contact", "The contact"), ("document", "The order or opportunity that caused it")],
        string="Put on", default="contact", required=True,
        help="Where there is no such order or opportunity, it is put on the contact.")
    summary = fields.Char(translate=True, help="Words in braces are filled in, such as {customer} or {days}")
    note = fields.Html(translate=True, sanitize=True)
    delay_days = fields.Integer(string="Due within (working days)", default=2)

    responsible_type = fields.Selection(
        [("account_manager", "Account manager"), ("salesperson", "Salesperson"), ("team_leader", "Team leader"),
         ("user", "A certain user"), ("round_robin", "Members of a team in turn")],
        string="Responsible", default="salesperson", required=True,
        help="Where there is none, or the user is archived or not of the company: the salesperson of the contact, then "
             "of its last order, then the leader of that order's team, then the user named here, then a sales manager.")
    user_id = fields.Many2one("res.users", ondelete="set null", domain="[('share', '=', False)]")
    team_id = fields.Many2one("crm.team", ondelete="set null")
    last_user_id = fields.Many2one("res.users", ondelete="set null", readonly=True, copy=False)

    cooldown_days = fields.Integer(
        string="Not again for (days)", default=60, help="After the activity of this rule is done, cancelled or closed")
    holdout_percent = fields.Float(
        string="Held Out (%)",
        help="So many of the customers, always the same ones, get no activity: the control group")
    measure_days = fields.Integer(
        string="Measured for (days)", default=60, help="Invoiced revenue of so many days after shows what it brought")
    followup_ids = fields.One2many("crm.value.followup", "rule_id", string="Follow-ups")
    open_count = fields.Integer(string="Open", compute="_compute_open_count")

    _numbers = models.Constraint(
        "CHECK(days BETWEEN 0 AND 3660 AND gap_percent BETWEEN 0 AND 100 AND delay_days BETWEEN 0 AND 365"
        " AND cooldown_days BETWEEN 0 AND 3660 AND holdout_percent BETWEEN 0 AND 90"
        " AND measure_days BETWEEN 1 AND 730)",
        "Days lie between 0 and 3660 (due within: 365; measured for: 730), the gap between 0 and 100 %, "
        "and at most 90 % can be held out.")

    @api.depends("trigger")
    def _compute_days_hint(self):
        hints = {
            "tier_in_danger": self.env._("so many days before the tier is lost"),
            "lost": self.env._("days: only who became lost within them"),
            "purchase_overdue": self.env._("days after the purchase was expected"),
            "first_purchase": self.env._("days after the first purchase"),
            "after_purchase": self.env._("days after the invoice"),
            "anniversary": self.env._("days before the anniversary"),
            "birthday": self.env._("days before the birthday"),
            "no_contact": self.env._("days without contact, where the relationship strategy says nothing"),
            "opportunity_stalled": self.env._("days without a change of stage"),
            "service_due": self.env._("days before the service is due"),
        }
        for rule in self:
            rule.days_hint = hints.get(rule.trigger, False)

    def _compute_open_count(self):
        counts = dict(self.env["crm.value.followup"]._read_group(
            [("rule_id", "in", self.ids), ("state", "=", "open"), ("company_id", "in", self.env.companies.ids)],
            ["rule_id"], ["__count"]))
        for rule in self:
            rule.open_count = counts.get(rule, 0)

    @api.constrains("domain")
    def _check_domain(self):
        for rule in self:
            try:
                try_domain(self.env["crm.value"], rule._parse_domain())
            except Exception as error:
                raise ValidationError(self.env._(
                    "%(rule)s: the condition on customers “%(domain)s” cannot be used: %(reason)s",
                    rule=rule.name, domain=rule.domain, reason=domain_fault(self.env, error))) from error

    @api.constrains("action_type", "activity_type_id", "plan_id", "target", "responsible_type", "user_id", "team_id")
    def _check_action(self):
        for rule in self:
            missing = {
                self.env._("an activity plan"): rule.action_type == "plan" and not rule.plan_id,
                self.env._("an activity type"): rule.action_type == "activity" and not rule.activity_type_id,
                self.env._("a user"): rule.responsible_type == "user" and not rule.user_id,
                self.env._("a sales team"): rule.responsible_type == "round_robin" and not rule.team_id,
            }
            for what, is_missing in missing.items():
                if is_missing:
                    raise ValidationError(self.env._("%(rule)s needs %(what)s.", rule=rule.name, what=what))
            company = rule.plan_id.company_id
            if rule.action_type == "plan" and company and company != rule.company_id:
                raise ValidationError(self.env._(
                    "%(rule)s: the plan %(plan)s is %(company)s's only, and the rule is not.",
                    rule=rule.name, plan=rule.plan_id.name, company=company.name))

    def write(self, vals):
        result = super().write(vals)
        if "measure_days" in vals:
            # measured over other days: measured anew
            self.with_context(active_test=False).followup_ids.sudo().write({"is_measured": False})
        return result

    def _parse_domain(self):
        """Return the condition on customer values.

        :raise Exception: it is not one
        """
        # the domain editor writes "uid" and dates of today
        return Domain(safe_eval(self.domain or "[]", {"uid": self.env.uid, "context_today": fields.Date.today}))

    def _values_admitted(self, company):
        """Return the SELECT of the values that the condition admits; None when it admits all."""
        domain = self._parse_domain()
        if domain.is_true():
            return None
        # sudo, and this company alone: the rule decides the same whoever starts it.
        values = self.env["crm.value"].sudo().with_company(company).with_context(allowed_company_ids=company.ids)
        return values._search(domain & Domain("company_id", "=", company.id)).subselect()

    def _tiers_admitted(self, company):
        """Return the ids of the tiers from the rule's tier on, None when it names none."""
        if not self.tier_id:
            return None
        tiers = self.env["crm.value.tier"].sudo().search([("company_id", "in", [False, company.id])])
        least = (self.tier_id.sequence, self.tier_id.id)
        return [tier.id for tier in tiers if (tier.sequence, tier.id) >= least] or [0]

    # actions

    def action_preview(self):
        """Show whom this rule would reach today, without writing anything.

        :raise AccessError: the user may not read this rule
        """
        self.ensure_one()
        self.check_access("write")
        return {
            "type": "ir.actions.act_window", "res_model": "crm.value.followup.preview", "views": [(False, "form")],
            "target": "new", "name": self.env._("Whom “%(rule)s” would reach today", rule=self.name),
            "context": {"default_rule_id": self.id},
        }

    def action_open_due(self):
        """Open the customers that this rule would reach today.

        :raise AccessError: the user may not change this rule
        """
        self.ensure_one()
        self.check_access("write")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_action")
        # sudo: what is due is decided as the cron decides it; the list shows what the user may see of it.
        due = [row for company in self._companies() & self.env.companies for row in self.sudo()._due(company)]
        return action | {"domain": [("id", "in", [row.value_id for row in due])], "display_name": self.name}

    def action_run(self):
        """Schedule what is due of these rules now, for the user's companies; at most 500 each, the rest by night.

        :return: action that tells the user
        :raise AccessError: the user may not change these rules
        """
        self.check_access("write")
        count = 0
        for company in self.env.companies:
            # sudo: follow-ups and activities of other users are written by the machine only.
            count += self.sudo()._run_now(company, limit=500)
        return self.env["crm.value"]._notification(self.env._("%(count)s follow-ups were scheduled.", count=count))

    def action_open_followups(self):
        """Open the follow-ups of this rule."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_followup_action")
        return action | {"domain": [("rule_id", "=", self.id)], "context": {}, "display_name": self.name}

    def _companies(self):
        self.ensure_one()
        return self.company_id or self.env["res.company"].sudo().search([])
