"""Two servers of Odoo on one database in one night: each company is refreshed once, by one of them at a time."""

import pytest
from watch import Night

COMPANIES = 5
_HAVE_RUN = """
    SELECT count(*) = 2 FROM ir_cron
     WHERE active AND interval_type = 'days' AND nextcall > now() AT TIME ZONE 'UTC'
"""


@pytest.fixture
def night(make_cluster):
    """A night of several companies; each of the two nodes runs one scheduled action at a time."""
    cluster = make_cluster("demo")
    night = Night(cluster, COMPANIES)
    night.forget()
    for _node in range(2):
        cluster.start("--max-cron-threads", "1")
    yield night
    for node in cluster.nodes:
        node.end()


def test_each_company_is_refreshed_once_and_both_nodes_take_part(night):
    night.begin()
    night.cluster.until("all companies are refreshed", night.is_over)
    found = night.spans()
    assert len(found) > COMPANIES
    for events in found.values():
        assert [event for event, _node in events] == ["running", "done"]
        assert len({node for _event, node in events}) == 1, "one writer from the beginning to the end"
    nodes = {node for events in found.values() for _event, node in events}
    assert nodes == {f"odoo-{node.pid}" for node in night.cluster.nodes}
    [(customers, revenue, *_more)] = night.figures()
    assert customers > 0 and revenue > 0
    # The crons run again: nothing is left to do.
    night.begin()
    night.cluster.until("the crons have run again", lambda: night.cluster.sql(_HAVE_RUN)[0][0])
    assert night.spans() == found


def test_a_node_that_dies_leaves_its_company_to_the_other_one(night):
    cluster, victim = night.cluster, night.cluster.nodes[0]
    night.begin()
    cluster.until(
        "the first node is at a company",
        lambda: any(events[-1] == ("running", f"odoo-{victim.pid}") for events in night.spans().values()),
    )
    victim.kill()

    def look():
        cluster.sql("UPDATE ir_cron_trigger SET call_at = now() AT TIME ZONE 'UTC'")  # the minute until it looks again
        cluster.wake_crons()
        return night.is_over()

    cluster.until("the other node has refreshed all companies", look)
    assert not cluster.sql("SELECT id FROM crm_value_run WHERE kind = 'full' AND state != 'done'")
    assert len(night.figures()) == 1
