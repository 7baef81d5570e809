from odoo.addons.crm_value_addon.tests.common_benefits import BenefitCase


class ShopCase(BenefitCase):
    """A web shop of the test company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.website = cls.env["website"].create({"name": "Shop", "company_id": cls.company.id})
        cls.public.website_id = cls.website

    def cart(self, customer, quantity=10, **vals):
        return self.order(customer, quantity, website_id=self.website.id, **vals)
