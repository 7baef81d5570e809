import base64
from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from lxml import etree, html

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import new_test_user
from odoo.tools.barcode import get_barcode_check_digit

from ..common import TODAY
from .test_crm_value_portal import PortalCase, PortalPageCase


class ClubCase(PortalCase):
    def profile(self, partner):
        return self.page(partner)["profile"]

    def gifts(self, customer):
        return self.env["crm.value.grant"].search([("value_id", "=", self.value(customer).id)])

    def enter(self, partner, text):
        self.env["crm.value.membership"]._set_birthday(partner, self.company, text)


@freeze_time(TODAY)
class TestCrmValueClub(ClubCase):
    """What the page tells about the program, and what a customer does on it."""

    def test_all_tiers_side_by_side(self):
        self.benefit("priority", tier=self.top, customer_text="First in line")
        ladder = self.page(self.bought(1000))["ladder"]
        self.assertEqual(
            [(rung["name"], rung["is_current"], rung["is_reached"]) for rung in ladder],
            [("Low", False, True), ("Mid", True, True), ("Top", False, False)],
        )
        self.assertRegex(ladder[2]["asks"][0], r"^Purchases of the last 12 months: at least .*5,000\.00")
        self.assertEqual(ladder[2]["benefits"], ["First in line"])

    def test_tiers_that_are_not_for_this_customer(self):
        tag = self.env["res.partner.category"].create({"name": "Trade"})
        self.top.partner_domain = repr([("category_id", "in", tag.ids)])
        self.tier("By Hand", 9e6, 9e6).criterion_ids.unlink()
        customer = self.bought(1000)
        self.assertEqual([rung["name"] for rung in self.page(customer)["ladder"]], ["Low", "Mid"])
        customer.category_id = tag
        self.assertEqual([rung["name"] for rung in self.page(customer)["ladder"]], ["Low", "Mid", "Top"])
        nobody = self.page(self.customer("Nobody"))
        self.assertEqual([rung["name"] for rung in nobody["ladder"]], ["Low", "Mid"])

    def test_a_secret_threshold_is_not_told(self):
        self.tier("Star", 9e6, 9e6, metric="clv")
        rung = self.page(self.bought(1000))["ladder"][-1]
        self.assertEqual((rung["name"], rung["asks"]), ("Star", []))

    def test_purchases_that_counted(self):
        customer = self.bought(1000)
        self.credit_note(self.last_invoice, "2025-06-20", 300)
        self.invoice(customer, "2024-06-30", 70)
        self.invoice(customer, "2024-07-01", 80)
        self.refresh(customer)
        rows = self.page(customer)["purchases"]
        amounts = [row["amount"].replace("\xa0", " ") for row in rows]
        self.assertEqual([row["date"] for row in rows][1:], [date(2024, 7, 1)])
        self.assertIn("700.00", amounts[0])
        self.assertIn("80.00", amounts[1])

    def test_what_points_buy(self):
        customer, club = self.bought(1000), self.program("loyalty")
        club.reward_ids.required_points = 500
        club.reward_ids = [Command.create({"reward_type": "discount", "discount": 2, "required_points": 100})]
        self.env["loyalty.card"].create({"program_id": club.id, "partner_id": customer.id, "points": 440})
        [card] = self.page(customer)["cards"]
        self.assertEqual([row["is_enough"] for row in card["rewards"]], [True, False])
        self.assertTrue(card["rewards"][0]["price"].startswith("100 "))

    def test_home_and_documents(self):
        customer = self.bought(4880)
        entry = self.env["crm.value.portal"]._prepare_portal_entry(customer, self.company)
        self.assertEqual(entry["tier"], "Mid")
        self.assertIn("120.00 more and you reach Top", entry["progress"].replace("\xa0", " "))
        user = new_test_user(self.env, "portal_of_customer", "base.group_portal", partner_id=customer.id)
        other = new_test_user(self.env, "portal_of_other", "base.group_portal")
        Portal = self.env["crm.value.portal"]
        self.assertEqual(Portal._prepare_portal_document(user, self.last_invoice), entry)
        for stranger in (other, self.env.ref("base.public_user")):
            self.assertIsNone(Portal._prepare_portal_document(stranger, self.last_invoice))

    # the profile

    def test_a_birthday_brings_its_gift_once(self):
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        customer = self.bought(1000)
        self.assertTrue(self.profile(customer)["has_gift"])
        self.enter(customer, "1984-02-29")
        self.assertEqual((customer.birthdate_date, customer.value_birthday_entered_on), (date(1984, 2, 29), TODAY))
        self.assertEqual(self.gifts(customer).mapped("occasion"), ["activated"])
        self.assertFalse(self.profile(customer)["has_gift"])
        # again by the back door: an employee empties it, the customer enters it anew
        customer.birthdate_date = False
        self.assertFalse(customer.value_birthday_entered_on)
        self.assertFalse(self.profile(customer)["has_gift"])
        self.enter(customer, "1984-03-01")
        self.assertEqual(len(self.gifts(customer)), 1)
        self.assertIn("entered its birthday", "".join(customer.message_ids.mapped("body")))

    def test_a_profile_that_is_complete_earns_the_gift_of_the_next_tier(self):
        customer = self.bought(150)
        self.enter(customer, "1984-02-29")
        self.benefit("gift", tier=self.top, program_id=self.program("coupons").id, occasion="activated")
        self.invoice(customer, "2025-06-25", 6000)
        self.refresh(customer)
        self.assertEqual(self.gifts(customer).mapped("occasion"), ["activated"])

    def test_bad_birthdays(self):
        customer = self.bought(1000)
        for text in ("", "no date", "2025-06-30", "2026-01-01", "1899-12-31", "1984-02-30", "<b>", None, "99999-01-01"):
            with self.assertRaises(UserError):
                self.enter(customer, text)
        self.assertFalse(customer.birthdate_date)

    def test_a_birthday_stays_for_a_year(self):
        customer = self.bought(1000)
        self.enter(customer, "1984-05-05")
        self.assertEqual(self.profile(customer)["fixed_until"], TODAY + timedelta(days=365))
        with self.assertRaisesRegex(UserError, "06/30/2026"):
            self.enter(customer, "1984-06-30")
        self.enter(customer, "1984-05-05")
        customer.value_birthday_entered_on = TODAY - timedelta(days=366)
        self.enter(customer, "1984-06-01")
        self.assertEqual(customer.birthdate_date, date(1984, 6, 1))

    def test_what_an_employee_entered_stays(self):
        customer = self.bought(1000)
        customer.birthdate_date = "1984-05-05"
        self.assertFalse(self.profile(customer)["may_set_birthday"])
        with self.assertRaisesRegex(UserError, "entered by us"):
            self.enter(customer, "1984-06-30")

    def test_no_birthday_gift_within_a_month(self):
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="birthday")
        soon, later, known = (self.bought(1000, name=name) for name in ("Soon", "Later", "Known"))
        self.enter(soon, "1984-07-01")
        self.enter(later, "1984-07-31")
        known.birthdate_date = "1984-07-01"
        for day in ("2025-07-01", "2025-07-31"):
            with freeze_time(day):
                self.env["crm.value.gift.calendar"]._give_due(self.company)
        self.assertEqual([len(self.gifts(customer)) for customer in (soon, later, known)], [0, 1, 1])

    def test_no_evaluation_is_the_customers_own_switch(self):
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="reach")
        customer = self.bought(1000)
        gifts = self.gifts(customer)
        Membership = self.env["crm.value.membership"]
        Membership._set_scoring(customer, False)
        self.assertTrue(customer.value_opt_out)
        page = self.page(customer)
        self.assertEqual((page["state"], page["ladder"], page["purchases"]), ("opted_out", [], []))
        self.assertEqual((page["profile"]["is_scored"], page["profile"]["may_stop_scoring"]), (False, True))
        Membership._set_scoring(customer, True)
        self.assertEqual(self.page(customer)["tier"]["name"], "Mid")
        self.assertEqual(self.gifts(customer), gifts)  # coming back earns nothing

    def test_an_employee_of_the_customer(self):
        self.company.value_portal_contacts = True
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        firm = self.bought(1000)
        person = self.customer("Person", parent_id=firm.id)
        with self.assertRaises(UserError):
            self.env["crm.value.membership"]._set_scoring(person, False)
        self.assertFalse(firm.value_opt_out or person.value_opt_out)
        self.assertFalse(self.profile(person)["has_gift"])
        self.enter(person, "1984-05-05")
        self.assertFalse(self.gifts(firm) or firm.birthdate_date)

    # the card

    def test_the_number_of_the_card(self):
        Membership = self.env["crm.value.membership"]
        one, two, known = (self.bought(1000, name=name) for name in ("One", "Two", "Known"))
        known.with_company(self.company).barcode = "MINE"
        first = Membership._prepare_card(one, self.company)
        self.assertEqual((first["tier"]["name"], first["name"]), ("Mid", "One"))
        self.assertRegex(first["number"], r"^042\d{10}$")
        self.assertEqual(get_barcode_check_digit(first["number"]), int(first["number"][-1]))
        self.assertEqual(Membership._prepare_card(one, self.company)["number"], first["number"])
        self.assertEqual(Membership._prepare_card(known, self.company)["number"], "MINE")
        drawn = iter([first["number"], "0420000000019"])
        with patch.object(type(Membership), "_draw_number", lambda self: next(drawn)):
            self.assertEqual(Membership._prepare_card(two, self.company)["number"], "0420000000019")
        self.company.value_portal = False
        self.assertIsNone(Membership._prepare_card(one, self.company))

    # referrals

    def test_a_link_is_the_customers_own(self):
        customer, other = self.bought(1000), self.bought(50, name="Other")
        self.assertFalse(self.page(customer)["referral"])
        self.company.value_referral_program_id = self.program("coupons")
        url = self.page(customer)["referral"]["url"]
        Link = self.env["crm.value.referral.link"]
        token = url.rpartition("/")[2]
        self.assertEqual(Link._referrer(token), customer)
        self.assertEqual(self.page(customer)["referral"]["code"], token)
        self.assertEqual(Link._referrer(f" {token.lower()} "), customer, "as somebody types it")
        self.assertLess(len(token), 20)
        signature = token.partition("-")[2]
        for forged in (
            f"{other.id}-{signature}",
            f"{customer.id}-",
            f"{customer.id}-{signature}0",
            f"{customer.id}-é",
            f"{10**12}-{signature}",
            f"-1-{signature}",
            f"²-{signature}",
            f"0{token}",
            str(customer.id),
            "x-y",
            "-",
            "",
        ):
            self.assertFalse(Link._referrer(forged), forged)

    def test_referrals_without_names_and_figures(self):
        self.company.value_referral_program_id = self.program("coupons")
        customer, friend = self.bought(1000), self.customer("Friend Secret")
        friend.referred_by_id = customer
        self.assertEqual([row["has_bought"] for row in self.page(customer)["referral"]["referrals"]], [False])
        self.invoice(friend, "2025-06-25", 777)
        self.refresh()
        page = self.page(customer)
        self.assertEqual([row["has_bought"] for row in page["referral"]["referrals"]], [True])
        self.assertNotIn("Secret", str(page))
        self.assertNotIn("777", str(page))

    def test_who_looks_like_the_customer_is_not_credited(self):
        customer = self.bought(1000)
        customer.write({"email": "me@example.com", "phone": "+49 30 123456", "street": "Lane 1", "zip": "10115"})
        manager = new_test_user(self.env, "account_manager", "sales_team.group_sale_salesman")
        customer.user_id = manager
        Link = self.env["crm.value.referral.link"]
        for vals in (
            {"name": "I", "email": " ME@example.com"},
            {"contact_name": "I", "email_from": "me@example.com"},
            {"name": "I", "phone": "030/123456"},
            {"name": "I", "street": "lane  1", "zip": "10115"},
        ):
            before = len(customer.activity_ids)
            self.assertEqual(Link._credit_one(vals, customer), vals)
            self.assertEqual(len(customer.activity_ids), before + 1)
        self.assertEqual(customer.activity_ids.user_id, manager)
        for vals in ({"name": "You", "street": "Lane 1", "zip": "20095"}, {"name": "You"}):
            self.assertEqual(Link._credit_one(vals, customer)["referred_by_id"], customer.id)
        for vals in ({"name": "Address", "parent_id": customer.id}, {"name": "You", "referred_by_id": 7}):
            self.assertEqual(Link._credit_one(vals, customer), vals)

    def test_no_circle(self):
        one, two = self.customer("One"), self.customer("Two")
        two.referred_by_id = one
        with self.assertRaises(ValidationError):
            one.referred_by_id = two


@freeze_time(TODAY)
class TestClubPages(PortalPageCase, ClubCase):
    """The pages as a customer, and somebody with a curious mind, gets them."""

    def post(self, path, **data):
        page = html.fromstring(self.url_open("/my/loyalty").text)
        tokens = page.xpath("//input[@name='csrf_token']/@value")
        return self.url_open(path, data={"csrf_token": tokens[0], **data})

    def test_the_page(self):
        self.company.value_referral_program_id = self.program("coupons")
        self.log_in()
        page = html.fromstring(self.url_open("/my/loyalty").text)
        for name in ("ladder", "purchases", "referral", "profile"):
            self.assertTrue(page.xpath(f"//*[@name='loyalty_{name}']"), name)
        self.assertEqual(page.xpath("//*[@aria-current='step']//span/text()"), ["Mid"])
        tags = [element.tag for element in page.xpath("//*[@name='loyalty_page']")[0].iter(etree.Element)]
        levels = [int(tag[1]) for tag in tags if tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
        self.assertTrue(all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)), levels)

    def test_birthday(self):
        person = self.log_in().partner_id
        self.assertEqual(self.post("/my/loyalty/birthday", birthday="1984-05-05").status_code, 200)
        self.assertEqual(person.birthdate_date, date(1984, 5, 5))
        answer = self.post("/my/loyalty/birthday", birthday="1990-01-01", partner_id=1, value_birthday_entered_on="")
        self.assertIn("You can change your birthday again", answer.text)
        self.assertEqual(person.birthdate_date, date(1984, 5, 5))

    def test_scoring(self):
        person = self.log_in().partner_id
        answer = self.post("/my/loyalty/scoring", wanted="0")
        self.assertIn("Take part again", answer.text)
        self.assertTrue(person.value_opt_out)
        self.post("/my/loyalty/scoring", wanted="1")
        self.assertFalse(person.value_opt_out)

    def test_nothing_without_token_page_or_login(self):
        person = self.log_in().partner_id
        for path, data in (("birthday", {"birthday": "1984-05-05"}), ("scoring", {"wanted": "0"})):
            with self.assertLogs("odoo.http", "WARNING"):
                self.assertEqual(self.url_open(f"/my/loyalty/{path}", data=data).status_code, 400)
            self.assertEqual(self.url_open(f"/my/loyalty/{path}").status_code, 405)
        token = html.fromstring(self.url_open("/my/loyalty").text).xpath("//input[@name='csrf_token']/@value")[0]
        self.company.value_portal = False
        for path, data in (("birthday", {"birthday": "1984-05-05"}), ("scoring", {"wanted": "0"})):
            self.url_open(f"/my/loyalty/{path}", data={"csrf_token": token, **data})
        self.assertFalse(person.birthdate_date or person.value_opt_out)
        self.authenticate(None, None)
        for path in ("/my/loyalty/card", "/my/loyalty/card?download=1"):
            self.assertIn("/web/login", self.url_open(path).url)

    def test_card(self):
        person = self.log_in().partner_id
        page = self.url_open("/my/loyalty/card").text
        number = person.with_company(self.company).barcode
        self.assertTrue(number)
        self.assertIn(number, page)
        [image] = html.fromstring(page).xpath("//div[@name='membership_card']//img/@src")
        picture = etree.fromstring(base64.b64decode(image.removeprefix("data:image/svg+xml;base64,")))
        # 21 × 21 dots, about half of them black, drawn as runs of a row
        self.assertGreater(len(picture.xpath("//*[local-name()='rect']")), 100)
        answer = self.url_open("/my/loyalty/card?download=1")
        self.assertEqual(answer.status_code, 200)
        self.assertIn("Membership%20Card", answer.headers["Content-Disposition"])
        self.assertIn(number, answer.text)

    def test_a_visitor_who_was_recommended(self):
        self.company.value_referral_program_id = self.program("coupons")
        customer = self.bought(1000)
        token = self.page(customer)["referral"]["url"].rpartition("/")[2]
        self.env["ir.config_parameter"].set_param("auth_signup.invitation_scope", "b2c")
        self.authenticate(None, None)
        self.assertEqual(self.url_open(f"/loyalty/r/{token}").status_code, 200)
        form = html.fromstring(self.url_open("/web/signup").text)
        [csrf] = form.xpath("//form[contains(@class, 'oe_signup_form')]//input[@name='csrf_token']/@value")
        self.url_open(
            "/web/signup",
            data={"csrf_token": csrf, "login": "friend@example.com", "name": "Friend", "password": "secret-12",
                  "confirm_password": "secret-12"},
        )  # fmt: skip
        friend = self.env["res.partner"].search([("email", "=", "friend@example.com")])
        self.assertEqual(friend.referred_by_id, customer)

    def test_a_visitor_who_was_told_the_code(self):
        customer = self.bought(1000)
        code = self.env["crm.value.referral.link"]._token(customer)
        self.authenticate(None, None)
        # without a reward, there is nothing to enter
        self.assertNotIn("/loyalty/r", self.url_open("/loyalty/r").url)
        program = self.program("coupons")
        program.company_id = False
        self.env.ref("base.main_company").value_referral_program_id = program
        self.assertIn("The code that you were told", self.url_open("/loyalty/r").text)
        page = self.url_open("/loyalty/r", params={"code": "1-<b>"}).text
        self.assertIn("We do not know this code", page)
        self.assertNotIn("1-<b>", page)
        self.assertNotIn("crm_value_referrer_id", self.session)
        self.assertNotIn("/loyalty/r", self.url_open("/loyalty/r", params={"code": code.lower()}).url)
        self.assertEqual(self.env["res.partner"].search_count([("referred_by_id", "=", customer.id)]), 0)

    def test_who_works_here_recommends_nobody(self):
        customer = self.bought(1000)
        token = self.env["crm.value.referral.link"]._token(customer)
        self.log_in()
        self.url_open(f"/loyalty/r/{token}")
        for forged in ("1-0", "x", "%00", "-"):
            self.assertIn(self.url_open(f"/loyalty/r/{forged}").status_code, (200, 404))
        self.assertNotIn("crm_value_referrer_id", self.session)

    def test_few_queries(self):
        self.company.value_referral_program_id = self.program("coupons")
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        person = self.log_in().partner_id
        self.url_open("/my/loyalty")
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        self.page(person)
        self.assertLessEqual(self.env.cr.sql_log_count - before, 25)
