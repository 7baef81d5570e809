from datetime import timedelta

from odoo.tests import new_test_user

from ..common import TODAY
from ..common_benefits import BenefitCase


class ListeningCase(BenefitCase):
    """Customers who speak up, and two salespeople and a manager who listen."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.complaint_kind = cls.env.ref("crm_value_addon.feedback_kind_complaint")
        cls.idea_kind = cls.env.ref("crm_value_addon.feedback_kind_idea")
        cls.product_cause = cls.env.ref("crm_value_addon.feedback_cause_product")
        cls.delivery_cause = cls.env.ref("crm_value_addon.feedback_cause_delivery")
        company = {"company_id": cls.company.id, "company_ids": [(6, 0, cls.company.ids)]}
        cls.ann = new_test_user(cls.env, "ann", "sales_team.group_sale_salesman_all_leads", **company)
        cls.bob = new_test_user(cls.env, "bob", "sales_team.group_sale_salesman", **company)
        cls.boss = new_test_user(cls.env, "boss", "sales_team.group_sale_manager", **company)

    @classmethod
    def buyer(cls, name="Buyer", amount=1000.0, days_ago=10, **vals):
        """Return a customer with one invoice."""
        customer = cls.customer(name, **vals)
        cls.invoice(customer, TODAY - timedelta(days=days_ago), amount)
        return customer

    @classmethod
    def regular(cls, name="Regular", **vals):
        """Return a customer who bought so often and for so long that it is loyal."""
        customer = cls.customer(name, **vals)
        for days_ago in range(10, 760, 60):
            cls.invoice(customer, TODAY - timedelta(days=days_ago), 100)
        return customer

    @classmethod
    def told(cls, partner, kind=None, user=None, **vals):
        Feedback = cls.env["crm.value.feedback"]
        return (Feedback.with_user(user) if user else Feedback).create(
            {
                "partner_id": partner.id,
                "company_id": cls.company.id,
                "kind_id": (kind or cls.complaint_kind).id,
                "description": "It broke",
                **vals,
            }
        )
