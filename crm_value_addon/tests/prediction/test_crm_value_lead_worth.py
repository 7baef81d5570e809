from datetime import timedelta

import numpy as np
from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from ...lib.postgres.binary_copy import day_number
from ..common import TODAY, ValueCase

#: customers of each of two countries: one brings four times as much as the other
EACH = 60


@freeze_time(TODAY)
class TestCrmValueLeadWorth(ValueCase):
    """What an opportunity would bring if won: from customers like it, tried on the company's own past."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rich, cls.poor = cls.env.ref("base.ch"), cls.env.ref("base.pt")
        cls.Worth, cls.Fit = cls.env["crm.value.lead.worth"], cls.env["crm.value.fit"].with_company(cls.company)
        cls.partners = cls.env["res.partner"].create(
            [{"name": f"C{n}", "country_id": (cls.rich if n % 2 else cls.poor).id} for n in range(2 * EACH)]
        )
        cls.firsts = [TODAY - timedelta(days=365 * 5 - 15 * n) for n in range(2 * EACH)]
        cls.Value.create(
            [
                {
                    "partner_id": partner.id,
                    "company_id": cls.company.id,
                    "first_purchase_date": first,
                    "last_purchase_date": first,
                    "purchase_count": 2,
                }
                for partner, first in zip(cls.partners, cls.firsts, strict=True)
            ]
        )
        cls.seller = new_test_user(
            cls.env,
            "lead_worth_seller",
            "sales_team.group_sale_salesman",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    def days(self):
        """Return purchases as a fit reads them: two in the first year, and one after it that does not count."""
        rows = [
            (partner.id, day_number(first) + after, amount * (4 if partner.country_id == self.rich else 1))
            for partner, first in zip(self.partners, self.firsts, strict=True)
            for after, amount in ((0, 60 + partner.id % 7), (200, 40), (370, 9999))
            if first + timedelta(days=after) <= TODAY
        ]
        columns = zip(*sorted(rows), strict=True)
        return dict(zip(("partner", "date", "purchase_revenue"), (np.array(column) for column in columns), strict=True))

    def learned(self):
        worth = self.Worth._learn(self.company, self.days(), TODAY)
        return self.Fit.create({"company_id": self.company.id, "model": "mbg", "lead_worth": worth})

    def lead(self, **vals):
        return self.env["crm.lead"].create(
            {
                "name": "Deal",
                "type": "opportunity",
                "company_id": self.company.id,
                "user_id": self.seller.id,
                "probability": 25,
                **vals,
            }
        )

    def test_customers_like_it(self):
        fit = self.learned()
        self.assertEqual(fit.lead_worth["customers"], 98, "those whose first year is not over do not count")
        self.assertLess(fit.lead_worth["trial"]["deviance"], 0.5)
        tried = fit.lead_worth["trial"]["customers"]
        self.assertGreaterEqual(tried, 30)
        rich, poor, unknown = (self.lead(country_id=country) for country in (self.rich.id, self.poor.id, False))
        self.assertAlmostEqual(rich.value_if_won / poor.value_if_won, 4, delta=0.4)
        self.assertAlmostEqual(poor.value_if_won, 103, delta=10)
        self.assertGreater(unknown.value_if_won, poor.value_if_won)
        self.assertAlmostEqual(rich.value_expected, rich.value_if_won / 4, 2)
        self.assertEqual(rich.value_if_won_reason, "98 new customers: 49 from Switzerland")
        self.assertIn("Told apart by country", fit.lead_worth_text)
        self.assertIn(f"The last {tried} new customers were expected to bring", fit.lead_worth_text)

    def test_the_contact_knows_better_than_the_lead(self):
        self.learned()
        contact = self.customer("Contact", country_id=self.rich.id)
        lead = self.lead(country_id=self.poor.id, partner_id=contact.id)
        self.assertEqual(lead.value_if_won, self.lead(country_id=self.rich.id).value_if_won)

    def test_whoever_has_bought_is_no_lead(self):
        self.learned()
        self.assertFalse(self.lead(partner_id=self.partners[0].id).value_if_won)
        won = self.lead(country_id=self.rich.id)
        won.action_set_won()
        self.assertFalse(won.value_if_won or won.value_expected or won.value_if_won_reason)

    def test_where_nothing_differs_nothing_is_told_apart(self):
        self.partners.country_id = self.rich
        fit = self.learned()
        self.assertFalse(fit.lead_worth["factors"])
        self.assertEqual(self.lead(country_id=self.rich.id).value_if_won, round(fit.lead_worth["mean"], 2))
        self.assertIn("did not make the error smaller", fit.lead_worth_text)

    def test_leads_of_the_past_are_the_trial(self):
        for partner, first in zip(self.partners, self.firsts, strict=True):
            lead = self.lead(partner_id=partner.id)
            lead.action_set_won()
            self.env.flush_all()
            self.env.cr.execute("UPDATE crm_lead SET create_date = %s WHERE id = %s", [first, lead.id])
        fit = self.learned()
        self.assertTrue(fit.lead_worth["trial"]["were_leads"])
        tried = fit.lead_worth["trial"]["customers"]
        self.assertIn(f"The last {tried} won leads", fit.lead_worth_text)

    def test_too_few_customers(self):
        self.Value.search([("company_id", "=", self.company.id)])[25:].unlink()
        self.assertIs(self.Worth._learn(self.company, self.days(), TODAY), False)
        fit = self.Fit._fit_company(self.company)
        self.assertFalse(fit.lead_worth or fit.lead_worth_text)
        self.assertFalse(self.lead(country_id=self.rich.id).value_if_won)

    def test_who_objects_is_no_example(self):
        self.partners[:20].value_opt_out = True
        self.assertEqual(self.learned().lead_worth["customers"], 78)

    def test_sellers_see_it_and_other_companies_do_not(self):
        self.learned()
        lead = self.lead(country_id=self.rich.id).with_user(self.seller).with_company(self.company)
        self.assertGreater(lead.value_expected, 0)
        with Form(lead) as form:
            self.assertGreater(form.value_expected, 0)
            form.probability = 50
            self.assertAlmostEqual(form.value_expected, form.value_if_won / 2, delta=0.01)
        other = self.setup_other_company(name="Other")["company"]
        elsewhere = self.lead(company_id=other.id, country_id=self.rich.id, user_id=False)
        self.assertFalse(elsewhere.with_context(allowed_company_ids=self.company.ids).value_if_won)
        self.assertFalse(elsewhere.with_context(allowed_company_ids=other.ids).with_company(other).value_if_won)
        portal = new_test_user(self.env, "lead_worth_portal", "base.group_portal")
        with self.assertRaises(AccessError):
            lead.with_user(portal).read(["value_expected"])

    def test_one_query_for_many_leads(self):
        self.learned()
        leads = self.env["crm.lead"].concat(*(self.lead(country_id=self.rich.id) for _number in range(20)))
        alone = self.queries_to_read(leads[:1], ["value_expected"])
        self.assertLessEqual(self.queries_to_read(leads, ["value_expected"]), alone)
