from datetime import date

from freezegun import freeze_time
from lxml import html

from odoo.exceptions import UserError

from ..common import TODAY
from ..portal.test_crm_value_club import ClubCase
from ..portal.test_crm_value_portal import PortalPageCase


class ProfileCase(ClubCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tea, cls.coffee, cls.old = cls.env["crm.value.interest"].create(
            [{"name": "Tea"}, {"name": "Coffee"}, {"name": "Cocoa", "active": False}]
        )

    def wish(self, partner, channel="", language="", interests=()):
        self.env["crm.value.membership"]._set_wishes(partner, self.company, channel, language, [*interests])


@freeze_time(TODAY)
class TestProfile(ProfileCase):
    """Channel, language and interests, and the gift for a profile that is complete."""

    def test_wishes(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        customer = self.bought(1000)
        self.wish(customer, "mail", "fr_FR", [self.tea.id])
        self.assertEqual(
            (customer.preferred_channel, customer.lang, customer.value_interest_ids), ("mail", "fr_FR", self.tea)
        )
        [note] = customer.message_ids.filtered(lambda message: "changed its profile" in message.body)
        self.assertIn("Interests", note.body)
        profile = self.profile(customer)
        self.assertEqual([row["name"] for row in profile["interests"] if row["is_chosen"]], ["Tea"])
        self.assertEqual([row["code"] for row in profile["channels"] if row["is_chosen"]], ["mail"])
        count = len(customer.message_ids)
        self.wish(customer, "mail", "fr_FR", [self.tea.id])
        self.assertEqual(len(customer.message_ids), count)  # nothing changed
        self.wish(customer)
        self.assertFalse(customer.preferred_channel or customer.value_interest_ids)
        self.assertEqual(customer.lang, "fr_FR")

    def test_what_is_not_on_the_lists(self):
        customer = self.bought(1000)
        customer.value_interest_ids = self.old
        for channel, language in (("pigeon", ""), ("", "xx_XX"), ("", "zh_CN' --")):
            with self.assertRaises(UserError):
                self.wish(customer, channel, language)
        self.wish(customer, interests=[self.coffee.id, 10**8, -1])
        # what is not offered any more is neither shown nor lost
        self.assertEqual(customer.with_context(active_test=False).value_interest_ids, self.coffee | self.old)
        self.assertEqual([row["name"] for row in self.profile(customer)["interests"]], ["Tea", "Coffee"])

    def test_complete_with_birthday_and_interest(self):
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        customer = self.bought(1000)
        self.enter(customer, "1984-02-29")
        self.assertFalse(self.gifts(customer) or customer.value_profile_completed_on)
        self.assertTrue(self.profile(customer)["has_gift"])
        self.wish(customer, interests=[self.tea.id])
        self.assertEqual(self.gifts(customer).mapped("occasion"), ["activated"])
        self.assertEqual(customer.value_profile_completed_on, TODAY)
        self.assertFalse(self.profile(customer)["has_gift"])
        self.wish(customer)
        self.wish(customer, interests=[self.coffee.id])
        self.assertEqual(len(self.gifts(customer)), 1)

    def test_complete_without_a_list(self):
        (self.tea | self.coffee).active = False
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        customer = self.bought(1000)
        self.enter(customer, "1984-02-29")
        self.assertEqual(len(self.gifts(customer)), 1)

    def test_an_employee_knows_it_already(self):
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        customer = self.bought(1000)
        customer.write({"birthdate_date": date(1984, 5, 5), "value_interest_ids": self.tea})
        self.assertFalse(self.profile(customer)["has_gift"])
        self.assertFalse(self.gifts(customer))

    def test_an_employee_of_the_customer(self):
        self.company.value_portal_contacts = True
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        firm = self.bought(1000)
        person = self.customer("Person", parent_id=firm.id)
        self.enter(person, "1984-05-05")
        self.wish(person, interests=[self.tea.id])
        self.assertEqual(person.value_interest_ids, self.tea)
        self.assertFalse(self.gifts(firm) or firm.value_interest_ids or person.value_profile_completed_on)

    def test_conditions_and_privacy(self):
        customer, other = self.bought(1000), self.bought(1000, name="Other")
        self.wish(customer, interests=[self.tea.id])
        self.top.partner_domain = repr([("value_interest_ids", "in", self.tea.ids)])
        self.assertEqual(
            [[rung["name"] for rung in self.page(one)["ladder"]][-1] for one in (customer, other)], ["Top", "Mid"]
        )
        exported = self.env["crm.value.privacy"]._privacy_export(customer)["records"]["Contact"]
        self.assertEqual([row.get("Interests") for row in exported if "Interests" in row], ["Tea"])
        self.env["crm.value.privacy"]._erase(customer)
        self.assertFalse(customer.value_interest_ids or customer.value_profile_completed_on)


@freeze_time(TODAY)
class TestProfilePage(PortalPageCase, ProfileCase):
    def test_the_form(self):
        person = self.log_in().partner_id
        page = html.fromstring(self.url_open("/my/loyalty").text)
        form = page.xpath("//form[@name='loyalty_wishes']")[0]
        self.assertEqual(form.xpath(".//label/text()"), ["Tea", "Coffee", "How we should contact you"])
        [token] = form.xpath(".//input[@name='csrf_token']/@value")
        answer = self.url_open(
            "/my/loyalty/wishes",
            data={
                "csrf_token": token,
                "channel": "mail",
                "interest": [str(self.tea.id), "x", "9" * 30, "²"],
                "partner_id": "1",
                "value_opt_out": "1",
            },
        )
        self.assertEqual(answer.status_code, 200)
        self.assertEqual((person.preferred_channel, person.value_interest_ids), ("mail", self.tea))
        self.assertFalse(person.value_opt_out)
        answer = self.url_open("/my/loyalty/wishes", data={"csrf_token": token, "channel": "pigeon"})
        self.assertIn("Please choose how you would like to hear from us.", answer.text)
        with self.assertLogs("odoo.http", "WARNING"):
            self.assertEqual(self.url_open("/my/loyalty/wishes", data={"channel": "mail"}).status_code, 400)
