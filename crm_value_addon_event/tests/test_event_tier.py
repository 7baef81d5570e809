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
