from odoo import api, models


class CrmValue(models.Model):
    _inherit = "crm.value"

    @api.model
    def _load_demo(self):
        """Fill the main company with demonstration customers (called by demo/crm_value_demo.xml only)."""
        from ..demo import (
            followups,
            history,
            parts,
            tiers,  # nothing but a demonstration database needs them
        )
        from ..demo.generator import Generator

        company = self.env.ref("base.main_company")
        second = self.env["res.company"].search(
            [("id", "!=", company.id), ("chart_template", "!=", False), ("parent_id", "=", False)], limit=1)
        Generator(self.env, company, second).run()
        for each in filter(None, (company, second)):
            history.load(self.env, each)
        tiers.load(self.env, company)
        parts.load(self.env, company)
        followups.load(self.env, company)
