import json
from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from ..common import TODAY
from ..tiers.test_crm_value_tier_assignment import TierCase


@freeze_time(TODAY)
class TestCrmValueCustomerPage(TierCase):
    """The answers at the top of a customer's page; tiers at 0, 1,000 and more of revenue (see `TierCase`)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seller, cls.manager, cls.outsider = (
            new_test_user(
                cls.env, login, groups=groups, company_id=cls.company.id, company_ids=[Command.set(cls.company.ids)]
            )
            for login, groups in (
                ("page_seller", "sales_team.group_sale_salesman"),
                ("page_manager", "sales_team.group_sale_manager"),
                ("page_portal", "base.group_portal"),
            )
        )

    def page(self, customer, user=None):
        """Return what a user gets, as it arrives in the browser."""
        env = self.env(user=user or self.manager)
        page = env["crm.value.customer.page"].with_company(self.company).read_page(self.value(customer).id)
        return json.loads(json.dumps(page))

    def tiles(self, customer, user=None):
        return {tile["name"]: tile for tile in self.page(customer, user)["tiles"]}

    def test_the_tiles(self):
        customer = self.customer("Bakery", phone="+1 555 0100")
        for day in ("2025-02-01", "2025-03-05", "2025-04-06"):
            self.invoice(customer, day, 250)
        self.refresh()
        tiles = self.tiles(customer)
        self.assertEqual(tiles["tier"]["text"], "Low")
        self.assertIn("usually every 32 days, silent for 85", tiles["stage"]["detail"])
        self.assertEqual(tiles["next_tier"]["label"], "To Mid")
        self.assertEqual(tiles["next_tier"]["text"], "$\xa0250.00")
        self.assertEqual(tiles["next_tier"]["share"], 75)
        self.assertIn("$\xa0750.00", tiles["clv"]["detail"])

    def test_large_amounts_have_no_decimals(self):
        customer = self.bought(12000.4)
        self.assertEqual(self.tiles(customer, self.seller)["revenue"]["text"], "$\xa012,000")

    def test_a_seller_without_margins_is_sent_none(self):
        customer = self.bought(850)
        self.assertGreater(self.value(customer).clv, 0)
        page = self.page(customer, self.seller)
        self.assertNotIn("clv", [tile["name"] for tile in page["tiles"]])
        self.assertEqual(page["chart"]["worth_label"], "Revenue 12 Months")
        self.assertEqual(page["chart"]["worth"][-1], 850)

    def test_who_may_read_it(self):
        value_id = self.value(self.bought(850)).id
        for user in (self.outsider, self.env.ref("base.public_user")):
            with self.assertRaises(AccessError):
                self.env(user=user)["crm.value.customer.page"].read_page(value_id)
        for nonsense in (0, -1, 2**31 - 1, "1", None):
            with self.assertRaises(UserError):
                self.env(user=self.manager)["crm.value.customer.page"].read_page(nonsense)

    def test_not_of_another_company(self):
        other = self.setup_other_company(name="Other")["company"]
        stranger = new_test_user(
            self.env,
            "page_stranger",
            groups="sales_team.group_sale_manager",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        with self.assertRaises(AccessError):
            self.page(self.bought(850), stranger)

    def test_a_tier_in_danger_and_a_lock(self):
        customer = self.bought(850)
        value = self.value(customer)
        value.tier_review_date = date(2025, 7, 10)
        self.assertEqual(self.tiles(customer)["tier"]["tone"], "warning")
        self.assertIn("07/10/2025", self.tiles(customer)["tier"]["detail"])
        self.env["crm.value.tier.lock"].create(
            {"value_id": value.id, "tier_id": self.top.id, "reason": "Old friend", "until": date(2025, 12, 31)}
        )
        tile = self.tiles(customer)["tier"]
        self.assertEqual((tile["text"], tile["is_locked"]), ("Top", True))
        self.assertIn("12/31/2025", tile["detail"])

    def test_the_number_of_a_contact_will_do(self):
        customer = self.bought(850)
        self.env["res.partner"].create({"name": "Ann", "parent_id": customer.id, "phone": "+1 555 0111"})
        contact = self.page(customer)["contact"]
        self.assertEqual((contact["name"], contact["phone"]), ("Ann", "+1 555 0111"))

    def test_bought_once_and_never(self):
        once = self.bought(850)
        self.assertIn("first purchase on", self.tiles(once)["stage"]["detail"])
        never = self.customer("Nobody")
        self.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "partner_id": never.id, "company_id": self.company.id}
        )
        self.refresh()
        self.assertNotIn("next_purchase", self.tiles(never))
        self.assertIn("nothing was bought yet", self.tiles(never)["stage"]["detail"])
        self.assertFalse(self.page(never)["chart"])

    def test_the_chart_adds_up_to_the_books(self):
        customer = self.customer("Bakery")
        invoice = self.invoice(customer, "2025-05-01", 600)
        self.invoice(customer, "2025-05-20", 300)
        self.invoice(customer, "2023-01-01", 99)  # further back than the chart
        self.credit_note(invoice, "2025-06-02", 100)
        self.refresh()
        chart = self.page(customer)["chart"]
        self.assertEqual(len(chart["labels"]), 24)
        self.assertEqual(chart["bought"][-2:], [900, -100])
        self.assertEqual(sum(chart["bought"]), 800)
        self.assertEqual(chart["counts"][-2:], [2, 0])
        self.assertEqual(chart["moves"][-1]["text"], "06/30/2025: No tier → Low")

    def test_follow_ups_with_their_text_and_done(self):
        customer = self.bought(850)
        value = self.value(customer)
        rule = self.env["crm.value.followup.rule"].search([], limit=1)
        activity = customer.activity_schedule(
            "mail.mail_activity_data_call", date(2025, 6, 20), summary="Call Bakery", note="<p>Silent since May</p>"
        )
        activity.user_id = self.seller
        vals = {
            "rule_id": rule.id,
            "value_id": value.id,
            "company_id": self.company.id,
            "date": date(2025, 6, 18),
            "deadline": date(2025, 6, 20),
            "group": "treated",
            "state": "open",
            "user_id": self.seller.id,
            "activity_id": activity.id,
        }
        followup = self.env["crm.value.followup"].create(vals | {"occasion": "one"})
        activity.value_followup_id = followup
        [row] = self.page(customer, self.seller)["followups"]
        self.assertEqual((row["summary"], row["note"], row["is_late"]), ("Call Bakery", "Silent since May", True))
        self.assertEqual(row["activity_id"], activity.id)
        activity.with_user(self.seller).action_feedback(feedback="Ordered again")
        self.assertEqual(followup.state, "done")
        self.assertFalse(self.page(customer, self.seller)["followups"])

    def test_the_control_group_is_not_followed_up(self):
        customer = self.bought(850)
        self.env["crm.value.followup"].create(
            {
                "rule_id": self.env["crm.value.followup.rule"].search([], limit=1).id,
                "value_id": self.value(customer).id,
                "company_id": self.company.id,
                "date": TODAY,
                "deadline": TODAY,
                "group": "control",
                "state": "control",
                "occasion": "one",
            }
        )
        self.assertFalse(self.page(customer)["followups"])
