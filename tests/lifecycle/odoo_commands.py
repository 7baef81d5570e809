"""Odoo's own command line on a database, each command in a process of its own."""

import json
import os
import re
import subprocess
from pathlib import Path

_SCRIPTS = Path(__file__).parents[2] / "scripts"
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


class Odoo:
    """A database and the commands that are run on it."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder

    def command(self, *arguments, stdin="", configuration=None):
        """Run a command of Odoo; return what it prints.

        :raise AssertionError: it fails
        """
        environment = {**os.environ, **({"ODOO_RC": str(configuration)} if configuration else {})}
        script = [_SCRIPTS / "odoo"] if not configuration else ["bash", "-c", _WITH_CONFIGURATION, _SCRIPTS / "env.sh"]
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
