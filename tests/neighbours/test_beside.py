"""Installed, updated, uninstalled and installed again beside other people's addons: nothing of theirs changes.

One story in the order of the tests, on a database with customers and the addons of requirements-oca.lock.
"""

# ruff: noqa: E501  (the programs in strings)
import os
import subprocess

import pytest
from odoo_commands import CRONS, DANGLING, HISTORY, SCRIPTS, WORK, Odoo

#: what the neighbours defined and hold, and what of it the users see
THEIRS = r"""
from lxml import etree
def rows(query, *parameters):
    env.cr.execute(query, parameters)
    return sorted(map(str, env.cr.fetchall()))
def texts(query, *parameters):
    env.cr.execute(query, parameters)
    return [row[0] for row in env.cr.fetchall()]
of_theirs = "SELECT res_id FROM ir_model_data WHERE module = ANY(%s) AND model = "
fields = texts("SELECT name FROM ir_model_fields WHERE id IN (" + of_theirs + "'ir.model.fields')", names)
tables = texts("SELECT tablename FROM pg_tables WHERE tablename NOT LIKE 'auditlog%%' AND tablename IN"
               " (SELECT replace(model.model, '.', '_') FROM ir_model model JOIN ir_model_data data ON data.model = 'ir.model' AND data.res_id = model.id"
               " GROUP BY model.id HAVING bool_and(data.module = ANY(%s) OR data.module ~ '^crm_value')) AND tablename !~ '^crm_value'"
               " AND tablename IN (SELECT table_name FROM information_schema.columns WHERE column_name = 'id')", names)
shown = {}
for model in ("res.partner", "sale.order", "account.move", "crm.lead", "res.config.settings"):
    arch = etree.fromstring(env[model].get_view(view_type="form")["arch"])
    shown[model] = sorted({node.get("name") for node in arch.iter("field")} & set(fields))
result = {
    "modules": rows("SELECT name, state, latest_version FROM ir_module_module WHERE name = ANY(%s)", names),
    "xml ids": rows("SELECT module, name, model FROM ir_model_data WHERE module = ANY(%s) AND name !~ 'crm_value'", names),
    "columns": rows("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
                    " AND column_name = ANY(%s) AND table_name !~ '^crm_value'", sorted(set(fields) - set(COMMON))),
    "indexes": rows("SELECT indexdef FROM pg_indexes WHERE tablename = ANY(%s)", tables),
    "views": rows("SELECT id, active, inherit_id, md5(arch_db::text) FROM ir_ui_view WHERE id IN (" + of_theirs + "'ir.ui.view')", names),
    "rights": rows("SELECT id, perm_read, perm_write, perm_create, perm_unlink FROM ir_model_access WHERE id IN ("
                   + of_theirs + "'ir.model.access')", names),
    "rules": rows("SELECT id, active, domain_force FROM ir_rule WHERE id IN (" + of_theirs + "'ir.rule')", names),
    "crons": rows("SELECT id, active, interval_number FROM ir_cron WHERE id IN (" + of_theirs + "'ir.cron')", names),
    "contents": {table: rows('SELECT count(*), md5(string_agg(t::text, chr(10) ORDER BY id)) FROM "' + table + '" t') for table in sorted(tables)},
    "shown": shown,
}
"""
#: names of fields that nearly every model has
COMMON = [
    "id",
    "name",
    "active",
    "sequence",
    "display_name",
    "create_uid",
    "create_date",
    "write_uid",
    "write_date",
    "company_id",
    "partner_id",
    "user_id",
    "state",
]


@pytest.fixture(scope="module")
def names():
    done = subprocess.run([SCRIPTS / "oca", "names", "neighbours"], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.fixture(scope="module")
def odoo(tmp_path_factory):
    """A database of customers with the neighbours, without our addon."""
    folder = subprocess.run([SCRIPTS / "oca", "neighbours"], stdout=subprocess.PIPE, text=True, check=True).stdout
    done = subprocess.run(
        [SCRIPTS / "db", "scratch", "oca_base", str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True
    )
    odoo = Odoo(done.stdout.split()[-1], tmp_path_factory.mktemp("beside"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", folder.strip())
        yield odoo
    subprocess.run([SCRIPTS / "db", "drop", odoo.name], check=True)


@pytest.fixture(scope="module")
def before(odoo, names):
    assert odoo.shell(HISTORY) > 50
    state = theirs(odoo, names)
    assert len(state["xml ids"]) > 1000 and len(state["contents"]) > 20 and all(state["shown"].values())
    return state


def theirs(odoo, names):
    return odoo.shell(f"names, COMMON = {names!r}, {COMMON!r}\n{THEIRS}", commit=False)


def assert_same(before, after):
    """Nothing of theirs differs. A form may show more of what they have fields for: ours of the same name."""
    for model, fields in before["shown"].items():
        assert not set(fields) - set(after["shown"][model]), model
    for what in before.keys() - {"shown"}:
        assert after[what] == before[what], what


def test_installing_changes_nothing_of_theirs(odoo, names, before):
    assert odoo.install("-i", "crm_value_addon") == []
    odoo.shell(WORK % (CRONS,))
    assert odoo.shell("result = env['crm.value'].search_count([('revenue_total', '>', 0)])", commit=False) == 24
    assert_same(before, theirs(odoo, names))


def test_updating_changes_nothing_of_theirs(odoo, names, before):
    assert odoo.install("-u", "crm_value_addon") == []
    assert_same(before, theirs(odoo, names))


def test_uninstalling_leaves_them_as_they_were(odoo, names, before):
    odoo.shell('env.ref("base.module_crm_value_addon").button_immediate_uninstall()')
    assert odoo.shell(DANGLING, commit=False) == {}
    after = theirs(odoo, names)
    assert_same(before, after)
    assert after["shown"] == before["shown"]


def test_installing_again_computes_the_same_customers(odoo, names, before):
    assert odoo.install("-i", "crm_value_addon") == []
    odoo.shell(WORK % (CRONS,))
    assert odoo.shell("result = env['crm.value'].search_count([('revenue_total', '>', 0)])", commit=False) == 24
    assert_same(before, theirs(odoo, names))
