from odoo import api, models


class CrmValueTierChange(models.Model):
    _inherit = "crm.value.tier.change"

    @api.model_create_multi
    def create(self, vals_list):
        changes = super().create(vals_list)
        # sudo: nobody but the machine gives gifts.
        self.env["crm.value.grant"].sudo()._give_for_moves(changes.sudo())
        return changes
