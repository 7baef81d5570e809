from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL

from ..common import ValueCase

#: what any work leaves behind for a while: messages to browsers, wake-ups of scheduled actions
_UNCOUNTED = {"bus_bus", "ir_cron_trigger"}


@tagged("post_install", "-at_install", "slow")
class TestCrmValueSample(ValueCase):
    """Sample data has a company of its own, shows each part at work, and goes without a trace."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin, cls.manager = (
            new_test_user(
                cls.env, login, groups=groups, company_id=cls.company.id, company_ids=[Command.set(cls.company.ids)]
            )
            for login, groups in (
                ("sample_admin", "base.group_system,sales_team.group_sale_manager"),
                ("sample_manager", "sales_team.group_sale_manager"),
            )
        )

    def sample(self, user=None):
        return self.env(user=user or self.admin, context={"allowed_company_ids": self.company.ids})["crm.value.sample"]

    def rows(self):
        """Return how many rows each table has."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                AND relpersistence = 'p' ORDER BY 1"""
        )
        # Odoo deletes the rows of wizards by itself
        uncounted = _UNCOUNTED | {model._table for model in self.env.values() if model._transient}
        counts = {}
        for [table] in self.env.cr.fetchall():
            if table not in uncounted:
                [[counts[table]]] = self.env.execute_query(SQL("SELECT count(*) FROM %s", SQL.identifier(table)))
        return counts

    def numbers(self):
        """Return the next numbers of the sequences that there were before."""
        return self.env["ir.sequence"].search([]).mapped(lambda sequence: (sequence.code, sequence.number_next_actual))

    def test_load_and_remove(self):
        self.invoice(self.customer("Real Customer"), "2025-03-01", 500)
        self.refresh()
        stored, rows, numbers = self.stored(), self.rows(), self.numbers()
        self.sample().load_sample()
        company = self.env["res.company"].search([("value_is_sample", "=", True)])
        self.assertIn(company, self.admin.company_ids)
        self.assert_shows(company)
        self.assertEqual(self.stored(), stored)
        with self.assertRaises(UserError):
            self.sample().load_sample()
        self.sample().remove_sample()
        self.env.invalidate_all()
        self.assertFalse(company.exists())
        after = self.rows()
        changed = {table: (rows.get(table), count) for table, count in after.items() if count != rows.get(table)}
        self.assertEqual(changed, {})
        self.assertEqual(self.numbers(), numbers)
        self.assertEqual(self.stored(), stored)
        with self.assertRaises(UserError):
            self.sample().remove_sample()

    def assert_shows(self, company):
        """Each headline feature has something to show, in the sample company and nowhere else."""
        ours = [("company_id", "=", company.id)]
        values = self.env["crm.value"].search(ours)
        self.assertGreater(len(values), 50)
        self.assertTrue(values.filtered(lambda value: value.method == "model"))
        self.assertTrue(values.filtered("churn_risk"))
        self.assertEqual(values.partner_id.company_id, company)
        for model, domain in (
            ("crm.value.fit", [("is_used", "=", True)]),
            ("crm.value.followup", [("state", "=", "open"), ("deadline", "<=", company._value_today())]),
            ("crm.value.followup", [("group", "=", "control"), ("is_measured", "=", True)]),
            ("crm.value.target", []),
            ("crm.value.suggestion", [("state", "=", "open")]),
            ("crm.value.rebate", []),
            ("crm.value.opening", []),
            ("crm.value.product", [("state", "=", "lost")]),
            ("crm.value.snapshot", [("is_reconstructed", "=", True)]),
            ("crm.value.benefit", [("benefit_type", "=", "gift")]),
        ):
            with self.subTest(model=model, domain=domain):
                self.assertTrue(self.env[model].search_count([*ours, *domain]))
        self.assertFalse(self.env["product.template"].search_count([("name", "=", "Coffee Grinder"), *self.shared()]))

    def shared(self):
        return [("company_id", "!=", self.env["res.company"].search([("value_is_sample", "=", True)]).id)]

    def test_who_may(self):
        for method in ("load_sample", "remove_sample"):
            with self.assertRaises(AccessError):
                getattr(self.sample(self.manager), method)()

    def test_what_refers_to_it_keeps_it(self):
        company = self.env["res.company"].create({"name": "Sample", "value_is_sample": True})
        user = new_test_user(self.env, "sample_native", company_id=company.id, company_ids=[Command.set(company.ids)])
        with self.assertRaises(UserError):
            self.sample().remove_sample()
        self.assertTrue(company.exists())
        user.write({"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]})
        self.sample().remove_sample()
        self.assertFalse(company.exists())

    def test_only_a_sample_company_is_removed(self):
        with self.assertRaises(UserError):
            self.sample().remove_sample()
        with self.assertRaises(AccessError):
            self.company.with_user(self.admin).value_is_sample = True
