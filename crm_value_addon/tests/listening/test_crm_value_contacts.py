from datetime import datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.fields import Domain

from ..common import TODAY
from .common import ListeningCase


@freeze_time(TODAY)
class TestCrmValueContacts(ListeningCase):
    """When somebody last spoke with a customer, how, and how often."""

    def message(self, record, days_ago, **vals):
        """Return a message on a record, dated back."""
        vals = {"message_type": "comment", "subtype_xmlid": "mail.mt_comment", **vals}
        message = record.message_post(body="Hello", **vals)  # pylint: disable=translation-required
        message.date = datetime.combine(TODAY - timedelta(days=days_ago), datetime.min.time()).replace(hour=10)
        return message

    def contact(self, customer):
        value = self.value(customer)
        return value.last_contact_date, value.last_contact_channel, value.contact_count_12m

    def test_channels(self):
        names = ("Silent", "Mailed", "Noted", "Called", "Texted", "Met", "Quoted", "Pitched")
        customers = {name: self.buyer(name, is_company=True) for name in names}
        person = self.customer("Person", parent_id=customers["Mailed"].id)
        self.message(person, 5)
        self.message(customers["Noted"], 6, subtype_xmlid="mail.mt_note")
        customers["Called"].activity_schedule("mail.mail_activity_data_call").action_feedback("Spoke")
        self.message(customers["Texted"], 7, message_type="sms")
        for start in (-3, 3):
            day = datetime(2025, 6, 30, 9) + timedelta(days=start)
            self.env["calendar.event"].create(
                {"name": "Lunch", "start": day, "stop": day, "partner_ids": customers["Met"].ids}
            )
        order = self.env["sale.order"].create({"partner_id": customers["Quoted"].id})
        self.message(order, 8)
        lead = self.env["crm.lead"].create({"name": "Deal", "partner_id": customers["Pitched"].id})
        self.message(lead, 9)
        self.refresh()
        days = {
            "Silent": (False, False, 0),
            "Mailed": (TODAY - timedelta(days=5), "mail", 1),
            "Noted": (TODAY - timedelta(days=6), "note", 1),
            "Called": (TODAY, "call", 1),
            "Texted": (TODAY - timedelta(days=7), "sms", 1),
            "Met": (TODAY - timedelta(days=3), "meeting", 1),
            "Quoted": (TODAY - timedelta(days=8), "mail", 1),
            "Pitched": (TODAY - timedelta(days=9), "mail", 1),
        }
        self.assertEqual({name: self.contact(customer) for name, customer in customers.items()}, days)
        stored = self.stored()
        self.refresh(self.env["res.partner"].concat(*customers.values()))
        self.assertEqual(self.stored(), stored, "one alone gets what all get")
        self.assertEqual(customers["Met"].last_contact_channel, "meeting")

    def test_days_of_twelve_months(self):
        customer = self.buyer()
        for days_ago in (0, 0, 5, 364, 365, 900):
            self.message(customer, days_ago)
        self.refresh()
        self.assertEqual(self.contact(customer), (TODAY, "mail", 3), "a day counts once, and the year has 365")

    def test_the_day_is_the_companys(self):
        self.company.partner_id.tz = "Asia/Tokyo"
        customer = self.buyer()
        self.message(customer, 5).date = datetime(2025, 6, 24, 20)
        self.refresh()
        self.assertEqual(self.contact(customer)[0], TODAY - timedelta(days=5))

    def test_another_company_and_the_machine(self):
        customer = self.buyer()
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        lead = self.env["crm.lead"].create({"name": "Deal", "partner_id": customer.id, "company_id": elsewhere.id})
        self.message(lead, 3)
        self.message(customer, 2, message_type="auto_comment")
        self.message(customer, 1, message_type="notification")
        self.refresh()
        self.assertEqual(self.contact(customer), (False, False, 0))

    def test_switched_off(self):
        customer = self.buyer()
        self.message(customer, 5)
        self.company.value_track_contacts = False
        self.refresh()
        self.assertEqual(self.contact(customer), (False, False, 0))
        self.assertFalse(self.value(customer).contact_rhythm)
        self.company.value_track_contacts = True
        self.refresh()
        self.assertEqual(self.contact(customer), (TODAY - timedelta(days=5), "mail", 1), "from the history")

    def test_opted_out(self):
        customer = self.buyer()
        self.message(customer, 5)
        self.refresh()
        customer.value_opt_out = True
        self.assertEqual(self.contact(customer), (False, False, 0))
        self.assertFalse(self.value(customer).contact_rhythm)

    def found(self, domain):
        return sorted(
            self.Value.search(Domain("company_id", "=", self.company.id) & Domain(domain)).mapped("partner_id.name")
        )

    def test_rhythm(self):
        self.top.relationship_strategy = "velcro"  # every 60 days
        kept, late, never, own, none = (
            self.buyer(name, amount) for name, amount in (("A", 6000), ("B", 6000), ("C", 6000), ("D", 6000), ("E", 10))
        )
        own.relationship_strategy = "zipper"  # every 30 days
        for customer, days_ago in ((kept, 60), (late, 61), (own, 31), (none, 900)):
            self.message(customer, days_ago)
        self.refresh()
        rhythms = [self.value(customer).contact_rhythm for customer in (kept, late, never, own, none)]
        self.assertEqual(rhythms, ["kept", "late", "late", "late", False])
        self.assertEqual(self.found([("contact_rhythm", "=", "kept")]), ["A"])
        self.assertEqual(self.found([("contact_rhythm", "=", "late")]), ["B", "C", "D"])
        self.assertEqual(self.found([("contact_rhythm", "!=", False)]), ["A", "B", "C", "D"])
        self.assertEqual(self.found([("contact_rhythm", "not in", ["kept"])]), ["B", "C", "D", "E"])
        self.assertEqual(self.found([("last_contact_date", "<", "today -90d")]), ["E"])
        partners = self.env["res.partner"].search(
            [("last_contact_date", "=", TODAY - timedelta(days=61)), ("id", "in", (kept | late).ids)]
        )
        self.assertEqual(partners, late)
        with freeze_time(TODAY + timedelta(days=1)):
            self.env.invalidate_all()
            self.assertEqual(self.value(kept).contact_rhythm, "late")

    def test_queries(self):
        """The step costs as many queries for one customer as for many."""
        customers = self.env["res.partner"].concat(*(self.buyer(f"Customer {number}") for number in range(6)))
        self.refresh()

        def count(partners):
            start = self.env.cr.sql_log_count
            self.refresh(partners)
            return self.env.cr.sql_log_count - start

        count(customers[0])
        one, many = count(customers[0]), count(customers)
        self.assertEqual(one, many)
        self.company.value_track_contacts = False
        source = type(self.env["crm.value.contact.source"])
        with patch.object(source, "_select", side_effect=AssertionError("switched off it costs nothing")):
            self.refresh(customers)
        self.env.invalidate_all()
        with self.assertQueryCount(4):
            self.Value.search([("company_id", "=", self.company.id)]).mapped("contact_rhythm")
