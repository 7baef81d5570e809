from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import TillCase


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestTillChannel(TillCase):
    """Through what customers buy, and the dashboard of those who buy through one channel."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.walker, cls.caller, cls.both = (cls.customer(name) for name in ("Walker", "Caller", "Both"))
        cls.sell(cls.walker, [(1, 100)])
        cls.invoice(cls.caller, "2025-05-01", 100)
        cls.invoice(cls.both, "2025-05-01", 100)
        cls.sell(cls.both, [(2, 100)])
        cls.refresh()

    def channels(self):
        return [self.value(partner).sales_channel for partner in (self.walker, self.caller, self.both)]

    def dashboard(self, **filters):
        env = self.env(context={**self.env.context, "allowed_company_ids": self.company.ids})
        return env["crm.value.dashboard"].read_dashboard("month", False, filters)

    def test_the_channel_with_the_most_revenue(self):
        self.assertEqual(self.channels(), ["till", "invoice", "till"])
        self.invoice(self.both, "2025-06-01", 150)
        self.refresh(self.both)
        self.assertEqual(self.channels(), ["till", "invoice", "invoice"])
        self.give_back(self.walker.pos_order_ids)
        self.refresh(self.walker)
        self.assertFalse(self.value(self.walker).sales_channel, "nothing was kept")

    def test_the_dashboard_of_a_channel(self):
        env = self.env(context={**self.env.context, "allowed_company_ids": self.company.ids})
        choices = env["crm.value.dashboard.filter"].read_choices()
        self.assertEqual(choices["through"], [[1, "Invoice"], [3, "Till"]])
        payload = self.dashboard(through=3)
        self.assertEqual(payload["customers"]["known"]["count"], 2)
        self.assertEqual(payload["customers"]["known"]["revenue"], 400)
        self.assertEqual(sum(row["count"] for row in payload["cohorts"]["rows"]), 2)
        values = self.env["crm.value"].search(payload["customers"]["known"]["domain"])
        self.assertEqual(values.partner_id, self.walker | self.both)
        self.assertEqual(self.dashboard(through=1)["customers"]["known"]["count"], 1)
        for wrong in (4, -1):
            with self.assertRaises(UserError):
                self.dashboard(through=wrong)
