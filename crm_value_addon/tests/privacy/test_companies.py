from freezegun import freeze_time

from odoo import Command
from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.tests import new_test_user

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCompanies(ValueCase, CronMixinCase):
    """Three companies, two currencies; one is a branch of another. Contacts of one company, and of all."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        euro = cls.setup_other_currency("EUR")
        cls.abroad = cls.setup_other_company(name="Abroad", currency_id=euro.id)["company"]
        cls.branch = cls._create_company(name="Branch", parent_id=cls.company.id)
        cls.companies = cls.company | cls.abroad | cls.branch
        cls.env = cls.env(context=dict(cls.env.context, allowed_company_ids=cls.companies.ids))
        cls.companies = cls.companies.with_env(cls.env)
        cls.company, cls.abroad, cls.branch = cls.companies
        cls.shared = cls.customer("Shared", company_id=False)
        cls.private = cls.customer("Private", company_id=cls.abroad.id)
        cls.amounts = {cls.company: 1000.0, cls.abroad: 200.0, cls.branch: 30.0}
        for company, amount in cls.amounts.items():
            cls.sold(company, cls.shared, amount)
        cls.sold(cls.abroad, cls.private, 7.0)
        for company in cls.companies:
            cls.env["crm.value.refresh"].with_company(company)._refresh_company()
        cls.one, cls.two, cls.all = (
            new_test_user(
                cls.env,
                login,
                "sales_team.group_sale_manager",
                company_id=companies[0].id,
                company_ids=[Command.set(companies.ids)],
            )
            for login, companies in (("one", cls.abroad), ("two", cls.company | cls.branch), ("all", cls.companies))
        )

    @classmethod
    def sold(cls, company, partner, amount, day="2025-06-01", **vals):
        move = (
            cls.env["account.move"]
            .with_company(company)
            .create(
                {
                    "move_type": "out_invoice",
                    "partner_id": partner.id,
                    "invoice_date": day,
                    "company_id": company.id,
                    "invoice_line_ids": [
                        Command.create({"name": "Line", "price_unit": amount, "tax_ids": [Command.clear()]})
                    ],
                    **vals,
                }
            )
        )
        move.action_post()
        return move

    def seen(self, user, *companies):
        """Return what a user sees of the shared contact with these companies active, the first one chosen."""
        env = self.env(user=user, context={"allowed_company_ids": [company.id for company in companies]})
        partner = env["res.partner"].browse(self.shared.id)
        rows = env["crm.value"].search([("partner_id", "=", self.shared.id)])
        [found] = env["res.partner"].formatted_read_group([("id", "=", self.shared.id)], [], ["revenue_total:sum"])
        self.assertEqual(found["revenue_total:sum"], partner.revenue_total, "sums and fields are of one company")
        return partner.revenue_total, partner.value_currency_id.name, sorted(rows.mapped("revenue_total"))

    def test_each_company_its_own_figures(self):
        own = self.company.currency_id.name
        self.assertEqual(self.seen(self.one, self.abroad), (200.0, "EUR", [200.0]))
        self.assertEqual(self.seen(self.two, self.company), (1000.0, own, [1000.0]))
        self.assertEqual(self.seen(self.two, self.company, self.branch), (1000.0, own, [30.0, 1000.0]))
        self.assertEqual(self.seen(self.two, self.branch), (30.0, own, [30.0]))
        self.assertEqual(
            self.seen(self.all, self.abroad, self.company, self.branch), (200.0, "EUR", [30.0, 200.0, 1000.0])
        )
        self.assertEqual(self.seen(self.all, self.branch, self.abroad), (30.0, own, [30.0, 200.0]))

    def test_one_after_the_other_in_one_transaction(self):
        """Switching changes every figure, also with those of the other company in the cache."""
        partner = self.shared.with_user(self.all)
        names = ("revenue_total", "revenue_12m", "clv", "margin_12m", "value_id", "value_currency_id")
        seen = [
            [partner.with_context(allowed_company_ids=company.ids)[name] for name in names]
            for company in self.companies
        ]
        for position, name in enumerate(names[:4]):
            self.assertEqual(len({row[position] for row in seen}), 3, name)
        orders = [
            self.env["sale.order"].create({"partner_id": self.shared.id, "company_id": company.id}).with_user(self.all)
            for company in self.companies
        ]
        self.assertEqual([order.value_id.revenue_total for order in orders], [1000.0, 200.0, 30.0])
        figures = [
            self.env(user=self.all, context={"allowed_company_ids": company.ids})[
                "crm.value.dashboard"
            ].read_dashboard()
            for company in self.companies
        ]
        self.assertEqual(len({str(figure["customers"]) for figure in figures}), 3)

    def test_private_contacts(self):
        value = self.env["crm.value"].search([("partner_id", "=", self.private.id)])
        self.assertEqual(value.company_id, self.abroad)
        self.assertTrue(value.with_user(self.one).revenue_total)
        self.assertFalse(
            value.with_user(self.two)
            .with_context(allowed_company_ids=(self.company | self.branch).ids)
            .has_access("read")
        )

    def test_sums_of_the_list_are_each_companys_own(self):
        env = self.env(user=self.all, context={"allowed_company_ids": self.companies.ids})
        sums = dict(
            env["crm.value"]._read_group(
                [("partner_id", "in", (self.shared + self.private).ids)], ["company_id"], ["revenue_total:sum"]
            )
        )
        self.assertEqual(
            {company.id: amount for company, amount in sums.items()},
            {self.company.id: 1000.0, self.abroad.id: 207.0, self.branch.id: 30.0},
        )

    def test_the_cron_works_for_all(self):
        for company in self.companies:
            self.sold(company, self.shared, 1.0, TODAY)
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("crm_value_addon.ir_cron_refresh_stale").with_user(
                self.env.ref("base.user_root")
            ).method_direct_trigger()
        self.env.invalidate_all()
        rows = self.env["crm.value"].search([("partner_id", "=", self.shared.id)])
        self.assertEqual(
            {row.company_id.id: row.revenue_total for row in rows},
            {company.id: amount + 1 for company, amount in self.amounts.items()},
        )
        self.env["crm.value.run"].search([("kind", "=", "full")]).as_of_date = "2000-01-01"
        self.assertLessEqual(self.companies, self.env["crm.value.scheduler"]._companies_due())

    # between companies

    def intercompany(self):
        self.sold(self.company, self.abroad.partner_id, 500.0)
        self.sold(self.company, self.branch.partner_id, 50.0)
        contact = self.customer("Buyer Abroad", parent_id=self.abroad.partner_id.id)
        self.sold(self.company, contact, 5.0)
        self.sold(self.abroad, self.company.partner_id, 70.0)

    def revenue(self, company):
        rows = self.env["crm.value"].search([("company_id", "=", company.id)])
        return round(sum(rows.mapped("revenue_total")), 2)

    def booked(self, company):
        moves = self.env["account.move"].search(
            [
                ("company_id", "=", company.id),
                ("state", "=", "posted"),
                ("move_type", "in", ("out_invoice", "out_refund", "out_receipt")),
            ]
        )
        return round(sum(moves.mapped("amount_untaxed_signed")), 2)

    def full(self, company):
        return self.env["crm.value.refresh"].with_company(company)._refresh_company()

    def test_sales_between_companies_count_at_first(self):
        self.intercompany()
        run = self.full(self.company)
        self.assertEqual((self.revenue(self.company), run.intercompany_revenue), (1555.0, 0.0))

    def test_sales_between_companies_are_left_out(self):
        self.intercompany()
        self.full(self.company)
        self.company.value_leave_out_intercompany = True
        self.assertTrue(
            self.env["crm.value.run"].search_count(
                [("company_id", "=", self.company.id), ("kind", "=", "full"), ("state", "=", "queued")]
            )
        )
        run = self.full(self.company)
        self.assertEqual((self.revenue(self.company), run.intercompany_revenue), (1000.0, 555.0))
        self.assertEqual(
            self.revenue(self.company) + run.intercompany_revenue + run.unattributed_revenue,
            self.booked(self.company),
            "each document is one of the three",
        )
        run = self.full(self.abroad)
        self.assertEqual((self.revenue(self.abroad), run.intercompany_revenue), (277.0, 0.0), "by company")

    def test_left_out_incrementally_as_in_full(self):
        self.company.value_leave_out_intercompany = True
        self.full(self.company)
        self.intercompany()
        Value = self.env["crm.value"].with_company(self.company)
        self.Refresh._refresh_queue(lambda work: work())
        self.assertEqual(self.revenue(self.company), 1000.0)
        names = ["partner_id", "revenue_total", "margin_total", "purchase_count"]
        domain = [("company_id", "=", self.company.id), ("revenue_total", "!=", 0)]
        alone = Value.search(domain, order="id").read(names)
        self.full(self.company)
        self.assertEqual(Value.search(domain, order="id").read(names), alone)
        self.assertFalse(self.env["crm.value.queue"]._peek(self.company))

    def test_what_was_left_out_comes_back_as_it_was(self):
        """Its margin was frozen on its day all the same."""
        self.company.value_leave_out_intercompany = True
        self.intercompany()
        self.Refresh._refresh_queue(lambda work: work())
        self.company.value_leave_out_intercompany = False
        self.full(self.company)
        self.assertEqual(self.revenue(self.company), 1555.0)
        documents = self.env["crm.value.document"].search(
            [
                ("move_id.commercial_partner_id", "=", self.abroad.partner_id.id),
                ("move_id.company_id", "=", self.company.id),
            ]
        )
        self.assertEqual(len(documents), 2)
        self.assertNotIn("cost_now", documents.mapped("margin_source"))

    def test_what_an_amount_opens(self):
        self.intercompany()
        self.full(self.company)
        value = self.env["crm.value"].search(
            [("company_id", "=", self.company.id), ("partner_id", "=", self.abroad.partner_id.id)]
        )
        self.assertEqual(len(self.env["account.move"].search(value.action_open_documents()["domain"])), 2)
        self.company.value_leave_out_intercompany = True
        self.full(self.company)
        self.assertEqual(value.revenue_total, 0)
        self.assertEqual(value.action_open_documents()["tag"], "display_notification")
