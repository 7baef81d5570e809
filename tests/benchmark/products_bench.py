"""What customers buy: the table of a night against the bare aggregate of the same lines, and the fit of next products.

The floor is the bare sum of the product lines of the posted documents for each customer and category, with first and
last day, plus COPY of the finished rows into an empty table. The fit is measured without Odoo, on 100,000 customers,
5,000 products and 2.5 million lines. Alone: scripts/bench --only products
"""

import io
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from environment import environment
from lxml import etree
from measure import alternate, forked, seconds
from order_bench import specification
from refresh_bench import is_refreshed, refresh

ROUNDS = 3
OPENINGS = 40
CHANGED = 2_000
_LINES = """
    SELECT move.commercial_partner_id, template.categ_id, min(move.invoice_date), max(move.invoice_date),
           sum(-line.balance) AS revenue, sum(line.quantity) AS quantity, count(DISTINCT move.invoice_date)
      FROM account_move move JOIN account_move_line line ON line.move_id = move.id
      JOIN product_product product ON product.id = line.product_id
      JOIN product_template template ON template.id = product.product_tmpl_id
     WHERE move.state = 'posted' AND move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
       AND move.company_id = 1 AND line.display_type = 'product'
     GROUP BY move.commercial_partner_id, template.categ_id"""


def run(table, registry, _database):
    if not is_refreshed(registry):
        refresh(registry)
    _set_level(registry, "category")
    first = forked(_timed_night, registry)
    rounds = [(forked(_timed_night, registry), _floor(registry)) for _ in range(ROUNDS)]
    table.add("products: first night", first, "s")
    table.add("products: a night", statistics.median(night for night, _floor_ in rounds), "s")
    table.add("products: floor, bare aggregate and COPY", statistics.median(floor for _night, floor in rounds), "s")
    table.add("products: a night / floor", statistics.median(one / other for one, other in rounds), "×", at_most=3)
    changed = statistics.median(forked(_timed_changed, registry) for _ in range(ROUNDS))
    table.add("products: a changed customer", 1000 * changed / CHANGED, "ms", at_most=1)
    _set_level(registry, "none")
    _compare_forms(table, registry)
    done = subprocess.run([sys.executable, Path(__file__)], stdout=subprocess.PIPE, text=True, check=True)
    taken, megabytes = map(float, done.stdout.split())
    table.add("products: fit of the next products", taken, "s", at_most=60)
    table.add("products: memory of the fit", megabytes, "MB", at_most=1024)


def _set_level(registry, level):
    with environment(registry) as env:
        env["res.company"].browse(1).value_product_level = level


def _basis(env, partner_ids=None):
    from odoo.addons.crm_value_addon.models.refresh.basis import Basis

    company = env["res.company"].browse(1)
    return Basis(company, company._value_today(), partner_ids)


def _timed_night(registry):
    with environment(registry) as env:
        return seconds(lambda: env["crm.value.product.refresh"]._refresh(_basis(env)))


def _timed_changed(registry):
    with environment(registry) as env:
        env.cr.execute("SELECT partner_id FROM crm_value WHERE company_id = 1 ORDER BY id LIMIT %s", [CHANGED])
        partners = [partner_id for [partner_id] in env.cr.fetchall()]
        env.cr.execute("UPDATE crm_value_product SET figures_digest = 0 WHERE partner_id = ANY(%s)", [partners])
        return seconds(lambda: env["crm.value.product.refresh"]._refresh(_basis(env, partners)))


def _floor(registry):
    with environment(registry) as env:
        rows = io.StringIO()

        def floor():
            env.cr.execute(f"CREATE TEMP TABLE bare ON COMMIT DROP AS {_LINES}")
            env.cr.execute("CREATE TEMP TABLE copied (LIKE crm_value_product) ON COMMIT DROP")
            env.cr.copy_expert("COPY crm_value_product TO STDOUT", rows)
            rows.seek(0)
            env.cr.copy_expert("COPY copied FROM STDIN", rows)

        return seconds(floor)


def _compare_forms(table, registry):
    """Open a quotation that has suggestions and a pricelist, and the same one with suggestions switched off."""
    with environment(registry) as env:
        env.ref("base.group_user").implied_ids += env.ref("product.group_product_pricelist")
        value = env["crm.value"].search([("company_id", "=", 1), ("tier_id", "!=", False)], limit=1)
        products = env["product.template"].search([("sale_ok", "=", True)], limit=5)
        env["crm.value.suggestion"].create(
            [
                {
                    "partner_id": value.partner_id.id,
                    "company_id": 1,
                    "product_tmpl_id": product.id,
                    "because_id": products[0].id,
                    "rank": rank,
                    "share": 0.5,
                }
                for rank, product in enumerate(products, 1)
            ]
        )
        pricelist = env["product.pricelist"].create({"name": "Bench", "company_id": 1})
        order = env["sale.order"].create({"partner_id": value.partner_id.id, "pricelist_id": pricelist.id})
        assert len(order.value_suggestion_ids) == 3
        asked = specification(env["sale.order"], etree.fromstring(order.get_view(view_type="form")["arch"]))
        queries = {}

        def opening(is_on):
            def form():
                env.company.value_suggestions = is_on
                env.flush_all()
                env.invalidate_all()
                before = env.cr.sql_log_count
                order.web_read(asked)
                queries[is_on] = env.cr.sql_log_count - before

            return form

        on, off, _ratio = alternate(OPENINGS, opening(True), opening(False))
        table.add(
            "products: an order form with suggestions: queries more", queries[True] - queries[False], "", at_most=2
        )
        table.add("products: an order form with suggestions: time more", 1000 * (on - off), "ms", at_most=15)
        env.cr.rollback()


def _fit():
    """Print the seconds and the megabytes of a fit and the suggestions for everybody."""
    import time

    import numpy as np

    sys.path.insert(0, str(Path(__file__).parents[2] / "crm_value_addon"))
    from lib.recommendation import backtest
    from lib.recommendation.reasons import reasons

    chance = np.random.default_rng(1)
    customers, products, lines = 100_000, 5_000, 2_500_000
    customer = chance.integers(0, customers, lines)
    # each customer buys around a place among the products, where the popular ones lie anywhere
    product = (customer * 7 + (chance.pareto(1.0, lines) * 40).astype(np.int64)) % products
    bought = backtest.matrix(customer, product, (customers, products))
    segments = np.zeros(customers, np.int64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    scorer = backtest.fit("ease", bought, segments)
    found = [part[:2] for part in backtest.next_products(scorer, bought, segments, bought, np.ones(products, bool))]
    reasons(bought, *(np.concatenate(part) for part in zip(*found, strict=True)))
    taken = time.perf_counter() - start
    print(taken, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


if __name__ == "__main__":
    _fit()
