"""Odoo's own command line on a database, each command in a process of its own, and programs for its shell."""

# ruff: noqa: E501  (the programs in strings)

import json
import os
import re
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"
_SECONDS = 900
#: what Odoo itself, or the machine, has to say
_NOT_OURS = (
    "selfie_segmentation",
    "wkhtmltopdf",
    "limit_memory",
    "unaccent",
    "http_interface",
    "The model odoo.addons.",
)
_WITH_CONFIGURATION = """
set -euo pipefail
rc=$ODOO_RC
source "$0"
use_postgres
ODOO_RC=$rc exec python -m odoo "$@"
"""

CRONS = ("refresh_all", "refresh_stale", "fit", "followup")

#: two companies with customers and posted invoices
HISTORY = """
from datetime import timedelta
first = env.company
second = env["res.company"].create({"name": "Second"})
for company in (first, second):
    env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
today = __import__("datetime").date.today()
for company in (first, second):
    here = env(context={"allowed_company_ids": company.ids})
    for number in range(12):
        customer = here["res.partner"].create({"name": f"{company.name} customer {number:02}"})
        for purchase in range(1 + number % 5):
            here["account.move"].create({
                "move_type": "out_invoice", "partner_id": customer.id,
                "invoice_date": today - timedelta(days=20 + 35 * purchase + 11 * number),
                "invoice_line_ids": [(0, 0, {"name": "x", "price_unit": 150.0 * (number + 1), "tax_ids": [(5,)]})],
            }).action_post()
result = env["account.move"].search_count([("state", "=", "posted")])
"""

#: run these of our scheduled actions
WORK = """
for name in %r:
    env.ref("crm_value_addon.ir_cron_" + name).method_direct_trigger()
env.cr.commit()  # the jobs have cursors of their own: from here on their work is seen
env.invalidate_all()
"""

#: everything in a database that still says our name
DANGLING = r"""
queries = {
    "tables": "SELECT tablename FROM pg_tables WHERE tablename ~ '^crm_value'",
    "views": "SELECT viewname FROM pg_views WHERE viewname ~ '^crm_value'",
    "columns": "SELECT table_name || '.' || column_name FROM information_schema.columns"
               " WHERE table_schema = 'public' AND column_name ~ '^(value_|x_value_|referred_by_id$|contact_style$|relationship_stage$)'"
               " AND table_name IN ('res_partner', 'res_company', 'sale_order', 'sale_order_line', 'mail_activity',"
               " 'account_move', 'product_template', 'crm_lead', 'loyalty_card', 'loyalty_history', 'utm_source')",
    "indexes": "SELECT indexname FROM pg_indexes WHERE indexname ~ 'crm_value|value_followup|value_tier'",
    "xml ids": "SELECT name FROM ir_model_data WHERE module = 'crm_value_addon'",
    "models": "SELECT model FROM ir_model WHERE model ~ '^crm.value'",
    "fields": "SELECT model || '.' || name FROM ir_model_fields WHERE relation ~ '^crm.value' OR name ~ '^value_(tier|id$|followup)'",
    "views of ours": "SELECT name FROM ir_ui_view WHERE model ~ '^crm.value' OR arch_db::text ~ 'crm_value_addon'",
    "actions": "SELECT name::text FROM ir_act_window WHERE res_model ~ '^crm.value'",
    "server actions": "SELECT name::text FROM ir_act_server WHERE code ~ 'recompute_value|_cron_refresh|crm.value'",
    "crons": "SELECT cron_name FROM ir_cron WHERE cron_name ~ 'Customer Value'",
    "menus": "SELECT name::text FROM ir_ui_menu WHERE name::text ~ 'Customer Value|Loyalty Tiers'",
    "messages": "SELECT model FROM mail_message WHERE model ~ '^crm.value' LIMIT 3",
    "activities": "SELECT res_model FROM mail_activity WHERE res_model ~ '^crm.value' LIMIT 3",
    "attachments": "SELECT res_model FROM ir_attachment WHERE res_model ~ '^crm.value' OR url ~ 'crm_value_addon' LIMIT 3",
    "filters": "SELECT name FROM ir_filters WHERE model_id ~ '^crm.value' LIMIT 3",
    "parameters": "SELECT key FROM ir_config_parameter WHERE key ~ 'crm_value'",
    "functions": "SELECT proname FROM pg_proc WHERE proname ~ 'crm_value'",
    "triggers": "SELECT tgname FROM pg_trigger WHERE tgname ~ 'crm_value'",
}
result = {}
for what, query in queries.items():
    env.cr.execute(query)
    rows = [row[0] for row in env.cr.fetchall()]
    if rows:
        result[what] = rows[:10]
"""


class Odoo:
    """A database and the commands that are run on it."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder

    def command(self, *arguments, stdin="", configuration=None):
        """Run a command of Odoo; return what it prints.

        :raise AssertionError: it fails
        """
        environment = {**os.environ, **({"ODOO_RC": str(configuration)} if configuration else {})}
        script = [SCRIPTS / "odoo"] if not configuration else ["bash", "-c", _WITH_CONFIGURATION, SCRIPTS / "env.sh"]
        done = subprocess.run(
            [*script, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=environment,
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout + done.stderr

    def install(self, *options, configuration=None):
        """Install or update; return the warnings of the log."""
        log = self.command(
            "server",
            "-d",
            self.name,
            *options,
            "--stop-after-init",
            "--no-http",
            "--max-cron-threads",
            "0",
            configuration=configuration,
        )
        return [
            line
            for line in log.splitlines()
            if re.search(r" (WARNING|ERROR|CRITICAL) ", line) and not any(word in line for word in _NOT_OURS)
        ]

    def shell(self, code, configuration=None, commit=True):
        """Run code in Odoo's shell; return its variable `result`."""
        program = "\n".join(
            [
                "result = None",
                code,
                "env.cr.commit()" if commit else "",
                "import json",
                "print('RESULT ' + json.dumps(result))",
            ]
        )
        # one statement: the shell reads line by line, and would end a block at an empty one
        output = self.command(
            "shell",
            "-d",
            self.name,
            "--no-http",
            "--log-level",
            "warn",
            "--shell-interface",
            "python",
            stdin=f"exec({program!r}, globals())\n",
            configuration=configuration,
        )
        found = re.findall(r"RESULT (.*)", output)
        assert found, output[-3000:]
        return json.loads(found[-1])
