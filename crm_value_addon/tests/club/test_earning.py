from datetime import date, timedelta

from freezegun import freeze_time

from odoo.exceptions import ValidationError

from ..common import TODAY
from .common import EarningCase


@freeze_time(TODAY)
class TestEarning(EarningCase):
    """Points for more than orders: for what, how often, and what the customer reads of it."""

    def test_a_complete_profile(self):
        self.way("profile")
        customer = self.known()
        self.run_cron()
        self.assertEqual(self.points(customer), 0)
        self.enter(customer, "1984-02-29")
        for _time in range(2):
            self.run_cron()
        self.assertEqual(self.points(customer), 10)
        [gift] = self.gifts(customer)
        self.assertEqual(
            (gift.occasion_text, gift.program_id, gift.mail_state), ("Points for profile", self.club, False)
        )
        self.assertFalse(gift.card_id)  # a card of points is no coupon: it may be spent on anything
        self.assertEqual(gift.history_id.description, "Points for profile")

    def test_points_join_the_card_that_is_there(self):
        self.way("profile")
        customer = self.known()
        self.env["loyalty.card"].create({"program_id": self.club.id, "partner_id": customer.id, "points": 0})
        self.enter(customer, "1984-02-29")
        self.run_cron()
        self.assertEqual(self.points(customer), 10)

    def test_days_of_each_year(self):
        born, first, new_year, moved = (self.known(name) for name in ("Born", "First", "Year", "Moved"))
        self.env["crm.value.earning"].search([]).unlink()
        born.birthdate_date = date(1984, 6, 29)
        self.way("birthday")
        self.run_cron()
        self.assertEqual([self.points(one) for one in (born, first)], [10, 0])
        self.way("anniversary", points=7)
        self.run_cron()
        self.assertEqual([self.points(one) for one in (born, first)], [17, 7])
        country = self.env.ref("base.be")
        moved.country_id = country
        holiday = self.env["crm.value.holiday"].create(
            {"name": "Our day", "date": date(2019, 6, 30), "is_yearly": True, "country_id": country.id}
        )
        self.way("holiday", holiday_id=holiday.id, points=100)
        for _time in range(2):
            self.run_cron()
        self.assertEqual([self.points(one) for one in (new_year, moved)], [7, 107])
        with freeze_time("2026-06-30"):
            self.run_cron()
        self.assertEqual([self.points(one) for one in (new_year, moved)], [14, 214])
        self.assertIn("Points for holiday 2026", self.gifts(moved).mapped("occasion_text"))

    def test_a_day_of_one_year(self):
        customer = self.known()
        holiday = self.env["crm.value.holiday"].create({"name": "Once", "date": TODAY})
        self.way("holiday", holiday_id=holiday.id)
        self.run_cron()
        with freeze_time("2026-06-30"):
            self.run_cron()
        self.assertEqual(self.points(customer), 10)

    def test_a_referral_follows_the_money(self):
        self.way("referral")
        customer, friend = self.known(), self.customer("Friend")
        friend.referred_by_id = customer
        self.run_cron()
        self.assertEqual(self.points(customer), 0)
        invoice = self.invoice(friend, "2025-06-10", 300)
        self.refresh(friend)
        self.run_cron()
        self.assertEqual(self.points(customer), 10)
        self.env["loyalty.card"].search([("partner_id", "=", customer.id)]).write({"points": 4})
        self.credit_note(invoice, "2025-06-20")
        self.refresh(friend)
        self.run_cron()
        # 6 were spent: they are not taken below 0
        card = self.env["loyalty.card"].search([("partner_id", "=", customer.id)])
        self.assertEqual((card.points, self.gifts(customer).state), (0, "cancelled"))
        self.assertEqual(card.history_ids[0].used, 4)
        self.invoice(friend, "2025-06-25", 300)
        self.refresh(friend)
        for _time in range(2):
            self.run_cron()
        self.assertEqual((card.points, self.gifts(customer).state), (4, "given"))

    def test_coupon_and_points_for_one_referral(self):
        self.company.value_referral_program_id = self.program("coupons")
        self.way("referral")
        customer, friend = self.known(), self.customer("Friend")
        friend.referred_by_id = customer
        self.invoice(friend, TODAY, 300)
        self.refresh(friend)
        for _time in range(2):
            self.run_cron()
        self.assertEqual((self.points(customer), len(self.gifts(customer))), (10, 2))

    def test_who_earns_nothing(self):
        self.way("anniversary", tier_ids=self.top.ids)
        low, top, gone, objects = (
            self.known("Low"),
            self.known("Top", 6000),
            self.known("Gone", 6000),
            self.known("Objects", 6000),
        )
        gone.active = False
        objects.value_opt_out = True
        self.run_cron()
        self.assertEqual([self.points(one) for one in (low, top, gone, objects)], [0, 10, 0, 0])

    def test_before_and_after(self):
        customer = self.known()
        self.way("anniversary", date_from="2025-06-29")
        ended = self.way("anniversary", date_to="2025-06-27")
        self.run_cron()
        self.assertEqual(self.points(customer), 0)  # 28 June: before the one, after the other
        ended.date_to = False
        with freeze_time(TODAY + timedelta(days=5)):
            self.run_cron()
        self.assertEqual(self.points(customer), 0)  # more than a week ago
        self.company.value_gifts_from = "2025-06-29"
        self.run_cron()
        self.assertEqual(self.points(customer), 0)
        self.company.value_gifts_from = False
        self.run_cron()
        self.assertEqual(self.points(customer), 10)

    def test_a_mail_where_the_rule_has_one(self):
        template = self.env["mail.template"].create(
            {
                "name": "Points",
                "model_id": self.env["ir.model"]._get("crm.value.grant").id,
                "subject": "{{ object.occasion_text }}",
                "partner_to": "{{ object.partner_id.id }}",
            }
        )
        self.way("anniversary", mail_template_id=template.id)
        customer = self.known(email="me@example.com")
        for _time in range(2):
            self.run_cron()
        [gift] = self.gifts(customer)
        self.assertEqual(gift.mail_state, "sent")
        mails = self.env["mail.mail"].search([("subject", "=", "Points for anniversary 2025")])
        self.assertEqual(mails.recipient_ids, customer)

    def test_bad_rules(self):
        coupons, elsewhere = self.program("coupons"), self.program("loyalty", company_id=self.other.id)
        for vals in (
            {"points": 0},
            {"points": -5},
            {"points": 1e9},
            {"program_id": coupons.id},
            {"program_id": elsewhere.id},
            {"event": "holiday"},
        ):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.way(**{"event": "profile", **vals})
        if "survey.user_input" not in self.env:
            with self.assertRaisesRegex(ValidationError, "not installed"):
                self.way("survey")

    def test_another_company(self):
        customer = self.known()
        club = self.program("loyalty", company_id=self.other.id)
        self.way("anniversary", company_id=self.other.id, program_id=club.id)
        self.run_cron()
        self.assertFalse(self.env["loyalty.card"].search([("partner_id", "=", customer.id)]))

    def test_one_rule_that_fails_harms_no_other_company(self):
        self.way("anniversary")
        customer = self.known()
        with self.assertLogs("odoo.addons.crm_value_addon", "ERROR"):
            self.patch(
                self.env.registry["crm.value.earning.due"],
                "_select_anniversary",
                lambda *_args: 1 / 0,
            )
            self.run_cron()
        self.assertEqual(self.points(customer), 0)

    def test_many_at_once(self):
        self.way("anniversary")
        self.known("First")

        def queries():
            rule = self.env["crm.value.earning"].search([])
            start = self.env.cr.sql_log_count
            self.env["crm.value.grant"]._claim(self.env["crm.value.earning.due"]._wishes(rule))
            self.env.flush_all()
            return self.env.cr.sql_log_count - start

        queries()
        few = [self.customer(f"Few {number}") for number in range(2)]
        many = [self.customer(f"Many {number}") for number in range(30)]
        for group in (few, many):
            for customer in group:
                self.invoice(customer, "2024-06-28", 50)
            self.refresh()
            group.append(queries())
        self.assertLessEqual(many[-1], few[-1] + 5)

    # the page

    def test_what_the_customer_reads(self):
        customer = self.known()
        self.assertFalse(self.page(customer)["earning"])
        self.way("profile", name="Tell us about you")
        self.way("anniversary", most_count=1, most_period="year")
        self.way("birthday", tier_ids=self.top.ids)
        earning = self.page(customer)["earning"]
        self.assertEqual(
            [(way["name"], way["limit"], way["is_done"]) for way in earning["ways"]],
            [("Tell us about you", False, False), ("Points for anniversary", "once in a year", False)],
        )
        self.assertTrue(earning["ways"][0]["points"].startswith("10 "))
        self.enter(customer, "1984-02-29")
        self.run_cron()
        earning = self.page(customer)["earning"]
        self.assertTrue(earning["ways"][0]["is_done"])
        self.assertEqual(
            sorted(row["name"] for row in earning["earned"]), ["Points for anniversary", "Tell us about you"]
        )
        self.assertFalse(self.page(self.customer("Nobody"))["earning"])
