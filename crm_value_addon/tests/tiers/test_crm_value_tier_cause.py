from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import CheckViolation

from odoo import Command
from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.tests import Form, new_test_user
from odoo.tools import mute_logger

from ..common import TODAY
from ..common_benefits import BenefitCase


class CauseCase(BenefitCase, CronMixinCase):
    """Mid and Top bring a gift, a mail and a follow-up; the company was refreshed before anybody bought."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.coupons = cls.program("coupons")
        cls.gift_of = {tier: cls.benefit("gift", tier=tier, program_id=cls.coupons.id) for tier in (cls.mid, cls.top)}
        cls.company.email = "shop@example.com"
        cls.company.value_mail_reached_id = cls.env.ref("crm_value_addon.mail_template_tier_reached")
        cls.env["crm.value.followup.rule"].search([]).active = False
        cls.rule = cls.env["crm.value.followup.rule"].create(
            {
                "name": "Congratulate",
                "trigger": "tier_gained",
                "company_id": cls.company.id,
                "user_id": new_test_user(
                    cls.env,
                    "seller",
                    "sales_team.group_sale_salesman",
                    company_id=cls.company.id,
                    company_ids=[Command.set(cls.company.ids)],
                ).id,
            }
        )
        cls.refresh()

    @classmethod
    def customer(cls, name="Customer", **vals):
        return super().customer(name, **{"email": f"{name.lower()}@example.com", **vals})

    def run_cron(self, *names):
        self.env.flush_all()
        for name in names:
            with self.enter_registry_test_mode():
                self.env.ref(f"crm_value_addon.ir_cron_{name}").with_user(
                    self.env.ref("base.user_root")
                ).method_direct_trigger()
        self.env.invalidate_all()

    def brought(self, customer):
        """Return what the tier changes of a customer brought: number of gifts, mails and follow-ups."""
        self.run_cron("gifts", "mails")
        self.env["crm.value.followup.run"].with_company(self.company)._run_company(self.company)
        self.env["crm.value.run"].search([("kind", "=", "followup")]).unlink()
        of_value = [("value_id", "=", self.value(customer).id)]
        return tuple(
            self.env[model].search_count(of_value)
            for model in ("crm.value.grant", "crm.value.mail", "crm.value.followup")
        )

    def bought_on(self, *documents, name="Customer"):
        customer = self.customer(name)
        for day, amount in documents:
            self.last_invoice = self.invoice(customer, day, amount)
        self.refresh(customer)
        return customer


@freeze_time(TODAY)
class TestHistory(CauseCase):
    def test_imported_history_brings_nothing(self):
        customers = [
            self.bought_on(("2024-09-03", 3000), ("2025-02-03", 2500), name="Old"),
            self.bought_on(("2025-06-22", 5000), name="Eight"),
        ]
        for customer in customers:
            self.assertEqual(self.tier_changes(customer), [(False, "Top", "history")])
            self.assertRecordValues(self.value(customer), [{"tier_id": self.top.id, "tier_since": TODAY}])
            self.assertFalse(self.value(customer).message_ids)
            self.assertEqual(self.brought(customer), (0, 0, 0))

    def test_a_recent_document_that_crosses_the_line_is_loud(self):
        for name, documents in {
            "Today": [("2025-06-30", 5000)],
            "Seven": [("2025-06-23", 5000)],
            "Last": [("2025-06-01", 4999.99), ("2025-06-24", 0.01)],
        }.items():
            customer = self.bought_on(*documents, name=name)
            self.assertEqual(self.tier_changes(customer), [(False, "Top", "refresh")], name)
            self.assertEqual(self.brought(customer), (1, 1, 1), name)

    def test_recent_document_without_which_the_tier_is_reached(self):
        customer = self.bought_on(("2025-06-01", 1000), ("2025-06-30", 50))
        self.assertEqual(self.tier_changes(customer), [(False, "Mid", "history")])
        self.invoice(customer, "2025-06-30", 4000)
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[1:], [("Mid", "Top", "refresh")])
        self.assertEqual(self.brought(customer), (1, 1, 1))

    def test_part_of_the_rise(self):
        customer = self.bought_on(("2025-06-01", 1000), ("2025-06-30", 4000))
        self.assertEqual(self.tier_changes(customer), [(False, "Top", "refresh")], "history alone gives only Mid")
        self.assertEqual(self.brought(customer), (1, 1, 1))

    def test_refresh_a_day_late(self):
        customer = self.customer()
        self.invoice(customer, "2025-06-29", 5000)
        self.refresh()
        self.assertEqual(self.brought(customer), (1, 1, 1))

    def test_the_days_are_a_setting(self):
        self.company.value_recent_days = 10
        self.assertEqual(self.brought(self.bought_on(("2025-06-20", 5000), name="Ten")), (1, 1, 1))
        self.assertEqual(self.brought(self.bought_on(("2025-06-19", 5000), name="Eleven")), (0, 0, 0))
        for days in (0, -1, 367):
            with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self.company.value_recent_days = days
                self.env.flush_all()
            self.env.invalidate_all()

    def test_all_customers_at_once(self):
        old, new = self.customer("Old"), self.customer("New")
        self.invoice(old, "2025-01-15", 1500)
        self.invoice(new, "2025-06-30", 1500)
        with patch("odoo.addons.crm_value_addon.models.tiers.crm_value_tier_assignment._RISEN_BATCH", 1):
            self.refresh()
        self.assertEqual(self.tier_changes(old), [(False, "Mid", "history")])
        self.assertEqual(self.tier_changes(new), [(False, "Mid", "refresh")])

    def test_a_tier_reached_by_time_alone_is_loud(self):
        self.mid.criterion_ids.write({"metric": "tenure_days", "enter_min": 100, "keep_min": 100})
        self.env["crm.value.run"].search([("kind", "=", "tiers")]).unlink()
        customer = self.bought_on(("2025-03-25", 100))
        self.assertEqual(self.value(customer).tier_id, self.low)
        with freeze_time("2025-07-03"):
            self.refresh()
            self.assertEqual(self.tier_changes(customer)[1:], [("Low", "Mid", "refresh")])
            self.assertEqual(self.brought(customer), (1, 1, 1))

    def test_a_tier_for_a_tag_alone_is_loud(self):
        club = self.env["res.partner.category"].create({"name": "Club"})
        self.mid.write({"criterion_ids": [Command.clear()], "partner_domain": f"[('category_id', '=', {club.id})]"})
        self.env["crm.value.run"].search([("kind", "=", "tiers")]).unlink()
        customer = self.bought_on(("2025-01-15", 150))
        customer.category_id = club
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[1:], [("Low", "Mid", "refresh")])

    def test_gifts_and_mails_from_a_day(self):
        self.company.value_gifts_from = "2025-07-02"
        customer = self.bought_on(("2025-06-30", 5000))
        self.assertEqual(self.tier_changes(customer), [(False, "Top", "refresh")])
        self.assertEqual(self.brought(customer), (0, 0, 0))
        with freeze_time("2025-07-02"):
            self.assertEqual(self.brought(customer), (0, 0, 0), "nothing is made up for")
            self.assertEqual(self.brought(self.bought_on(("2025-07-02", 5000), name="Later")), (1, 1, 1))

    def test_birthdays_and_rewards_before_that_day(self):
        self.company.value_gifts_from = "2025-07-02"
        self.benefit("gift", program_id=self.coupons.id, occasion="birthday")
        customer = self.bought_on(("2025-06-30", 5000))
        customer.birthdate_date = "1980-07-01"
        self.company.value_referral_program_id = self.program("coupons")
        self.company.value_referral_since = "2025-06-01"
        self.bought_on(("2025-06-30", 100), name="Brought")
        brought = self.customer("Friend", referred_by_id=customer.id)
        self.invoice(brought, "2025-06-30", 100)
        self.refresh(brought)
        with freeze_time("2025-07-03"):
            self.refresh()
            self.assertEqual(self.brought(customer), (0, 0, 0))
            late = self.customer("Late", referred_by_id=customer.id)
            self.invoice(late, "2025-07-03", 100)
            self.refresh(late)
            self.assertEqual(self.brought(customer)[0], 1, "for whoever bought from that day on")

    def test_figures_that_an_update_recorded_again(self):
        customer, other = self.bought_on(("2025-06-30", 900)), self.bought_on(("2025-06-30", 900), name="Other")
        before = self.row_versions()
        self.env["crm.value.run"]._request(self.company, new_rules=True)
        self.assertEqual(self.row_versions(), before, "no customer's row is touched")
        self.invoice(customer, "2025-06-30", 100)
        self.Assignment._assign_company(source="rules")
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[1:], [("Low", "Mid", "update")], "before the refresh of all")
        self.invoice(other, "2025-06-30", 100)
        self.refresh()
        self.assertEqual(self.tier_changes(other)[1:], [("Low", "Mid", "update")])
        self.assertEqual([self.brought(customer), self.brought(other)], [(0, 0, 0)] * 2)
        self.invoice(customer, "2025-06-30", 4000)
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[2:], [("Mid", "Top", "refresh")], "one refresh of all only")


@freeze_time(TODAY)
class TestRegained(CauseCase):
    def mid_at_850(self):
        """Return a customer who earned Mid ten days ago and holds it with 850."""
        with freeze_time("2025-06-20"):
            customer = self.bought_on(("2025-06-20", 1000))
            self.credit_note(self.last_invoice, "2025-06-20", 150)
            self.refresh(customer)
            self.assertEqual(self.brought(customer), (1, 1, 1))
        return customer

    def assert_mid_as_before(self, customer):
        self.assertRecordValues(self.value(customer), [{"tier_id": self.mid.id, "tier_since": date(2025, 6, 20)}])
        self.assertEqual(self.brought(customer), (1, 1, 1))

    def test_credit_note_posted_by_mistake(self):
        customer = self.mid_at_850()
        note = self.credit_note(self.last_invoice, "2025-06-30", 100)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.low)
        note.button_draft()
        self.refresh(customer)
        self.assertEqual(self.value(customer).revenue_12m, 850)
        self.assertEqual(self.tier_changes(customer)[1:], [("Mid", "Low", "refresh"), ("Low", "Mid", "regained")])
        self.assert_mid_as_before(customer)

    def test_invoice_reset_and_posted_again(self):
        customer = self.mid_at_850()
        self.last_invoice.button_draft()
        self.refresh(customer)
        self.assertFalse(self.value(customer).tier_id)
        self.last_invoice.action_post()
        self.refresh(customer)
        self.assert_mid_as_before(customer)

    def test_on_the_seventh_day_and_after(self):
        for days, regained in ((7, True), (8, False)):
            customer = self.mid_at_850()
            note = self.credit_note(self.last_invoice, "2025-06-30", 100)
            self.refresh(customer)
            note.button_draft()
            with freeze_time(TODAY + timedelta(days=days)):
                self.refresh(customer)
                self.assertEqual(self.value(customer).tier_id, self.mid if regained else self.low)

    def test_half_of_the_way_back(self):
        customer = self.bought_on(("2025-06-30", 6000))
        self.credit_note(self.last_invoice, "2025-06-30", 5900)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.low)
        self.invoice(customer, "2025-06-30", 750)
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[1:], [("Top", "Low", "refresh"), ("Low", "Mid", "regained")])
        self.assertEqual(self.brought(customer)[0], 1, "the gift for Top")

    def test_beyond_the_old_tier_is_loud(self):
        customer = self.mid_at_850()
        self.last_invoice.button_draft()
        self.refresh(customer)
        self.last_invoice.action_post()
        self.invoice(customer, "2025-06-30", 5000)
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[2:], [(False, "Top", "refresh")])
        self.assertEqual(self.brought(customer)[0], 2)

    def test_what_never_entered_does_not_come_back(self):
        customer = self.bought_on(("2025-06-30", 850))
        self.invoice(customer, "2025-06-30", 100)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.low, "950 keeps Mid but does not enter it")

    def test_an_order_is_told_of_it(self):
        customer = self.mid_at_850()
        self.credit_note(self.last_invoice, "2025-06-30", 100)
        self.refresh(customer)
        preview = self.env["crm.value.tier.preview"]
        self.assertEqual(preview._after_order(self.company, customer.id, {"amount": 49})["tier_id"], self.low.id)
        self.assertEqual(preview._after_order(self.company, customer.id, {"amount": 50})["tier_id"], self.mid.id)

    def test_rules_that_change_and_change_back(self):
        customer = self.mid_at_850()
        self.mid.criterion_ids.keep_min = 900
        self.Assignment._assign_company()
        self.assertEqual(self.value(customer).tier_id, self.low)
        self.mid.criterion_ids.keep_min = 800
        self.Assignment._assign_company()
        self.assert_mid_as_before(customer)

    def test_lock_ended_by_mistake(self):
        customer = self.bought_on(("2025-06-30", 150))
        lock = {"value_id": self.value(customer).id, "tier_id": self.mid.id, "reason": "Board"}
        self.env["crm.value.tier.lock"].create(lock).action_end()
        self.env["crm.value.tier.lock"].create(lock)
        changes = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(customer).id)], order="id")
        self.assertEqual(changes.mapped("source"), ["refresh", "lock", "lock", "lock"])
        self.assertEqual(changes.mapped("is_silent"), [False, False, False, True])
        self.assertEqual(changes[-1].reason, "Board")
        self.assertEqual(self.brought(customer)[:2], (1, 1))


@freeze_time(TODAY)
class TestScoredAgain(CauseCase):
    def first_assigned(self):
        """Return a customer who got Top silently, and so got no gift."""
        customer = self.bought_on(("2025-01-15", 6000))
        self.assertEqual(self.brought(customer), (0, 0, 0))
        return customer

    def test_off_and_on(self):
        customer = self.first_assigned()
        customer.value_opt_out = True
        self.assertFalse(self.value(customer).tier_id)
        customer.value_opt_out = False
        self.assertEqual(self.tier_changes(customer)[1:], [("Top", False, "opt_out"), (False, "Top", "resumed")])
        self.assertEqual(self.value(customer).tier_since, TODAY)
        self.assertEqual(self.brought(customer), (0, 0, 0))

    def test_on_again_after_a_month_with_a_purchase_of_today(self):
        customer = self.first_assigned()
        customer.value_opt_out = True
        with freeze_time("2025-07-31"):
            self.invoice(customer, "2025-07-31", 6000)
            self.refresh()
            customer.value_opt_out = False
            self.assertRecordValues(
                self.value(customer), [{"tier_id": self.top.id, "tier_since": date(2025, 7, 31), "tier_cause": False}]
            )
            self.assertEqual(self.brought(customer), (0, 0, 0))

    def test_on_again_while_a_refresh_is_under_way(self):
        customer = self.bought_on(("2025-06-30", 150))
        customer.value_opt_out = True
        self.invoice(customer, "2025-06-30", 6000)
        Scheduler = type(self.env["crm.value.scheduler"])
        with patch.object(Scheduler, "_is_writer", lambda *args, **kwargs: False):
            customer.value_opt_out = False
        self.assertFalse(self.value(customer).tier_id)
        self.refresh()
        self.assertEqual(self.value(customer).tier_id, self.top)
        self.assertEqual(self.brought(customer), (0, 0, 0))

    def test_erased_and_taken_up_again(self):
        customer = self.bought_on(("2025-06-30", 6000))
        self.assertEqual(self.brought(customer), (1, 1, 1))
        gift = self.env["crm.value.grant"].search([("value_id", "=", self.value(customer).id)])
        customer.action_erase_profile()
        customer.value_opt_out = False
        self.assertEqual(self.value(customer).tier_id, self.top)
        self.assertEqual(self.brought(customer)[0], 1)
        with freeze_time("2025-08-31"):
            self.lose(customer)
            self.invoice(customer, "2025-08-31", 9000)
            self.refresh(customer)
            self.assertEqual(self.tier_changes(customer)[-1], (False, "Top", "refresh"))
            self.assertEqual(self.brought(customer)[0], 1, "the gift of a lifetime")
        self.assertNotIn("reach", gift.occasion)
        self.assertEqual(len(gift.memory_key), 64)

    def lose(self, customer):
        with freeze_time("2025-07-31"):
            self.credit_note(self.last_invoice, "2025-07-31")
            self.refresh(customer)
            self.assertFalse(self.value(customer).tier_id)

    def test_birthday_of_an_erased_profile(self):
        self.benefit("gift", program_id=self.coupons.id, occasion="birthday")
        customer = self.bought_on(("2025-06-30", 6000))
        customer.birthdate_date = "1980-06-30"
        self.assertEqual(self.brought(customer)[0], 2)
        customer.action_erase_profile()
        customer.write({"value_opt_out": False, "birthdate_date": "1980-06-30"})
        with freeze_time("2025-07-01"):
            self.refresh()
            self.assertEqual(self.brought(customer)[0], 2)
        with freeze_time("2026-06-30"):
            self.top.downgrade_policy = "never"
            self.refresh()
            self.assertEqual(self.brought(customer)[0], 3, "the next birthday")

    def test_gifts_from_before_the_key(self):
        customer = self.bought_on(("2025-06-30", 6000))
        gift = self.env["crm.value.grant"].search([("value_id", "=", self.value(customer).id)])
        key = gift.memory_key
        for occasion in ("reach", f"erased-{gift.id}"):
            gift.write({"memory_key": False, "occasion": occasion})
            gift._remember()
            self.assertEqual(gift.memory_key, key)
        copy = gift.copy({"occasion": "reach"})
        copy._remember()
        self.assertFalse(copy.memory_key, "the first one stands for the occasion")


@freeze_time(TODAY)
class TestLockDialog(CauseCase):
    def told(self, customer, tier):
        with Form(self.env["crm.value.tier.lock"].with_context(default_value_id=self.value(customer).id)) as form:
            form.tier_id = tier
            form.reason = "Board"
            text = form.announcement
        return text

    def test_what_a_lock_brings(self):
        customer = self.bought_on(("2025-06-30", 150))
        text = self.told(customer, self.top)
        self.assertIn("gift “coupons for VIPs”", text)
        self.assertIn("mail “", text)
        self.assertEqual(self.brought(customer)[:2], (1, 1))

    def test_what_it_does_not_bring(self):
        customer = self.bought_on(("2025-06-30", 1500))
        self.assertEqual(self.brought(customer)[:2], (1, 1))
        self.assertIn("no rise", self.told(customer, self.low))
        self.assertIn("few days ago", self.told(customer, self.mid))
        self.assertEqual(self.brought(customer)[:2], (1, 1))
        other = self.bought_on(("2025-06-30", 150), name="Other")
        self.company.value_gifts_from = "2025-07-15"
        self.assertIn("2025", self.told(other, self.top))
        self.assertEqual(self.brought(other), (0, 0, 0))

    def test_neither_gift_nor_mail(self):
        customer = self.bought_on(("2025-06-30", 150))
        self.gift_of[self.top].active = False
        customer.email = False
        self.assertEqual(self.told(customer, self.top), "No gift and no mail is sent.")
        self.assertEqual(self.brought(customer)[:2], (0, 0))
