import json
import re
from pathlib import Path

from lxml import etree

from odoo import Command
from odoo.tests import new_test_user
from odoo.tools.misc import file_path

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

    def dashboard(self, user=None, period="month", company_id=False, companies=None, filters=None):
        """Return what a user gets, as it arrives in the browser."""
        env = self.env(
            user=user or self.manager,
            context=dict(self.env.context, allowed_company_ids=(companies or self.company).ids),
        )
        return json.loads(json.dumps(env["crm.value.dashboard"].read_dashboard(period, company_id, filters)))

    def columns_of(self, env, model):
        """Return the columns with a sum that nobody can hide in the list that a figure of this model opens."""
        lists = re.search(r"const LISTS = \{(.*?)\};", self.section_source(), re.DOTALL).group(1)
        ref = dict(re.findall(r'"([\w.]+)": "([\w.]+)"', lists)).get(model)
        if not ref:
            return set()
        arch = env[model].get_views([(env.ref(ref).id, "list")])["views"]["list"]["arch"]
        columns = etree.fromstring(arch).iterfind(".//field")
        return {column.get("name") for column in columns if column.get("sum") and not column.get("optional")}

    @staticmethod
    def section_source():
        return Path(file_path("crm_value_addon/static/src/dashboard/dashboard_section.js")).read_text()

    def assert_lists_match(self, payload, user=None, companies=None):
        """Every figure opens a list of as many records, with a column for each amount that adds up to it."""
        found = 0
        env = self.env(
            user=user or self.manager,
            context=dict(self.env.context, allowed_company_ids=(companies or self.company).ids),
        )
        for path, figure in figures(payload):
            records = env[figure.get("model", "crm.value")].search(figure["domain"])
            self.assertEqual(len(records), figure["count"], path)
            amounts = {"revenue", "margin", "clv", "equity", "amount"} & figure.keys()
            columns = figure.get("columns", {})
            self.assertEqual(columns.keys() & amounts, amounts, f"{path}: every amount says what it is the sum of")
            shown = self.columns_of(env, figure.get("model", "crm.value"))
            for name in amounts:
                field = columns[name]
                self.assertAlmostEqual(sum(records.mapped(field)), figure[name], 2, f"{path}.{name}")
                [[total]] = records._read_group([("id", "in", records.ids)], aggregates=[f"{field}:sum"])
                self.assertAlmostEqual(total or 0, figure[name], 2, f"{path}.{name} in a grouped list")
                self.assertIn(field, shown, f"{path}: the list that opens has no column for {name}")
            found += 1
        self.assertTrue(found)
