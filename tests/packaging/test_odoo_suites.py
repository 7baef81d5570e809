"""What `make test-odoo` says about two runs of Odoo's own tests."""

import importlib.util
import json
from pathlib import Path

import pytest

_FILE = Path(__file__).parents[2] / "scripts" / "odoo_suites.py"
_NAME = "sale.tests.test_sale_order:TestSaleOrder.test_total"
_NOTHING = "No test fails with the addon that passes without."


@pytest.fixture(scope="module")
def suites():
    spec = importlib.util.spec_from_file_location("odoo_suites", _FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def compare(suites, tmp_path, capsys):
    """Compare two runs of one test, each how it ended; return the exit status and what was printed."""

    def entry(end, why="AssertionError: 1 != 2", queries=()):
        return {"end": end, "why": why, "seconds": 0.1, "queries": list(queries)}

    def run(without, present):
        for side, value in (("without", without), ("with", present)):
            (tmp_path / f"{side}.json").write_text(json.dumps({_NAME: entry(*value)} if value else {}))
        return suites.compare(tmp_path / "without.json", tmp_path / "with.json"), capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("without", "present", "status", "says"),
    [
        (("ok",), ("ok",), 0, _NOTHING),
        (("failed",), ("failed",), 0, _NOTHING),
        (("failed",), ("ok",), 0, f"fails without the addon only: {_NAME}"),
        (("ok",), ("failed",), 1, f"fails with the addon only: {_NAME}\n    AssertionError: 1 != 2"),
        (("skipped",), ("failed",), 1, f"fails with the addon only: {_NAME}"),
        (None, ("failed",), 1, f"fails with the addon only: {_NAME}"),
        (("ok",), ("skipped",), 1, f"does not run with the addon: {_NAME}"),
        (("ok",), None, 1, f"does not run with the addon: {_NAME}"),
        (("failed", "KeyError: 12"), ("failed", "TypeError"), 0, f"fails in another way with the addon: {_NAME}"),
        (("ok", "", [34]), ("ok", "", [36]), 0, f"queries: [34] without, [36] with the addon: {_NAME}"),
    ],
)
def test_difference(compare, without, present, status, says):
    assert compare(without, present)[0] == status
    assert says in compare(without, present)[1]


def test_ids_are_no_difference(compare):
    assert "another way" not in compare(("failed", "KeyError: 12"), ("failed", "KeyError: 13"))[1]


def test_tags_of_failed_tests(suites, tmp_path, capsys):
    path = tmp_path / "with.json"
    path.write_text(
        json.dumps(
            {
                _NAME: {"end": "failed"},
                "sale.tests.test_sale_order:TestSaleOrder.test_other": {"end": "ok"},
                "crm.tests.test_crm_pls:setUpClass of TestCrmPls": {"end": "failed"},
            }
        )
    )
    suites.failed(path)
    assert capsys.readouterr().out.split(",") == [
        "*/crm/tests/test_crm_pls.py",
        "*/sale/tests/test_sale_order.py:TestSaleOrder.test_total\n",
    ]
