from odoo import api, models


class CrmValueDemo(models.AbstractModel):
    _inherit = "crm.value.demo"

    @api.model
    def _load_list(self):
        """Keep a mailing list of the customers at risk."""
        company = self.env.ref("base.main_company")
        Rule = self.env["crm.value.followup.rule"]
        if Rule.search_count([("action_type", "=", "mailing_list")], limit=1):
            return
        rule = Rule.create(
            {
                "name": "Mailing list: customers at risk",
                "sequence": 290,
                "company_id": company.id,
                "trigger": "at_risk",
                "action_type": "mailing_list",
                "mailing_list_id": self.env["mailing.list"].create({"name": "Customers at risk"}).id,
                "cooldown_days": 0,
                "active": True,
            }
        )
        run = self.env["crm.value.followup.run"].with_company(company).with_context(allowed_company_ids=company.ids)
        run._schedule(rule.with_env(run.env), company)
