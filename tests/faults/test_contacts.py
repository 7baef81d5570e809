"""Contacts change under a refresh: between what it has read and what it writes, another session changes them."""

import random
import threading

import pytest
from state import differences

SEED = 20260122
KINDS = ["delete", "merge", "archive", "move", "company"]


def comparable(state):
    """Return a state without what a merge beside a refresh leaves to it: the refresh decides the tier, and says so."""
    return {
        name: sorted(row.replace("'merge'", "'refresh'") for row in rows)
        for name, rows in state.items()
        if name != "runs"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_contacts_changed_meanwhile(stage, exhaustive, kind):
    """A refresh stops at a moment, contacts are changed and committed, it goes on: as if they had been before it."""
    partners = [
        row
        for [row] in stage.cluster.query(
            "faults_traded",
            """
        SELECT value.partner_id FROM crm_value value JOIN res_partner partner ON partner.id = value.partner_id
         WHERE value.company_id = 1 AND partner.name LIKE 'Customer 0%%' ORDER BY value.partner_id DESC LIMIT 200""",
        )
    ]
    chosen = partners[3:6]
    change = {"arguments": {"kind": kind, "partner_ids": chosen}}
    undisturbed, _state = stage.undisturbed("traded", "refresh")
    stage.set("traded")
    stage.worker.do("change_contacts", **change)
    stage.worker.do("refresh")
    stage.worker.do("settle")
    expected = stage.forgiving()
    seeded = random.Random(f"{SEED} {kind}")
    for _number in range(8 if exhaustive else 1):
        stage.set("traded")
        step = seeded.randint(20, undisturbed["steps"] - 1)
        stage.worker.begin("refresh", stop_at=step)
        assert stage.worker.end() == {"stopped": True}
        # the change may have to wait for what the refresh has written
        timer = threading.Timer(3, stage.worker.go_on)
        timer.start()
        stage.second_worker.do("change_contacts", **change)
        timer.cancel()
        stage.worker.go_on()
        done = stage.worker.end()
        assert not done["error"], f"stopped before step {step}: {done['error']}"
        assert not stage.query("SELECT * FROM crm_value_run WHERE state = 'failed' OR skipped > 0")
        stage.worker.do("settle")
        said = differences(comparable(expected), comparable(stage.forgiving()))
        assert not said, f"{kind} before step {step} of {undisturbed['steps']}:\n{said}"
