from datetime import timedelta

from freezegun import freeze_time

from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from ..common import TODAY
from ..listening.common import ListeningCase


@freeze_time(TODAY)
class TestCrmValueMonday(ListeningCase, CronMixinCase):
    """On Mondays salespeople read what their customers ask for; off by default. TODAY is one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.company"].search([]).value_monday_mail = False
        (cls.ann | cls.bob).write({"email": "seller@example.com"})
        cls.late = cls.buyer("Late", 4500, user_id=cls.ann.id)
        cls.other = cls.buyer("Other", 10, user_id=cls.bob.id)
        cls.refresh()
        cls.env.cr.execute(
            "UPDATE crm_value SET next_purchase_date = %s, lifecycle_stage = 'active' WHERE id = %s",
            [TODAY - timedelta(days=3), cls.value(cls.late).id],
        )
        cls.env.invalidate_all()

    def run_cron(self):
        before = self.env["mail.mail"].search([])
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("crm_value_addon.ir_cron_monday").method_direct_trigger()
        self.env.invalidate_all()
        return self.env["mail.mail"].search([]) - before

    def test_off_by_default(self):
        self.assertFalse(self.env["res.company"].create({"name": "New"}).value_monday_mail)
        self.assertFalse(self.run_cron())

    def test_each_their_own_customers_once_a_week(self):
        self.company.value_monday_mail = True
        mail = self.run_cron()
        self.assertEqual(len(mail), 1, "who has nothing to do gets no mail")
        self.assertIn("ann", mail.email_to)
        self.assertIn("Late", mail.body_html)
        self.assertIn("Purchase overdue", mail.body_html)
        self.assertIn("Near the next tier", mail.body_html)
        self.assertNotIn("Other", mail.body_html)
        self.assertFalse(self.run_cron(), "once a week")
        with freeze_time(TODAY + timedelta(days=6)):
            self.assertFalse(self.run_cron())
        with freeze_time(TODAY + timedelta(days=7)):
            self.assertEqual(len(self.run_cron()), 1)

    def test_calls_and_lost_items(self):
        self.company.value_monday_mail = True
        rule = self.env["crm.value.followup.rule"].create(
            {"name": "Call", "trigger": "manual", "company_id": self.company.id, "user_id": self.bob.id}
        )
        self.env["crm.value.followup"].create(
            {
                "rule_id": rule.id,
                "value_id": self.value(self.late).id,
                "company_id": self.company.id,
                "occasion": "once",
                "date": TODAY,
                "deadline": TODAY,
                "summary": "Ask for the plan",
                "state": "open",
                "group": "treated",
                "user_id": self.bob.id,
            }
        )
        self.env["crm.value.product"].create(
            {
                "partner_id": self.other.id,
                "company_id": self.company.id,
                "value_id": self.value(self.other).id,
                "category_id": self.product_category.id,
                "state": "lost",
                "purchase_count": 3,
                "last_date": TODAY - timedelta(days=100),
                "revenue_at_stake": 500,
            }
        )
        mails = self.run_cron()
        [mail] = mails.filtered(lambda one: "bob" in one.email_to)
        self.assertIn("Ask for the plan", mail.body_html)
        self.assertIn("What they no longer buy", mail.body_html)
        self.assertIn("500", mail.body_html)

    def test_whoever_objects_is_in_no_mail(self):
        self.company.value_monday_mail = True
        self.late.value_opt_out = True
        self.assertFalse(self.run_cron())

    def test_in_their_language(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        self.ann.lang = "zh_CN"
        self.company.value_monday_mail = True
        mail = self.run_cron()
        self.assertIn("2025", mail.body_html)
        self.assertNotIn("06/27/2025", mail.body_html, "the date is written as in China")
