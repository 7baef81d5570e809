from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tests import new_test_user

from .common import TODAY, OutreachCase


@freeze_time(TODAY)
class TestFollowupReason(OutreachCase):
    """The reasons that a rule describes further: who is due, who is not, and in which order."""

    def stage(self, customer, stage, since=None, **columns):
        for name, value in {"lifecycle_stage": stage, "lifecycle_since": since, **columns}.items():
            self.env.cr.execute(
                f"UPDATE crm_value SET {name} = %s WHERE id = %s",  # noqa: S608
                [value, self.value(customer).id],
            )
        self.env.invalidate_all()

    def test_lost_before_the_installation_in_portions_by_what_a_return_is_worth(self):
        names = ("Small", "Large", "Middle")
        customers = [
            self.bought(name, 700, 400, amount=amount, email=f"{name}@example.com")
            for name, amount in zip(names, (100, 900, 500), strict=True)
        ]
        self.refresh()
        for customer in customers:
            self.stage(customer, "lost", None)
        rule = self.rule("stage_reached", stage="lost", portion=2)
        self.assertEqual(list(self.due(rule)), ["Large", "Middle"])
        self.run_rules()
        self.run_rules()
        self.assertEqual(set(self.followups(rule).partner_id.mapped("name")), {"Large", "Middle"})
        with freeze_time(TODAY + timedelta(days=1)):
            self.assertEqual(list(self.due(rule)), ["Small"])
        self.assertFalse(self.due(self.rule("stage_reached", stage="lost", days=30)), "nobody knows since when")

    def test_an_order_under_way_is_no_loss(self):
        customer = self.bought("Back", 400, 700)
        self.refresh()
        self.stage(customer, "lost", None)
        rule = self.rule("stage_reached", stage="lost")
        self.assertEqual(list(self.due(rule)), ["Back"])
        self.env["sale.order"].create(
            {
                "partner_id": customer.id,
                "company_id": self.company.id,
                "order_line": [(0, 0, {"product_id": self.product.id, "product_uom_qty": 1})],
            }
        ).action_confirm()
        self.assertFalse(self.due(rule))

    def test_revenue_that_falls_and_rises(self):
        self.bought("Falls", 400, amount=1000)
        self.bought("Falls less", 400, amount=1000)
        self.bought("Rises", 400, amount=100)
        for name, amount in (("Falls", 500), ("Falls less", 800), ("Rises", 300)):
            self.invoice(self.env["res.partner"].search([("name", "=", name)], limit=1), TODAY, amount)
        self.bought("New", 5, amount=1000)
        self.refresh()
        falls = self.rule("figure_changed", change_direction="falls", change_percent=50)
        rises = self.rule("figure_changed", change_direction="rises", change_percent=50)
        self.assertEqual(list(self.due(falls)), ["Falls"])
        self.assertEqual(list(self.due(rises)), ["Rises"])
        self.assertEqual([row.number for row in self.due_customers(falls)], [50])
        # a refund of the year before is a smaller year before
        note = self.env["account.move"].search([("partner_id.name", "=", "Falls"), ("invoice_date", "<", TODAY)])
        self.credit_note(note, TODAY - timedelta(days=390), 600)
        self.refresh()
        self.assertFalse(self.due(falls))

    def test_a_lifetime_value_that_falls_shows_no_figure(self):
        customer = self.bought("Falls", 30, 60)
        self.refresh()
        value = self.value(customer)
        self.env["crm.value.snapshot"].sudo().search([("value_id", "=", value.id)]).unlink()
        self.env["crm.value.snapshot"].sudo().create(
            {
                "value_id": value.id,
                "company_id": self.company.id,
                "as_of_date": TODAY - timedelta(days=1),
                "clv": 2 * value.clv + 100,
            }
        )
        rule = self.rule("figure_changed", figure="clv", change_percent=40)
        self.assertEqual([row.number for row in self.due_customers(rule)], [None])
        outsider = new_test_user(
            self.env,
            "no_margins",
            "sales_team.group_sale_manager",
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
        self.env.ref("crm_value_addon.group_value_margin").sudo().user_ids -= outsider
        if not outsider.has_group("crm_value_addon.group_value_margin"):
            with self.assertRaisesRegex(ValidationError, "may not see"):
                rule.with_user(outsider).sudo(False).copy()

    def test_a_date_before_after_and_each_year(self):
        customer = self.bought("Dated", 30)
        self.refresh()
        field = "crm.lead.date_deadline"
        lead = self.env["crm.lead"].create(
            {
                "name": "Contract",
                "type": "opportunity",
                "partner_id": customer.id,
                "company_id": self.company.id,
                "date_deadline": TODAY + timedelta(days=30),
            }
        )
        before = self.rule("date_field", date_field=field, days=30)
        after = self.rule("date_field", date_field=field, days=30, is_after=True)
        self.assertEqual((list(self.due(before)), list(self.due(after))), (["Dated"], []))
        lead.date_deadline = TODAY - timedelta(days=30)
        self.assertEqual((list(self.due(before)), list(self.due(after))), ([], ["Dated"]))
        lead.date_deadline = TODAY.replace(year=2022)
        yearly = self.rule("date_field", date_field=field, is_yearly=True)
        self.assertEqual(list(self.due(yearly)), ["Dated"])
        self.assertEqual([row.date for row in self.due_customers(yearly)], [TODAY])
        # a record of another company is none of this one's
        lead.company_id = self.env["res.company"].create({"name": "Elsewhere"})
        self.assertFalse(self.due(yearly))

    def test_no_date_but_that_of_a_customer(self):
        for name in ("res.partner.name", "ir.cron.nextcall", "res.partner.create_date", "nonsense"):
            with self.subTest(name), self.assertRaisesRegex(ValidationError, "no stored date"):
                self.rule("date_field", date_field=name)
        with self.assertRaisesRegex(ValidationError, "needs Date"):
            self.rule("date_field", date_field=False)

    def test_a_manager_uses_no_date_that_they_may_not_read(self):
        rule = self.rule("manual").with_user(self.manager)
        if self.env["account.move"].with_user(self.manager).has_access("read"):
            self.skipTest("sales managers read invoices here")
        with self.assertRaisesRegex(ValidationError, "may not read"):
            rule.write({"trigger": "date_field", "date_field": "account.move.invoice_date_due"})

    def test_holidays_of_a_country(self):
        china, germany = self.env.ref("base.cn"), self.env.ref("base.de")
        self.bought("Li", 30, country_id=china.id)
        self.bought("Otto", 30, country_id=germany.id)
        self.bought("Nowhere", 30)
        self.refresh()
        Holiday = self.env["crm.value.holiday"]
        Holiday.search([]).active = False
        rule = self.rule("holiday", days=2)
        day = Holiday.create({"name": "Festival", "date": TODAY + timedelta(days=2), "country_id": china.id})
        self.assertEqual(self.due(rule), {"Li": "Festival"})
        day.write({"date": (TODAY + timedelta(days=2)).replace(year=2020), "is_yearly": True})
        self.assertEqual(self.due(rule), {"Li": "Festival"})
        day.is_yearly = False
        self.assertFalse(self.due(rule))
        day.write({"date": TODAY + timedelta(days=2), "country_id": False})
        self.assertEqual(set(self.due(rule)), {"Li", "Otto", "Nowhere"})
        self.run_rules()
        with freeze_time(TODAY + timedelta(days=2)):
            self.assertFalse(self.due(rule), "greeted once")

    def test_feedback_of_a_kind(self):
        customer = self.bought("Talks", 30)
        person = self.customer("Ann", parent_id=customer.id)
        self.refresh()
        kinds = self.env["crm.value.feedback.kind"].search([("source", "=", "manual")], limit=2)
        rule = self.rule("feedback", feedback_kind_id=kinds[0].id)
        feedback = self.env["crm.value.feedback"].create(
            {
                "partner_id": person.id,
                "company_id": self.company.id,
                "kind_id": kinds[0].id,
                "description": "Never again",
            }
        )
        self.assertEqual(self.due(rule), {"Talks": "Never again"})
        feedback.company_id = self.env["res.company"].create({"name": "Elsewhere"})
        self.assertFalse(self.due(rule))

    def test_a_handover_is_over_when_it_is_taken_back(self):
        customer = self.bought("Handed over", 30)
        self.refresh()
        rule = self.rule("salesperson_changed")
        customer.user_id = self.manager
        self.env["mail.message"].create(
            {
                "model": "res.partner",
                "res_id": customer.id,
                "message_type": "notification",
                "tracking_value_ids": [
                    (
                        0,
                        0,
                        {
                            "field_id": self.env["ir.model.fields"]._get("res.partner", "user_id").id,
                            "old_value_integer": self.seller.id,
                            "old_value_char": "Old",
                            "new_value_integer": self.manager.id,
                            "new_value_char": "New",
                        },
                    )
                ],
            }
        )
        self.assertEqual(self.due(rule), {"Handed over": "Old → New"})
        self.run_rules()
        customer.user_id = self.seller
        self.run_rules()
        self.assertEqual(self.followups(rule).state, "closed")
