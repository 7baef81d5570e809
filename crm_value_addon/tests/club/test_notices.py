from datetime import timedelta

from freezegun import freeze_time

from ..common import TODAY
from ..portal.test_crm_value_portal import PortalCase


@freeze_time(TODAY)
class TestNotices(PortalCase):
    """What customers read of rules that changed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Asked = cls.env["crm.value.tier.asked"]
        cls.Asked.search([]).unlink()
        with freeze_time(TODAY - timedelta(days=90)):
            cls.Asked._note(cls.company)

    def threshold(self, tier, enter, keep=None):
        tier.criterion_ids.write({"enter_min": enter, "keep_min": enter if keep is None else keep})

    def notices(self, customer):
        return [row["text"].replace("\xa0", " ") for row in self.page(customer)["notices"]]

    def test_a_threshold_is_raised(self):
        customer = self.bought(1000)
        self.assertEqual(self.notices(customer), [])
        self.threshold(self.top, 7000)
        [text] = self.notices(customer)
        self.assertRegex(
            text,
            r"^Top now asks for Purchases of the last 12 months: at least .*7,000\.00 instead of .*5,000\.00\.$",
        )
        self.assertEqual(self.page(customer)["notices"][0]["date"], TODAY)
        with freeze_time(TODAY + timedelta(days=59)):
            self.assertEqual(len(self.notices(customer)), 1)
        with freeze_time(TODAY + timedelta(days=60)):
            self.assertEqual(self.notices(customer), [])

    def test_what_is_taken_back_on_the_same_day_is_no_news(self):
        customer, keep = self.bought(1000), self.top.criterion_ids.keep_min
        self.threshold(self.top, 7000, keep)
        self.threshold(self.top, 9000, keep)
        self.assertIn("9,000", self.notices(customer)[0])
        self.threshold(self.top, 5000, keep)
        self.assertEqual(self.notices(customer), [])

    def test_noting_twice_is_noting_once(self):
        self.threshold(self.top, 7000)
        lines = self.Asked.search([])
        self.Asked._note(self.company)
        self.assertEqual(self.Asked.search([]), lines)

    def test_keeping_concerns_who_has_the_tier(self):
        low, mid = self.bought(150), self.bought(1000, name="Mid")
        keep = self.mid.criterion_ids.keep_min
        self.mid.criterion_ids.keep_min = keep - 50
        self.assertEqual(self.notices(low), [])
        [text] = self.notices(mid)
        self.assertTrue(text.startswith("To keep Mid: "), text)

    def test_a_new_tier_and_one_that_is_gone(self):
        customer = self.bought(1000)
        self.tier("Star", 9000, 9000)
        self.assertEqual(self.notices(customer), ["Star is new."])
        self.env["crm.value.tier"].search([("name", "=", "Star")]).active = False
        self.assertEqual(self.notices(customer), [])

    def test_another_figure(self):
        customer = self.bought(1000)
        self.top.criterion_ids = [(0, 0, {"metric": "purchase_count", "enter_min": 3, "keep_min": 3})]
        [text] = self.notices(customer)
        self.assertEqual(text, "Top now asks for Number of purchases: at least 3.")
        self.top.criterion_ids.filtered(lambda line: line.metric == "revenue_12m").unlink()
        self.assertIn("Top no longer asks for: Purchases of the last 12 months.", self.notices(customer))

    def test_secret_figures_and_tiers_for_others(self):
        customer = self.bought(1000)
        self.top.criterion_ids = [(0, 0, {"metric": "clv", "enter_min": 9e6, "keep_min": 9e6})]
        self.assertEqual(self.notices(customer), [])
        self.top.partner_domain = repr([("name", "=", "Somebody")])
        self.threshold(self.top.criterion_ids[0].tier_id, 8e6)
        self.assertEqual(self.notices(customer), [])

    def test_another_company(self):
        self.other.value_portal = True
        self.Asked._note(self.other)
        self.threshold(self.top, 7000)
        stranger = self.customer("Stranger")
        self.assertEqual(self.page(stranger, self.other)["notices"], [])

    def test_rules_are_evaluated_once(self):
        self.top.partner_domain = repr([("name", "!=", "Somebody")])
        customer = self.bought(1000)
        Explanation = self.env.registry["crm.value.tier.explanation"]
        calls, original = [], Explanation._evaluate
        self.patch(Explanation, "_evaluate", lambda *args: calls.append(args) or original(*args))
        self.assertEqual([rung["name"] for rung in self.page(customer)["ladder"]], ["Low", "Mid", "Top"])
        self.assertEqual(len(calls), 1)
