from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError

_SHOWN = 100


class CrmValueFollowupPreview(models.TransientModel):
    """Shows whom a rule would reach today, whom it may not reach and why, and what each would get; saves nothing.

    The text that a customer would read is shown for one of them, and can be sent to the user as a test.
    """

    _name = "crm.value.followup.preview"
    _description = "Follow-up Preview"

    rule_id = fields.Many2one("crm.value.followup.rule", required=True)
    preview = fields.Html(compute="_compute_preview", sanitize=False)
    is_message = fields.Boolean(related="rule_id.is_message")
    value_id = fields.Many2one(
        "crm.value", string="As Read by", domain="[('id', 'in', due_value_ids)]", help="Empty: the first customer"
    )
    due_value_ids = fields.Many2many("crm.value", compute="_compute_message")
    message = fields.Html(compute="_compute_message", sanitize=False)

    @api.depends("rule_id")
    def _compute_preview(self):
        for wizard in self:
            # sudo: the preview shows whom the cron would reach; only managers of follow-ups get here.
            rule = wizard.rule_id.sudo()
            if not rule:
                wizard.preview = False
                continue
            tables = [wizard._prepare_table(rule, company) for company in rule._companies() & self.env.companies]
            wizard.preview = self.env["ir.qweb"]._render(
                "crm_value_addon.followup_preview", {"tables": tables, "shown": _SHOWN}
            )

    @api.depends("rule_id", "value_id")
    def _compute_message(self):
        for wizard in self:
            due = wizard._due() if wizard.is_message else []
            wizard.due_value_ids = [row.value_id for _rule, _company, row in due]
            chosen = [one for one in due if not wizard.value_id or one[2].value_id == wizard.value_id.id][:1]
            parts = [wizard._text(*one) for one in chosen]
            wizard.message = parts[0] if parts else False

    def _due(self):
        """Return the customers whom the rule would reach, as far as they are shown: (rule, company, `DueCustomer`)."""
        # sudo: the preview shows whom the cron would reach; only managers of follow-ups get here.
        rule = self.rule_id.sudo()
        found = []
        for company in rule._companies() & self.env.companies if rule else ():
            of_company = rule.with_company(company).with_context(allowed_company_ids=company.ids)
            due = of_company.env["crm.value.followup.due"]._find(of_company, company)
            found += [(of_company, company, row) for row in due[:_SHOWN]]
        return found

    def _text(self, rule, company, row):
        """Return what a customer would read, for each way by which the rule may reach it."""
        Action = rule.env["crm.value.followup.action"]
        parts = []
        for code in Action._messages():
            if code not in (rule.action_type, *Action._usable(rule)):
                continue
            written, failed = getattr(Action, f"_write_{code}")(rule, company, [row])
            text = written.get(row.value_id)
            subject = text.subject if text else failed[row.value_id]
            # the template is the administrator's, and was rendered by Odoo's engine
            parts.append(
                Markup('<h5 class="mt-2">%s</h5><div class="border rounded p-3">%s</div>')
                % (subject, Markup(text.body if text else ""))  # nosec B704
            )
        return Markup().join(parts)

    def action_send_test(self):
        """Send the user what a customer would read.

        :raise AccessError: the user may not change this rule
        :raise UserError: nobody is due, the rule sends no e-mail, or its text fails
        """
        self.ensure_one()
        self.rule_id.check_access("write")
        due = [one for one in self._due() if not self.value_id or one[2].value_id == self.value_id.id]
        if not due or not self.rule_id.mail_template_id:
            raise UserError(self.env._("There is no e-mail to try out: nobody is due, or the rule sends none."))
        rule, company, row = due[0]
        failure = rule.env["crm.value.message"]._queue_test(rule, company, row, self.env.user)
        if failure:
            raise UserError(failure)
        return self.env["crm.value"]._notification(
            self.env._("A test is on its way to %(email)s.", email=self.env.user.email or self.env.user.name)
        )

    @api.model
    def _prepare_table(self, rule, company):
        """Return what a rule would do in a company today."""
        rule = rule.with_company(company).with_context(allowed_company_ids=company.ids)
        due = rule.env["crm.value.followup.due"]._find(rule, company)
        plans = list(rule.env["crm.value.followup.plan"]._plan(rule, company, due))
        user_of = {value_id: user for plan in plans for value_id, user in plan.user_of.items()}
        control = {value_id for plan in plans for value_id in plan.control}
        shown = due[:_SHOWN]
        texts = rule.env["crm.value.followup.text"]._texts(
            rule, company, [row for row in shown if user_of.get(row.value_id)], user_of
        )
        channels = dict(rule._fields["action_type"]._description_selection(self.env))
        channel_of = {value_id: code for plan in plans for value_id, code in plan.channel_of.items()}
        reasons = rule.env["crm.value.manners"]._reasons()
        hindered = rule.env["crm.value.followup.due"]._hindered(rule, company)
        # sudo: the preview shows whom the cron would reach.
        values = self.env["crm.value"].sudo().browse([row.value_id for row in shown])
        return {
            "company": company,
            "count": len(user_of) - len(control),
            "held_out": len(control),
            "waiting": sum(plan.waiting for plan in plans),
            "deadline": rule.env["crm.value.followup.activity"]._deadline(rule, company, company._value_today()),
            "hindered": len(hindered),
            "hindered_rows": [
                {"customer": value.partner_id.display_name, "reason": reasons[reason]}
                for value, (_id, reason) in zip(
                    self.env["crm.value"].sudo().browse([value_id for value_id, _reason in hindered[:_SHOWN]]),
                    hindered,
                    strict=False,
                )
            ],
            "is_work": any(code in rule.env["crm.value.followup.action"]._work() for code in channel_of.values()),
            "rows": [
                {
                    "customer": value.partner_id.display_name,
                    "user": value.id in user_of and user_of[value.id].name,
                    "is_placed": value.id in user_of,
                    "channel": channels[channel_of[value.id]],
                    "summary": value.id in texts and texts[value.id][0],
                    "is_held_out": value.id in control,
                }
                for value in values
            ],
        }
