from datetime import timedelta

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.addons.crm_value_addon.tests.components.test_crm_value_component import PartsCase
from odoo.addons.crm_value_addon.tests.followups.test_crm_value_followup_trigger import FollowupCase


@freeze_time(TODAY)
class TestRatings(PartsCase):
    """What customers' ratings are worth, where the app is installed."""

    def test_satisfaction_and_knowledge(self):
        customer = self.customer("Bakery")
        for day in range(400, 5, -30):
            self.invoice(customer, TODAY - timedelta(days=day), 100)
        for score in (1, 2):
            rating = self.env["rating.rating"].create(
                {
                    "partner_id": customer.id,
                    "rating": score,
                    "consumed": True,
                    "res_id": customer.id,
                    "res_model_id": self.env["ir.model"]._get("res.partner").id,
                }
            )
            self.env.flush_all()
            self.env.cr.execute("UPDATE rating_rating SET write_date = %s WHERE id = %s", (TODAY, rating.id))
        self.env.ref("crm_value_addon.feedback_kind_rating").amount = 12
        self.refresh()
        # (1 + 2) / 2; below 3 nobody is called loyal; 2 × 12 a year = 2 a month
        self.assertEqual(self.value(customer).satisfaction, 1.5)
        self.assertEqual(self.value(customer).lifecycle_stage, "active")
        self.assertAlmostEqual(
            self.value(customer).knowledge_value,
            round(sum(2 * self.factor(month) for month in range(1, 25)), 2),
            places=2,
        )


@freeze_time(TODAY)
class TestLowRating(FollowupCase):
    def test_low_rating(self):
        customer = self.bought("Angry", 10)
        happy = self.bought("Happy", 10)
        self.refresh()
        rule = self.rule("low_rating", rating_max=2)
        model = self.env["ir.model"]._get_id("res.partner")
        self.env["rating.rating"].create(
            [
                {
                    "res_model_id": model,
                    "res_id": partner.id,
                    "partner_id": partner.id,
                    "rating": stars,
                    "consumed": True,
                    "rated_on": TODAY,
                    "feedback": "Late",
                }
                for partner, stars in ((customer, 1), (happy, 5))
            ]
        )
        self.assertEqual(self.due(rule), {"Angry": "Late"})
