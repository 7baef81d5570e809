from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.club.common import EarningCase
from odoo.addons.crm_value_addon.tests.common import TODAY


@freeze_time(TODAY)
class TestEarningByTakingPart(EarningCase):
    """Points for reviews and surveys, where the apps are installed: for what was bought, and once each."""

    def review(self, customer, product, day=TODAY, score=5):
        rating = self.env["rating.rating"].create(
            {
                "partner_id": customer.id,
                "rating": score,
                "consumed": True,
                "res_id": product.product_tmpl_id.id,
                "res_model_id": self.env["ir.model"]._get("product.template").id,
            }
        )
        self.env.flush_all()
        self.env.cr.execute("UPDATE rating_rating SET write_date = %s WHERE id = %s", (day, rating.id))
        self.env.invalidate_all()
        return rating

    def another(self, name):
        return self.env["product.product"].create({"name": name, "list_price": 10.0})

    def buyer(self, *products):
        customer = self.customer("Reviewer")
        for product in products:
            self.invoice(customer, "2025-06-01", 1000, product=product)
        self.refresh()
        return customer

    def test_a_review_of_what_was_bought(self):
        self.way("review")
        other = self.another("Never bought")
        customer = self.buyer(self.product)
        rating = self.review(customer, self.product)
        self.review(customer, other)
        self.run_cron()
        self.assertEqual(self.points(customer), 10)
        # written anew, deleted and written anew, by another person of the same customer
        self.review(customer, self.product)
        rating.unlink()
        person = self.customer("Person", parent_id=customer.id)
        self.review(person, self.product)
        self.run_cron()
        self.assertEqual(self.points(customer), 10)
        self.invoice(customer, "2025-06-20", 100, product=other)
        self.refresh()
        self.run_cron()
        self.assertEqual(self.points(customer), 20)

    def test_a_limit_per_month(self):
        self.way("review", most_count=2)
        products = [self.another(f"Product {number}") for number in range(4)]
        customer = self.buyer(*products)
        for product in products:
            self.review(customer, product)
        for _time in range(2):
            self.run_cron()
        self.assertEqual(self.points(customer), 20)
        late = self.another("Next month")
        self.invoice(customer, "2025-06-20", 100, product=late)
        self.refresh()
        with freeze_time("2025-07-01"):
            self.review(customer, late, "2025-07-01")
            self.run_cron()
        self.assertEqual(self.points(customer), 30)

    def test_an_answered_survey(self):
        if "survey.user_input" not in self.env:
            self.skipTest("survey is not installed")
        self.way("survey")
        customer = self.buyer(self.product)
        survey = self.env["survey.survey"].create({"title": "How was it?"})

        def answer(**vals):
            return self.env["survey.user_input"].create(
                {
                    "survey_id": survey.id,
                    "partner_id": customer.id,
                    "state": "done",
                    "end_datetime": TODAY,
                    **vals,
                }
            )

        answer(state="in_progress")
        answer(test_entry=True)
        self.run_cron()
        self.assertEqual(self.points(customer), 0)
        answer()
        answer()
        for _time in range(2):
            self.run_cron()
        answer()
        self.run_cron()
        self.assertEqual(self.points(customer), 10)
