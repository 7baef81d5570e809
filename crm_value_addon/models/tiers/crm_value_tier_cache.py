from odoo import api, models


class CrmValueTierCriterion(models.Model):
    """Rules are cached for orders (see `crm.value._order_ladder`): a change of them ends that."""

    _inherit = "crm.value.tier.criterion"

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()
