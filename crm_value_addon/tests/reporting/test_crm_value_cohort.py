from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from ..common import TODAY
from ..listening.common import ListeningCase


@freeze_time(TODAY)
class TestCrmValueCohort(ListeningCase):
    """What customers bring in each year of the relation; the sums are those of the purchases."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first_day = date(2022, 9, 15)
        cls.loyal = cls.customer("Loyal")
        for day, amount in (
            (cls.first_day, 100),
            (date(2023, 9, 14), 50),
            (date(2023, 9, 15), 200),
            (date(2025, 6, 20), 400),
        ):
            cls.invoice(cls.loyal, day, amount)
        cls.gone = cls.customer("Gone")
        cls.invoice(cls.gone, cls.first_day, 60)
        cls.refresh()

    def rows(self, customer):
        return self.env["crm.value.cohort"].search(
            [("partner_id", "=", customer.id), ("company_id", "=", self.company.id)], order="year"
        )

    def test_years_from_the_first_purchase_on(self):
        # The view asks PostgreSQL for today, which no test can freeze: years after 2025 are empty.
        rows = self.rows(self.loyal)
        self.assertEqual(rows[:3].mapped("revenue"), [150.0, 200.0, 400.0])
        self.assertEqual(rows[:3].mapped("purchase_count"), [2, 1, 1])
        self.assertEqual(rows.mapped("is_running"), [False] * (len(rows) - 1) + [True])
        self.assertEqual(self.rows(self.gone)[:2].mapped("revenue"), [60.0, 0.0], "years without a purchase count")

    def test_the_mean_counts_those_who_left(self):
        [(first, mean)] = self.env["crm.value.cohort"]._read_group(
            [("partner_id", "in", (self.loyal + self.gone).ids), ("year", "=", 2)],
            [],
            ["revenue:sum", "mean_revenue:avg"],
        )
        self.assertEqual((first, mean), (200.0, 100.0))

    def test_the_sums_are_those_of_the_purchases(self):
        self.credit_note(self.invoice(self.loyal, "2024-01-10", 500), "2024-02-10", 300)
        self.refresh()
        rows = self.rows(self.loyal)
        self.assertEqual(sum(rows.mapped("revenue")), self.value(self.loyal).revenue_total)
        self.assertEqual(sum(rows.mapped("margin")), self.value(self.loyal).margin_total)
        for row in rows:
            opened = self.env["crm.value.purchase"].search(row.action_open_purchases()["domain"])
            self.assertEqual(sum(opened.mapped("revenue")), row.revenue, row.year)

    def test_rights(self):
        row = self.rows(self.loyal)[0]
        self.assertEqual(row.with_user(self.bob).revenue, 150.0)
        with self.assertRaises(AccessError):
            row.with_user(self.bob).read(["margin"])
        stranger = new_test_user(
            self.env,
            "stranger",
            "sales_team.group_sale_salesman",
            company_id=self.env.ref("base.main_company").id,
            company_ids=[(6, 0, self.env.ref("base.main_company").ids)],
        )
        theirs = self.env["crm.value.cohort"].with_user(stranger).with_context(allowed_company_ids=[])
        self.assertFalse(theirs.search([("id", "=", row.id)]))
        portal = new_test_user(self.env, "customer", "base.group_portal")
        with self.assertRaises(AccessError):
            self.env["crm.value.cohort"].with_user(portal).search([])

    def test_empty_database(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        self.assertFalse(self.env["crm.value.cohort"].search([("company_id", "=", elsewhere.id)]))
