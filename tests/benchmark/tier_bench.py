"""Loyalty tiers: assigning all customers, against bare UPDATEs of the same rows; and the preview of other rules.

A bare UPDATE sets the same columns of the same rows to constants, in one pass over the table. The first assignment
writes every customer and its line in the log; a change of rules changes the tiers of about half of them.
"""

import statistics

from environment import environment
from measure import alternate, seconds
from refresh_bench import is_refreshed, refresh

PAIRS = 5
PREVIEW_LIMIT = 10  # seconds: "in seconds"


def run(table, registry, _database):
    if not is_refreshed(registry):
        refresh(registry)
    for label, spoil in (("first assignment", _forget), ("assignment after a change of rules", _forget_half)):
        taken, bare, ratio = alternate(
            PAIRS, lambda: _assign(registry), lambda: _bare_updates(registry), reset=lambda spoil=spoil: spoil(registry)
        )
        table.add(f"tiers: {label}", taken, "s")
        table.add(f"tiers: one bare UPDATE of the rows, before {label}", bare, "s")
        table.add(f"tiers: {label} / bare UPDATE", ratio, "×", at_most=3)
    _assign(registry)
    written = []
    again = statistics.median(seconds(lambda: written.append(_assign(registry))) for _pair in range(PAIRS))
    table.add("tiers: assignment with nothing to change", again, "s")
    table.add("tiers: rows written by it", sum(written), "", equal=0)
    _preview(table, registry)


def _assign(registry):
    """Decide the tiers of all customers as the cron does; return the number of rows written."""
    with environment(registry) as env:

        def transaction(work):
            done = work()
            env.cr.commit()
            return done

        # The source of the changes is an argument, so that no run of tiers need wait.
        return env["crm.value.tier.assignment"]._assign_company(transaction, source="rules").written


def _forget(registry):
    _execute(
        registry, "UPDATE crm_value SET tier_id = NULL, tier_since = NULL, next_tier_id = NULL, tier_review_date = NULL"
    )


def _forget_half(registry):
    _assign(registry)
    _execute(registry, "UPDATE crm_value SET tier_id = NULL WHERE partner_id % 2 = 0")


def _bare_updates(registry):
    """One pass over the rows that the assignment would write."""
    with registry.cursor() as cr:
        cr.execute("SELECT min(id), max(id) FROM crm_value_tier WHERE active")
        lowest, highest = cr.fetchone()
        cr.execute(
            "UPDATE crm_value SET tier_id = %s, tier_since = current_date, next_tier_id = %s, tier_review_date = NULL"
            " WHERE company_id = 1 AND tier_id IS NULL",
            [lowest, highest],
        )


def _execute(registry, statement):
    with registry.cursor() as cr:
        cr.execute("DELETE FROM crm_value_tier_change")
        cr.execute(statement)
        cr.commit()
        cr._cnx.autocommit = True
        cr.execute("VACUUM ANALYZE crm_value")
        cr.execute("VACUUM ANALYZE crm_value_tier_change")
        cr._cnx.autocommit = False


def _preview(table, registry):
    """Halve every threshold in a simulation, and look at the result."""
    with environment(registry) as env:
        simulation = env["crm.value.tier.simulation"].create({})
        for criterion in simulation.criterion_ids:
            criterion.write({"enter_min": criterion.enter_min / 2, "keep_min": criterion.keep_min / 2})
        taken = statistics.median(seconds(simulation.action_preview) for _repetition in range(3))
        count = simulation.move_count
        simulation.unlink()
    table.add(f"tiers: preview of other rules ({count} would move)", taken, "s", at_most=PREVIEW_LIMIT)
