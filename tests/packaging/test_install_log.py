"""Installing the addon, with and without demonstration data, makes Odoo's log warn of nothing.

Nothing is installed for it: the logs are those of the databases that all other tests are clones of.
"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: what Odoo says of itself and of the machine
_NOT_OURS = ("wkhtmltopdf", "unaccent")


@pytest.mark.parametrize("kind", ["addon", "demo"])
def test_the_log_of_the_installation_is_clean(kind):
    log = ROOT / ".odoo" / "log" / f"template_{kind}.log"
    subprocess.run([ROOT / "scripts" / "db", "template", kind], check=True, capture_output=True)
    if not log.exists():
        pytest.skip("the database was made before its log was kept: it is new with the next change of the addon")
    text = log.read_text()
    assert "Loading module crm_value_addon " in text, "this is no log of an installation"
    warnings = [line for line in text.splitlines() if re.search(r" (WARNING|ERROR|CRITICAL) ", line)]
    assert not [line for line in warnings if not any(word in line for word in _NOT_OURS)]
