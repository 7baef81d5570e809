from odoo import api, fields, models

_SHOWN = 100


class CrmValueFollowupPreview(models.TransientModel):
    """Shows whom a rule would reach today, who would get the activity and what it would say; saves nothing."""

    _name = "crm.value.followup.preview"
    _description = "Follow-up Preview"

    rule_id = fields.Many2one("crm.value.followup.rule", required=True)
    preview = fields.Html(compute="_compute_preview", sanitize=False)

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
            rule, company, [row for row in shown if row.value_id in user_of], user_of
        )
        # sudo: the preview shows whom the cron would reach.
        values = self.env["crm.value"].sudo().browse([row.value_id for row in shown])
        return {
            "company": company,
            "count": len(user_of) - len(control),
            "held_out": len(control),
            "waiting": sum(plan.waiting for plan in plans),
            "deadline": rule.env["crm.value.followup.activity"]._deadline(rule, company, company._value_today()),
            "rows": [
                {
                    "customer": value.partner_id.display_name,
                    "user": value.id in user_of and user_of[value.id].name,
                    "summary": value.id in texts and texts[value.id][0],
                    "is_held_out": value.id in control,
                }
                for value in values
            ],
        }
