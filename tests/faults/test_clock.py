"""The clock is set back a day, or a month, and later put right."""

import pytest
from state import differences

#: what tells when something changed: the clock is what was wrong; and what a customer keeps that earned it then
_LEFT_OUT = (
    "id",
    "message_main_attachment_id",
    "as_of_date",
    "tier_since",
    "lifecycle_since",
    "tier_id",
    "next_tier_id",
    "tier_review_date",
)


def figures(stage):
    """Return what customers are worth, without the days on which it was written."""
    columns = [
        name
        for [name] in stage.query(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'crm_value' ORDER BY 1"
        )
        if name not in _LEFT_OUT
    ]
    return {"figures": sorted(map(str, stage.query(f"SELECT partner_id, {', '.join(columns)} FROM crm_value")))}


@pytest.mark.parametrize("days", [-1, -31])
def test_clock_set_back(stage, days):
    """Nothing fails, nobody is asked for twice, no month's end is lost; when it is right again so are the figures."""
    stage.set("traded")
    stage.worker.do("refresh")
    # what follow-ups cost is part of the figures
    stage.worker.do("followup")
    stage.worker.do("settle")
    before = figures(stage)
    asked = stage.query("SELECT rule_id, value_id, occasion, state FROM crm_value_followup ORDER BY 1, 2, 3")
    tiers = dict(stage.query("SELECT id, tier_id FROM crm_value"))
    last_move = stage.query("SELECT max(id) FROM crm_value_tier_change")[0][0]
    month_ends = stage.query("SELECT value_id, as_of_date, clv FROM crm_value_snapshot ORDER BY 1, 2")
    grants = stage.query("SELECT benefit_id, value_id, occasion FROM crm_value_grant ORDER BY 1, 2, 3")
    stage.worker.do("refresh", days=days)
    stage.worker.do("followup", days=days)
    assert not stage.query("SELECT * FROM crm_value_run WHERE state != 'done' OR notes IS NOT NULL")
    assert not stage.query("SELECT * FROM crm_value_queue")
    stage.worker.do("settle")
    said = differences(before, figures(stage))
    assert not said, said
    # another tier than before was earned on the day that the clock showed, and is kept by the rules
    moved = {row for [row] in stage.query("SELECT value_id FROM crm_value_tier_change WHERE id > %s", last_move)}
    assert {row for row, tier in stage.query("SELECT id, tier_id FROM crm_value") if tiers[row] != tier} <= moved
    assert set(month_ends) <= set(stage.query("SELECT value_id, as_of_date, clv FROM crm_value_snapshot"))
    assert set(grants) <= set(stage.query("SELECT benefit_id, value_id, occasion FROM crm_value_grant"))
    # one open activity of a rule for a customer, however often the day was lived
    assert not stage.query("""SELECT value_followup_id FROM mail_activity WHERE active AND value_followup_id IS NOT NULL
        GROUP BY 1 HAVING count(DISTINCT activity_type_id) < count(*)""")
    now = stage.query("SELECT rule_id, value_id, occasion, state FROM crm_value_followup ORDER BY 1, 2, 3")
    assert {row[:3] for row in asked} <= {row[:3] for row in now}
    again = stage.query("""SELECT rule.trigger, count(*) FROM crm_value_followup one
        JOIN crm_value_followup other ON (other.rule_id, other.value_id) = (one.rule_id, one.value_id)
         AND other.id > one.id AND other.date - one.date < 1 JOIN crm_value_followup_rule rule ON rule.id = one.rule_id
       WHERE rule.cooldown_days > 31 GROUP BY 1""")
    assert not again, f"asked for again before the cooldown was over: {again}"
