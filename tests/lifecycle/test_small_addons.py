"""The small addons beside the addon: an update with customers, and what each leaves behind when it is uninstalled.

One story in the order of the tests.
"""

# ruff: noqa: E501  (the programs in strings)
import os
import subprocess

import pytest
from odoo_commands import CRONS, HISTORY, SCRIPTS, WORK, Odoo

SMALL = ("sms", "mass_mailing", "event", "rating")

#: rules in use for each kind of action, one that only borrows a template, and what the addons add to records of Odoo's
RULES = """
template = env["mail.template"].search([("model", "=", "crm.value")], limit=1)
text = env.ref("crm_value_addon_sms.sms_template_reminder")
invitation = env.ref("crm_value_addon_event.mail_template_invitation")
event = env["event.event"].create({"name": "Tasting", "company_id": False, "date_begin": "2099-01-01 18:00:00", "date_end": "2099-01-01 20:00:00"})
tier = env["crm.value.tier"].search([], limit=1)
alone = env["event.event"].create({"name": "Alone", "is_published": True, "value_tier_id": tier.id, "date_begin": "2099-01-01 18:00:00", "date_end": "2099-01-01 20:00:00"})
mailings = env["mailing.list"].create({"name": "At risk"})
rules = env["crm.value.followup.rule"].create([
    {"name": "rule sms", "trigger": "at_risk", "action_type": "sms", "sms_template_id": text.id, "active": True},
    {"name": "rule sms off", "trigger": "at_risk", "action_type": "sms", "sms_template_id": text.id, "active": False},
    {"name": "rule mass_mailing", "trigger": "at_risk", "action_type": "mailing_list", "mailing_list_id": mailings.id, "active": True},
    {"name": "rule event", "trigger": "at_risk", "action_type": "event", "event_id": event.id, "mail_template_id": template.id, "active": True},
    {"name": "rule event reason", "trigger": "event_attended", "active": True},
    {"name": "rule event text", "trigger": "at_risk", "action_type": "mail", "mail_template_id": invitation.id, "active": True},
    {"name": "rule rating", "trigger": "at_risk", "action_type": "rating", "mail_template_id": template.id, "active": True},
    {"name": "rule call", "trigger": "at_risk", "active": True},
])
value = env["crm.value"].search([], limit=1)
env["crm.value.followup"].create([
    {"rule_id": rule.id, "value_id": value.id, "company_id": value.company_id.id, "occasion": "x", "date": "2025-01-01", "group": "treated", "state": "open", "channel": rule.action_type}
    for rule in rules])
program = env["loyalty.program"].create({"name": "Points", "program_type": "loyalty"})
env["crm.value.earning"].create([
    {"name": "earning event", "event": "event", "program_id": program.id},
    {"name": "earning call", "event": "profile", "program_id": program.id},
])
env["sms.sms"].create({"number": "+15550100", "body": "Hello", "state": "value_waiting", "value_send_at": "2099-01-01"})
result = rules.mapped("action_type")
"""

#: what says an addon's name, or is one of its fields; and how the rules are
LEFT = """
queries = {
    "xml ids": "SELECT name FROM ir_model_data WHERE module = %(module)s",
    "columns": "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
               " AND column_name = ANY(%(columns)s) AND table_name = ANY(%(tables)s)",
    "views": "SELECT name FROM ir_ui_view WHERE arch_db::text LIKE '%%' || %(module)s || '.%%'",
    "crons": "SELECT cron_name FROM ir_cron WHERE cron_name = 'Customer Value: text messages that waited for working hours' AND %(module)s = 'crm_value_addon_sms'",
    "filters": "SELECT name::text FROM mailing_filter WHERE mailing_domain LIKE '%%value_ids%%' AND %(module)s = 'crm_value_addon_mass_mailing'",
    "states": "SELECT state FROM sms_sms WHERE state = 'value_waiting' AND %(module)s = 'crm_value_addon_sms'",
}
found = {}
for what, query in queries.items():
    env.cr.execute(query, {"module": module, "columns": columns, "tables": tables})
    rows = [row[0] for row in env.cr.fetchall()]
    if rows:
        found[what] = rows
def every(model):
    return env[model].with_context(active_test=False).search([("name", "like", "rule " if model.endswith("rule") else "earning ")], order="name")
result = {"left": found,
          "rules": {rule.name: [rule.action_type, rule.trigger, rule.active, rule.stop_reason or "", rule.followup_ids.mapped("state")] for rule in every("crm.value.followup.rule")},
          "earnings": {rule.name: rule.active for rule in every("crm.value.earning")},
          "alone": env["event.event"].search([("name", "=", "Alone")]).is_published,
          "kept": [env["mailing.list"].search_count([("name", "=", "At risk")]), env["event.event"].search_count([("name", "=", "Tasting")]),
                   env["sms.sms"].search_count([("body", "=", "Hello")])]}
"""

COLUMNS = {
    "sms": (["sms_template_id", "value_send_at"], ["crm_value_followup_rule", "sms_sms"]),
    "mass_mailing": (["mailing_list_id", "mailing_id"], ["crm_value_followup_rule"]),
    "event": (["event_id", "value_tier_id"], ["crm_value_followup_rule", "event_event"]),
    "rating": (["asked_cause_id", "asked_limit"], ["crm_value_followup_rule"]),
}
#: the rules that need an addon
THEIRS = {
    "sms": {"rule sms", "rule sms off"},
    "mass_mailing": {"rule mass_mailing"},
    "event": {"rule event", "rule event reason", "rule event text"},
    "rating": {"rule rating"},
}


@pytest.fixture(scope="module")
def odoo(tmp_path_factory):
    """A database of customers with the apps and our addons for them."""
    done = subprocess.run(
        [SCRIPTS / "db", "scratch", "shop", str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True
    )
    odoo = Odoo(done.stdout.split()[-1], tmp_path_factory.mktemp("small"))
    yield odoo
    subprocess.run([SCRIPTS / "db", "drop", odoo.name], check=True)


def left(odoo, addon):
    """Return what is left of an addon, the rules, and what of Odoo's has to stay."""
    columns, tables = COLUMNS[addon]
    begin = f"module, columns, tables = {f'crm_value_addon_{addon}'!r}, {columns!r}, {tables!r}\n"
    return odoo.shell(begin + LEFT, commit=False)


def test_an_update_with_customers_warns_of_nothing(odoo):
    assert odoo.shell(HISTORY) > 50
    odoo.shell(WORK % (CRONS,))
    assert len(odoo.shell(RULES)) == 8
    assert odoo.shell("result = env['crm.value'].search_count([('revenue_total', '>', 0)])", commit=False) == 24
    assert odoo.install("-u", ",".join(["crm_value_addon", *(f"crm_value_addon_{name}" for name in SMALL)])) == []


@pytest.mark.parametrize("addon", SMALL)
def test_uninstalling_leaves_nothing_and_starts_nothing(odoo, addon):
    before = left(odoo, addon)
    assert {"xml ids", "columns"} <= before["left"].keys(), "what is looked for can be found"
    odoo.shell(f'env.ref("base.module_crm_value_addon_{addon}").button_immediate_uninstall()')
    after = left(odoo, addon)
    assert after["left"] == {}
    assert after["kept"] == before["kept"] == [1, 1, 1], "what is Odoo's stays"
    changed = {name for name, rule in after["rules"].items() if rule != before["rules"][name]}
    assert changed == THEIRS[addon]
    for name in changed:
        action, trigger, is_active, reason, states = after["rules"][name]
        assert not is_active and "uninstalled" in reason, "it stops and says so, and calls nobody instead"
        assert (action, trigger) == ("mail" if name == "rule event text" else "activity", "at_risk")
        assert states == ["closed"]
    assert after["earnings"] == {**before["earnings"], **({"earning event": False} if addon == "event" else {})}
    assert after["alone"] is (addon in ("sms", "mass_mailing")), "what was for a tier is not open to all"


def test_the_addon_works_on_without_them(odoo):
    odoo.shell(WORK % (CRONS,))
    state = odoo.shell(
        """
health = env["crm.value.health"]._check(env.company)["problems"]
rule = env["crm.value.followup.rule"].with_context(active_test=False).search([("name", "=", "rule sms")])
for view in ("form", "list", "kanban", "search"):
    rule.get_view(view_type=view)
result = [env["crm.value"].search_count([("revenue_total", ">", 0)]), [text for text in health if "failed" in text],
          rule.active, rule.stop_reason]""",
        commit=False,
    )
    assert state[:3] == [24, [], False] and "uninstalled" in state[3]
