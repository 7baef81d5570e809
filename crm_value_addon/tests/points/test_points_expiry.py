from datetime import date, timedelta

from freezegun import freeze_time

from .common_points import PointsCase


class TestPointsExpiry(PointsCase):
    """Points that lapse, told before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_portal = True
        cls.member = cls.customer("Member", email="member@example.com")

    def give(self, points, day):
        """Give points on a day."""
        card = self.card(self.member) or self.env["loyalty.card"].with_context(loyalty_no_mail=True).create(
            {"program_id": self.loyalty.id, "partner_id": self.member.id}
        )
        card.points += points
        line = self.env["loyalty.history"].create(
            {"card_id": card.id, "issued": max(points, 0), "used": max(-points, 0), "description": "Order"}
        )
        self.env.flush_all()
        self.env.cr.execute("UPDATE loyalty_history SET create_date = %s WHERE id = %s", [day, line.id])
        self.env.invalidate_all()
        return card

    def rule(self, kind, since="2024-01-01", **vals):
        self.loyalty.write({"value_expiry": kind, **vals})
        self.loyalty.sudo().value_expiry_since = since

    def expire(self, day):
        with freeze_time(day):
            self.env["crm.value.points.expiry"]._expire(self.company)
        return self.card(self.member).points

    def lapsing(self, day):
        with freeze_time(day):
            lines = self.env["crm.value.points.expiry"]._lapsing(self.member, self.company)
        return [(line["points"].split()[0], line["day"]) for line in lines]

    def test_after_a_time_without_an_order(self):
        self.rule("silence", value_expiry_months=6)
        card = self.give(80, "2025-01-15")
        self.give(20, "2025-02-15")
        self.assertEqual(self.lapsing("2025-06-30"), [("100", date(2025, 8, 15))])
        self.assertEqual(self.expire("2025-08-14"), 100.0)
        self.assertEqual(self.expire("2025-08-15"), 0.0)
        line = card.history_ids.sorted("id")[-1]
        self.assertEqual((line.used, line.value_lapsed_points), (100.0, 100.0))
        self.assertEqual(self.expire("2025-08-16"), 0.0, "never twice")

    def test_spending_is_a_sign_of_life(self):
        self.rule("silence", value_expiry_months=6)
        self.give(80, "2025-01-15")
        self.give(-30, "2025-05-15")
        self.assertEqual(self.expire("2025-11-14"), 50.0)
        self.assertEqual(self.expire("2025-11-15"), 0.0)

    def test_at_the_years_end(self):
        self.rule("year")
        self.give(100, "2024-05-01")
        self.give(40, "2025-05-01")
        self.give(-30, "2025-06-01")
        self.assertEqual(self.lapsing("2025-06-30"), [("40", date(2026, 1, 1))])
        self.assertEqual(self.expire("2025-06-30"), 40.0, "70 of 2024 were left; what is spent is the oldest")
        self.assertEqual(self.expire("2025-12-31"), 40.0)
        self.assertEqual(self.expire("2026-01-01"), 0.0)

    def test_points_of_a_merged_contact_are_as_old_as_they_are(self):
        self.rule("year")
        self.give(100, "2024-05-01")
        kept, self.member = self.member, self.customer("Twin")
        self.give(40, "2025-05-01")
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((kept | self.member).ids, kept)
        self.member = kept
        self.assertEqual(self.lapsing("2025-06-30"), [("40", date(2026, 1, 1))])
        self.assertEqual(self.expire("2025-06-30"), 40.0)
        self.assertEqual(self.expire("2025-12-31"), 40.0)

    def test_nothing_lapses_before_it_was_told(self):
        self.rule("silence", since="2025-06-20", value_expiry_months=6, value_expiry_notice_days=30)
        self.give(80, "2020-01-15")
        self.assertEqual(self.lapsing("2025-06-30"), [("80", date(2025, 7, 20))])
        self.assertEqual(self.expire("2025-07-19"), 80.0)
        self.assertEqual(self.expire("2025-07-20"), 0.0)
        self.rule("year", since="2025-12-20")
        self.give(50, "2025-11-01")
        self.assertEqual(self.expire("2026-01-05"), 50.0)
        self.assertEqual(self.expire("2027-01-01"), 0.0)

    def test_told_in_a_mail_and_on_the_page(self):
        self.rule("silence", value_expiry_months=6)
        self.company.value_mail_points_id = self.env.ref("crm_value_addon.mail_template_points_lapse")
        self.give(80, "2025-01-15")
        with freeze_time("2025-06-10"):
            self.refresh()
            self.assertFalse(self.env["crm.value.mail"]._due(self.company, "points"), "more than 30 days before")
        with freeze_time("2025-06-20"):
            self.invoice(self.member, "2025-06-01")
            self.refresh()
            due = self.env["crm.value.mail"]._due(self.company, "points")
            self.assertEqual(len(due), 1)
            self.env["crm.value.mail"]._send_safely(self.company, "points", *due[0])
            self.assertFalse(self.env["crm.value.mail"]._due(self.company, "points"), "told once")
            mail = self.env["mail.mail"].search([("subject", "=", f"Your points at {self.company.name}")])
            self.assertIn("80", mail.body_html)
            page = self.env["crm.value.portal"]._prepare_portal_page(self.member, self.company)
            self.assertEqual(page["lapsing"][0]["day"], date(2025, 7, 15))

    def test_limits(self):
        for vals in ({"value_expiry_months": 0}, {"value_expiry_notice_days": 400}):
            with self.refused("points lapse after between"):
                self.loyalty.write(vals)

    def test_off(self):
        self.give(80, "2000-01-15")
        self.assertEqual(self.expire(date(2025, 6, 30) + timedelta(days=1)), 80.0)
        self.assertFalse(self.lapsing("2025-06-30"))
