from odoo import api, models


class CrmValue(models.Model):
    _inherit = "crm.value"

    @api.model
    def _load_demo_portal(self):
        """Give the portal user of the demonstration a loyalty page (called by demo/crm_value_portal_demo.xml only)."""
        from ..demo import portal  # nothing but a demonstration database needs it

        portal.load(self.env, self.env.ref("base.main_company"))
