from datetime import date
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo import Command
from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.tools import mute_logger

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestCrmValueMail(BenefitCase, CronMixinCase):
    """Mails to customers: when they are made, to whom, in what words, and that each is made once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.coupons = cls.program("coupons")
        cls.company.email = "shop@example.com"
        cls.template = {
            name: cls.env.ref(f"crm_value_addon.mail_template_{name}")
            for name in ("tier_reached", "tier_danger", "gift_birthday", "gift_anniversary")
        }
        cls.refresh()

    @classmethod
    def customer(cls, name="Customer", **vals):
        return super().customer(name, **{"email": f"{name.lower()}@example.com", **vals})

    def run_cron(self, name="mails"):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref(f"crm_value_addon.ir_cron_{name}").method_direct_trigger()
        self.env.invalidate_all()

    def switch_on(self, company=None):
        (company or self.company).write(
            {
                "value_mail_reached_id": self.template["tier_reached"].id,
                "value_mail_danger_id": self.template["tier_danger"].id,
                "value_mail_danger_days": 30,
                "value_mail_birthday_id": self.template["gift_birthday"].id,
                "value_mail_anniversary_id": self.template["gift_anniversary"].id,
            }
        )

    def mails(self, customer):
        return self.env["mail.mail"].search([("recipient_ids", "in", customer.ids)], order="id")

    def rise(self, amount=5000, name="Riser", **vals):
        """Return a customer that bought its way up after the company's first assignment."""
        self.bought(1, name="First")
        customer = self.customer(name, **vals)
        self.last_invoice = self.invoice(customer, "2025-06-25", amount)
        self.refresh(customer)
        return customer

    def test_off_by_default(self):
        customer = self.rise()
        self.run_cron()
        self.assertFalse(self.mails(customer))

    def test_reached_once(self):
        self.switch_on()
        with self.capture_triggers("crm_value_addon.ir_cron_mails") as captured:
            customer = self.rise()
        self.assertTrue(captured.records, "the cron is woken")
        self.assertFalse(self.mails(customer), "not in the refresh")
        for _time in range(3):
            self.run_cron()
        mail = self.mails(customer)
        self.assertEqual(len(mail), 1)
        self.assertRecordValues(
            mail,
            [
                {
                    "state": "outgoing",
                    "subject": "You are Top now at company_1_data",
                    "model": "crm.value",
                    "res_id": self.value(customer).id,
                }
            ],
        )
        self.assertIn("shop@example.com", mail.email_from)
        self.lose_tier(customer)
        self.invoice(customer, "2025-06-12", 6000)
        self.refresh(customer)
        self.run_cron()
        self.assertEqual(len(self.mails(customer)), 1, "there and back is no second occasion")

    def test_what_stands_in_it(self):
        self.switch_on()
        self.company.value_portal = True
        self.top.description = "For our best"
        self.benefit("pricelist", pricelist_id=self.vip.id)
        self.benefit("note", note="Never below cost")
        customer = self.rise()
        known = {"clv": 7654321.0, "margin_12m": 7654322.0, "realised_value": 7654323.0}
        self.value(customer).write(known)
        self.run_cron()
        body = self.mails(customer).body_html
        for text in ("Riser", "Top", "For our best", "Special prices", "/my/loyalty"):
            self.assertIn(text, body)
        for text in ("765432", "7,654", "Never below cost"):
            self.assertNotIn(text, body)

    def test_nobodys_merit(self):
        self.switch_on()
        self.env["crm.value.run"].search([("company_id", "=", self.company.id)]).unlink()
        first = self.bought(5000, name="Initial")
        self.assertEqual(self.tier_changes(first), [(False, "Top", "initial")])
        ruled = self.bought(600, name="Ruled")
        self.mid.criterion_ids.write({"enter_min": 500, "keep_min": 500})
        self.Assignment._assign_company()
        self.assertIn(("Low", "Mid", "rules"), self.tier_changes(ruled))
        other = self.bought(200, name="Other")
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((first | other).ids, other)
        self.assertIn(("Low", "Top", "merge"), self.tier_changes(other))
        fallen = self.rise(6000, name="Fallen")
        self.credit_note(self.last_invoice, "2025-06-10", 4500)
        self.refresh(fallen)
        self.assertEqual(self.tier_changes(fallen)[-1], ("Top", "Mid", "refresh"))
        self.run_cron()
        for customer in (ruled, other, fallen):
            self.assertFalse(self.mails(customer), customer.name)

    def test_whom_nobody_writes_to(self):
        self.switch_on()
        silent = self.rise(name="Silent", email=False)
        blocked = self.rise(name="Blocked")
        self.env["mail.blacklist"]._add(blocked.email)
        archived = self.rise(name="Archived")
        archived.active = False
        opted_out = self.rise(name="Out")
        opted_out.value_opt_out = True
        self.run_cron()
        for customer in (silent, blocked, archived, opted_out):
            self.assertFalse(self.mails(customer), customer.name)
        silent.email = "found@example.com"
        self.run_cron()
        self.assertTrue(self.mails(silent), "within the days of catching up")

    def test_too_late(self):
        self.switch_on()
        customer = self.rise()
        with freeze_time("2025-07-07"):
            self.run_cron()
        self.assertFalse(self.mails(customer))

    def test_danger(self):
        self.switch_on()
        self.company.value_mail_danger_days = 10
        self.top.write({"downgrade_policy": "grace", "grace_days": 30})
        customer = self.rise(6000)
        self.credit_note(self.last_invoice, "2025-06-20", 2500)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_review_date, date(2025, 7, 30))
        self.run_cron()
        self.assertEqual(len(self.mails(customer)), 1, "that of reaching it")
        for day in ("2025-07-19", "2025-07-20", "2025-07-21", "2025-07-30"):
            with freeze_time(day):
                self.run_cron()
                self.assertEqual(len(self.mails(customer)), 1 + (day > "2025-07-19"), day)
        mail = self.mails(customer)[-1]
        self.assertEqual(mail.subject, "Your tier Top ends on 07/30/2025")
        self.assertIn("4,000.00", mail.body_html)

    def test_danger_by_a_secret_figure(self):
        self.switch_on()
        self.top.write({"downgrade_policy": "grace", "grace_days": 20})
        self.top.criterion_ids.write({"metric": "margin_12m", "enter_min": 1500, "keep_min": 1400})
        customer = self.rise(6000)
        self.credit_note(self.last_invoice, "2025-06-20", 3000)
        self.refresh(customer)
        self.run_cron()
        body = self.mails(customer)[-1].body_html
        self.assertIn("we talk about it", body)
        self.assertNotIn("1,400", body)

    def test_gifts(self):
        for occasion in ("birthday", "anniversary"):
            self.benefit("gift", program_id=self.coupons.id, occasion=occasion, gift_days=30)
        self.switch_on()
        self.top.downgrade_policy = "never"
        customer = self.rise()
        customer.birthdate_date = "1980-07-02"
        with freeze_time("2025-07-02"):
            self.run_cron("gifts")
            self.run_cron("gifts")
        mail = self.mails(customer)
        self.assertEqual(mail.subject, "Happy birthday from company_1_data")
        card = self.env["crm.value.grant"].search([("partner_id", "=", customer.id)]).card_id
        self.assertIn(card.code, mail.body_html)
        self.assertIn("08/01/2025", mail.body_html)
        with freeze_time("2026-06-25"):
            self.run_cron("gifts")
        self.assertEqual(self.mails(customer)[-1:].subject, "Thank you from company_1_data")
        self.assertEqual(len(self.mails(customer)), 2)

    def test_gift_without_an_address(self):
        self.benefit("gift", program_id=self.coupons.id, occasion="birthday")
        customer = self.rise(email=False, birthdate_date="1980-06-30")
        self.run_cron("gifts")
        gift = self.env["crm.value.grant"].search([("partner_id", "=", customer.id)])
        self.assertRecordValues(gift, [{"state": "given", "mail_state": False}])
        self.assertFalse(
            self.env["mail.mail"].search([("model", "=", "loyalty.card"), ("res_id", "=", gift.card_id.id)])
        )

    def test_language_of_the_customer(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.template["tier_reached"].with_context(lang="fr_FR").write(
            {"subject": "Vous êtes {{ object.tier_id.name }}"}
        )
        self.top.with_context(lang="fr_FR").name = "Sommet"
        self.switch_on()
        french, english = self.rise(name="French", lang="fr_FR"), self.rise(name="English")
        self.run_cron()
        self.assertEqual(self.mails(french).subject, "Vous êtes Sommet")
        self.assertEqual(self.mails(english).subject, "You are Top now at company_1_data")

    def test_two_companies(self):
        other = self.setup_other_company()["company"]
        self.env.user.company_ids += other
        other.email = "other@example.com"
        self.switch_on(other)
        tier = self.env["crm.value.tier"].create(
            {
                "name": "Elsewhere",
                "company_id": other.id,
                "criterion_ids": [Command.create({"metric": "revenue_12m", "enter_min": 100, "keep_min": 100})],
            }
        )
        there = self.Refresh.with_company(other).with_context(allowed_company_ids=other.ids)
        there._refresh_company()
        customer = self.rise()
        move = (
            self.env["account.move"]
            .with_company(other)
            .with_context(allowed_company_ids=other.ids)
            .create(
                {
                    "move_type": "out_invoice",
                    "partner_id": customer.id,
                    "company_id": other.id,
                    "invoice_date": "2025-06-25",
                    "invoice_line_ids": [Command.create({"name": "Line", "price_unit": 500, "tax_ids": []})],
                }
            )
        )
        move.action_post()
        there._refresh_customers(other, customer.ids)
        self.run_cron()
        mail = self.mails(customer)
        self.assertEqual(mail.subject, f"You are {tier.name} now at {other.name}", "none of the company without mails")
        self.assertIn("other@example.com", mail.email_from)

    def test_killed_and_run_again(self):
        self.switch_on()
        customers = [self.rise(name=name) for name in ("Ann", "Bob")]
        Template = type(self.env["mail.template"])
        send = Template.send_mail

        def killed(template, res_id, *args, **kwargs):
            if res_id == self.value(customers[0]).id:
                raise RuntimeError("killed")
            return send(template, res_id, *args, **kwargs)

        with patch.object(Template, "send_mail", killed), self.assertLogs("odoo.addons.crm_value_addon", "ERROR"):
            self.run_cron()
        self.assertEqual([len(self.mails(customer)) for customer in customers], [0, 1])
        self.assertFalse(self.env["crm.value.mail"].search([("partner_id", "=", customers[0].id)]), "neither of both")
        self.run_cron()
        self.assertEqual([len(self.mails(customer)) for customer in customers], [1, 1])

    def test_one_mail_per_occasion_by_constraint(self):
        self.switch_on()
        self.rise()
        self.run_cron()
        line = self.env["crm.value.mail"].search([])
        self.assertEqual(len(line), 1)
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            line.copy()
