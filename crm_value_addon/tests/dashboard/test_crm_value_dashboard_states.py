from freezegun import freeze_time

from ..common import TODAY
from .common_dashboard import DashboardCase


@freeze_time(TODAY)
class TestDashboardStates(DashboardCase):
    def test_before_the_first_refresh(self):
        self.env["crm.value.run"].search([]).unlink()
        payload = self.dashboard()
        self.assertEqual((payload["state"], payload["progress"]), ("waiting", False))
        self.assertNotIn("customers", payload)
        self.env["crm.value.run"]._request(self.company)
        self.assertEqual(self.dashboard()["progress"], "queued")
        run = self.env["crm.value.run"].search([("company_id", "=", self.company.id)])
        run.write({"state": "running", "processed": 30, "total": 120})
        self.assertEqual(self.dashboard()["progress"], 25)

    def test_empty(self):
        self.refresh()
        payload = self.dashboard()
        self.assertEqual(payload["state"], "empty")
        self.assertTrue(payload["freshness"])

    def test_one_customer(self):
        bakery = self.customer("Bakery")
        self.invoice(bakery, "2025-06-10", 2000)
        self.refresh()
        payload = self.dashboard()
        self.assertEqual(payload["state"], "ok")
        self.assertEqual(payload["tiers"]["best"]["of"], 1)
        self.assert_lists_match(payload)
        self.assert_lists_match(self.dashboard(self.seller), self.seller)

    def test_a_customer_whose_only_purchase_was_given_back(self):
        bakery = self.customer("Bakery")
        self.credit_note(self.invoice(bakery, "2025-06-10", 2000), "2025-06-12")
        self.refresh()
        payload = self.dashboard()
        self.assertEqual((payload["customers"]["known"]["count"], payload["customers"]["bought"]["count"]), (1, 0))
        self.assertFalse(payload["tiers"]["best"])
        self.assertEqual(payload["cohorts"]["rows"], [])
        self.assert_lists_match(payload)

    def test_searching_quarters(self):
        bakery = self.customer("Bakery")
        self.invoice(bakery, "2024-03-31", 2000)
        self.invoice(bakery, "2024-04-01", 2000)
        self.refresh()
        Value, value = self.Value, self.value(bakery)
        for domain, found in (
            ([("bought_in_quarter", "=", 0)], True),
            ([("bought_in_quarter", "=", 1)], True),
            ([("bought_in_quarter", "=", 2)], False),
            ([("bought_in_quarter", "in", [1, 2])], True),
            ([("bought_in_quarter", "=", 31)], False),
            ([("bought_in_quarter", "=", -1)], False),
        ):
            self.assertEqual(bool(Value.search(domain) & value), found, domain)
