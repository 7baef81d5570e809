from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form
from odoo.tools import mute_logger

from ..common import TODAY
from .common import ListeningCase


@freeze_time(TODAY)
class TestCrmValueFeedback(ListeningCase):
    """A complaint is a case, an idea gets an answer, a note is a note."""

    def test_a_complaint_is_a_case(self):
        self.product_cause.user_id = self.boss
        complaint = self.told(self.buyer(), user=self.bob, cause_id=self.product_cause.id)
        self.assertRecordValues(
            complaint,
            [{"state": "open", "user_id": self.boss.id, "deadline": TODAY + timedelta(days=3), "closed_date": False}],
        )
        with self.assertRaises(UserError):
            complaint.action_close()
        complaint.write({"solution": "Replaced", "promised": "A new one by Friday"})
        with freeze_time(TODAY + timedelta(days=2)):
            complaint.with_user(self.bob).action_close()
        self.assertRecordValues(
            complaint, [{"state": "done", "closed_date": TODAY + timedelta(days=2), "days_to_answer": 2}]
        )
        complaint.state = "progress"
        self.assertRecordValues(complaint, [{"closed_date": False, "days_to_answer": 0}])

    def test_an_idea_has_an_owner_and_a_note_has_none_of_it(self):
        idea = self.told(self.buyer(), self.idea_kind, self.bob)
        self.assertRecordValues(
            idea, [{"state": "open", "user_id": self.bob.id, "deadline": TODAY + timedelta(days=14)}]
        )
        note = self.told(self.buyer(), self.env["crm.value.feedback.kind"].create({"name": "Praise"}))
        self.assertRecordValues(note, [{"state": "noted", "deadline": False, "closed_date": False}])
        note.kind_id = self.complaint_kind
        self.assertRecordValues(note, [{"state": "open", "deadline": TODAY + timedelta(days=3)}])

    def test_the_form(self):
        with Form(self.env["crm.value.feedback"].with_user(self.bob)) as form:
            form.partner_id = self.buyer()
            form.kind_id = self.complaint_kind
            form.description = "Late again"
            form.cause_id = self.delivery_cause
        complaint = form.save()
        self.assertRecordValues(complaint, [{"state": "open", "user_id": self.bob.id}])

    def test_whoever_complains_is_not_loyal(self):
        customer = self.regular(is_company=True)
        person = self.customer("Person", parent_id=customer.id)
        self.refresh()
        value = self.value(customer)
        self.assertEqual((value.lifecycle_stage, value.open_complaint_count), ("loyal", 0))
        complaint = self.told(person, user=self.bob)
        self.assertEqual((value.lifecycle_stage, value.open_complaint_count), ("active", 1))
        self.assertEqual(customer.open_complaint_count, 1)
        self.refresh()
        self.assertEqual((value.lifecycle_stage, value.open_complaint_count), ("active", 1), "all or one alone")
        versions = self.row_versions()
        self.refresh()
        self.assertEqual(self.row_versions(), versions, "twice is once")
        order = self.env["sale.order"].create({"partner_id": customer.id})
        self.assertIn("Open complaints", order.with_user(self.ann).value_summary)
        complaint.write({"state": "declined"})
        self.assertEqual((value.lifecycle_stage, value.open_complaint_count), ("loyal", 0))
        again = self.told(person)
        self.assertEqual(value.open_complaint_count, 1)
        again.unlink()
        self.assertEqual(value.open_complaint_count, 0)

    def test_an_idea_leaves_the_stage(self):
        customer = self.regular()
        self.refresh()
        self.told(customer, self.idea_kind)
        self.refresh()
        self.assertEqual(self.value(customer).lifecycle_stage, "loyal")

    def test_another_company_hears_nothing(self):
        customer = self.regular()
        self.refresh()
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        self.told(customer, company_id=elsewhere.id)
        self.refresh()
        self.assertEqual(self.value(customer).open_complaint_count, 0)

    def test_documents_of_the_customer(self):
        customer, other = self.buyer(), self.buyer("Other")
        order = self.env["sale.order"].create({"partner_id": customer.id})
        invoice = self.env["account.move"].search([("partner_id", "=", other.id)])
        self.told(customer, order_id=order.id)
        with self.assertRaises(ValidationError):
            self.told(customer, invoice_id=invoice.id)
        with self.assertRaises(ValidationError):
            self.told(other, order_id=order.id)

    def report(self, groupby, *aggregates, domain=()):
        return self.env["crm.value.feedback"]._read_group(
            [("company_id", "=", self.company.id), *domain], groupby, aggregates
        )

    def test_report_by_cause(self):
        """A customer counts once in each group and once in the total, and equal figures of two are two."""
        loud, quiet = self.buyer("Loud", 700), self.buyer("Quiet", 700)
        self.refresh()
        for partner, cause, days in (
            (loud, self.product_cause, 4),
            (loud, self.product_cause, 8),
            (loud, self.delivery_cause, None),
            (quiet, self.product_cause, None),
        ):
            complaint = self.told(partner, cause_id=cause.id, date=TODAY - timedelta(days=days or 0))
            if days:
                complaint.state = "done"
        measures = ("__count", "days_to_answer:avg", "customer_revenue_12m:sum")
        self.assertEqual(
            {cause.name: rest for cause, *rest in self.report(["cause_id"], *measures)},
            {"Product": [3, 6.0, 1400.0], "Delivery": [1, False, 700.0]},
        )
        self.assertEqual(self.report([], *measures), [(4, 6.0, 1400.0)])
        self.assertEqual(self.report([], "customer_revenue_12m:sum_currency"), [(1400.0,)], "as pivot and graph ask")
        for domain in ([("cause_id", "=", self.product_cause.id)], [("state", "=", "open")]):
            opened = self.env["crm.value.feedback"].search([("company_id", "=", self.company.id), *domain])
            [(total,)] = self.report([], "customer_revenue_12m:sum", domain=domain)
            involved = self.Value.search([("partner_id", "in", opened.customer_id.ids)])
            self.assertEqual(total, sum(involved.mapped("revenue_12m")), "the sum of the records that it opens")

    def test_the_worth_is_for_those_who_may_see_it(self):
        self.told(self.buyer())
        self.refresh()
        Feedback = self.env["crm.value.feedback"]
        [(total,)] = Feedback.with_user(self.ann)._read_group([], [], ["customer_clv:sum"])
        self.assertTrue(total)
        with self.assertRaises(AccessError):
            Feedback.with_user(self.bob)._read_group([], [], ["customer_clv:sum"])

    def test_what_was_decided_is_not_written(self):
        complaint = self.told(self.buyer())
        for vals in ({"closed_date": TODAY}, {"days_to_answer": 0}, {"goodwill_id": False}):
            with self.assertRaises(AccessError):
                complaint.with_user(self.boss).write(vals)
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            complaint.with_user(self.bob).unlink()

    def test_companies_and_portal(self):
        complaint = self.told(self.buyer())
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        self.bob.write({"company_ids": [Command.set(elsewhere.ids)], "company_id": elsewhere.id})
        with self.assertRaises(AccessError):
            complaint.with_user(self.bob).with_context(allowed_company_ids=elsewhere.ids).read(["description"])
        portal = self.env["res.users"].create(
            {
                "name": "Visitor",
                "login": "visitor",
                "partner_id": complaint.partner_id.id,
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
            }
        )
        with self.assertRaises(AccessError):
            complaint.with_user(portal).read(["description"])

    def test_profile_and_contact_take_it_along(self):
        customer = self.regular()
        complaint = self.told(customer)
        complaint.message_post(body="Called", message_type="comment")  # pylint: disable=translation-required
        data = self.env["crm.value.privacy"].with_user(self.boss)._privacy_export(customer)
        self.assertIn("It broke", str(data["records"]))
        self.assertIn("Called", str(data["records"]))
        messages = complaint.message_ids
        self.env["crm.value.privacy"]._erase(customer)
        self.assertFalse(complaint.exists() or messages.exists())
        self.assertFalse(self.value(customer).open_complaint_count or self.value(customer).last_contact_date)
        lead = self.customer("Lead")
        messages = self.told(lead).message_ids
        lead.unlink()
        self.assertFalse(messages.exists())
