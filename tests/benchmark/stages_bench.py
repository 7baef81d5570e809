"""What a night does besides reading and writing, stage by stage: processor time, to be compared between sizes.

Each is done once and rolled back; it is the time of this process and of its database backend.
"""
from environment import environment
from measure import forked, processor_seconds
from refresh_bench import is_refreshed, refresh

from odoo.addons.crm_value_addon.lib import lifecycle
from odoo.addons.crm_value_addon.lib.customer_base import rfm
from odoo.addons.crm_value_addon.lib.postgres.binary_copy import day_number


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
    company, value = env.company, env["crm.value"]
    as_of, kept = company._value_today(), {}
    yield "observed figures of all customers", lambda: kept.update(history=value._history(company, as_of))
    kept["history"].pop("unfrozen")
    yield "estimates", lambda: kept.update(frame=value._estimate_each(company, as_of, kept["history"])[0])
    frame = kept["frame"]
    yield "recency, frequency and monetary scores", lambda: _score(value, frame, day_number(as_of))
    yield "ranks and lifecycle", lambda: kept.update(frame=value._rank(
        company, as_of, frame, value._boundaries(company, as_of, frame)))
    yield "lifecycle alone", lambda: lifecycle.stages(
        {**kept["frame"], "satisfied": value._are_satisfied(company, frame)}, day_number(as_of),
        lifecycle.DEFAULT_INTERVAL, company._lifecycle_thresholds())
    yield "tiers, nothing to change", lambda: value.with_context(value_tier_source="rules")._assign_company()
    simulation = env["crm.value.tier.simulation"].create({})
    yield "simulation of tiers", simulation.action_preview
    rules = env["crm.value.followup.rule"].with_context(active_test=False).search([])
    rules.active = True
    yield f"customers due of {len(rules)} follow-up rules", lambda: [
        env["crm.value.followup.due"]._find(rule, company) for rule in rules]
    company.write({"value_cost_late_payment": True, "value_cost_interest": 0.08})
    yield "cost to serve, with late payments", lambda: value._nightly_parts(company, as_of, kept["frame"])
    env.cr.execute("DELETE FROM crm_value_snapshot")
    yield "month's end", lambda: env["crm.value.snapshot"]._take(company, as_of)


def _score(value, frame, today):
    figures = value._rfm_figures(frame, frame["purchase_count"] > 0, today)
    rfm.rfm_scores(rfm.rfm_boundaries(*figures), *figures)
