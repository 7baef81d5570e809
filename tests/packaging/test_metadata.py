"""What the packages say of themselves agrees: versions, changelog, migrations, pins. Needs no Odoo."""

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADDONS = sorted(path.parent for path in ROOT.glob("*/__manifest__.py"))
#: what Odoo's metadata ask for under another name, or not at all for what is used of it
_ODOO_ASKS_FOR = re.compile(r"^odoo .* requires (psycopg2|pypdf2|pyserial|pyusb), which is not installed")


def manifest(addon):
    return ast.literal_eval((addon / "__manifest__.py").read_text())


def number(version):
    return tuple(map(int, version.split(".")))


def changelog():
    return re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def names(text):
    """Return the names of the requirements in a file, as packaging compares them."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    return {re.split(r"[=<>!;\s\[]", line)[0].lower().replace("_", "-") for line in lines if line}


@pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)
def test_an_addon_is_complete(addon):
    content = manifest(addon)
    assert re.fullmatch(r"19\.0\.\d+\.\d+\.\d+", content["version"])
    assert content["license"] == "LGPL-3"
    assert "whool.buildapi" in (addon / "pyproject.toml").read_text()
    for name in [*content.get("data", []), *content.get("demo", [])]:
        assert (addon / name).is_file(), f"{name} is in the manifest and not in the folder"


def test_the_newest_version_of_the_changelog_is_the_addons():
    assert changelog()[0] == manifest(ROOT / "crm_value_addon")["version"]
    assert sorted(changelog(), key=number, reverse=True) == changelog()


@pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)
def test_migrations_are_of_versions_that_the_changelog_knows(addon):
    version = manifest(addon)["version"]
    for folder in (addon / "migrations").glob("*/"):
        assert number(folder.name) <= number(version), "Odoo runs it at the update to that version: it is not there yet"
        assert folder.name in changelog(), f"the changelog says nothing of {folder.name}"
        assert list(folder.glob("*.py")), "Odoo runs pre-, post- and end-*.py"


def test_every_requirement_is_pinned_once():
    lock = (ROOT / "requirements.lock").read_text()
    pins = [line.removesuffix(" \\") for line in lock.splitlines() if line and line[0] not in " #"]
    assert all(re.match(r"[\w.\-\[\]]+==[\w.]+( ;.*)?$", line) for line in pins), pins
    requirements = [re.sub(r"==[^ ]+", "", line) for line in pins]  # one name may have a pin a version of Python
    assert len(set(requirements)) == len(requirements)
    missing = names((ROOT / "requirements.in").read_text()) - names(lock)
    assert not missing, f"in requirements.in and not in the lock file: {missing}"
    for addon in ADDONS:
        assert set(manifest(addon).get("external_dependencies", {}).get("python", [])) <= names(lock)


def test_what_is_installed_fits_together():
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert not [
        line for line in done.stdout.splitlines() if "which is not installed" in line and not _ODOO_ASKS_FOR.match(line)
    ], done.stdout
    assert "but you have" not in done.stdout, done.stdout


def test_the_zip_and_the_wheel_hold_what_git_holds():
    dist = ROOT / "dist"
    if not list(dist.glob("*.zip")):
        pytest.skip("nothing is built: make dist")
    for path in dist.glob("*.zip"):
        addon = path.name.split("-")[0]
        with zipfile.ZipFile(path) as archive:
            inside = set(archive.namelist())
        assert f"{addon}/__manifest__.py" in inside
        assert not [name for name in inside if "__pycache__" in name or not name.startswith(f"{addon}/")]
