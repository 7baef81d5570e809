from odoo import api, models

from ..models.setup.crm_value_first_hour import STEPS


class CrmValueDemo(models.AbstractModel):
    """The demonstration data of the main company.

    How to use: crm_value_demo.xml calls the methods, in their order. How it works: the other modules of this package
    create the records; they are imported in the methods because no other database needs them.
    """

    _name = "crm.value.demo"
    _description = "Customer Value: Demonstration Data"

    @api.model
    def _load_customers(self):
        """Create the customers with a year of history, their tiers, the components of their value and follow-ups."""
        from . import components, followups, history, listening, tiers
        from .generator import Generator

        company = self.env.ref("base.main_company")
        second = self.env["res.company"].search(
            [("id", "!=", company.id), ("chart_template", "!=", False), ("parent_id", "=", False)], limit=1
        )
        Generator(self.env, company, second).run()
        for each in filter(None, (company, second)):
            history.load(self.env, each)
        tiers.load(self.env, company)
        components.load(self.env, company)
        followups.load(self.env, company)
        listening.load(self.env, company)
        # the demonstration is of a company that has been at it for a year
        for each in filter(None, (company, second)):
            self.env["crm.value.first.hour"]._mark(each, STEPS)

    @api.model
    def _load_benefits(self):
        """Give the tiers their benefits, a rebate and a gift of a rule, and suggest next products."""
        from . import benefits, extras

        company = self.env.ref("base.main_company")
        benefits.load(self.env, company)
        extras.load(self.env, company)

    @api.model
    def _load_portal(self):
        """Give the portal user a loyalty page."""
        from . import portal

        portal.load(self.env, self.env.ref("base.main_company"))
