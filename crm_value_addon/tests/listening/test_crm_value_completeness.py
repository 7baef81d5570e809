from datetime import date

from freezegun import freeze_time

from odoo.exceptions import UserError

from ..common import TODAY
from .common import ListeningCase


@freeze_time(TODAY)
class TestCrmValueCompleteness(ListeningCase):
    """How much of a customer's record is known, and how many customers stay."""

    def fields(self, *names):
        return self.env["ir.model.fields"].search([("model", "=", "res.partner"), ("name", "in", names)])

    def test_share_of_what_is_asked_for(self):
        full = self.buyer("Full", email="full@example.com", phone="1", country_id=self.env.ref("base.us").id)
        half = self.buyer("Half", email="half@example.com", street="")
        self.refresh()
        self.assertEqual(self.value(half).completeness, 100, "nothing is asked for")
        self.company.value_completeness_field_ids = self.fields("email", "phone", "country_id", "street")
        self.refresh()
        self.assertEqual((self.value(full).completeness, self.value(half).completeness), (75.0, 25.0))
        stored = self.stored()
        self.refresh(full | half)
        self.assertEqual(self.stored(), stored)
        found = self.Value.search([("company_id", "=", self.company.id), ("completeness", "<", 50)])
        self.assertEqual(found.partner_id, half)
        rule = self.env["crm.value.followup.rule"].create(
            {
                "name": "Complete",
                "trigger": "record_incomplete",
                "gap_percent": 50,
                "company_id": self.company.id,
                "user_id": self.bob.id,
            }
        )
        due = self.env["crm.value.followup.due"]._find(rule, self.company)
        self.assertEqual([row.partner_id for row in due], half.ids)

    def test_measured_retention(self):
        settings = self.env["res.config.settings"].create({"company_id": self.company.id})
        self.assertEqual(settings.value_measured_retention, 0.0)
        with self.assertRaises(UserError):
            settings.action_use_measured_retention()
        stays, leaves, third = (self.buyer(name) for name in ("Stays", "Leaves", "Third"))
        self.refresh()
        self.env["crm.value.snapshot"].search([("company_id", "=", self.company.id)]).unlink()
        for customer, revenues in ((stays, (5, 5)), (leaves, (5, 0)), (third, (0, 5))):
            for day, revenue in zip((date(2024, 5, 31), date(2025, 5, 31)), revenues, strict=True):
                self.env["crm.value.snapshot"].create(
                    {
                        "value_id": self.value(customer).id,
                        "company_id": self.company.id,
                        "as_of_date": day,
                        "revenue_12m": revenue,
                    }
                )
        settings = self.env["res.config.settings"].create({"company_id": self.company.id})
        self.assertEqual(settings.value_measured_retention, 0.5)
        settings.action_use_measured_retention()
        self.assertEqual(self.company.value_retention_rate, 0.5)
