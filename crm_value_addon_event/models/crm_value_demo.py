from datetime import timedelta

from odoo import api, models


class CrmValueDemo(models.AbstractModel):
    _inherit = "crm.value.demo"

    @api.model
    def _load_event(self):
        """Invite loyal customers to a tasting that is open to Gold first, and remember who came to the last one."""
        company, now = self.env.ref("base.main_company"), self.env.cr.now().replace(minute=0, second=0, microsecond=0)
        gold = self.env.ref("crm_value_addon.tier_gold", raise_if_not_found=False)
        template = self.env.ref("crm_value_addon_event.mail_template_invitation")
        if not gold or self.env["event.event"].search_count([("value_tier_id", "!=", False)], limit=1):
            return
        coming, last = self.env["event.event"].create(
            [
                {
                    "name": "Tasting: coffees of the new harvest",
                    "company_id": company.id,
                    "date_begin": now + timedelta(days=21),
                    "date_end": now + timedelta(days=21, hours=3),
                    "value_tier_id": gold.id,
                    "value_first_until": now + timedelta(days=7),
                },
                {
                    "name": "Roastery tour",
                    "company_id": company.id,
                    "date_begin": now - timedelta(days=1, hours=3),
                    "date_end": now - timedelta(days=1),
                    "value_cost": 300,
                },
            ]
        )
        guests = self.env["crm.value"].search(
            [("company_id", "=", company.id), ("tier_id", "=", gold.id), ("partner_id.email", "!=", False)], limit=3
        )
        self.env["event.registration"].create(
            [{"event_id": last.id, "partner_id": guest.partner_id.id, "state": "done"} for guest in guests]
        )
        rule = self.env["crm.value.followup.rule"].create(
            {
                "name": "Invite to the tasting",
                "sequence": 300,
                "company_id": company.id,
                "trigger": "stage_reached",
                "stage": "loyal",
                "days": 0,
                "tier_id": gold.id,
                "action_type": "event",
                "event_id": coming.id,
                "mail_template_id": template.id,
                "message_kind_id": self.env.ref("crm_value_addon.message_kind_offers").id,
                "holdout_percent": 20,
                "active": False,
            }
        )
        run = self.env["crm.value.followup.run"].with_company(company).with_context(allowed_company_ids=company.ids)
        for one, limit in ((rule, None), (self.env.ref("crm_value_addon_event.followup_event_attended"), 2)):
            run._schedule(one.with_env(run.env), company, limit=limit)
