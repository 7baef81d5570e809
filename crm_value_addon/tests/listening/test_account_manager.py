from datetime import datetime

from freezegun import freeze_time

from ..common import TODAY
from .common import ListeningCase


@freeze_time(TODAY)
class TestAccountManager(ListeningCase):
    """How often a customer got another salesperson of ours."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account = cls.customer("Account")
        cls.steady = cls.customer("Steady")
        for user in (cls.ann, cls.bob, cls.ann):
            cls.change(cls.account, user)
        cls.change(cls.steady, cls.ann)

    @classmethod
    def change(cls, partner, user):
        """Give a customer a salesperson, as a user does who leaves a trace."""
        partner.with_context(tracking_disable=False, mail_notrack=False).user_id = user
        cls.env.flush_all()
        cls.env.cr.precommit.run()

    def test_changes_are_counted(self):
        self.assertEqual(self.account.salesperson_change_count, 2, "the first one changed nobody")
        self.assertEqual(self.steady.salesperson_change_count, 0)
        contact = self.customer("Person", parent_id=self.account.id)
        self.assertEqual(contact.salesperson_change_count, 2, "a contact shows its company's")

    def test_search(self):
        both = self.account + self.steady
        Partner = self.env["res.partner"]
        found = Partner.search([("id", "in", both.ids), ("salesperson_change_count", ">=", 2)])
        self.assertEqual(found, self.account)
        self.assertFalse(Partner.search([("id", "in", both.ids), ("salesperson_change_count", ">", 2)]))
        self.assertEqual(Partner.search([("id", "in", both.ids), ("salesperson_change_count", ">=", 0)]), both)

    def test_what_is_long_ago_does_not_count(self):
        self.env["mail.message"].search([("model", "=", "res.partner"), ("res_id", "=", self.account.id)]).write(
            {"date": datetime(2023, 6, 1)}
        )
        self.account.invalidate_recordset()
        self.assertEqual(self.account.salesperson_change_count, 0)

    def test_one_query_for_many(self):
        both = self.account + self.steady
        both.mapped("salesperson_change_count")
        both.invalidate_recordset(["salesperson_change_count"])
        self.env.flush_all()
        with self.assertQueryCount(1):
            both.mapped("salesperson_change_count")
