from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from ..common import TODAY, ValueCase


class TestCrmValueFreshness(ValueCase):
    """How old the figures are, in words, and what waits."""

    def setUp(self):
        super().setUp()
        self.acme = self.customer("Acme")
        self.env["crm.value.run"].search([]).unlink()

    def _run(self, minutes, kind="full", state="done"):
        return self.env["crm.value.run"].create(
            {
                "company_id": self.company.id,
                "kind": kind,
                "state": state,
                "finished_at": fields.Datetime.now() - timedelta(minutes=minutes),
            }
        )

    def measure(self):
        return self.env["crm.value.freshness"]._measure(self.company)

    def test_before_the_first_refresh(self):
        self._run(0, state="failed")
        self._run(0, kind="followup")
        age = self.measure()
        self.assertEqual(
            (age["refreshed_at"], age["minutes"], age["text"]), (False, None, "The first refresh has not finished yet.")
        )

    def test_words(self):
        for minutes, text in [
            (0, "Figures are less than a minute old."),
            (1, "Figures are 1 minute old."),
            (90, "Figures are 90 minutes old."),
            (60 * 36, "Figures are 36 hours old."),
            (60 * 24 * 3, "Figures are 3 days old."),
        ]:
            self._run(minutes + 30)
            last = self._run(minutes, kind="incremental")
            self.assertEqual(self.measure()["text"], text)
            last.unlink()
            self.env["crm.value.run"].search([]).unlink()

    def test_a_customer_hears_of_its_own_documents_only(self):
        other = self.customer("Other")
        self.invoice(self.acme, TODAY)
        self.invoice(other, TODAY)
        self.Refresh._refresh_company()
        for value in self.Value.search([("company_id", "=", self.company.id)]):
            self.assertEqual(value.figures_age, "Figures are less than a minute old.")
        self.env.invalidate_all()
        self.invoice(self.acme, TODAY)
        self.invoice(self.acme, TODAY)
        ages = {
            value.partner_id: value.figures_age for value in self.Value.search([("company_id", "=", self.company.id)])
        }
        self.assertEqual(ages[self.acme], "Figures are less than a minute old. 2 changes wait for the next refresh.")
        self.assertEqual(ages[other], "Figures are less than a minute old.")
        self.assertEqual(self.measure()["waiting"], 2)

    def test_many_customers_cost_one_query(self):
        customers = [self.customer(f"C{number}") for number in range(20)]
        for customer in customers:
            self.invoice(customer, TODAY)
        self.Refresh._refresh_company()
        values = self.Value.search([("company_id", "=", self.company.id)])
        values.mapped("partner_id.id")
        self.env.company.mapped("name")
        with self.assertQueryCount(1):
            values.mapped("figures_age")

    def test_one_sentence_for_each_active_company(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        both = self.Value.with_context(allowed_company_ids=[self.company.id, other.id])
        self.assertEqual(self.Value.get_figures_age(), ["The first refresh has not finished yet."])
        self.assertEqual(both.get_figures_age()[1], "Elsewhere: The first refresh has not finished yet.")

    def test_a_contact_asks_for_its_company(self):
        self._run(5)
        child = self.customer("Buyer", parent_id=self.acme.id)
        self.invoice(child, TODAY)
        text = "Figures are 5 minutes old."
        self.assertEqual(self.Value.get_figures_age(child.id), [f"{text} One change waits for the next refresh."])
        self.assertEqual(self.Value.get_figures_age(self.customer("Other").id), [text])
        self.assertEqual(self.Value.get_figures_age(0), self.Value.get_figures_age())

    def test_who_may_ask(self):
        seller = new_test_user(
            self.env,
            "age_seller",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=self.company.ids,
        )
        self.assertTrue(self.Value.with_user(seller).get_figures_age())
        outsider = new_test_user(
            self.env, "age_outsider", groups="base.group_user", company_id=self.company.id, company_ids=self.company.ids
        )
        with self.assertRaises(AccessError):
            self.Value.with_user(outsider).get_figures_age()
