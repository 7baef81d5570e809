"""The life of an installation: on a database with history, updated, copied, uninstalled, installed again.

One story in the order of the tests; each step is a process of Odoo's own command line.
"""

# ruff: noqa: E501  (the programs in strings)
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from lxml import etree
from odoo_commands import CRONS, DANGLING, HISTORY, SCRIPTS, WORK, Odoo

ROOT = Path(__file__).parents[2]
EARLIER = ROOT / "tests" / "data" / "crm_value_addon_19.0.1.0.0_first.tar.gz"

FIGURES = """
value = env["crm.value"].search([], order="company_id, partner_id")
figures = {
    "values": [[v.partner_id.name, v.company_id.name, v.revenue_total, v.margin_total, v.purchase_count, v.clv,
                str(v.last_purchase_date), v.tier_id.name, str(v.tier_since), v.lifecycle_stage] for v in value],
    "locks": [[l.value_id.partner_id.name, l.tier_id.name, l.reason] for l in env["crm.value.tier.lock"].search([])],
    "changes": env["crm.value.tier.change"].search_count([]),
    "documents": [[d.move_id.name, d.margin, d.margin_source] for d in env["crm.value.document"].search([], order="move_id")],
    "followups": env["crm.value.followup"].search_count([]),
    "settings": [[c.name, c.value_horizon_months, c.value_basis] for c in env["res.company"].search([], order="id")],
    "tiers": [[t.name, t.sequence, t.criteria_summary] for t in env["crm.value.tier"].search([], order="id")],
}
"""

PEOPLE = """
gold = env.ref("crm_value_addon.tier_gold")
value = env["crm.value"].search([("partner_id.name", "like", "customer 03")], limit=1)
env["crm.value.tier.lock"].create({"value_id": value.id, "tier_id": gold.id, "reason": "A friend of the house"})
program = env["loyalty.program"].create({
    "name": "For gold only", "program_type": "promotion", "trigger": "auto",
    "rule_ids": [(0, 0, {"minimum_amount": 1})], "reward_ids": [(0, 0, {"discount": 5})]})
env["crm.value.benefit"].create({"tier_id": gold.id, "benefit_type": "program", "program_id": program.id})
env.company.value_horizon_months = 24
rule = env.ref("crm_value_addon.followup_lost")
rule.write({"trigger": "at_risk", "days": 0, "domain": "[]"})
activity = env["mail.activity"].create({
    "res_model_id": env["ir.model"]._get_id("res.partner"), "res_id": value.partner_id.id, "summary": "Ours",
    "activity_type_id": env.ref("mail.mail_activity_data_call").id, "user_id": env.ref("base.user_admin").id})
env.cr.execute('''INSERT INTO crm_value_followup (rule_id, value_id, company_id, occasion, date, "group", state, activity_id)
    VALUES (%s, %s, %s, 'test', now(), 'treated', 'open', %s) RETURNING id''',
    [rule.id, value.id, value.company_id.id, activity.id])
activity.value_followup_id = env.cr.fetchone()[0]
"""

#: of a view that is part of another one now, and one of its children: what another module, and a user, may have made
THEIRS = """
tier = env.ref("crm_value_addon.crm_value_view_form_tier")
explanation = env.ref("crm_value_addon.crm_value_view_form_explanation")
for parent, page in ((tier, "tier"), (explanation, "value")):
    env["ir.ui.view"].create({
        "name": "theirs." + page, "model": "crm.value", "inherit_id": parent.id,
        "arch": f'<page name="{page}" position="inside"><span class="theirs_{page}">Theirs</span></page>'})
env["ir.ui.view"].create({"name": "theirs.off", "model": "crm.value", "inherit_id": tier.id, "active": False,
                          "arch": '<page name="tier" position="replace"/>'})
"""

#: the views of ours, those of others that inherit one of ours (the addons beside it may come with the update),
#: and the form of a value as everybody sees it
VIEWS = """
from lxml import etree
names = env["ir.model.data"].search([("module", "=", "crm_value_addon"), ("model", "=", "ir.ui.view")])
views = env["ir.ui.view"].with_context(active_test=False).browse(names.mapped("res_id"))
form = env["crm.value"].get_view(view_type="form")["arch"]
result = {
    "views": sorted(names.mapped("name")),
    "of ours": sorted(view.xml_id for view in views.filtered(lambda v: v.inherit_id in views)),
    "theirs": {view.name: [view.inherit_id.xml_id, view.arch, view.active]
               for view in views.inherit_children_ids - views if not view.xml_id.startswith("crm_value_addon_")},
    "empty": {view.xml_id: view.inherit_id.xml_id for view in views if view.arch == "<data/>"},
    "shown": [span.get("class") for span in etree.fromstring(form).iter("span") if "theirs" in span.get("class", "")],
    "templates": sorted(set(env["mail.template"].search([("template_fs", "=like", "crm_value_addon/%")]).mapped("template_fs"))),
}
"""

#: the scripts of a migration, as an update runs them
MIGRATION = """
from odoo.modules.module import load_script
from odoo.tools.misc import file_path
for stage in ("pre", "end"):
    path = file_path(f"crm_value_addon/migrations/19.0.1.1.0/{stage}-migration.py")
    load_script(path, f"{stage}_migration").migrate(env.cr, "19.0.1.0.0")
env.invalidate_all()
"""


def figures(odoo, **options):
    """Return the figures, and what people decided."""
    return odoo.shell(FIGURES + "result = figures", commit=False, **options)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """Return a configuration in which the addon is that of the earlier state."""
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(EARLIER) as archive:
        archive.extractall(folder, filter="data")
    manifest = folder / "crm_value_addon" / "__manifest__.py"
    manifest.write_text(re.sub(r'\n    "demo": .*', "", manifest.read_text()))
    present = (ROOT / ".odoo" / "odoo.conf").read_text()
    path = folder / "odoo.conf"
    path.write_text(re.sub(r"(addons_path = .*?)[^,=\s]+$", rf"\g<1>{folder}", present, count=1, flags=re.MULTILINE))
    return path


@pytest.fixture(scope="module")
def odoo(tmp_path_factory):
    done = subprocess.run(
        [SCRIPTS / "db", "scratch", "base", str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True
    )
    name = done.stdout.split()[-1]
    yield Odoo(name, tmp_path_factory.mktemp("elsewhere"))
    for database in (name, f"{name}_copy", f"{name}_theirs"):
        subprocess.run([SCRIPTS / "db", "drop", database], check=True)


@pytest.fixture(scope="module")
def memory():
    return {}


def test_installing_on_a_history_computes_nothing_but_asks_the_crons_to(odoo, earlier, memory):
    assert odoo.shell(HISTORY) > 50
    odoo.install("-i", "crm_value_addon", configuration=earlier)
    state = odoo.shell(
        """
result = [env["crm.value"].search_count([]), env["ir.cron.trigger"].search_count(
    [("cron_id", "=", env.ref("crm_value_addon.ir_cron_refresh_all").id)])]""",
        configuration=earlier,
    )
    assert state[0] == 0, "the installation waits for no computation"
    assert state[1] == 1, "the first refresh starts by itself"
    odoo.shell(WORK % (CRONS,) + PEOPLE, configuration=earlier)
    odoo.shell(WORK % (CRONS[:2],), configuration=earlier)
    memory["before"] = figures(odoo, configuration=earlier)
    assert len(memory["before"]["values"]) == 24
    assert memory["before"]["locks"] and memory["before"]["documents"]


def test_a_view_that_inherits_one_that_is_gone_goes_on_and_is_told_of(odoo, earlier):
    theirs = Odoo(f"{odoo.name}_theirs", odoo.folder)
    odoo.command("db", "duplicate", odoo.name, theirs.name, configuration=earlier)
    theirs.shell(THEIRS, configuration=earlier)
    before = theirs.shell(VIEWS, commit=False, configuration=earlier)
    warnings = theirs.install("-u", "crm_value_addon")
    after = theirs.shell(VIEWS, commit=False)
    assert after["theirs"] == before["theirs"], "nobody's view is touched"
    assert len(after["theirs"]) == 3 and after["shown"] == before["shown"] == ["theirs_value", "theirs_tier"]
    new = "crm_value_addon.crm_value_view_form"
    assert after["empty"] == {f"{new}_tier": new, f"{new}_explanation": new}, "only what is inherited stays"
    assert after["of ours"] == sorted(after["empty"])
    told = [line.split("View ")[1] for line in warnings]
    assert [re.findall(r"'(theirs\.\w+)'.* inherits (\S+), .* inherit (\S+),", line)[0] for line in sorted(told)] == [
        ("theirs.off", f"{new}_tier", new),
        ("theirs.tier", f"{new}_tier", new),
        ("theirs.value", f"{new}_explanation", new),
    ]
    # as soon as they inherit what has the content, nothing is left
    theirs.shell(f"""
new = env.ref("{new}")
env["ir.ui.view"].with_context(active_test=False).search([("name", "like", "theirs.")]).inherit_id = new
{MIGRATION}""")
    state = theirs.shell(VIEWS, commit=False)
    assert not state["empty"] and not state["of ours"] and state["shown"] == before["shown"]


def test_an_update_keeps_everything_and_warns_of_nothing(odoo, earlier, memory):
    before = odoo.shell(VIEWS, commit=False, configuration=earlier)
    assert odoo.install("-u", "crm_value_addon") == []
    assert figures(odoo) == memory["before"]
    after = odoo.shell(VIEWS, commit=False)
    assert len(before["of ours"]) > 20 and not after["of ours"] and not after["empty"], "each view is one view"
    defined = {
        node.get("id")
        for path in (ROOT / "crm_value_addon").rglob("*.xml")
        for node in etree.parse(path).iter("record", "template")
        if node.get("model", "ir.ui.view") == "ir.ui.view" and node.get("id")
    }
    assert set(after["views"]) == defined, "no old view is left, and none is missing"
    for name in after["templates"]:
        assert (ROOT / name).is_file(), "a mail template can be reset"


def test_the_migration_may_run_again(odoo):
    before = odoo.shell(VIEWS, commit=False)
    odoo.shell(MIGRATION)
    assert odoo.shell(VIEWS, commit=False) == before


def test_the_refresh_after_an_update_changes_no_figure(odoo, memory):
    # what is new since then is computed now; what was there stays as it was
    odoo.shell(WORK % (CRONS[:2],))
    odoo.shell("""
for company in env["res.company"].search([]):
    env["crm.value.refresh"].with_company(company).with_context(
        allowed_company_ids=company.ids)._refresh_company()""")
    before, after = memory["before"]["values"], figures(odoo)["values"]
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    # since then, one probability tells who is at risk from who is lost: nobody's stage changes but between these
    moved = {(old[-1], new[-1]) for old, new in zip(before, after, strict=True) if old[-1] != new[-1]}
    assert moved <= {("lost", "at_risk"), ("at_risk", "lost")}
    written = odoo.shell("""
result = [env["crm.value.refresh"].with_company(company).with_context(
    allowed_company_ids=company.ids)._refresh_company().written
          for company in env["res.company"].search([])]""")
    assert written == [0, 0]


def test_a_neutralised_copy_sends_nothing(odoo):
    copy = Odoo(f"{odoo.name}_copy", odoo.folder)
    odoo.command("db", "duplicate", "--neutralize", odoo.name, copy.name)
    state = copy.shell("""
crons = env["ir.cron"].with_context(active_test=False).search([("cron_name", "like", "Customer Value%")])
servers = env["ir.mail_server"].search([])
hooks = env["ir.actions.server"].search([("state", "=", "webhook")])
result = {"active": crons.filtered("active").mapped("cron_name"), "count": len(crons),
          "servers": servers.mapped("smtp_host"), "hooks": [h for h in hooks.mapped("webhook_url") if "neutral" not in h]}""")
    assert state["count"] >= 4 and not state["active"] and not state["hooks"]
    assert state["servers"] == ["invalid"]
    assert "switched off" in " ".join(copy.shell("result = env['crm.value.health']._check(env.company)['problems']"))


def test_uninstalling_leaves_nothing_behind(odoo):
    there = odoo.shell(DANGLING, commit=False)
    assert {
        "tables",
        "columns",
        "indexes",
        "xml ids",
        "models",
        "fields",
        "views of ours",
        "actions",
        "server actions",
        "crons",
        "menus",
    } <= there.keys(), "what is looked for can be found"
    odoo.shell('env.ref("base.module_crm_value_addon").button_immediate_uninstall()')
    assert odoo.shell(DANGLING, commit=False) == {}
    state = odoo.shell("""
activity = env["mail.activity"].search([("summary", "=", "Ours")])
program = env["loyalty.program"].with_context(active_test=False).search([("name", "=", "For gold only")])
result = [len(activity), activity.user_id.login, program.active]""")
    assert state == [1, "admin", False], "an activity is somebody's, a program for some tiers is not open to all"


def test_odoo_works_on_without_it(odoo):
    assert (
        odoo.shell("""
partner = env["res.partner"].search([("name", "like", "customer 03")], limit=1)
order = env["sale.order"].create({"partner_id": partner.id, "order_line": [(0, 0, {
    "name": "x", "product_id": env["product.product"].create({"name": "x", "invoice_policy": "order"}).id})]})
order.action_confirm()
order._create_invoices().action_post()
env["mail.activity"].search([("summary", "=", "Ours")]).action_feedback()
for model in ("res.partner", "sale.order", "crm.lead", "account.move", "res.config.settings", "loyalty.program"):
    for kind in ("form", "list", "search"):
        if kind == "form" or model != "res.config.settings":
            env[model].get_view(view_type=kind)
result = order.invoice_status""")
        == "invoiced"
    )


def test_it_can_be_installed_again(odoo, memory):
    assert odoo.install("-i", "crm_value_addon") == []
    odoo.shell(WORK % (CRONS[:2],))
    revenue = {(row[0], row[1]): row[2] for row in figures(odoo)["values"]}
    before = {(row[0], row[1]): row[2] for row in memory["before"]["values"]}
    changed = {key for key in before if before[key] != revenue.get(key)}
    assert len(changed) <= 1, changed  # the customer that got an order in between
