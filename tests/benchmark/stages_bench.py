"""What a night does besides reading and writing, stage by stage: processor time, to be compared between sizes.

Each is done once and rolled back; it is the time of this process and of its database backend.
"""

from environment import environment
from measure import forked, processor_seconds
from refresh_bench import is_refreshed, refresh

from odoo.addons.crm_value_addon.lib import lifecycle
from odoo.addons.crm_value_addon.lib.customer_base import rfm
from odoo.addons.crm_value_addon.lib.postgres.binary_copy import day_number
from odoo.addons.crm_value_addon.models.refresh.basis import Basis


def run(table, registry, _database):
    if not is_refreshed(registry):
        forked(refresh, registry)
    for stage, seconds in forked(_measure, registry):
        if seconds is not None:
            table.add(f"stage: {stage}", seconds, "s")


def _measure(registry):
    """Return a list of (name of the stage, processor seconds)."""
    with environment(registry) as env:
        env.cr.execute("SET max_parallel_workers_per_gather = 0")  # a worker's time would not be seen
        found = [(name, processor_seconds(work, env.cr)) for name, work in _stages(env)]
        env.cr.rollback()
    return found


def _stages(env):
    company, refresh = env.company, env["crm.value.refresh"]
    basis, kept = Basis(company, company._value_today()), {}
    yield (
        "observed figures of all customers",
        lambda: kept.update(observed=env["crm.value.observation"]._observe(basis)),
    )
    yield (
        "estimates",
        lambda: kept.update(
            columns=env["crm.value.component"]._add(
                basis, env["crm.value.prediction"]._predict(basis, kept["observed"])[0]
            )
        ),
    )
    columns = kept["columns"]
    yield "recency, frequency and monetary scores", lambda: _score(env["crm.value.rfm"], columns, basis.as_of)
    yield (
        "ranks and lifecycle",
        lambda: kept.update(columns=refresh._place(basis, columns, refresh._boundaries(basis, columns))),
    )
    satisfied = env["crm.value.lifecycle"]._are_satisfied(company, columns)
    yield (
        "lifecycle alone",
        lambda: lifecycle.stages(
            {**kept["columns"], "satisfied": satisfied},
            day_number(basis.as_of),
            env["crm.value.lifecycle"]._thresholds(company),
        ),
    )
    Fit, until = env["crm.value.fit"], company._value_today()
    yield "weekly fit: reading of the purchases", lambda: kept.update(days=Fit._purchase_days(company, until))
    yield (
        "weekly fit: models, weights, intervals",
        lambda: Fit._prepare_fit_vals(company, kept["days"], until),
    )
    backtest, end = env["crm.value.fit.backtest"], day_number(until)
    yield (
        "weekly fit: backtest",
        lambda: backtest._run_backtest(company, kept["days"], backtest._split(kept["days"], end), end),
    )
    yield "tiers, nothing to change", lambda: env["crm.value.tier.assignment"]._assign_company(source="rules")
    simulation = env["crm.value.tier.simulation"].create({})
    yield "simulation of tiers", simulation.action_preview
    rules = env["crm.value.followup.rule"].with_context(active_test=False).search([])
    rules.active = True
    yield (
        f"customers due of {len(rules)} follow-up rules",
        lambda: [env["crm.value.followup.due"]._find(rule, company) for rule in rules],
    )
    company.write({"value_cost_late_payment": True, "value_cost_interest": 0.08})
    yield "cost to serve, with late payments", lambda: env["crm.value.component"]._find(basis, kept["columns"])
    env.cr.execute("DELETE FROM crm_value_snapshot")
    run = env["crm.value.run"].search([("kind", "=", "full"), ("state", "=", "done")], limit=1)
    run.write({"month_end_key": 1, "as_of_date": basis.as_of})
    yield "month's end", lambda: _take_month_end(env["crm.value.snapshot"], run)


def _take_month_end(service, run):
    while run.month_end_key:
        service._take_batch(run)


def _score(service, columns, as_of):
    figures = service._figures(columns, columns["purchase_count"] > 0, day_number(as_of))
    rfm.rfm_scores(rfm.rfm_boundaries(*figures), *figures)
