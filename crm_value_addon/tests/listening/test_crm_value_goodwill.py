from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError

from ..common import TODAY
from .common import ListeningCase


@freeze_time(TODAY)
class TestCrmValueGoodwill(ListeningCase):
    """Salespeople make good what went wrong, within what tier and settings allow."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "value_goodwill_program_id": cls.program("coupons").id,
                "value_goodwill_days": 30,
                "value_goodwill_monthly": 2,
            }
        )
        cls.top.goodwill_limit = 1
        cls.client = cls.buyer("Client", 6000)
        cls.refresh()

    def give(self, complaint, user=None):
        return complaint.with_user(user or self.ann).action_give_goodwill()

    def test_once_for_a_complaint(self):
        complaint = self.told(self.client)
        self.give(complaint)
        gift = complaint.goodwill_id
        self.assertRecordValues(
            gift,
            [
                {
                    "is_goodwill": True,
                    "value_id": self.value(self.client).id,
                    "create_uid": self.ann.id,
                    "occasion_text": "Goodwill",
                    "state": "given",
                }
            ],
        )
        self.assertRecordValues(
            gift.card_id,
            [
                {
                    "partner_id": self.client.id,
                    "program_id": self.company.value_goodwill_program_id.id,
                    "points": 1,
                    "expiration_date": TODAY + timedelta(days=30),
                }
            ],
        )
        with self.refused("already got a coupon"):
            self.give(complaint, self.boss)

    def test_allowance_of_the_tier(self):
        self.give(self.told(self.client))
        with self.refused("1 goodwill coupons in 12 months"):
            self.give(self.told(self.client))
        self.give(self.told(self.client), self.boss)
        with freeze_time(TODAY + timedelta(days=366)):
            self.invoice(self.client, TODAY + timedelta(days=360), 6000)
            self.refresh()
            self.give(self.told(self.client))

    def test_no_tier_no_coupon(self):
        stranger = self.buyer("Stranger", 10)
        self.refresh()
        with self.refused("no tier"):
            self.give(self.told(stranger))
        self.give(self.told(stranger), self.boss)

    def test_allowance_of_the_seller(self):
        clients = [self.buyer(f"Client {number}", 6000) for number in range(3)]
        self.refresh()
        for client in clients[:2]:
            self.give(self.told(client))
        with self.refused("2 goodwill coupons a month"):
            self.give(self.told(clients[2]))
        self.give(self.told(clients[2]), self.bob)
        with freeze_time(TODAY + timedelta(days=1)):
            self.give(self.told(self.client))

    def test_no_program_and_no_complaint(self):
        with self.refused("no goodwill coupon"):
            self.give(self.told(self.client, self.idea_kind))
        self.company.value_goodwill_program_id = False
        complaint = self.told(self.client)
        self.assertFalse(complaint.can_give_goodwill)
        with self.refused("no goodwill coupon"):
            self.give(complaint)

    def test_nobody_notes_a_coupon_by_hand(self):
        gift = self.env["crm.value.grant"]
        complaint = self.told(self.client)
        with self.assertRaises(AccessError):
            self.told(self.client, user=self.bob, goodwill_id=1)
        with self.assertRaises(AccessError):
            gift.with_user(self.boss).create({"value_id": self.value(self.client).id, "occasion": "goodwill 1"})
        self.assertFalse(complaint.goodwill_id)

    def test_an_erased_profile_keeps_the_count(self):
        complaint = self.told(self.client)
        self.give(complaint)
        gift = complaint.goodwill_id
        self.env["crm.value.privacy"]._erase(self.client)
        self.assertNotIn(str(complaint.id), gift.occasion.removeprefix("erased-").removesuffix(str(gift.id)))
        self.assertTrue(gift.is_goodwill)
        gift._remember()
        self.assertTrue(gift.memory_key)
