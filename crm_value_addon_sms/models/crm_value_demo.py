from odoo import api, models

#: how many customers are reminded
_REMINDED = 2


class CrmValueDemo(models.AbstractModel):
    _inherit = "crm.value.demo"

    @api.model
    def _load_texts(self):
        """Remind customers of a service by text message; the messages are marked as sent, and none leaves the house."""
        company = self.env.ref("base.main_company")
        rule = self.env.ref("crm_value_addon_sms.followup_sms_service")
        run = (
            self.env["crm.value.followup.run"]
            .with_company(company)
            .with_context(active_test=False, allowed_company_ids=company.ids)
        )
        concerned = run.env["crm.value.followup.due"]._hindered(rule, company)[:_REMINDED]
        for number, (value_id, _reason) in enumerate(concerned):
            # a number that nobody has
            self.env["crm.value"].browse(value_id).partner_id.phone = f"+1 201-555-01{number:02}"
        run._schedule(rule.with_env(run.env), company, limit=_REMINDED)
        self.env["sms.sms"].search([("mail_message_id", "in", rule.followup_ids.message_id.ids)]).state = "sent"
