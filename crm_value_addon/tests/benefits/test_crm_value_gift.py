from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestCrmValueGrant(BenefitCase, CronMixinCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.coupons = cls.program("coupons")
        cls.env["res.company"].search([("id", "!=", cls.company.id)])
        cls.refresh_all_once = cls.refresh()

    def run_cron(self):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("crm_value_addon.ir_cron_gifts").method_direct_trigger()
        self.env.invalidate_all()

    def gifts(self, customer):
        return self.env["crm.value.grant"].search([("value_id", "=", self.value(customer).id)], order="id")

    def reached(self, amount=5000):
        """Return a customer who earned a tier after the company's first assignment."""
        self.bought(1, name="First")
        return self.bought(amount, day="2025-06-25")

    def test_reaching_a_tier(self):
        self.benefit("gift", program_id=self.coupons.id, gift_days=30)
        customer = self.reached()
        gift = self.gifts(customer)
        self.assertRecordValues(
            gift,
            [
                {
                    "occasion": "reach",
                    "occasion_text": "Reaching the tier",
                    "date": TODAY,
                    "tier_id": self.top.id,
                    "state": "given",
                    "mail_state": "waiting",
                }
            ],
        )
        self.assertRecordValues(
            gift.card_id, [{"partner_id": customer.id, "points": 1, "expiration_date": date(2025, 7, 30)}]
        )
        self.assertEqual(gift.card_id.history_ids.issued, 1)
        order = self.order(customer, 10)
        status = order._try_apply_code(gift.card_id.code)
        order._apply_program_reward(self.coupons.reward_ids, gift.card_id)
        self.assertNotIn("error", status)
        self.assertRecordValues(order, [{"amount_untaxed": 900.0, "value_benefit_cost": 100.0}])
        self.assertIn("gift", order.order_line.mapped("value_benefit_kind"))

    def test_lost_tier_leaves_the_coupon(self):
        self.benefit("gift", program_id=self.coupons.id)
        customer = self.reached()
        gift = self.gifts(customer)
        self.lose_tier(customer)
        order = self.order(customer, 10)
        self.assertFalse(order.value_tier_id)
        self.assertNotIn("error", order._try_apply_code(gift.card_id.code))
        self.assertFalse(self.gifts(self.customer("Other")))

    def test_flapping_gives_one(self):
        self.benefit("gift", program_id=self.coupons.id)
        customer = self.reached()
        for _time in range(3):
            self.lose_tier(customer)
            self.last_invoice = self.invoice(customer, "2025-06-12", 6000)
            self.refresh(customer)
            self.assertEqual(self.value(customer).tier_id, self.top)
        self.run_cron()
        self.assertEqual(len(self.gifts(customer)), 1)
        self.assertEqual(self.env["loyalty.card"].search_count([("partner_id", "=", customer.id)]), 1)

    def test_first_assignment_and_rules_give_nothing(self):
        self.env["crm.value.run"].search([("company_id", "=", self.company.id)]).unlink()
        self.benefit("gift", program_id=self.coupons.id)
        customer = self.bought(5000)
        self.assertEqual(self.tier_changes(customer), [(False, "Top", "initial")])
        self.benefit("gift", tier=self.mid, program_id=self.coupons.id)
        self.top.active = False
        self.Assignment._assign_company()
        self.top.active = True
        self.Assignment._assign_company()
        self.run_cron()
        self.assertFalse(self.gifts(customer))

    def test_own_tier_only_and_not_on_the_way_down(self):
        self.benefit("gift", tier=self.mid, program_id=self.coupons.id)
        customer = self.reached(6000)
        self.assertFalse(self.gifts(customer))
        self.credit_note(self.last_invoice, "2025-06-10", 3500)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.mid)
        self.run_cron()
        self.assertFalse(self.gifts(customer))

    def test_birthday(self):
        self.benefit("gift", program_id=self.coupons.id, occasion="birthday")
        customer = self.bought(5000)
        customer.birthdate_date = "1980-07-02"
        born_on_leap_day = self.bought(5000, day="2025-06-20", name="Leap")
        born_on_leap_day.birthdate_date = "1984-02-29"
        self.run_cron()
        self.assertFalse(self.gifts(customer))
        for day in ("2025-07-02", "2025-07-03", "2025-07-08"):
            with freeze_time(day):
                self.run_cron()
        self.assertEqual(self.gifts(customer).mapped("occasion"), ["birthday 2025"])
        with freeze_time("2026-03-01"):
            self.run_cron()
        self.assertRecordValues(
            self.gifts(born_on_leap_day), [{"occasion": "birthday 2026", "date": date(2026, 2, 28)}]
        )

    def test_new_year(self):
        self.benefit("gift", program_id=self.coupons.id, occasion="birthday")
        customer = self.bought(5000)
        customer.birthdate_date = "1980-12-30"
        with freeze_time("2026-01-02"):
            self.run_cron()
        self.assertEqual(self.gifts(customer).mapped("occasion"), ["birthday 2025"])

    def test_anniversary(self):
        self.benefit("gift", program_id=self.coupons.id, occasion="anniversary")
        customer = self.bought(5000, day="2025-06-25")
        self.run_cron()
        self.assertFalse(self.gifts(customer), "the day itself is no anniversary")
        self.top.downgrade_policy = "never"
        with freeze_time("2026-06-25"):
            self.run_cron()
            self.run_cron()
        self.assertEqual(self.gifts(customer).mapped("occasion"), ["anniversary 2026"])
        self.assertEqual(self.gifts(customer).mapped("occasion_text"), ["Anniversary of the first purchase 2026"])
        self.assertEqual(self.gifts(customer).mapped("display_name"), ["Anniversary of the first purchase 2026"])

    def test_killed_and_run_again(self):
        self.benefit("gift", program_id=self.coupons.id, occasion="birthday")
        customer = self.bought(5000)
        customer.birthdate_date = "1980-06-30"
        Grant = type(self.env["crm.value.grant"])
        with (
            patch.object(Grant, "_make_cards", side_effect=RuntimeError("killed")),
            self.assertLogs("odoo.addons.crm_value_addon", "ERROR"),
        ):
            self.run_cron()
        self.assertFalse(self.gifts(customer), "neither line nor coupon")
        self.run_cron()
        self.assertTrue(self.gifts(customer).card_id)

    def test_failing_gift_does_not_stop_the_refresh(self):
        self.benefit("gift", program_id=self.coupons.id)
        Grant = type(self.env["crm.value.grant"])
        with (
            patch.object(Grant, "_make_cards", side_effect=ValueError("broken")),
            self.assertLogs("odoo.addons.crm_value_addon", "ERROR"),
        ):
            customer = self.reached()
        self.assertEqual(self.value(customer).tier_id, self.top)
        self.run_cron()
        self.assertEqual(self.gifts(customer).occasion, "reach", "the cron catches up")

    def test_mail_without_wkhtmltopdf(self):
        self.benefit("gift", program_id=self.coupons.id)
        customer = self.reached()
        customer.email = "customer@example.com"
        self.company.email = "shop@example.com"
        self.assertTrue(self.coupons.communication_plan_ids.mail_template_id.report_template_ids)
        report = type(self.env["ir.actions.report"])
        with patch.object(report, "get_wkhtmltopdf_state", lambda self: "install"):
            self.run_cron()
            self.run_cron()
        gift = self.gifts(customer)
        self.assertEqual(gift.mail_state, "sent")
        mails = self.env["mail.mail"].search([("model", "=", "loyalty.card"), ("res_id", "=", gift.card_id.id)])
        self.assertEqual(len(mails), 1)
        self.assertIn(gift.card_id.code, mails.body_html)

    def test_paused(self):
        self.benefit("gift", program_id=self.coupons.id)
        self.company.write({"value_pause_overdue": True, "value_pause_overdue_limit": 100})
        self.bought(1, name="First")
        customer = self.customer("Customer")
        invoice = self.invoice(customer, "2025-06-24", 5000, invoice_date_due="2025-06-25")
        self.refresh(customer)
        self.assertFalse(self.gifts(customer))
        self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids).create(
            {}
        ).action_create_payments()
        self.refresh(customer)
        self.run_cron()
        self.assertTrue(self.gifts(customer))

    def test_given_benefit_is_remembered(self):
        benefit = self.benefit("gift", program_id=self.coupons.id)
        self.reached()
        with self.refused("must be remembered"):
            benefit.unlink()

    def test_merge_keeps_what_was_given(self):
        self.benefit("gift", program_id=self.coupons.id)
        customer = self.reached()
        card = self.gifts(customer).card_id
        other = self.bought(20, name="Other")
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((customer | other).ids, other)
        self.refresh(other)
        self.assertEqual(self.gifts(other).card_id, card)
        self.lose = self.invoice(other, "2025-06-15", 10)
        self.refresh(other)
        self.run_cron()
        self.assertEqual(len(self.gifts(other)), 1)


@freeze_time(TODAY)
class TestReferralReward(BenefitCase):
    def referral(self):
        self.company.value_referral_program_id = self.program("coupons")
        self.assertEqual(self.company.value_referral_since, TODAY)
        self.company.value_referral_since = "2025-06-01"
        self.referrer = self.customer("Referrer")
        self.referred = self.customer("Referred", referred_by_id=self.referrer.id)

    def rewards(self):
        return self.env["crm.value.grant"].search([("partner_id", "=", self.referrer.id)])

    def test_reward_and_reversal(self):
        self.referral()
        invoice = self.invoice(self.referred, "2025-06-02", 100)
        self.refresh(self.referred)
        self.assertRecordValues(self.rewards(), [{"state": "given", "referred_value_id": self.value(self.referred).id}])
        self.assertEqual(self.rewards().card_id.partner_id, self.referrer)
        self.invoice(self.referred, "2025-06-03", 100)
        self.refresh(self.referred)
        self.assertEqual(len(self.rewards()), 1)
        second = self.env["account.move"].search([("partner_id", "=", self.referred.id)]) - invoice
        self.credit_note(invoice, "2025-06-10")
        self.refresh(self.referred)
        self.assertEqual(self.rewards().state, "given", "something is left")
        self.credit_note(second, "2025-06-10")
        self.refresh(self.referred)
        self.assertEqual(self.rewards().state, "cancelled")
        self.assertFalse(self.rewards().card_id.active)
        self.invoice(self.referred, "2025-06-20", 100)
        self.refresh(self.referred)
        self.assertEqual((self.rewards().state, self.rewards().card_id.active), ("given", True))

    def test_used_coupon_stays(self):
        self.referral()
        invoice = self.invoice(self.referred, "2025-06-02", 100)
        self.refresh(self.referred)
        card = self.rewards().card_id
        order = self.order(self.referrer, 10)
        order._try_apply_code(card.code)
        order._apply_program_reward(card.program_id.reward_ids, card)
        self.credit_note(invoice, "2025-06-10")
        self.refresh(self.referred)
        self.assertEqual((self.rewards().state, card.active), ("given", True))

    def test_before_the_reward_was_there(self):
        self.referral()
        self.invoice(self.referred, "2025-05-31", 100)
        self.refresh(self.referred)
        self.assertFalse(self.rewards())

    def test_no_circles(self):
        self.referral()
        with self.refused("circle"):
            self.referrer.referred_by_id = self.referred
        child = self.customer("Child", parent_id=self.referrer.id)
        with self.refused("itself"):
            self.referrer.referred_by_id = child

    def test_days_within_the_calendar(self):
        coupons = self.program("coupons")
        for days in (36_501, 10**9, -1):
            with self.refused("36500 days"):
                self.benefit("gift", program_id=coupons.id, gift_days=days)
        gift = self.benefit("gift", program_id=coupons.id, gift_days=36_500)
        self.bought(1, name="First")
        customer = self.bought(5000, "2025-06-25")
        grant = self.env["crm.value.grant"].search([("benefit_id", "=", gift.id)])
        self.assertEqual((grant.partner_id, grant.card_id.expiration_date), (customer, date(2125, 6, 6)))
