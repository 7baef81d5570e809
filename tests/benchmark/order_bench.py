"""Sales orders with and without the addon: two small databases that differ in nothing else, and take turns.

Where the addon gives the customer its pricelist by a tier, the contact has it by hand in the other database: both
price ten lines by the same rules. Alone: tests/benchmark/order_bench.py RESULT.json
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from environment import connect
from lxml import etree
from measure import Table, alternate

import odoo
from odoo import Command

PAIRS = 60
LINES = 10
_DB = Path(__file__).parents[2] / "scripts" / "db"


def run(table, _registry=None, _database=None):
    names = {kind: _scratch(kind) for kind in ("addon", "base")}
    try:
        registries = {kind: connect(name) for kind, name in names.items()}
        with ExitStack() as stack:
            envs = {kind: _environment(stack, registry) for kind, registry in registries.items()}
            data = {kind: prepare(env) for kind, env in envs.items()}
            for customer in ("member", "stranger"):
                _compare_creation(table, envs, data, customer)
            _compare_opening(table, envs, data)
            for env in envs.values():
                env.cr.rollback()
    finally:
        odoo.sql_db.close_all()
        for name in names.values():
            subprocess.run([_DB, "drop", name], check=True)


def _scratch(kind):
    done = subprocess.run([_DB, "scratch", kind, str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()[-1]


def _environment(stack, registry):
    cr = stack.enter_context(registry.cursor())
    return odoo.api.Environment(cr, odoo.SUPERUSER_ID, {"tracking_disable": True})


def prepare(env):
    """Make products, pricelists and two customers, of whom one has a pricelist: by a tier where there are tiers."""
    env.ref("base.group_user").implied_ids += env.ref("product.group_product_pricelist")
    products = env["product.product"].create(
        [
            {
                "name": f"Product {number}",
                "list_price": 10.0 + number,
                "standard_price": 5.0,
                "type": "service",
                "taxes_id": [Command.clear()],
            }
            for number in range(LINES)
        ]
    )
    env["product.pricelist"].create({"name": "Public", "sequence": 1})
    pricelist = env["product.pricelist"].create(
        {
            "name": "VIP",
            "sequence": 50,
            "item_ids": [
                Command.create({"compute_price": "percentage", "percent_price": 10, "applied_on": "3_global"})
            ],
        }
    )
    member, stranger = env["res.partner"].create([{"name": "Member"}, {"name": "Stranger"}])
    if "crm.value" in env:
        _join(env, member, pricelist)
    else:
        member.specific_property_product_pricelist = pricelist
        member.property_payment_term_id = env.ref("account.account_payment_term_30days")
    user = env.ref("base.user_admin")
    user.group_ids += env.ref("sales_team.group_sale_manager")
    return {"products": products.ids, "member": member.id, "stranger": stranger.id, "user": user.id}


def _join(env, customer, pricelist):
    term = env.ref("account.account_payment_term_30days")
    tier = env["crm.value.tier"].create(
        {
            "name": "Members",
            "sequence": 900,
            "criterion_ids": [Command.create({"metric": "revenue_total", "enter_min": 7})],
            "benefit_ids": [
                Command.create({"benefit_type": "pricelist", "pricelist_id": pricelist.id}),
                Command.create({"benefit_type": "payment_term", "payment_term_id": term.id}),
                Command.create({"benefit_type": "note", "note": "A member"}),
            ],
        }
    )
    value = env["crm.value"].create(
        {
            "partner_id": customer.id,
            "company_id": env.company.id,
            "tier_id": tier.id,
            "purchase_count": 3,
            "revenue_total": 900,
            "revenue_12m": 900,
            "first_purchase_date": date.today(),
        }
    )
    assert value.tier_id == tier


def _create(env, data, customer):
    def create():
        env.invalidate_all()
        order = (
            env["sale.order"]
            .with_user(data["user"])
            .create(
                {
                    "partner_id": data[customer],
                    "order_line": [
                        Command.create({"product_id": product, "product_uom_qty": 2}) for product in data["products"]
                    ],
                }
            )
        )
        env.flush_all()
        return order

    return create


def _compare_creation(table, envs, data, customer):
    creators = {kind: _create(env, data[kind], customer) for kind, env in envs.items()}
    _with, _without, ratio = alternate(PAIRS, creators["addon"], creators["base"])
    table.add(f"creating an order of {LINES} lines, {customer}", 1000 * _with, "ms")
    table.add(f"creating an order of {LINES} lines, {customer}, with the addon / without", ratio, "×", at_most=1.1)


def _compare_opening(table, envs, data):
    counts = {}
    for kind, env in envs.items():
        order = _create(env, data[kind], "member")()
        model = env["sale.order"].with_user(data[kind]["user"])
        asked = specification(model, etree.fromstring(model.get_view(view_type="form")["arch"]))
        for _warm in range(3):
            env.invalidate_all()
            before = env.cr.sql_log_count
            model.browse(order.id).web_read(asked)
            counts[kind] = env.cr.sql_log_count - before
    table.add("opening an order form: queries more with the addon", counts["addon"] - counts["base"], "", at_most=3)


def specification(model, arch):
    """Return what the web client asks for to show a form, or the list in one of its fields."""
    asked = {}
    for node in arch.xpath(".//field[not(ancestor::field)]"):
        name = node.get("name")
        field = model._fields[name]
        if field.type in ("one2many", "many2many"):
            inner = node.find("list")
            asked[name] = (
                {"fields": specification(model.env[field.comodel_name], inner)}
                if inner is not None
                else {"fields": {"display_name": {}}}
            )
        elif field.type == "many2one":
            asked[name] = {"fields": {"display_name": {}}}
        else:
            asked[name] = {}
    return asked


if __name__ == "__main__":
    results = Table()
    run(results)
    if len(sys.argv) > 1:
        results.write(Path(sys.argv[1]))
