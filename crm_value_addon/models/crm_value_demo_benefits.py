from odoo import api, models


class CrmValue(models.Model):
    _inherit = "crm.value"

    @api.model
    def _load_demo_benefits(self):
        """Give the tiers of the demonstration company their benefits (called by demo/crm_value_benefits_demo.xml)."""
        from ..demo import benefits  # nothing but a demonstration database needs them

        benefits.load(self.env, self.env.ref("base.main_company"))
