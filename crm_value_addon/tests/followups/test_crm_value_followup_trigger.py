from dataclasses import replace
from datetime import date, datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.tests import new_test_user

from ...models.followups.triggers import TRIGGERS
from ..common import TODAY, ValueCase
from ..common_sales import SalesCase


class FollowupCase(ValueCase):
    """Three tiers of the test company, a salesperson, and one rule at a time."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.value.tier"].search([]).active = False
        cls.env["crm.value.followup.rule"].search([]).active = False
        cls.low, cls.mid, cls.top = (
            cls.env["crm.value.tier"].create(
                {
                    "name": name,
                    "company_id": cls.company.id,
                    "sequence": sequence,
                    "criterion_ids": [Command.create({"metric": "revenue_12m", "enter_min": enter, "keep_min": keep})],
                }
            )
            for name, sequence, enter, keep in (
                ("Low", 101, 100, 100),
                ("Mid", 102, 1000, 800),
                ("Top", 103, 5000, 4000),
            )
        )
        company = {"company_id": cls.company.id, "company_ids": [Command.set(cls.company.ids)]}
        cls.seller = new_test_user(cls.env, "seller", "sales_team.group_sale_salesman", **company)
        cls.manager = new_test_user(cls.env, "boss", "sales_team.group_sale_manager", **company)
        cls.company.value_followup_cap = 0
        # after the first refresh, customers cause their tier changes
        cls.refresh()

    @classmethod
    def rule(cls, trigger, **vals):
        return (
            cls.env["crm.value.followup.rule"]
            .with_company(cls.company)
            .create(
                {
                    "name": f"Rule {trigger}",
                    "trigger": trigger,
                    "company_id": cls.company.id,
                    "days": 0,
                    "user_id": cls.seller.id,
                    "summary": "{customer}",
                    **vals,
                }
            )
        )

    def bought(self, name, *days_ago, amount=100, **vals):
        customer = self.customer(name, **vals)
        for days in days_ago:
            self.invoice(customer, TODAY - timedelta(days=days), amount)
        return customer

    def due(self, rule):
        """Return the due customers: dict name → what {detail} stands for."""
        partner = self.env["res.partner"]
        return {partner.browse(row.partner_id).name: row.detail for row in self.due_customers(rule)}

    def due_customers(self, rule):
        return rule.env["crm.value.followup.due"]._find(rule, self.company)

    def run_rules(self):
        """Close and schedule as the cron does, even twice a day."""
        self.env["crm.value.run"].search([("kind", "=", "followup")]).unlink()
        self.env["crm.value.followup.run"].with_company(self.company)._run_company(self.company)
        self.env.invalidate_all()

    def followups(self, rule):
        return self.env["crm.value.followup"].search([("rule_id", "=", rule.id)], order="id")


@freeze_time(TODAY)
class TestCrmValueFollowupTrigger(FollowupCase):
    """Each trigger: who is due, who is not, and what resolves the follow-up."""

    def assertClosed(self, rule, reason=None):
        self.run_rules()
        followup = self.followups(rule)[-1]
        self.assertEqual(followup.state, "closed")
        self.assertTrue(followup.close_reason)
        if reason:
            self.assertIn(reason, followup.close_reason)
        self.assertFalse(followup.activity_id.active)

    def assertOpen(self, rule, count=1):
        self.run_rules()
        self.assertEqual(self.followups(rule).mapped("state"), ["open"] * count)

    def test_tier_gained_and_lost(self):
        customer = self.bought("Climber", 30, amount=200)
        other = self.bought("Stays", 30, amount=200)
        self.refresh()
        gained, lost = self.rule("tier_gained", tier_id=self.mid.id), self.rule("tier_lost", tier_id=self.mid.id)
        self.assertFalse(self.due(gained), "entered Low only")
        invoice = self.invoice(customer, TODAY, 1000)
        self.refresh(customer + other)
        self.assertEqual(self.due(gained), {"Climber": "Mid"})
        self.assertOpen(gained)
        self.credit_note(invoice, TODAY)
        self.refresh(customer)
        self.assertEqual(self.due(lost), {"Climber": "Mid"})
        self.run_rules()
        self.assertEqual(self.followups(gained).state, "closed")
        self.assertEqual(self.followups(lost).state, "open")
        self.invoice(customer, TODAY, 1000)
        self.refresh(customer)
        self.assertClosed(lost, "again")

    def test_first_assignment_is_no_gain(self):
        self.env["crm.value.run"].search([]).unlink()
        self.bought("Old", 30, amount=2000)
        self.refresh()
        self.assertFalse(self.due(self.rule("tier_gained")))

    def test_tier_in_danger(self):
        self.mid.write({"downgrade_policy": "grace", "grace_days": 40})
        customer = self.bought("Shaky", 350, amount=1000)
        self.refresh()
        rule = self.rule("tier_in_danger", days=30)
        day = TODAY + timedelta(days=20)
        with freeze_time(day):
            self.refresh()
            self.assertTrue(self.value(customer).tier_review_date)
            self.assertFalse(self.due(rule), "40 days away")
        with freeze_time(day + timedelta(days=15)):
            self.assertEqual(list(self.due(rule)), ["Shaky"])
            self.run_rules()
            self.invoice(customer, day, 900)
            self.refresh(customer)
            self.assertFalse(self.value(customer).tier_review_date)
            self.assertClosed(rule, "kept")

    def test_near_next_tier_says_what_is_missing(self):
        near = self.bought("Near", 30, amount=950)
        self.bought("Far", 30, amount=500)
        self.bought("There", 30, amount=1000)
        self.refresh()
        rule = self.rule("near_next_tier", gap_percent=10, summary="{customer}: {detail} for {next_tier}")
        self.assertEqual(list(self.due(rule)), ["Near"])
        self.run_rules()
        summary = self.followups(rule).activity_id.summary
        self.assertIn("50.00", summary)
        self.assertIn("for Mid", summary)
        self.invoice(near, TODAY, 100)
        self.refresh(near)
        self.assertClosed(rule)

    def test_near_next_tier_never_shows_a_margin(self):
        self.mid.criterion_ids = [Command.create({"metric": "margin_12m", "enter_min": 400, "keep_min": 300})]
        self.bought("Near", 30, amount=990)
        self.refresh()
        rule = self.rule("near_next_tier", gap_percent=10, summary="{detail}")
        self.run_rules()
        summary = self.followups(rule).activity_id.summary
        self.assertIn("10.00", summary)
        self.assertIn("Margin 12 Months", summary)
        self.assertNotIn("396", summary)
        self.assertNotIn("4.00", summary)

    def test_at_risk_of_a_tier(self):
        slowing = self.bought("Slowing", 80, 110, 140, amount=500)
        self.bought("Small", 80, 110, 140, amount=50)
        self.refresh()
        self.assertEqual(self.value(slowing).lifecycle_stage, "at_risk")
        rule = self.rule("at_risk", tier_id=self.mid.id, summary="{days} days since {date}, {revenue}")
        self.assertEqual(list(self.due(rule)), ["Slowing"])
        self.run_rules()
        summary = self.followups(rule).activity_id.summary
        self.assertIn("80 days since 04/11/2025", summary)
        self.assertIn("1,500.00", summary)
        self.invoice(slowing, TODAY, 10)
        self.refresh(slowing)
        self.assertClosed(rule, "bought again")

    def test_just_lost_is_won_back(self):
        customer = self.bought("Gone", 100, 130, 160, amount=500)
        self.bought("Long gone", 900, 930, amount=500)
        self.refresh()
        rule = self.rule("lost", days=30, tier_id=self.mid.id)
        self.assertFalse(self.due(rule))
        with freeze_time(TODAY + timedelta(days=60)):
            self.refresh()
            self.assertEqual(list(self.due(rule)), ["Gone"])
            self.run_rules()
        with freeze_time(TODAY + timedelta(days=150)):
            self.assertOpen(rule)
            self.invoice(customer, TODAY + timedelta(days=150), 10)
            self.refresh(customer)
            self.assertEqual(self.value(customer).lifecycle_stage, "won_back")
            self.assertClosed(rule, "bought again")

    def test_purchase_overdue_by_own_rhythm(self):
        late = self.bought("Late", 50, 80, 110)
        self.bought("On time", 25, 55, 85)
        self.refresh()
        rule = self.rule("purchase_overdue", days=14)
        self.assertEqual(list(self.due(rule)), ["Late"])
        self.run_rules()
        self.assertEqual(self.followups(rule).occasion, f"since-{TODAY - timedelta(days=50)}")
        self.invoice(late, TODAY, 10)
        self.refresh(late)
        self.assertClosed(rule, "bought again")

    def test_purchase_overdue_by_the_model(self):
        self.bought("Late", 50, 80, 110)
        self.refresh()
        self.env.cr.execute("UPDATE crm_value SET next_purchase_date = %s", [TODAY + timedelta(days=5)])
        self.assertFalse(self.due(self.rule("purchase_overdue")))

    def test_first_purchase_and_after_purchase(self):
        customer = self.bought("New", 8)
        self.bought("Too new", 2)
        self.bought("Old", 8, 300)
        self.refresh()
        first, after = self.rule("first_purchase", days=7), self.rule("after_purchase", days=7)
        self.assertEqual(list(self.due(first)), ["New"])
        self.assertEqual(set(self.due(after)), {"New", "Old"})
        self.run_rules()
        with freeze_time(TODAY + timedelta(days=3)):
            self.run_rules()
        self.assertEqual(self.followups(first).mapped("state"), ["open"])
        self.assertEqual(len(self.followups(after)), 2)
        self.credit_note(self.env["account.move"].search([("partner_id", "=", customer.id)]), TODAY)
        self.refresh(customer)
        self.run_rules()
        self.assertEqual(self.followups(first).state, "closed")
        self.assertEqual(sorted(self.followups(after).mapped("state")), ["closed", "open"])

    def test_after_purchase_on_the_order(self):
        customer = self.customer("Buyer")
        order = self.env["sale.order"].create(
            {
                "partner_id": customer.id,
                "user_id": self.seller.id,
                "order_line": [Command.create({"product_id": self.product.id})],
            }
        )
        order.action_confirm()
        invoice = order._create_invoices()
        invoice.invoice_date = TODAY
        invoice.action_post()
        self.refresh()
        rule = self.rule("after_purchase", target="document")
        self.run_rules()
        activity = self.followups(rule).activity_id
        self.assertEqual((activity.res_model, activity.res_id), ("sale.order", order.id))

    def test_anniversary(self):
        self.bought("Two years", 730 - 3, 10)  # 2024 had a 29 February
        self.bought("Other", 400)
        self.refresh()
        rule = self.rule("anniversary", days=4)
        [row] = self.due_customers(rule)
        self.assertEqual((row.number, row.date), (2, date(2025, 7, 4)))

    def test_birthday_of_a_person(self):
        firm = self.bought("Firm", 10, is_company=True)
        person = self.customer("Ann", parent_id=firm.id, birthdate_date=date(1980, 7, 2))
        self.customer("Bob", parent_id=firm.id, birthdate_date=date(1980, 9, 2))
        self.refresh()
        rule = self.rule("birthday", days=2, summary="{detail} of {customer}")
        self.assertEqual(self.due(rule), {"Firm": "Ann"})
        self.run_rules()
        activity = self.followups(rule).activity_id
        self.assertEqual(
            (activity.res_model, activity.res_id, activity.summary), ("res.partner", person.id, "Ann of Firm")
        )

    def test_no_contact(self):
        customers = {
            name: self.bought(name, 100, is_company=True)
            for name in ("Silent", "Written", "Called", "Quoted", "Met", "Close")
        }
        long_ago, recently = datetime(2025, 1, 1), datetime(2025, 6, 20)
        self.env["mail.message"].search([("model", "=", "res.partner")]).date = long_ago
        person = self.customer("Person", parent_id=customers["Written"].id)
        message = person.message_post(body="Hello", message_type="comment")  # pylint: disable=translation-required
        message.date = recently
        customers["Called"].activity_schedule("mail.mail_activity_data_call", user_id=self.seller.id).action_feedback(
            "Spoke to them"
        )
        self.env["sale.order"].create({"partner_id": customers["Quoted"].id, "date_order": recently})
        self.env["calendar.event"].create(
            {"name": "Lunch", "start": recently, "stop": recently, "partner_ids": customers["Met"].ids}
        )
        self.env["mail.message"].search(
            [("model", "=", "res.partner"), ("res_id", "=", customers["Called"].id)]
        ).date = recently
        customers["Close"].relationship_strategy = "clasp"  # every 180 days
        self.refresh()
        rule = self.rule("no_contact", days=60)
        self.assertEqual(list(self.due(rule)), ["Silent"])
        self.low.relationship_strategy = "clasp"
        self.assertFalse(self.due(rule))
        customers["Close"].relationship_strategy = "zipper"
        self.assertEqual(list(self.due(rule)), ["Close"])
        self.run_rules()
        customers["Close"].message_post(  # pylint: disable=translation-required
            body="Hello", message_type="comment"
        )
        self.assertClosed(rule, "contact")

    def test_no_ratings(self):
        """With or without the app; crm_value_addon_website_sale tests its ratings."""
        self.bought("Silent", 10)
        self.refresh()
        self.assertFalse(self.due(self.rule("low_rating", rating_max=2)))

    def test_opportunity_stalled(self):
        customer = self.bought("Buyer", 10, amount=2000)
        self.refresh()
        lead = self.env["crm.lead"].create(
            {
                "name": "Big deal",
                "type": "opportunity",
                "partner_id": customer.id,
                "company_id": self.company.id,
                "team_id": False,
            }
        )
        lead.date_last_stage_update = datetime(2025, 5, 1)
        fresh = lead.copy({"name": "Fresh"})
        fresh.date_last_stage_update = datetime(2025, 6, 29)
        rule = self.rule("opportunity_stalled", days=21, tier_id=self.mid.id, target="document")
        self.assertEqual(self.due(rule), {"Buyer": "Big deal"})
        self.run_rules()
        activity = self.followups(rule).activity_id
        self.assertEqual((activity.res_model, activity.res_id), ("crm.lead", lead.id))
        lead.action_set_won()
        self.assertClosed(rule, "moved on")

    def test_service_due(self):
        self.product.product_tmpl_id.value_remind_months = 12
        customers = {name: self.customer(name) for name in ("Due", "Bought again", "Given back", "Other product")}
        day = TODAY - timedelta(days=360)
        for name in ("Due", "Bought again"):
            self.invoice(customers[name], day, 100, product=self.product)
        self.invoice(customers["Bought again"], "2025-05-01", 100, product=self.product)
        self.credit_note(self.invoice(customers["Given back"], day, 100, product=self.product), day)
        self.invoice(customers["Other product"], day, 100)
        self.refresh()
        rule = self.rule("service_due", days=14)
        self.assertEqual(self.due(rule), {"Due": "Widget"})
        [row] = self.due_customers(rule)
        self.assertEqual(row.date, date(2025, 7, 5))
        self.run_rules()
        self.assertOpen(rule)
        self.invoice(customers["Due"], TODAY, 100, product=self.product)
        self.refresh(customers["Due"])
        self.assertClosed(rule, "bought again")

    def test_service_is_cancelled_by_a_full_credit_note(self):
        self.product.product_tmpl_id.value_remind_months = 12
        customer = self.customer("Buyer")
        invoice = self.invoice(customer, TODAY - timedelta(days=360), 100, product=self.product, quantity=2)
        self.refresh()
        rule = self.rule("service_due", days=14)
        self.run_rules()
        note = self.credit_note(invoice, TODAY)
        self.refresh()
        self.assertClosed(rule)
        note.button_draft()
        note.invoice_line_ids.quantity = 1
        note.action_post()
        self.assertEqual(len(self.env["account.move"].search([("partner_id", "=", customer.id)])), 2)
        with freeze_time(TODAY + timedelta(days=90)):
            self.assertFalse(self.due(rule), "the same occasion comes up once")

    def test_product_replaced(self):
        successor = self.env["product.template"].create({"name": "Widget 2"})
        regular, once = self.customer("Regular"), self.customer("Once")
        for partner, days in ((regular, 10), (regular, 100), (once, 10)):
            self.invoice(partner, TODAY - timedelta(days=days), 100, product=self.product)
        self.refresh()
        rule = self.rule("product_replaced")
        self.product.product_tmpl_id.value_successor_id = successor
        self.assertFalse(self.due(rule), "still sold")
        self.product.product_tmpl_id.active = False
        self.assertEqual(self.due(rule), {"Regular": "Widget → Widget 2"})
        self.run_rules()
        self.product.product_tmpl_id.active = True
        self.assertClosed(rule, "sold again")

    def test_contact_gone(self):
        people = {}
        for name in ("Archived", "Moved", "Present"):
            firm = self.customer(name, is_company=True)
            people[name] = self.customer(f"{name} person", parent_id=firm.id)
            self.invoice(people[name], "2025-06-01", 10)
        self.refresh()
        rule = self.rule("contact_gone")
        self.assertFalse(self.due(rule))
        people["Archived"].active = False
        people["Moved"].parent_id = self.customer("Elsewhere", is_company=True)
        self.assertEqual(self.due(rule), {"Archived": "Archived person", "Moved": "Moved person"})
        self.run_rules()
        people["Archived"].active = True
        self.run_rules()
        self.assertEqual(sorted(self.followups(rule).mapped("state")), ["closed", "open"])

    def test_single_contact(self):
        firms = {name: self.bought(name, 10, amount=2000, is_company=True) for name in ("None", "One", "Two")}
        self.bought("Person", 10, amount=2000)
        for name, count in (("One", 1), ("Two", 2)):
            for number in range(count):
                self.customer(f"{name} {number}", parent_id=firms[name].id)
        self.refresh()
        rule = self.rule("single_contact", tier_id=self.mid.id)
        self.assertEqual(set(self.due(rule)), {"None", "One"})
        self.run_rules()
        self.customer("Another", parent_id=firms["One"].id)
        self.run_rules()
        self.assertEqual(sorted(self.followups(rule).mapped("state")), ["closed", "open"])

    def test_condition_on_the_value(self):
        self.bought("Big", 80, 110, 140, amount=500)
        self.bought("Small", 80, 110, 140, amount=50)
        self.refresh()
        rule = self.rule("at_risk", domain="[('clv', '>', 0), ('revenue_total', '>', 1000)]")
        self.assertEqual(list(self.due(rule)), ["Big"])

    def test_archived_contacts_are_left_alone(self):
        customer = self.bought("Archived", 80, 110, 140)
        self.refresh()
        customer.active = False
        self.assertFalse(self.due(self.rule("at_risk")))

    def test_the_form_follows_the_table(self):
        rule = self.rule("after_purchase")
        self.assertEqual((rule.days_hint, rule.has_document), ("days after the invoice", True))
        rule.trigger = "birthday"
        self.assertFalse(rule.has_document, "the activity is always on the person")
        self.assertIn("{detail} is the person", rule.placeholder_hint)
        rule = rule.new({"trigger": False})
        self.assertFalse(rule.days_hint or rule.has_document)
        self.assertNotIn("detail} is", rule.placeholder_hint)

    def test_another_module_adds_a_trigger(self):
        """A value of the selection, a row of the table and a SELECT are enough."""
        self.bought("Buyer", 10)
        self.refresh()
        rule, Service = self.rule("manual"), type(self.env["crm.value.followup.trigger"])
        row = replace(TRIGGERS["manual"], closes_by="customer", resolution="no reason left")
        with patch.object(Service, "_triggers", lambda service: {**TRIGGERS, "manual": row}):
            with patch.object(Service, "_due_manual", Service._due_first_purchase):
                rule.days = 10
                self.assertOpen(rule)
            self.assertClosed(rule, "no reason left")

    def test_every_trigger_runs_on_an_empty_company(self):
        for trigger, _label in self.env["crm.value.followup.rule"]._fields["trigger"].selection:
            for check_only in (False, True):
                with self.subTest(trigger=trigger, check_only=check_only):
                    rule = self.rule(trigger, tier_id=self.low.id)
                    self.assertFalse(self.due(rule))
                    self.env.cr.execute(
                        self.env["crm.value.followup.trigger"]._select_due(
                            rule, self.company, TODAY, check_only=check_only
                        )
                    )


@freeze_time(TODAY)
class TestProductsKept(FollowupCase, SalesCase):
    def test_service_due_of_what_was_kept(self):
        """A price correction keeps the goods, a return without a link does not, a new invoice keeps the old day."""
        self.product.product_tmpl_id.write({"value_remind_months": 12, "invoice_policy": "delivery"})
        day = TODAY - timedelta(days=360)
        customers = {name: self.customer(name) for name in ("Cheaper", "Returned", "Kept some", "Invoiced anew")}
        cheaper = self.invoice(customers["Cheaper"], day, 100, product=self.product, quantity=10)
        self.credit_note(cheaper, TODAY - timedelta(days=300), amount=5)
        for name, kept in (("Returned", 0), ("Kept some", 4)):
            order = self.sell(customers[name], delivered=10)
            self.bill(order, day)
            order.order_line.qty_delivered = kept
            self.bill(order, TODAY - timedelta(days=300))
        anew = self.invoice(customers["Invoiced anew"], day, 100, product=self.product)
        self.replace(anew, TODAY - timedelta(days=20)).action_post()
        self.refresh()
        rule = self.rule("service_due", days=14)
        self.assertEqual(self.due(rule), dict.fromkeys(["Cheaper", "Kept some", "Invoiced anew"], "Widget"))
        self.assertEqual({row.date for row in self.due_customers(rule)}, {date(2025, 7, 5)})
