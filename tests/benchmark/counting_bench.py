"""What counts for tiers, all switched on, against all switched off: the processor time of a refresh of all customers.

On: tiers count what is paid, a journal is left out, and half of the products have no weight for tiers. Every row is
rewritten in both. Alone: scripts/bench --only counting
"""

import statistics

from environment import environment
from measure import forked, processor_seconds
from refresh_bench import _refresh, _spoil, is_refreshed, refresh

ROUNDS = 2


def run(table, registry, _database):
    if not is_refreshed(registry):
        forked(refresh, registry)
    rounds = [{is_on: _measure(registry, is_on) for is_on in (False, True)} for _ in range(ROUNDS)]
    if rounds[0][True] is None:
        return
    for is_on, label in ((False, "off"), (True, "on")):
        found = statistics.median(each[is_on] for each in rounds)
        table.add(f"full refresh, what counts switched {label}: processor time", found, "s")
    ratio = statistics.median(each[True] / each[False] for each in rounds)
    table.add("full refresh, what counts switched on / off", ratio, "×", at_most=1.1)


def _measure(registry, is_on):
    with environment(registry) as env:
        env.company.value_tiers_count = "paid" if is_on else "invoiced"
        journals = env["account.journal"].search([("type", "=", "sale"), ("code", "=", "OPEN")])
        journals = journals or env["account.journal"].create({"name": "Opening", "type": "sale", "code": "OPEN"})
        journals.value_counting = "receivables" if is_on else "counts"
        products = env["product.template"].search([("sale_ok", "=", True)], order="id")
        products[: len(products) // 2].value_not_for_tiers = is_on
    forked(refresh, registry)  # records the documents again
    _spoil(registry)
    return forked(_processor, registry)


def _processor(registry):
    with environment(registry) as env:
        return processor_seconds(lambda: _refresh(env), env.cr)
