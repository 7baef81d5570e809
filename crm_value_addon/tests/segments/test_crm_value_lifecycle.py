import random
from datetime import timedelta

import numpy as np
from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import ValidationError

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueLifecycle(ValueCase):
    def bought(self, name, *days_ago):
        customer = self.customer(name)
        for days in days_ago:
            self.invoice(customer, TODAY - timedelta(days=days), 100)
        return customer

    def stage(self, partner):
        return self.value(partner).lifecycle_stage

    def opportunity(self, partner, **vals):
        return self.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "partner_id": partner.id, "company_id": self.company.id, **vals}
        )

    def test_stages_by_own_rhythm(self):
        # the typical interval of these is 30 days
        expected = {
            "new": self.bought("New", 20),
            "active": self.bought("Monthly", 10, 40, 70),
            "loyal": self.bought("Loyal", *range(5, 400, 30)),
            "at_risk": self.bought("Slowing", 80, 110, 140),
            "lost": self.bought("Gone", 200, 230, 260),
            "won_back": self.bought("Back", 5, 300, 330),
        }
        # as silent as the lost one, but its rhythm is slower
        slow = self.bought("Half-yearly", 200, 380, 560)
        self.refresh()
        self.assertEqual(
            {stage: self.stage(partner) for stage, partner in expected.items()}, {stage: stage for stage in expected}
        )
        self.assertEqual(self.stage(slow), "active")

    def test_new_grows_old(self):
        customer = self.bought("One-time", 20)
        self.refresh()
        self.assertEqual(self.stage(customer), "new")
        for days, stage in ((80, "active"), (400, "at_risk"), (800, "lost")):
            with freeze_time(TODAY + timedelta(days=days)):
                self.refresh()
                self.assertEqual(self.stage(customer), stage)
                self.assertEqual(self.value(customer).lifecycle_since, TODAY + timedelta(days=days))

    def test_first_stage_has_no_since(self):
        customer = self.bought("Gone", 800)
        self.refresh()
        self.assertEqual(self.stage(customer), "lost")
        self.assertFalse(self.value(customer).lifecycle_since)

    def test_purchase_of_a_lost_customer_wins_it_back(self):
        customer = self.bought("Gone", 200, 230, 260)
        self.bought("Other", 10, 40, 70)
        self.refresh()
        self.assertEqual(self.stage(customer), "lost")
        invoice = self.invoice(customer, TODAY, 100)
        self.refresh(customer)
        self.assertEqual(self.stage(customer), "won_back")
        self.credit_note(invoice, TODAY)
        self.refresh(customer)
        self.assertEqual(self.stage(customer), "lost")
        self.invoice(customer, TODAY, 100)
        self.invoice(customer, TODAY - timedelta(days=3), 100)
        self.refresh(customer)
        self.assertEqual(self.stage(customer), "active")

    def test_lead_and_prospect(self):
        lead, promising, quoted, drafted, won, confirmed = (
            self.customer(name) for name in ("Lead", "Promising", "Quoted", "Drafted", "Won", "Confirmed")
        )
        self.opportunity(lead)
        self.opportunity(promising)
        self.opportunity(won).action_set_won()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_lead SET automated_probability = CASE partner_id WHEN %s THEN 70 ELSE 20 END", [promising.id]
        )
        for partner, state in ((quoted, "sent"), (drafted, "draft"), (confirmed, "sale")):
            self.env["sale.order"].create({"partner_id": partner.id, "state": state})
        self.refresh()
        self.assertEqual(
            [self.stage(partner) for partner in (lead, promising, quoted, drafted, confirmed)],
            ["lead", "prospect", "prospect", "lead", "prospect"],
        )
        self.assertFalse(self.value(won))

    def test_prospects_of_the_present(self):
        """Quotations end; a confirmed order makes a prospect until something of it is invoiced."""
        product = {"product_id": self.product.id, "price_unit": 100, "tax_ids": [Command.clear()]}
        orders = {
            name: self.env["sale.order"].create(
                {"partner_id": self.customer(name).id, "order_line": [Command.create(product)], **vals}
            )
            for name, vals in {
                "valid": {"validity_date": TODAY},
                "expired": {"validity_date": TODAY - timedelta(days=1)},
                "expired in 2022": {"validity_date": "2022-03-01"},
                "no end": {},
                "no end, of 2022": {},
                "drafted in 2022": {},
                "confirmed in 2022": {},
                "invoiced": {},
                "given back": {},
                "deposit": {},
                "cancelled": {},
            }.items()
        }
        for name, order in orders.items():
            if name in ("confirmed in 2022", "invoiced", "given back", "deposit"):
                order.action_confirm()
            elif name != "drafted in 2022":
                order.action_quotation_sent()
        for name in ("no end", "no end, of 2022", "drafted in 2022"):
            orders[name].validity_date = False
        for name in ("no end, of 2022", "drafted in 2022", "confirmed in 2022"):
            orders[name].date_order = "2022-02-01"
        orders["cancelled"]._action_cancel()
        for name in ("invoiced", "given back"):
            move = orders[name]._create_invoices()
            move.invoice_date = TODAY
            move.action_post()
            if name == "given back":
                self.credit_note(move, TODAY)
        self.env["sale.advance.payment.inv"].create(
            {"sale_order_ids": orders["deposit"].ids, "advance_payment_method": "percentage", "amount": 50}
        ).create_invoices()
        orders["deposit"].invoice_ids.invoice_date = TODAY
        orders["deposit"].invoice_ids.action_post()
        self.refresh()
        self.assertEqual(
            {name: self.stage(order.partner_id) for name, order in orders.items()},
            {name: False for name in orders}
            | {name: "prospect" for name in ("valid", "no end", "confirmed in 2022", "deposit")}
            | {"invoiced": "new"},
        )

    def test_lead_is_as_of_the_nightly_refresh(self):
        customer = self.customer()
        self.env["sale.order"].create({"partner_id": customer.id, "state": "sent"})
        self.refresh(customer)
        self.assertFalse(self.stage(customer))
        self.refresh()
        self.assertEqual(self.stage(customer), "prospect")
        self.env["sale.order"].search([("partner_id", "=", customer.id)])._action_cancel()
        self.refresh(customer)
        self.assertEqual(self.stage(customer), "prospect")
        self.refresh()
        self.assertFalse(self.stage(customer))
        self.invoice(customer, TODAY, 10)
        self.refresh(customer)
        self.assertEqual(self.stage(customer), "new")

    def test_contact_of_a_company_counts_for_it(self):
        company = self.customer("Firm", is_company=True)
        contact = self.customer("Person", parent_id=company.id)
        self.opportunity(contact)
        self.refresh()
        self.assertEqual(self.stage(company), "lead")

    def test_other_company_does_not_count(self):
        customer = self.customer()
        other = self.setup_other_company(name="Other")["company"]
        self.opportunity(customer, company_id=other.id)
        self.refresh()
        self.assertFalse(self.value(customer))
        self.env["crm.value.refresh"].with_company(other).with_context(allowed_company_ids=other.ids)._refresh_company()
        self.assertEqual(customer.value_ids.filtered(lambda value: value.company_id == other).lifecycle_stage, "lead")

    def test_alone_as_among_all(self):
        dice = random.Random(11)
        partners = self.env["res.partner"]
        for number in range(25):
            partners += self.bought(
                f"Customer {number}", *(dice.randint(0, 900) for _purchase in range(dice.randint(1, 9)))
            )
        self.refresh()
        among_all = [(self.stage(partner), self.value(partner).previous_purchase_date) for partner in partners]
        self.env.flush_all()
        self.env.cr.execute("UPDATE crm_value SET lifecycle_stage = NULL, previous_purchase_date = NULL")
        self.env.invalidate_all()
        self.refresh(partners)
        self.assertEqual(
            [(self.stage(partner), self.value(partner).previous_purchase_date) for partner in partners], among_all
        )
        self.assertGreater(len({stage for stage, _date in among_all}), 3)

    def test_thresholds_are_checked_and_refresh(self):
        Run = self.env["crm.value.run"]
        waiting = [("state", "=", "queued"), ("kind", "=", "full"), ("company_id", "=", self.company.id)]
        Run.search(waiting).unlink()
        self.company.value_new_days = 10
        self.assertTrue(Run.search(waiting))
        for vals in (
            {"value_risk_factor": 9},
            {"value_lost_probability": 0.9},
            {"value_new_days": -1},
            {"value_prospect_probability": 101},
        ):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.company.write(vals)
        customer = self.bought("New", 20)
        self.refresh()
        self.assertEqual(self.stage(customer), "active")

    def test_fit_decides_where_there_is_one(self):
        """With a fit its probability decides, and who came back from below the limit is won back."""
        silent, back = self.bought("Silent", *range(300, 400, 10)), self.bought("Back", 3, *range(300, 400, 10))
        once = self.bought("Once", 300)
        self.env["crm.value.fit"].create(
            {
                "company_id": self.company.id,
                "model": "mbg",
                "is_used": True,
                "r": 0.525,
                "alpha": 30.0,
                "a": 0.891,
                "b": 1.614,
                "p": 6.0,
                "q": 4.0,
                "v": 50.0,
                "margin_ratio": 0.4,
                "purchase_covariance": (1e-6 * np.eye(4)).tolist(),
                "spend_covariance": (1e-6 * np.eye(3)).tolist(),
            }
        )
        self.company.value_lost_probability = 0.05
        self.refresh()
        self.assertEqual(self.value(once).method, "model")
        self.assertGreater(self.value(silent).churn_probability, 0.95)
        self.assertEqual([self.stage(partner) for partner in (silent, back, once)], ["lost", "won_back", "lost"])
        self.company.value_lost_probability = 0
        self.refresh()
        self.assertEqual([self.stage(partner) for partner in (silent, back)], ["at_risk", "loyal"])

    def test_groups_on_contacts(self):
        partners = self.bought("New", 20) + self.bought("Gone", 900)
        self.refresh()
        Partner = self.env["res.partner"].with_company(self.company)
        self.assertEqual(Partner.search([("lifecycle_stage", "=", "lost"), ("id", "in", partners.ids)]), partners[1])
        groups = Partner._read_group([("id", "in", partners.ids)], ["lifecycle_stage"], ["__count"])
        self.assertEqual(dict(groups), {"new": 1, "lost": 1})
        self.assertTrue(Partner.search_count([("lifecycle_stage", "=", False)]))
