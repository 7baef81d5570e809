from datetime import date

from freezegun import freeze_time
from lxml import html

from odoo import Command
from odoo.tests import HttpCase, new_test_user

from ..common import TODAY
from ..common_benefits import BenefitCase


class PortalCase(BenefitCase):
    """A company with a loyalty page, its customers' tiers by what they bought."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_portal = True
        cls.other = cls.env["res.company"].create({"name": "Second Shop"})

    def page(self, partner, company=None):
        return self.env["crm.value.portal"]._prepare_portal_page(partner, company or self.company)

    def line(self, part):
        [line] = part["lines"]
        return line


class PortalPageCase(HttpCase, PortalCase):
    """A customer in front of the pages."""

    def log_in(self, amount=4880, login="mycustomer", **vals):
        user = new_test_user(
            self.env,
            login,
            groups="base.group_portal",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
            **vals,
        )
        self.invoice(user.partner_id.commercial_partner_id, "2025-06-01", amount)
        self.refresh()
        self.authenticate(login, login)
        return user


@freeze_time(TODAY)
class TestCrmValuePortal(PortalCase):
    def test_off_by_default(self):
        self.assertFalse(self.other.value_portal)
        customer = self.bought(1000)
        self.company.value_portal = False
        self.assertIsNone(self.page(customer))
        self.assertIsNone(self.env["crm.value.portal"]._prepare_portal_entry(customer, self.company))

    def test_what_is_missing_for_the_next_tier(self):
        page = self.page(self.bought(4880))
        self.assertEqual((page["state"], page["tier"]["name"], page["next"]["name"]), ("tier", "Mid", "Top"))
        line = self.line(page["next"])
        self.assertEqual((line["share"], line["passed"], line["until"]), (97, False, False))
        self.assertIn("120.00", page["next"]["headline"])
        self.assertIn("4,880.00", line["have"])
        self.assertIn("800.00", self.line(page["keep"])["need"])
        self.assertFalse(page["keep"]["ends"])

    def test_until_the_end_of_the_year(self):
        self.tier("Star", 6000, 6000, metric="revenue_year")
        page = self.page(self.bought(5880))
        self.assertEqual(self.line(page["next"])["until"], date(2025, 12, 31))
        self.assertRegex(page["next"]["headline"], r"120\.00 more until 31 December and you reach Star")

    def test_numbers_of_purchases(self):
        self.tier("Star", 3, 3, metric="purchase_count")
        customer = self.bought(6000)
        self.assertEqual(self.page(customer)["next"]["headline"], "2 more purchases and you reach Star")
        self.invoice(customer, "2025-06-02", 10)
        self.refresh(customer)
        self.assertEqual(self.page(customer)["next"]["headline"], "One more purchase and you reach Star")

    def test_top_none_and_nobody(self):
        page = self.page(self.bought(7000))
        self.assertEqual((page["tier"]["name"], page["next"]), ("Top", False))
        self.assertTrue(page["keep"]["lines"])
        page = self.page(self.bought(50, name="Small"))
        self.assertEqual((page["state"], page["tier"], page["keep"]), ("none", False, False))
        self.assertIn("50.00 more and you reach Low", page["next"]["headline"])
        page = self.page(self.customer("Nobody"))
        self.assertEqual((page["state"], page["tier"]), ("none", False))
        self.assertIn("100.00 more and you reach Low", page["next"]["headline"])

    def test_in_danger(self):
        self.top.write({"downgrade_policy": "grace", "grace_days": 30})
        customer = self.bought(5000)
        self.credit_note(self.last_invoice, "2025-06-20", 1500)
        self.refresh(customer)
        keep = self.page(customer)["keep"]
        self.assertEqual((keep["ends"], keep["is_all_told"]), (date(2025, 7, 30), True))
        self.assertIn("500.00", self.line(keep)["missing"])

    def test_locked_by_hand(self):
        customer = self.bought(50)
        self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(customer).id, "tier_id": self.top.id, "reason": "Friend of the house"}
        )
        page = self.page(customer)
        self.assertEqual((page["tier"]["name"], page["keep"]), ("Top", False))
        self.assertNotIn("Friend", str(page))

    def test_figures_that_are_not_the_customers(self):
        self.bought(90000, name="Better")
        for metric in ("clv", "margin_12m", "realised_value", "value_percentile", "satisfaction"):
            least = 100 if metric == "value_percentile" else 1e6
            secret = self.tier("Secret", least, least, metric=metric)
            page = self.page(self.bought(6000))
            shown = page["next"]
            self.assertEqual((shown["name"], shown["lines"], shown["headline"]), ("Secret", [], False), metric)
            self.assertIn("no single figure", shown["hint"])
            self.assertNotIn(metric, str(page))
            secret.active = False

    def test_secret_figure_beside_others(self):
        both = self.tier("Both", 9000, 9000)
        both.criterion_ids = [Command.create({"metric": "clv", "enter_min": 1e6, "keep_min": 1e6})]
        customer = self.bought(8880)
        shown = self.page(customer)["next"]
        self.assertEqual((self.line(shown)["metric"], shown["headline"]), ("revenue_12m", False))
        self.assertIn("relationship as a whole", shown["hint"])
        both.criterion_match = "any"
        self.Assignment._assign_company()
        shown = self.page(customer)["next"]
        self.assertIn("120.00 more", shown["headline"])
        self.assertFalse(shown["hint"])

    def test_contacts(self):
        firm = self.bought(5000)
        person = self.customer("Person", parent_id=firm.id)
        page = self.page(person)
        self.assertEqual((page["state"], page["tier"], page["history"]), ("contact", False, []))
        self.assertIsNone(self.env["crm.value.portal"]._prepare_portal_entry(person, self.company))
        self.company.value_portal_contacts = True
        page = self.page(person)
        self.assertEqual((page["state"], page["tier"]["name"], page["customer"]), ("tier", "Top", "Customer"))
        self.assertEqual(self.env["crm.value.portal"]._prepare_portal_entry(person, self.company)["tier"], "Top")

    def test_opted_out(self):
        customer = self.bought(5000)
        customer.value_opt_out = True
        page = self.page(customer)
        self.assertEqual((page["state"], page["tier"], page["next"]), ("opted_out", False, False))
        self.assertIsNone(self.env["crm.value.portal"]._prepare_portal_entry(customer, self.company))

    def test_two_companies(self):
        customer = self.bought(5000)
        self.assertIsNone(self.page(customer, self.other))
        self.other.value_portal = True
        page = self.page(customer, self.other)
        self.assertEqual((page["state"], page["company"], page["history"]), ("none", "Second Shop", []))

    def test_history_without_reasons(self):
        customer = self.bought(150)
        self.invoice(customer, "2025-06-25", 6000)
        self.refresh(customer)
        change = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(customer).id)], limit=1)
        self.assertTrue(change.reason)
        page = self.page(customer)
        self.assertEqual(
            page["history"],
            [
                {"date": TODAY, "before": "Low", "after": "Top", "is_up": True},
                {"date": TODAY, "before": False, "after": "Low", "is_up": True},
            ],
        )
        self.assertNotIn(change.reason, str(page))

    def test_benefits_in_the_customers_words(self):
        self.vip.name = "Margin 8 %"
        self.benefit("pricelist", pricelist_id=self.vip.id)
        self.benefit("note", note="Haggles: never below cost")
        self.benefit("priority", customer_text="We pack yours first")
        self.benefit("gift", program_id=self.program("coupons").id, occasion="reach")
        self.benefit("gift", program_id=self.program("coupons").id, occasion="birthday")
        customer = self.bought(5000)
        self.assertEqual(
            self.page(customer)["tier"]["benefits"],
            ["Special prices", "We pack yours first", "A gift on your birthday"],
        )
        self.assertIn("A welcome gift", self.page(self.bought(1000, name="Other"))["next"]["benefits"])
        for hidden in ("Margin 8", "Haggles"):
            self.assertNotIn(hidden, str(self.page(customer)))
        customer.specific_property_product_pricelist = self.public
        self.assertNotIn("Special prices", self.page(customer)["tier"]["benefits"])

    def test_paused(self):
        customer = self.customer("Debtor")
        self.invoice(customer, "2025-06-01", 5000, invoice_date_due="2025-06-15")
        self.refresh()
        self.company.write({"value_pause_overdue": True, "value_pause_overdue_limit": 100})
        tier = self.page(customer)["tier"]
        self.assertEqual((tier["is_paused"], tier["is_paused_overdue"]), (True, True))
        self.company.write({"value_pause_overdue": False, "value_pause_caution": True})
        self.value(customer).caution = True
        tier = self.page(customer)["tier"]
        self.assertEqual((tier["is_paused"], tier["is_paused_overdue"]), (True, False))

    def test_points_and_coupons(self):
        customer = self.bought(5000)
        coupons, club = self.program("coupons"), self.program("loyalty")
        foreign = self.program("coupons", company_id=self.other.id)

        def card(program, partner=customer, points=1, until=False):
            return (
                self.env["loyalty.card"]
                .with_context(loyalty_no_mail=True)
                .create(
                    {"program_id": program.id, "partner_id": partner.id, "points": points, "expiration_date": until}
                )
            )

        good, last_day = card(coupons), card(coupons, until=TODAY)
        for args in (
            (coupons, customer, 0),
            (coupons, customer, 1, date(2025, 6, 29)),
            (foreign,),
            (coupons, self.customer("Other")),
        ):
            card(*args)
        balance = card(club, points=0)
        shown = self.page(customer)["cards"]
        self.assertEqual([row["code"] for row in shown], [last_day.code, good.code, False])
        self.assertEqual((shown[0]["expires"], shown[2]["points"]), (TODAY, balance.points_display))
        person = self.customer("Person", parent_id=customer.id)
        own = card(coupons, person)
        self.assertEqual([row["code"] for row in self.page(person)["cards"]], [own.code])
        self.company.value_portal_contacts = True
        self.assertEqual(len(self.page(person)["cards"]), 4)

    def test_plain_data_only(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(1000)
        self.env["loyalty.card"].with_context(loyalty_no_mail=True).create(
            {"program_id": self.program("coupons").id, "partner_id": customer.id, "points": 1}
        )

        def check(data):
            if isinstance(data, dict | list):
                for item in data.values() if isinstance(data, dict) else data:
                    check(item)
            else:
                self.assertIsInstance(data, str | bool | int | date | type(None))

        check(self.page(customer))


@freeze_time(TODAY)
class TestPortalPages(PortalPageCase):
    """The pages as a customer gets them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.benefit("pricelist", pricelist_id=cls.vip.id)
        cls.known = {
            "clv": 7654321.0,
            "margin_12m": 7654322.0,
            "margin_total": 7654323.0,
            "realised_value": 7654324.0,
            "value_percentile": 76,
            "expected_margin_12m": 7654325.0,
        }

    def test_the_page(self):
        self.log_in()
        page = self.url_open("/my/loyalty")
        self.assertEqual(page.status_code, 200)
        for text in ("Mid", "120.00 more and you reach Top", "4,880.00", "Special prices"):
            self.assertIn(text, page.text.replace("\xa0", " "))
        self.assertIn("Your tier: ", self.url_open("/my").text)

    def test_each_figure_to_keep_is_shown_once(self):
        self.env["crm.value.tier.criterion"].create(
            {"tier_id": self.mid.id, "metric": "purchase_count", "enter_min": 1, "keep_min": 1}
        )
        self.log_in()
        page = html.fromstring(self.url_open("/my/loyalty").text)
        shown = [" ".join(line.text_content().split()) for line in page.xpath("//*[@name='loyalty_keep']//li")]
        self.assertEqual(
            [line.split(":")[0] for line in shown], ["Purchases of the last 12 months", "Number of purchases"]
        )

    def test_nothing_secret_in_the_source(self):
        self.env["crm.value.tier.criterion"].create(
            {"tier_id": self.top.id, "metric": "clv", "enter_min": 9e6, "keep_min": 9e6}
        )
        user = self.log_in()
        other = self.bought(3333, name="Somebody Else")
        self.value(user.partner_id).write(self.known)
        self.env.flush_all()
        for path in (
            "/my/loyalty",
            "/my",
            f"/my/loyalty?partner_id={other.id}&id={self.value(other).id}"
            f"&value_id={self.value(other).id}&access_token=x&debug=1",
        ):
            source = self.url_open(path).text
            for number in ("7654321", "7,654,32", "9,000,000", "Somebody Else", "3,333"):
                self.assertNotIn(number, source, path)
            for word in ("clv", "CLV", "churn", "margin_", "percentile", "probability", "realised", "lifetime"):
                self.assertNotIn(word, source.split('id="wrap"')[1].split("<footer")[0], (path, word))
        self.assertIn("relationship as a whole", self.url_open("/my/loyalty").text)
        self.assertEqual(self.value(user.partner_id).clv, 7654321.0)

    def test_no_page(self):
        self.log_in()
        self.company.value_portal = False
        self.assertTrue(self.url_open("/my/loyalty").url.endswith("/my"))
        self.assertNotIn("/my/loyalty", self.url_open("/my").text)
        for path in ("/my/loyalty/1", f"/my/loyalty/{self.env['crm.value'].search([], limit=1).id}"):
            self.assertEqual(self.url_open(path).status_code, 404)

    def test_visitors_log_in_first(self):
        self.authenticate(None, None)
        self.assertIn("/web/login", self.url_open("/my/loyalty").url)

    def test_language_of_the_customer(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.mid.with_context(lang="fr_FR").write({"name": "Moyen", "description": "Pour vous"})
        self.log_in(lang="fr_FR")
        page = self.url_open("/my/loyalty").text
        self.assertIn("Moyen", page)
        self.assertIn("Pour vous", page)
