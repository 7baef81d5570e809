"""What if customers stayed longer and spent more: the answer for all customers against the kernel's own scoring.

The kernel's scoring is what a refresh asks of it once: expected purchases, spend and value of all customers, from the
observed figures in memory. Alone: scripts/bench --only whatif
"""

import statistics

from environment import environment
from measure import forked, seconds
from refresh_bench import is_refreshed, refresh

from odoo.addons.crm_value_addon.models.refresh.basis import Basis

ROUNDS = 3


def run(table, registry, _database):
    if not is_refreshed(registry):
        forked(refresh, registry)
    with environment(registry) as env:
        env["crm.value.fit"]._fit_company(env.company)
    whole, kernel = (statistics.median(times) for times in zip(*forked(_measure, registry), strict=True))
    table.add("what if: all customers", whole, "s")
    table.add("what if: the kernel's own scoring", kernel, "s")
    table.add("what if / the kernel's own scoring", whole / kernel, "×", at_most=10)


def _measure(registry):
    """Return a list of (seconds of the answer, seconds of the scoring)."""
    found = []
    with environment(registry) as env:
        basis = Basis(env.company, env.company._value_today())
        observed = env["crm.value.observation"]._read_history(basis)
        for _round in range(ROUNDS):
            wizard = env["crm.value.what.if"].create({"retention_points": 5, "spend_percent": 10})
            found.append(
                (
                    seconds(wizard.action_compute),
                    seconds(lambda: env["crm.value.prediction"]._predict_values(observed, (basis,))),
                )
            )
            assert wizard.is_done
        env.cr.rollback()
    return found
