from datetime import date, datetime, time

from freezegun import freeze_time

from odoo.exceptions import AccessError

from ..common import TODAY
from ..listening.common import ListeningCase


def midnight(day):
    return datetime.combine(day, time.min)


@freeze_time(TODAY)
class TestDigest(ListeningCase):
    """Figures of the customers in Odoo's digest, by the rights of whoever reads it."""

    NAMES = ("equity", "risk", "won", "lost", "in_time")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.digest = cls.env["digest.digest"].create(
            {"name": "Ours", "company_id": cls.company.id, **{f"kpi_value_{name}": True for name in cls.NAMES}}
        )
        cls.fresh = cls.buyer("Fresh", 100, days_ago=3)
        cls.refresh()

    def figure(self, name, user=None, start=date(2025, 6, 24), end=date(2025, 7, 1)):
        self.env.invalidate_all()
        span = {"start_datetime": midnight(start), "end_datetime": midnight(end)}
        digest = self.digest.with_user(user or self.ann).with_context(**span)
        return digest[f"kpi_value_{name}_value"]

    def test_figures(self):
        value = self.value(self.fresh)
        self.assertAlmostEqual(self.figure("equity"), value.equity)
        self.assertEqual(self.figure("won"), 1)
        self.assertEqual(self.figure("won", start=date(2025, 6, 1), end=date(2025, 6, 10)), 0)
        self.env.cr.execute(
            "UPDATE crm_value SET lifecycle_stage = 'at_risk', lifecycle_since = %s WHERE id = %s", [TODAY, value.id]
        )
        self.assertEqual(self.figure("risk"), 100.0)
        self.env.cr.execute("UPDATE crm_value SET lifecycle_stage = 'lost' WHERE id = %s", [value.id])
        self.assertEqual((self.figure("risk"), self.figure("lost")), (0.0, 1))
        self.assertEqual(self.figure("in_time"), 0.0)

    def test_the_past_is_the_last_month_end(self):
        self.env["crm.value.snapshot"].search([]).unlink()
        self.env["crm.value.snapshot"].create(
            {
                "value_id": self.value(self.fresh).id,
                "company_id": self.company.id,
                "as_of_date": date(2025, 5, 31),
                "equity": 77.0,
            }
        )
        self.assertEqual(self.figure("equity", start=date(2025, 6, 1), end=date(2025, 6, 8)), 77.0)
        self.assertEqual(self.figure("equity", start=date(2025, 5, 1), end=date(2025, 5, 8)), 0.0)

    def test_rights(self):
        with self.assertRaises(AccessError):
            self.figure("equity", self.bob)
        self.assertEqual(self.figure("won", self.bob), 1)
        kpis = {kpi["kpi_name"] for kpi in self.digest._compute_kpis(self.company, self.bob)}
        self.assertNotIn("kpi_value_equity", kpis)
        self.assertIn("kpi_value_won", kpis)

    def test_off_by_default(self):
        self.assertFalse(self.env["digest.digest"].create({"name": "New"}).kpi_value_equity)
