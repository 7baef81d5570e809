from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from ..models import crm_value_mixin
from .common import ValueCase

_CUSTOMERS = 400


class TestSortedPage(ValueCase):
    """Lists sorted by a figure: the first pages are found among the best customers, the same as among all."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Partner = cls.env["res.partner"].with_company(cls.company)
        cls.customers = cls.Partner.create(
            [{"name": f"Customer {number}", "ref": "odd" if number % 2 else "even"} for number in range(_CUSTOMERS)]
        )
        cls.strangers = cls.Partner.create([{"name": f"Stranger {number}"} for number in range(5)])
        cls.env["crm.value"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": cls.company.id,
                    "revenue_12m": 1 + number * 7 % _CUSTOMERS,
                    "clv": 1 + number * 11 % _CUSTOMERS,
                }
                for number, customer in enumerate(cls.customers)
            ]
        )
        cls.domain = [("id", "in", (cls.customers + cls.strangers).ids)]
        cls.env.flush_all()
        cls.env.cr.execute("ANALYZE crm_value")

    def search(self, *conditions, model=None, **kwargs):
        """Return what a search finds, and how many domains were restricted to the best customers for it."""
        searched, original = [], type(self.Partner)._top_rows_domain

        def top_rows_domain(*arguments):
            searched.append(original(*arguments))
            return searched[-1]

        with (
            patch.multiple(crm_value_mixin, _MIN_ROWS=0, _OVERSAMPLING=1),
            patch.object(type(self.Partner), "_top_rows_domain", top_rows_domain),
        ):
            found = (self.Partner if model is None else model).search([*self.domain, *conditions], **kwargs)
        return found, sum(domain is not None for domain in searched)

    def assertSameAsAll(self, *conditions, **kwargs):
        found, restricted = self.search(*conditions, **kwargs)
        self.assertEqual(restricted, 1)
        with patch.object(type(self.Partner), "_top_rows_domain", lambda *_arguments: None):
            every = self.Partner.search([*self.domain, *conditions], **kwargs)
        self.assertEqual(found.ids, every.ids)
        return found

    def test_first_pages(self):
        for order in ("revenue_12m desc, id", "clv DESC, id", "clv desc nulls last, id"):
            first = self.assertSameAsAll(order=order, limit=10)
            second = self.assertSameAsAll(order=order, limit=10, offset=10)
            self.assertFalse(first & second)
        best = max(self.customers, key=lambda customer: customer.clv)
        self.assertEqual(self.search(order="clv desc", limit=1)[0], best)

    def test_only_the_best_are_joined(self):
        with patch.multiple(crm_value_mixin, _MIN_ROWS=0, _OVERSAMPLING=1):
            best = self.Partner._top_rows_domain("clv desc", 0, 10)
        self.assertTrue(10 <= self.Partner.search_count([*self.domain, *best]) < _CUSTOMERS / 4)

    def test_a_page_that_the_best_do_not_fill_is_looked_for_among_all(self):
        poor = [("clv", "<", 50), ("ref", "=", "odd")]
        self.assertEqual(len(self.assertSameAsAll(*poor, order="clv desc, id", limit=10)), 10)
        found = self.assertSameAsAll(("name", "=", "Stranger 3"), order="clv desc", limit=10)
        self.assertEqual(found, self.strangers[3])

    def test_other_requests_ask_as_ever(self):
        for order in ("clv", "clv desc nulls first", "name desc", "value_tier_id desc", None):
            self.assertEqual(self.search(order=order, limit=10)[1], 0, order)
        for limit in (None, _CUSTOMERS, 2**62):
            self.assertEqual(self.search(order="clv desc", limit=limit)[1], 0, limit)
        self.assertIsNone(self.Partner._top_rows_domain("clv desc", 0, 10), "too few rows to be worth it")

    def test_an_order_that_is_none_is_refused_as_ever(self):
        for order in (" ", "clv desc;", "clv sideways"):
            with self.assertRaisesRegex(UserError, 'Invalid "order"'):
                self.search(order=order, limit=10)

    def test_a_figure_that_nobody_has(self):
        found, restricted = self.search(order="next_purchase_date desc, id", limit=10)
        self.assertEqual((len(found), restricted), (10, 0))

    def test_a_seller_without_margins_cannot_sort_by_them(self):
        seller = new_test_user(
            self.env,
            "page_seller",
            "sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=self.company.ids,
        )
        found, restricted = self.search(model=self.Partner.with_user(seller), order="revenue_12m desc, id", limit=10)
        self.assertEqual((found.ids, restricted), (self.search(order="revenue_12m desc, id", limit=10)[0].ids, 1))
        with self.assertRaises(AccessError):
            self.search(model=self.Partner.with_user(seller), order="clv desc", limit=10)

    def test_another_company_has_its_own_best(self):
        other = self.setup_other_company(name="Other")["company"]
        self.env["crm.value"].create({"partner_id": self.strangers[0].id, "company_id": other.id, "clv": 5})
        found, _restricted = self.search(model=self.Partner.with_company(other), order="clv desc", limit=1)
        self.assertEqual(found, self.strangers[0])
