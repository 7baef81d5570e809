"""Nothing of another module's failed update stays behind, although this addon commits its own changes of tables.

The other module extends contacts, so that Odoo calls what this addon does when the table of contacts changes. Its
update doubles two amounts and then fails: one in a migration, before Odoo changes tables, and one in its data, which
then add a custom field to contacts.
"""

import os
import re
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from odoo_commands import Odoo

ROOT = Path(__file__).parents[2]
DB = ROOT / "scripts" / "db"
MANIFEST = {"name": "Scratch", "depends": ["crm_value_addon"], "data": ["data.xml"], "license": "LGPL-3"}
MODEL = """
from odoo import fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    scratch_migrated = fields.Float(default=100)
    scratch_loaded = fields.Float(default=100)

    def double(self):
        self.scratch_loaded *= 2
"""
MIGRATION = """
def migrate(cr, version):
    cr.execute("UPDATE res_partner SET scratch_migrated = scratch_migrated * 2")
"""
DATA = """
<odoo>
    <function model="res.partner" name="double" eval="[ref('base.main_partner')]"/>
    <record id="x_scratch" model="ir.model.fields">
        <field name="name">x_scratch</field>
        <field name="model_id" ref="base.model_res_partner"/>
        <field name="ttype">integer</field>
    </record>
    {last}
</odoo>
"""


class Scratch:
    """The other module, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder / "crm_value_scratch"
        self.configuration = folder / "odoo.conf"
        present = (ROOT / ".odoo" / "odoo.conf").read_text()
        self.configuration.write_text(re.sub(r"(addons_path = .*)", rf"\1,{folder}", present))

    def write(self, version, data):
        """Write a version of the module."""
        (self.folder / "migrations" / "19.0.1.1.0").mkdir(parents=True, exist_ok=True)
        for name, text in {
            "__manifest__.py": repr(MANIFEST | {"version": version}),
            "__init__.py": MODEL,
            "data.xml": data,
            "migrations/19.0.1.1.0/pre-double.py": MIGRATION,
        }.items():
            (self.folder / name).write_text(text)


@pytest.fixture
def odoo(tmp_path):
    done = subprocess.run([DB, "scratch", "addon", str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True)
    name = done.stdout.split()[-1]
    yield Odoo(name, tmp_path)
    subprocess.run([DB, "drop", name], check=True)


def amounts(odoo):
    """Return the two amounts, and the numbers of columns of the custom field and of modules that wait."""
    with closing(psycopg2.connect(dbname=odoo.name)) as connection, connection.cursor() as cr:
        cr.execute("""
            SELECT scratch_migrated, scratch_loaded,
                   (SELECT count(*) FROM information_schema.columns WHERE column_name = 'x_scratch'),
                   (SELECT count(*) FROM ir_module_module WHERE state LIKE 'to %')
              FROM res_partner WHERE id = 1""")
        return cr.fetchone()


def test_a_failed_update_of_another_module_leaves_nothing_behind(odoo, tmp_path):
    scratch = Scratch(tmp_path)
    scratch.write("19.0.1.0.0", "<odoo/>")
    odoo.install("-i", "crm_value_scratch", configuration=scratch.configuration)
    assert amounts(odoo) == (100, 100, 0, 0)
    scratch.write("19.0.1.1.0", DATA.format(last='<function model="res.partner" name="no_such_method"/>'))
    with pytest.raises(AssertionError, match="no_such_method"):
        odoo.install("-u", "crm_value_scratch", configuration=scratch.configuration)
    assert amounts(odoo) == (100, 100, 0, 0), "as before"
    scratch.write("19.0.1.1.0", DATA.format(last=""))
    odoo.install("-u", "crm_value_scratch", configuration=scratch.configuration)
    assert amounts(odoo) == (200, 200, 1, 0), "doubled once"
