from odoo import fields, models
from odoo.tools import SQL


class CrmValueRun(models.Model):
    _inherit = "crm.value.run"

    kind = fields.Selection(selection_add=[("followup", "Follow-ups")], ondelete={"followup": "cascade"})


class CrmValue(models.Model):
    _inherit = "crm.value"

    def _refresh_batch(self, company, partner_ids, queue):
        """Wake the follow-ups where a customer that has one was refreshed: its reason may be gone by now."""
        result = super()._refresh_batch(company, partner_ids, queue)
        if self.env.execute_query(SQL(
                """SELECT FROM crm_value_followup followup JOIN crm_value value ON value.id = followup.value_id
                    WHERE followup.state = 'open' AND value.company_id = %s AND value.partner_id = ANY(%s) LIMIT 1""",
                company.id, list(partner_ids))):
            self.env.ref("crm_value_addon.ir_cron_followup").sudo()._trigger()
        return result
