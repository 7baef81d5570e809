from odoo import api, fields, models

from ..lib.uplift import is_in_control_group

_SHOWN = 100


class CrmValueFollowupPreview(models.TransientModel):
    """Whom a rule would reach today, who would get it and what it would say. Shown, never saved."""

    _name = "crm.value.followup.preview"
    _description = "Follow-up Preview"

    rule_id = fields.Many2one("crm.value.followup.rule", required=True)
    preview = fields.Html(compute="_compute_preview", sanitize=False)

    @api.depends("rule_id")
    def _compute_preview(self):
        for wizard in self:
            # sudo: what is due is decided as the cron decides it; only managers of follow-ups get here.
            rule = wizard.rule_id.sudo()
            if not rule:
                wizard.preview = False
                continue
            tables = [wizard._prepare_table(rule, company) for company in rule._companies() & self.env.companies]
            wizard.preview = self.env["ir.qweb"]._render(
                "crm_value_addon.followup_preview", {"tables": tables, "shown": _SHOWN})

    @api.model
    def _prepare_table(self, rule, company):
        """Return what a rule would do in a company today."""
        rule = rule.with_company(company).with_context(allowed_company_ids=company.ids)
        due = rule._due(company)
        shown = due[:_SHOWN]
        user_of = rule._responsibles(company, shown)
        texts = rule._texts(company, shown, user_of)
        held_out = {row.value_id for row in due if is_in_control_group(rule.id, row.partner_id, rule.holdout_percent)}
        values = self.env["crm.value"].sudo().browse([row.value_id for row in shown])
        return {
            "company": company, "count": len(due) - len(held_out), "held_out": len(held_out),
            "deadline": rule._deadline(company, company._value_today()),
            "rows": [{"customer": value.partner_id.display_name, "user": user_of[value.id].name,
                      "summary": texts[value.id][0], "is_held_out": value.id in held_out} for value in values],
        }
