from freezegun import freeze_time

from odoo.tests import new_test_user, tagged

from ..common import TODAY
from .test_crm_value_product import ProductCase


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestProductFollowups(ProductCase):
    """The reasons to follow up that products give."""

    @classmethod
    def rule(cls, trigger, **vals):
        return cls.env["crm.value.followup.rule"].create(
            {"name": trigger, "trigger": trigger, "company_id": cls.company.id, **vals}
        )

    def due(self, rule, **options):
        query = self.env["crm.value.followup.trigger"]._select_due(rule, self.company, TODAY, **options)
        rows = self.env.execute_query_dict(query)
        names = {value.id: value.partner_id.name for value in self.Value.search([])}
        return {(names[row["value_id"]], row["detail"]): row for row in rows}

    def test_due(self):
        self.buy(self.customer("Late"), self.beans, 200, 130, 80)
        self.buy(self.customer("In time"), self.beans, 200, 110, 20)
        self.refresh()
        self.assertEqual(set(self.due(self.rule("product_due", days=5))), {("Late", "Coffee")})
        self.assertFalse(self.due(self.rule("product_due", days=300)))

    def test_lost_and_dismissed(self):
        customer = self.customer("Gone")
        self.buy(customer, self.beans, 700, 660, 620)
        self.buy(self.customer("Bought once"), self.beans, 900)
        self.refresh()
        rule = self.rule("product_lost", days=0)
        found = self.due(rule)
        self.assertEqual(set(found), {("Gone", "Coffee")})
        self.assertEqual(found["Gone", "Coffee"]["number"], 620)
        self.assertFalse(self.due(self.rule("product_lost", days=30)), "lost long ago")
        self.env["crm.value.dismissal"].create(
            {"partner_id": customer.id, "company_id": self.company.id, "category_id": self.coffee.id, "reason": "price"}
        )
        self.assertFalse(self.due(rule, check_only=True), "it closes what is open")

    def test_revenue_falls(self):
        customer = self.customer("Less")
        self.buy(customer, self.beans, 500, 440, amount=500)
        self.buy(customer, self.beans, 60, 10, amount=100)
        self.buy(customer, self.leaves, 500, 20)
        self.refresh()
        self.assertEqual(set(self.due(self.rule("category_falls", gap_percent=30))), {("Less", "Coffee")})
        self.assertFalse(self.due(self.rule("category_falls", gap_percent=90)))

    def test_a_rule_makes_one_activity(self):
        seller = new_test_user(self.env, "rule_seller", "sales_team.group_sale_salesman", company_id=self.company.id)
        customer = self.customer("Gone", user_id=seller.id)
        self.buy(customer, self.beans, 700, 660, 620)
        self.refresh()
        rule = self.rule(
            "product_lost",
            days=0,
            summary="{customer} no longer buys {detail}",
            activity_type_id=self.env.ref("mail.mail_activity_data_call").id,
            active=True,
        )
        rule.action_run()
        self.assertIn("no longer buys Coffee", customer.activity_ids.mapped("summary")[0])
