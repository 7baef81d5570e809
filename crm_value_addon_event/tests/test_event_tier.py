import re
from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.addons.crm_value_addon.tests.club.common import EarningCase
from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.exceptions import ValidationError
from odoo.fields import Datetime
from odoo.tests import HttpCase, new_test_user


@freeze_time(TODAY)
class TestEventTier(EarningCase, HttpCase):
    """An event for a tier first, what attendance is, and that no door leads around it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.now = Datetime.to_datetime(TODAY)
        cls.event = cls.env["event.event"].create(
            {
                "name": "Tasting",
                "company_id": cls.company.id,
                "date_begin": cls.now + timedelta(days=20),
                "date_end": cls.now + timedelta(days=21),
                "value_tier_id": cls.mid.id,
                "value_first_until": cls.now + timedelta(days=10),
            }
        )
        cls.public = cls.env.ref("base.public_user")

    def login(self, name, amount):
        customer = self.known(name, amount)
        return new_test_user(
            self.env,
            name.lower(),
            "base.group_portal",
            partner_id=customer.id,
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )

    def is_open(self, user):
        # a website's company is allowed to all its visitors
        event = self.event.with_user(user).sudo().with_company(self.company)
        event.invalidate_recordset()
        return event.event_registrations_open

    def test_who_registers_first(self):
        low, mid, top = self.login("Low", 150), self.login("Mid", 1000), self.login("Top", 6000)
        everybody = (low, mid, top, self.public)
        self.assertEqual([self.is_open(user) for user in everybody], [False, True, True, False])
        self.assertTrue(self.is_open(self.env.ref("base.user_admin")))
        # the website says when: its own sentence about registrations that start later
        event = self.event.with_user(low).sudo().with_company(self.company)
        self.assertEqual(event.start_sale_datetime, self.now + timedelta(days=10))
        self.assertFalse(event.event_registrations_started)
        with freeze_time(TODAY + timedelta(days=11)):
            self.assertEqual([self.is_open(user) for user in everybody], [True] * 4)
        self.event.value_first_until = False
        self.assertEqual([self.is_open(user) for user in everybody], [False, True, True, False])
        self.event.value_tier_id = False
        self.assertEqual([self.is_open(user) for user in everybody], [True] * 4)

    def test_a_contact_of_the_customer(self):
        firm = self.known("Firm", 1000)
        person = self.customer("Person", parent_id=firm.id)
        user = new_test_user(self.env, "person_of_firm", "base.group_portal", partner_id=person.id)
        self.assertTrue(self.is_open(user))

    def test_no_door_leads_around(self):
        low, mid = self.login("Low", 150), self.login("Mid", 1000)
        for user in (low, self.public):
            event = self.event.with_user(user).sudo()
            with self.assertRaisesRegex(ValidationError, "You can register for Tasting from"):
                event._verify_seats_availability([(False, False, 1)])
            with self.assertRaises(ValidationError):
                event.env["event.registration"].create({"event_id": event.id, "partner_id": mid.partner_id.id})
        self.event.value_first_until = False
        with self.assertRaisesRegex(ValidationError, "for invited customers"):
            self.event.with_user(low).sudo()._verify_seats_availability([(False, False, 1)])
        event = self.event.with_user(mid).sudo()
        event._verify_seats_availability([(False, False, 1)])
        self.assertTrue(event.env["event.registration"].create({"event_id": event.id}))
        # an employee registers anybody
        self.env["event.registration"].create({"event_id": self.event.id, "partner_id": low.partner_id.id})

    def test_the_website(self):
        if "website_published" not in self.event._fields:
            self.skipTest("website_event is not installed")
        self.event.website_published = True
        self.login("Low", 150)
        self.login("Mid", 1000)
        for login, is_open in (("low", False), ("mid", True)):
            self.authenticate(login, login)
            page = self.url_open(f"/event/{self.event.id}/register", allow_redirects=True).text
            self.assertEqual("Registrations will open on" in page, not is_open, login)

    # referrals

    def test_a_guest_who_was_recommended(self):
        customer = self.known("Customer", email="customer@example.com")
        Seat = self.env["event.registration"]
        seat = Seat.create({"event_id": self.event.id, "name": "Friend", "referred_by_id": customer.id})
        friend, old = self.customer("Friend"), self.known("Old")
        seat.partner_id = old
        self.assertFalse(old.referred_by_id, "a customer already")
        seat.partner_id = customer
        self.assertFalse(customer.referred_by_id)
        seat.partner_id = friend
        self.assertEqual(friend.referred_by_id, customer)
        back = Seat.create(
            {"event_id": self.event.id, "partner_id": customer.id, "referred_by_id": friend.id},
        )
        self.assertTrue(back)
        self.assertFalse(customer.referred_by_id, "no circle")

    def test_registered_on_the_website_by_a_link(self):
        if "website_published" not in self.event._fields:
            self.skipTest("website_event is not installed")
        customer = self.known("Customer", email="customer@example.com")
        # of all companies: visitors are in that of the website
        self.event.write({"website_published": True, "value_tier_id": False, "company_id": False})
        token = self.env["crm.value.referral.link"]._token(customer)
        self.authenticate(None, None)
        self.url_open(f"/loyalty/r/{token}")
        page = self.url_open(f"/event/{self.event.id}/register").text
        ask = {question.question_type: question.id for question in self.event.question_ids}
        csrf = re.search(r"csrf_token: \"(\w+)\"", page)[1]
        for name, email in (("Friend", "friend@example.com"), ("Self", "Customer@example.com")):
            answer = self.url_open(
                f"/event/{self.event.id}/registration/confirm",
                data={
                    "csrf_token": csrf,
                    f"1-name-{ask['name']}": name,
                    f"1-email-{ask['email']}": email,
                    "1-event_ticket_id": "0",
                },
            )
            self.assertEqual(answer.status_code, 200)
        seats = {seat.name: seat for seat in self.event.registration_ids}
        self.assertEqual(seats["Friend"].referred_by_id, customer)
        self.assertFalse(seats["Self"].referred_by_id, "who looks like the customer itself is not credited")

    # attendance

    def attend(self, customer, state="done"):
        return self.env["event.registration"].create(
            {"event_id": self.event.id, "partner_id": customer.id, "state": state}
        )

    def rule(self, trigger):
        return self.env["crm.value.followup.rule"].create(
            {
                "name": trigger,
                "trigger": trigger,
                "company_id": self.company.id,
                "days": 1,
                "activity_type_id": self.env.ref("mail.mail_activity_data_call").id,
                "summary": "{customer}: {detail}",
            }
        )

    def due(self, rule):
        self.env.flush_all()
        rows = self.env.execute_query_dict(
            getattr(self.env["crm.value.followup.trigger"], f"_due_{rule.trigger}")(rule, self.company, TODAY, False)
        )
        return {self.env["crm.value"].browse(row["value_id"]).partner_id: row["detail"] for row in rows}

    def test_attendance_is_a_reason_and_a_contact(self):
        came, missed, other = self.known("Came"), self.known("Missed"), self.known("Other")
        self.event.write({"date_begin": self.now - timedelta(days=2), "date_end": self.now - timedelta(days=1)})
        self.attend(came)
        self.attend(self.customer("Colleague", parent_id=came.id), "open")
        self.attend(missed, "open")
        self.attend(other, "cancel")
        self.assertEqual(self.due(self.rule("event_attended")), {came: "Tasting"})
        self.assertEqual(self.due(self.rule("event_missed")), {missed: "Tasting"})
        silent = self.env["crm.value.followup.rule"].new({"trigger": "no_contact", "days": 10})
        self.env.cr.execute("UPDATE crm_value SET last_purchase_date = '2025-01-01'")
        self.env.cr.execute("UPDATE mail_message SET date = '2025-01-01'")
        self.assertEqual(set(self.due(silent)), {missed, other})

    def costs(self):
        query = self.env["crm.value.cost.source"]._query(self.company, TODAY)
        rows = self.env.execute_query_dict(query) if query else []
        return {
            self.env["res.partner"].browse(row["partner_id"]): (float(row["cost"]), float(row["cost_12m"]))
            for row in rows
            if row["driver"] == "events"
        }

    def test_what_it_cost_is_borne_by_who_came(self):
        came, new = self.known("Came"), self.customer("New")
        self.attend(came, "open")
        self.attend(self.customer("Colleague", parent_id=came.id), "open")
        self.attend(new, "open")
        self.attend(self.known("Away"), "cancel")
        self.assertFalse(self.costs())
        self.event.value_cost = 300
        self.assertFalse(self.costs(), "it is still to come")
        self.event.write({"date_begin": self.now - timedelta(days=2), "date_end": self.now - timedelta(days=1)})
        # nobody noted who came; winning somebody is not expected again
        self.assertEqual(self.costs(), {came: (200, 200), new: (100, 0)})
        self.event.registration_ids.filtered(lambda seat: seat.partner_id == came).state = "done"
        self.assertEqual(self.costs(), {came: (300, 300)})
        self.refresh()
        value = self.env["crm.value"].search([("partner_id", "=", came.id), ("company_id", "=", self.company.id)])
        self.assertEqual(value.cost_to_serve, 300)
        self.assertIn("Events", str(self.env["crm.value.explanation"]._explain_realised(value)["inputs"]))
        action = self.env["crm.value.explanation"]._open(value, "events")
        self.assertEqual(self.env["event.registration"].search_count(action["domain"]), 2)
        for vals in ({"value_cost": -1}, {"company_id": False}):
            with self.assertRaises(ValidationError):
                self.event.write(vals)

    def test_points_for_coming(self):
        self.way("event")
        customer = self.known()
        person = self.customer("Person", parent_id=customer.id)
        self.attend(customer)
        self.attend(person)
        self.run_cron()
        self.assertEqual(self.points(customer), 0)  # it is still to come
        self.event.write({"date_begin": self.now - timedelta(days=2), "date_end": self.now - timedelta(days=1)})
        for _time in range(2):
            self.run_cron()
        self.assertEqual(self.points(customer), 10)
