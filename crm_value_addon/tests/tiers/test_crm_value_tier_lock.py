from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user

from ..common import TODAY
from .test_crm_value_tier_assignment import TierCase


@freeze_time(TODAY)
class TestCrmValueTierLock(TierCase):
    def lock(self, customer, tier, **vals):
        return self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(customer).id, "tier_id": tier.id, "reason": "Board decision", **vals}
        )

    def test_lock_changes_the_tier_at_once_and_stays(self):
        customer = self.bought(150)
        self.lock(customer, self.top)
        self.assertEqual(self.tier_changes(customer)[1:], [("Low", "Top", "lock")])
        change = self.env["crm.value.tier.change"].search([("source", "=", "lock")])
        self.assertEqual((change.reason, change.user_id), ("Board decision", self.env.user))
        self.assertIn("Board decision", self.value(customer).message_ids.body)
        self.credit_note(self.last_invoice, "2025-06-10")
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.top)

    def test_lock_holds_a_customer_down(self):
        customer = self.bought(9000)
        self.lock(customer, self.low)
        self.refresh()
        self.assertRecordValues(self.value(customer), [{"tier_id": self.low.id, "next_tier_id": self.mid.id}])

    def test_end_of_a_lock(self):
        customer = self.bought(150)
        self.lock(customer, self.top, until=TODAY + timedelta(days=5))
        with freeze_time(TODAY + timedelta(days=5)):
            self.refresh()
            self.assertEqual(self.value(customer).tier_id, self.top, "its last day")
        with freeze_time(TODAY + timedelta(days=6)):
            self.assertFalse(self.value(customer).tier_lock_id)
            self.refresh()
        self.assertEqual(self.tier_changes(customer)[2:], [("Top", "Low", "refresh")])

    def test_ended_lock_is_kept(self):
        customer = self.bought(150)
        lock = self.lock(customer, self.top)
        lock.action_end()
        self.assertEqual(self.tier_changes(customer)[1:], [("Low", "Top", "lock"), ("Top", "Low", "lock")])
        self.assertFalse(lock.active)
        self.assertTrue(lock.ended_at and lock.ended_by_id)

    def test_end_follows_the_policy(self):
        self.top.write({"downgrade_policy": "grace", "grace_days": 10})
        customer = self.bought(150)
        self.lock(customer, self.top).action_end()
        self.assertRecordValues(
            self.value(customer), [{"tier_id": self.top.id, "tier_review_date": TODAY + timedelta(days=10)}]
        )

    def test_second_lock_ends_the_first(self):
        customer = self.bought(150)
        first = self.lock(customer, self.top)
        second = self.lock(customer, self.mid)
        self.assertEqual(self.value(customer).tier_lock_id, second)
        self.assertFalse(first.active)
        self.assertEqual(self.tier_changes(customer)[1:], [("Low", "Top", "lock"), ("Top", "Mid", "lock")])

    def test_archiving_ends_a_lock(self):
        customer = self.bought(150)
        lock = self.lock(customer, self.top)
        lock.action_archive()
        self.assertEqual((lock.ended_by_id, self.value(customer).tier_id), (self.env.user, self.low))
        with self.assertRaises(UserError):
            lock.action_unarchive()

    def test_what_was_written_stays(self):
        lock = self.lock(self.bought(150), self.top)
        for vals in (
            {"reason": "Other"},
            {"user_id": 1},
            {"tier_id": self.mid.id},
            {"active": False, "ended_by_id": 1},
        ):
            with self.subTest(vals), self.assertRaises(UserError):
                lock.write(vals)
        other = new_test_user(self.env, "lock_other", groups="sales_team.group_sale_manager")
        forged = self.lock(self.bought(150, name="Second"), self.top, user_id=other.id, active=False)
        self.assertEqual((forged.user_id, forged.active), (self.env.user, True))
        with self.assertRaises(AccessError):
            lock.with_user(other).unlink()

    def test_refused(self):
        customer = self.bought(150)
        with self.assertRaises(ValidationError):
            self.lock(customer, self.top, until=TODAY - timedelta(days=1))
        foreign = self.tier("Foreign", 1, 1, company_id=self.setup_other_company(name="Other")["company"].id)
        with self.assertRaisesRegex(ValidationError, "Foreign"):
            self.lock(customer, foreign)
        self.top.active = False
        with self.assertRaises(ValidationError):
            self.lock(customer, self.top)

    def test_busy_writer_leaves_it_to_the_cron(self):
        customer = self.bought(150)
        Scheduler = type(self.env["crm.value.scheduler"])
        self.env["crm.value.queue"].search([]).unlink()
        with patch.object(Scheduler, "_is_writer", lambda *args, **kwargs: False):
            self.lock(customer, self.top)
        self.assertEqual(self.value(customer).tier_id, self.low)
        self.assertEqual(self.env["crm.value.queue"].search([]).mapped("partner_key"), customer.ids)
        self.Refresh._refresh_queue(lambda work: work())
        self.assertEqual(self.tier_changes(customer)[1:], [("Low", "Top", "lock")])
