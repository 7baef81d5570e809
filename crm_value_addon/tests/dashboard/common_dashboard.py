import json

from odoo import Command
from odoo.tests import new_test_user

from ..common import ValueCase


def figures(node, path=""):
    """Yield (path, figure) of everything in a payload that says what is behind it."""
    if isinstance(node, dict):
        if "domain" in node and "count" in node:
            yield path, node
        for name, child in node.items():
            yield from figures(child, f"{path}.{name}")
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from figures(child, f"{path}[{number}]")


def numbers_of(node):
    if isinstance(node, dict):
        for child in node.values():
            yield from numbers_of(child)
    elif isinstance(node, list):
        for child in node:
            yield from numbers_of(child)
    elif isinstance(node, float | int) and not isinstance(node, bool):
        yield node


class DashboardCase(ValueCase):
    """Values that can be computed in the head: a year of the last 12 months' margin, 40 % of the revenue."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {"value_method": "history", "value_retention_rate": 1, "value_discount_rate": 0, "value_horizon_months": 12}
        )
        cls.seller, cls.manager = (
            new_test_user(
                cls.env, login, groups=groups, company_id=cls.company.id, company_ids=[Command.set(cls.company.ids)]
            )
            for login, groups in (
                ("dash_seller", "sales_team.group_sale_salesman"),
                ("dash_manager", "sales_team.group_sale_manager"),
            )
        )

    def dashboard(self, user=None, period="month", company_id=False, companies=None):
        """Return what a user gets, as it arrives in the browser."""
        env = self.env(
            user=user or self.manager,
            context=dict(self.env.context, allowed_company_ids=(companies or self.company).ids),
        )
        return json.loads(json.dumps(env["crm.value.dashboard"].read_dashboard(period, company_id)))

    def assert_lists_match(self, payload, user=None, companies=None):
        """Every figure opens a list of as many records, with the same sums."""
        found = 0
        env = self.env(
            user=user or self.manager,
            context=dict(self.env.context, allowed_company_ids=(companies or self.company).ids),
        )
        for path, figure in figures(payload):
            records = env[figure.get("model", "crm.value")].search(figure["domain"])
            self.assertEqual(len(records), figure["count"], path)
            for name, field in (("revenue", "revenue_12m"), ("margin", "margin_12m"), ("clv", "clv")):
                if name in figure and ".expected" not in path:
                    self.assertAlmostEqual(sum(records.mapped(field)), figure[name], 2, f"{path}.{name}")
            found += 1
        self.assertTrue(found)
