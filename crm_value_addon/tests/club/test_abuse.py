from datetime import date, timedelta

from freezegun import freeze_time
from lxml import html
from psycopg2.errors import SerializationFailure

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..common import TODAY
from ..common_sessions import SessionsCase
from ..portal.test_crm_value_portal import PortalPageCase
from .common import EarningCase


@freeze_time(TODAY)
class TestAbuse(EarningCase):
    """Ways to get a gift twice, or one that is somebody else's. None works (see also `TestAbuseOfPages`, reviews and
    surveys in crm_value_addon_website_sale, events in crm_value_addon_event)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.coupons = cls.program("coupons")

    def gift(self, occasion, tier=None, **vals):
        return self.benefit("gift", tier=tier or self.mid, program_id=self.coupons.id, occasion=occasion, **vals)

    def coupons_of(self, *customers):
        return self.env["loyalty.card"].search(
            [("program_id", "=", self.coupons.id), ("partner_id", "in", [customer.id for customer in customers])]
        )

    def reached(self, amount=1000, name="Customer"):
        self.bought(1, name=f"Before {name}")
        return self.bought(amount, day="2025-06-25", name=name)

    # birthday and profile

    def test_01_the_birthday_is_entered_again_and_again(self):
        self.gift("activated")
        customer = self.bought(1000)
        for day in ("1984-05-05", "1984-05-06", "1984-05-07"):
            self.enter(customer, day)
            customer.birthdate_date = False
        self.assertEqual(len(self.coupons_of(customer)), 1)

    def test_02_a_birthday_that_comes_in_handy(self):
        self.gift("birthday")
        customer = self.bought(1000)
        self.enter(customer, "1984-07-01")
        with freeze_time("2025-07-01"):
            self.run_cron()
        self.assertFalse(self.coupons_of(customer))

    def test_03_a_second_birthday_in_the_same_year(self):
        self.gift("birthday")
        customer = self.bought(1000)
        customer.birthdate_date = date(1984, 6, 29)
        self.run_cron()
        customer.birthdate_date = date(1984, 6, 30)
        self.run_cron()
        customer.write({"birthdate_date": False})
        self.enter(customer, "1984-08-10")
        with freeze_time("2025-08-10"):
            self.run_cron()
        self.assertEqual(len(self.coupons_of(customer)), 1)

    def test_04_a_birthday_moved_before_a_year_is_over(self):
        customer = self.bought(1000)
        self.enter(customer, "1984-08-10")
        with freeze_time("2025-12-01"), self.assertRaises(UserError):
            self.enter(customer, "1984-12-31")

    def test_05_the_profile_is_emptied_and_completed_again(self):
        tea = self.env["crm.value.interest"].create({"name": "Tea"})
        self.gift("activated")
        self.way("profile")
        customer = self.bought(1000)
        self.enter(customer, "1984-05-05")
        for chosen in ([tea.id], [], [tea.id]):
            self.env["crm.value.membership"]._set_wishes(customer, self.company, "", "", chosen)
            self.run_cron()
        self.assertEqual((len(self.coupons_of(customer)), self.points(customer)), (1, 10))

    # the tier

    def test_06_lost_and_reached_again(self):
        self.gift("reach")
        customer = self.reached()
        for _time in range(3):
            self.lose_tier(customer)
            self.last_invoice = self.invoice(customer, "2025-06-12", 1000)
            self.refresh(customer)
        self.run_cron()
        self.assertEqual(len(self.coupons_of(customer)), 1)

    def test_07_the_invoice_is_reset_and_posted_again(self):
        self.gift("reach")
        customer = self.reached()
        for _time in range(3):
            self.last_invoice.button_draft()
            self.refresh(customer)
            self.last_invoice.action_post()
            self.refresh(customer)
        self.run_cron()
        self.assertEqual(len(self.coupons_of(customer)), 1)

    def test_08_leaving_the_program_and_coming_back(self):
        self.gift("reach")
        customer = self.reached()
        for wanted in (False, True, False, True):
            self.env["crm.value.membership"]._set_scoring(customer, wanted)
            self.refresh(customer)
        self.run_cron()
        self.assertEqual(len(self.coupons_of(customer)), 1)

    def test_09_archived_and_back(self):
        self.gift("reach")
        self.gift("birthday")
        customer = self.reached()
        customer.birthdate_date = date(1984, 6, 30)
        for _time in range(2):
            self.run_cron()
            customer.active = False
            self.refresh()
            customer.active = True
            self.refresh()
        self.run_cron()
        self.assertEqual(len(self.coupons_of(customer)), 2)

    def test_10_the_profile_is_erased(self):
        self.gift("reach")
        self.way("anniversary")
        customer = self.known()
        self.run_cron()
        had = len(self.coupons_of(customer))
        for _time in range(2):
            self.env["crm.value.privacy"]._erase(customer)
            customer.value_opt_out = False
            self.refresh(customer)
            self.run_cron()
        self.assertEqual((len(self.coupons_of(customer)), self.points(customer)), (had, 10))

    def test_11_two_accounts_become_one(self):
        self.gift("birthday")
        self.way("anniversary")
        one, two = self.known("One"), self.known("Two")
        (one + two).birthdate_date = date(1984, 6, 30)
        self.run_cron()
        self.assertEqual(len(self.coupons_of(one, two)), 2)
        self.env["base.partner.merge.automatic.wizard"].with_context(allowed_company_ids=self.company.ids)._merge(
            (one + two).ids, two
        )
        self.env.flush_all()
        self.env.invalidate_all()
        self.refresh()
        self.run_cron()
        self.assertEqual(len(self.coupons_of(two)), 2)
        self.assertEqual(len(self.gifts(two).filtered("earning_id")), 2)  # what both had, and nothing more

    def test_12_into_a_company_and_out_again(self):
        self.gift("birthday")
        self.gift("reach")
        person, firm = self.reached(name="Person"), self.customer("Firm", is_company=True)
        person.birthdate_date = date(1984, 6, 30)
        self.run_cron()
        had = len(self.coupons_of(person, firm))
        for parent in (firm, firm.browse(), firm):
            person.parent_id = parent
            self.refresh()
            self.run_cron()
        self.assertEqual(len(self.coupons_of(person, firm)), had)

    # referrals

    def referral(self, **vals):
        self.company.value_referral_program_id = self.coupons
        customer, friend = self.known("Customer", **vals), self.customer("Friend")
        friend.referred_by_id = customer
        return customer, friend

    def test_13_referring_oneself(self):
        customer, _friend = self.referral(email="me@example.com", phone="+49 30 123456", street="Lane 1")
        Link = self.env["crm.value.referral.link"]
        for vals in ({"email": "ME@example.com "}, {"phone": "0049 (30) 123 456"}, {"street": "LANE 1"}):
            self.assertNotIn("referred_by_id", Link._credit_one({"name": "I", **vals}, customer))
        person = self.customer("Colleague", parent_id=customer.id)
        for one, other in ((customer, customer), (person, customer), (customer, person)):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                one.referred_by_id = other

    def test_14_referring_each_other(self):
        customer, friend = self.referral()
        third = self.customer("Third", referred_by_id=friend.id)
        for other in (friend, third):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                customer.referred_by_id = other

    def test_15_one_referral_that_buys_returns_and_buys(self):
        customer, friend = self.referral()
        self.way("referral")
        for _time in range(3):
            invoice = self.invoice(friend, TODAY, 300)
            self.refresh(friend)
            self.run_cron()
            self.credit_note(invoice, TODAY)
            self.refresh(friend)
            self.run_cron()
        self.assertEqual((len(self.coupons_of(customer)), self.points(customer)), (0, 0))
        self.invoice(friend, TODAY, 300)
        self.invoice(friend, TODAY, 300)
        self.refresh(friend)
        self.run_cron()
        self.assertEqual((len(self.coupons_of(customer)), self.points(customer)), (1, 10))

    def test_16_the_referral_moves_to_another_customer(self):
        customer, friend = self.referral()
        self.invoice(friend, TODAY, 300)
        self.refresh(friend)
        accomplice = self.known("Accomplice")
        friend.referred_by_id = accomplice
        self.refresh(friend)
        self.assertEqual((len(self.coupons_of(customer)), len(self.coupons_of(accomplice))), (1, 0))

    def test_17_a_customer_of_old_is_referred(self):
        self.company.value_referral_program_id = self.coupons
        self.way("referral", date_from=TODAY)
        customer, old = self.known("Customer"), self.known("Old")
        old.referred_by_id = customer
        self.invoice(old, TODAY, 300)
        self.refresh()
        self.run_cron()
        self.assertEqual((len(self.coupons_of(customer)), self.points(customer)), (0, 0))

    def test_29_a_referral_that_pays_from_the_same_account(self):
        customer, friend = self.referral(user_id=self.env.ref("base.user_admin").id)
        self.way("referral")
        for partner in (self.customer("Colleague", parent_id=customer.id), friend):
            self.env["res.partner.bank"].create({"acc_number": "DE89 3704 0044 0532 0130 00", "partner_id": partner.id})
        for _time in range(2):
            self.invoice(friend, TODAY, 300)
            self.refresh(friend)
            self.run_cron()
        self.assertEqual((len(self.coupons_of(customer)), self.points(customer)), (0, 0))
        activity = customer.activity_ids
        self.assertEqual(activity.user_id, customer.user_id)
        self.assertIn("same bank account", activity.note)
        activity.action_feedback()
        self.run_cron()
        self.assertFalse(customer.activity_ids, "nobody is asked twice")

    # the machine

    def test_18_the_same_wish_twice(self):
        benefit, customer = self.gift("reach"), self.bought(1000)
        value = self.value(customer)
        wish = (benefit, value, "reach", TODAY, value.browse())
        Grant = self.env["crm.value.grant"]
        self.assertEqual(len(Grant._claim([wish, wish])), 1)
        self.assertFalse(Grant._claim([wish]))
        self.assertEqual(len(self.coupons_of(customer)), 1)

    def test_19_the_scheduled_action_runs_all_day(self):
        self.gift("birthday")
        self.way("anniversary")
        customer = self.known()
        customer.birthdate_date = date(1984, 6, 30)
        for hours in range(0, 48, 8):
            with freeze_time(f"{TODAY + timedelta(days=hours // 24)} {hours % 24:02}:00:00"):
                self.run_cron()
        self.assertEqual((len(self.coupons_of(customer)), self.points(customer)), (1, 10))

    def test_20_more_often_than_the_limit(self):
        days = [
            self.env["crm.value.holiday"].create({"name": f"Day {number}", "date": TODAY - timedelta(days=number)})
            for number in range(4)
        ]
        customer = self.known()
        rule = self.way("holiday", holiday_id=days[0].id, most_count=2, most_period="quarter")
        for day in days:
            rule.holiday_id = day
            # the reference of a day that comes again is its year: as if each were another event
            self.env.flush_all()
            self.env.cr.execute("UPDATE crm_value_grant SET occasion = occasion || id, memory_key = id::text")
            self.env.invalidate_all()
            self.run_cron()
        self.assertEqual(self.points(customer), 20)

    def test_21_the_tier_of_a_moment(self):
        self.gift("birthday", tier=self.top)
        customer = self.reached(6000)
        customer.birthdate_date = date(1984, 7, 2)
        self.credit_note(self.last_invoice, "2025-06-28")
        self.refresh(customer)
        with freeze_time("2025-07-02"):
            self.run_cron()
        self.assertFalse(self.coupons_of(customer))

    def test_22_the_draw_is_drawn_until_it_fits(self):
        prize = self.gift("drawn")
        self.env.flush_all()
        self.env.cr.execute("UPDATE crm_value_benefit SET create_date = '2025-05-01' WHERE id = %s", [prize.id])
        self.env.invalidate_all()
        members = [self.bought(1000, name=f"Member {number}") for number in range(3)]
        with freeze_time("2025-07-01"):
            for _time in range(3):
                self.run_cron()
        self.assertEqual(len(self.coupons_of(*members)), 1)


@freeze_time(TODAY)
class TestAbuseOfPages(PortalPageCase, EarningCase):
    """What a customer with a browser, and time, tries."""

    def token(self):
        return html.fromstring(self.url_open("/my/loyalty").text).xpath("//input[@name='csrf_token']/@value")[0]

    def test_23_ids_of_others(self):
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        victim = self.bought(1000, name="Victim")
        user, token = self.log_in(), None
        token = self.token()
        for path, data in (
            ("birthday", {"birthday": "1984-05-05"}),
            ("wishes", {"channel": "mail"}),
            ("scoring", {"wanted": "0"}),
        ):
            self.url_open(
                f"/my/loyalty/{path}?partner_id={victim.id}",
                data={
                    "csrf_token": token,
                    "partner_id": victim.id,
                    "partner": victim.id,
                    "id": victim.id,
                    "company_id": self.other.id,
                    **data,
                },
            )
        self.assertFalse(victim.birthdate_date or victim.preferred_channel or victim.value_opt_out)
        self.assertTrue(user.partner_id.birthdate_date and user.partner_id.value_opt_out)
        self.assertEqual(self.gifts(victim).mapped("occasion"), [])

    def test_24_the_same_form_many_times(self):
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        person = self.log_in().partner_id
        token = self.token()
        for _time in range(3):
            self.url_open("/my/loyalty/birthday", data={"csrf_token": token, "birthday": "1984-05-05"})
        self.assertEqual(len(self.gifts(person)), 1)

    def test_25_forged_links(self):
        customer = self.bought(1000)
        token = self.env["crm.value.referral.link"]._token(customer)
        self.authenticate(None, None)
        number, _dash, signature = token.partition("-")
        for forged in (f"{int(number) + 1}-{signature}", f"{number}-{signature[::-1]}", f"{number}-", number, "0-0"):
            self.url_open(f"/loyalty/r/{forged}")
            self.assertNotIn("crm_value_referrer_id", self.session)

    @mute_logger("odoo.http")
    def test_26_the_api(self):
        user = new_test_user(self.env, "curious", "base.group_portal", partner_id=self.bought(1000).id)
        env = self.env(user=user)
        person = user.partner_id.with_env(env)
        Grant, Earning, Draw = (env[f"crm.value.{name}"] for name in ("grant", "earning", "draw"))
        value = self.value(user.partner_id)
        for attempt in (
            lambda: Grant.create({"value_id": value.id, "occasion": "mine", "date": TODAY}),
            lambda: Grant.search([]),
            lambda: Earning.search([]),
            lambda: Draw.search([]),
            lambda: env["loyalty.card"].create({"program_id": self.club.id, "partner_id": person.id, "points": 9}),
            lambda: person.write({"value_profile_completed_on": False}),
            lambda: person.write({"value_birthday_entered_on": False}),
            lambda: person.write({"referred_by_id": self.env.user.partner_id.id}),
            lambda: env["crm.value.interest"].create({"name": "Money"}),
        ):
            with self.assertRaises(AccessError):
                attempt()

    def test_27_an_employee_takes_the_gift_of_the_firm(self):
        self.company.value_portal_contacts = True
        self.benefit("gift", tier=self.mid, program_id=self.program("coupons").id, occasion="activated")
        self.way("profile")
        firm = self.bought(1000, name="Firm")
        for number in range(3):
            person = self.customer(f"Person {number}", parent_id=firm.id)
            self.enter(person, "1984-05-05")
        self.run_cron()
        self.assertFalse(self.gifts(firm))
        self.assertEqual(self.points(firm), 0)


@tagged("post_install", "-at_install")
class TestAbuseBySessions(SessionsCase):
    """Two requests at the same moment, really: what they do is committed, and removed afterwards."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean)
        with self.outside() as env:
            company = env["res.company"].create({"name": "Gift Sessions"})
            partner = env["res.partner"].create({"name": "Twice"})
            env = env(context={**env.context, "allowed_company_ids": company.ids})
            Program = env["loyalty.program"].with_company(company)
            program = Program.create(
                {
                    **Program._program_type_default_values()["coupons"],
                    "name": "Once",
                    "program_type": "coupons",
                    "company_id": company.id,
                }
            )
            tier = env["crm.value.tier"].create({"name": "Session tier", "company_id": company.id})
            benefit = env["crm.value.benefit"].create(
                {
                    "tier_id": tier.id,
                    "benefit_type": "gift",
                    "program_id": program.id,
                    "company_id": company.id,
                }
            )
            value = env["crm.value"].create({"partner_id": partner.id, "company_id": company.id})
            self.ids = (company.id, partner.id, program.id, tier.id, benefit.id, value.id)

    def clean(self):
        if not hasattr(self, "ids"):
            return
        company_id, partner_id, program_id, tier_id, benefit_id, value_id = self.ids
        with self.outside() as env:
            env["crm.value.grant"].search([("value_id", "=", value_id)]).unlink()
            env["loyalty.card"].with_context(active_test=False).search([("program_id", "=", program_id)]).unlink()
            env["crm.value.benefit"].browse(benefit_id).unlink()
            env["crm.value.tier"].browse(tier_id).unlink()
            program = env["loyalty.program"].browse(program_id)
            program.active = False
            program.unlink()
            env["crm.value.run"].search([("company_id", "=", company_id)]).unlink()
            env["res.partner"].browse(partner_id).unlink()
            company = env["res.company"].browse(company_id)
            contact = company.partner_id
            company.unlink()
            contact.unlink()

    @mute_logger("odoo.sql_db")
    def test_28_requests_at_once(self):
        _company_id, partner_id, program_id, _tier_id, benefit_id, value_id = self.ids

        def claim(env):
            value = env["crm.value"].browse(value_id)
            benefit = env["crm.value.benefit"].browse(benefit_id)
            env["crm.value.grant"]._claim([(benefit, value, "activated", TODAY, value.browse())])

        errors = self.in_sessions([claim] * 4)
        self.assertTrue(all(isinstance(error, SerializationFailure) for error in errors), errors)
        with self.outside() as env:
            self.assertEqual(env["crm.value.grant"].search_count([("value_id", "=", value_id)]), 1)
            self.assertEqual(
                env["loyalty.card"].search_count([("program_id", "=", program_id), ("partner_id", "=", partner_id)]), 1
            )
