from odoo import api, fields, models


class CrmValueTier(models.Model):
    _inherit = "crm.value.tier"

    benefit_ids = fields.One2many("crm.value.benefit", "tier_id", string="Benefits", copy=True)

    @api.model_create_multi
    def create(self, vals_list):
        tiers = super().create(vals_list)
        self.env.registry.clear_cache()
        return tiers

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache()
        if "company_id" in vals:
            self.benefit_ids._check_company()
        return result

    def unlink(self):
        programs = self.benefit_ids.filtered(lambda benefit: benefit.benefit_type == "program").program_id
        result = super().unlink()
        self.env.registry.clear_cache()
        self.env["crm.value.benefit"]._close_programs(programs)
        return result
