from odoo import api, models


class CrmValueTierChange(models.Model):
    _inherit = "crm.value.tier.change"

    @api.model_create_multi
    def create(self, vals_list):
        changes = super().create(vals_list)
        # sudo: the settings and the cron are nobody's business who causes a move.
        if changes.sudo().company_id.value_mail_reached_id:
            self.env.ref("crm_value_addon.ir_cron_mails").sudo()._trigger()
        return changes
