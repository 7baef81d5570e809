"""The lock files name what they install by its sums; the audit and the bill of materials read them right."""

import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def chain():
    spec = importlib.util.spec_from_file_location("supply_chain", ROOT / "scripts" / "supply_chain.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-oca.lock"])
def test_every_pin_has_a_sum(chain, lock):
    found = chain.pins(lock)
    assert len(found) > 20 and not [package for package, sums in found.items() if not sums]


def test_what_is_installed_is_checked_against_the_sums():
    for script in ("setup", "oca"):
        assert "--require-hashes" in (ROOT / "scripts" / script).read_text()


@pytest.fixture
def database(monkeypatch):
    """A database of advisories: set `known`, {package: ids}; `asked` is what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        known, asked, status = {}, [], 200

        def do_POST(self):
            queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            Handler.asked = queries
            results = [
                {"vulns": [{"id": i} for i in ids]} if (ids := Handler.known.get(query["package"]["name"])) else {}
                for query in queries
            ]
            self.send_response(Handler.status)
            self.end_headers()
            self.wfile.write(json.dumps({"results": results}).encode())

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("ADVISORIES", f"http://127.0.0.1:{server.server_port}")
    yield Handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_known(chain, database, capsys):
    assert chain.audit() == 0
    assert "0 known vulnerabilities" in capsys.readouterr().out
    asked = {(query["package"]["name"], query["version"]) for query in database.asked}
    assert asked == set(chain.pins("requirements.lock")) | set(chain.pins("requirements-oca.lock"))


def test_a_vulnerability_is_named(chain, database, capsys):
    database.known = {"numpy": ["PYSEC-1"], "requests": ["GHSA-2", "CVE-1"]}
    assert chain.audit() == 1
    told = capsys.readouterr().out
    assert "requests" in told and "CVE-1, GHSA-2" in told and "PYSEC-1" in told


def test_without_a_network_it_says_so(chain, database, monkeypatch, capsys):
    database.status = 503
    assert chain.audit() == 2
    monkeypatch.setenv("ADVISORIES", "http://127.0.0.1:9")
    assert chain.audit() == 2
    told = capsys.readouterr()
    assert "Nothing was checked" in told.err and "0 known" not in told.out


def test_the_bill_names_what_is_shipped_and_needed(chain, tmp_path):
    (tmp_path / "crm_value_addon-19.0.1.2.0.zip").write_bytes(b"built")
    (tmp_path / "crm_value_addon_sms-19.0.1.0.0.zip").write_bytes(b"built too")
    content = chain.bill(tmp_path)
    assert (content["bomFormat"], content["specVersion"]) == ("CycloneDX", "1.6")
    components = {component["bom-ref"]: component for component in content["components"]}
    assert len(components) == len(content["components"]), "a reference is unique"
    addons = {path.parent.name for path in ROOT.glob("*/__manifest__.py")}
    assert addons <= components.keys()
    [file] = components["crm_value_addon"]["components"]
    assert file["name"] == "crm_value_addon-19.0.1.2.0.zip" and len(file["hashes"][0]["content"]) == 64
    required = {component["name"] for component in components.values() if component.get("scope") == "required"}
    assert required == {"odoo", "numpy", "scipy"}
    for dependency in content["dependencies"]:
        assert set(dependency["dependsOn"]) <= components.keys()
    assert content == chain.bill(tmp_path), "the same content gives the same bill"
    chain.sbom(tmp_path)
    assert json.loads(next(tmp_path.glob("*.cdx.json")).read_text()) == content
