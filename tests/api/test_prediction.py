"""The prediction on real purchases: what Odoo shows is what the kernel says of the same file."""

import base64
import csv
import datetime
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests" / "data" / "cdnow_sample_transactions.csv"
SPLIT, END = datetime.date(1997, 9, 30), datetime.date(1998, 6, 30)


@pytest.fixture(scope="module")
def kernel():
    """The kernel, as somebody without Odoo imports it."""
    sys.path.insert(0, str(ROOT / "crm_value_addon" / "lib"))
    import customer_base

    yield customer_base
    sys.path.remove(str(ROOT / "crm_value_addon" / "lib"))


@pytest.fixture(scope="module")
def purchases():
    """Customers, days and amounts of the file."""
    with FILE.open() as lines:
        rows = [
            (int(row["customer_id"]), datetime.date.fromisoformat(row["date"]).toordinal(), float(row["dollars"]))
            for row in csv.DictReader(lines)
        ]
    return tuple(map(np.array, zip(*rows, strict=True)))


@pytest.fixture(scope="module")
def site(serve):
    """The sample, fitted by the button of a sales manager and refreshed by the nightly job."""
    site = serve("cdnow")
    site.create_user("manager", "sales_team.group_sale_manager")
    site.create_user("seller", "sales_team.group_sale_salesman")
    site.call("crm.value.fit", "action_fit_now", login="manager")
    site.run_cron("crm_value_addon.ir_cron_refresh_all")
    return site


def test_the_wizards_table_is_the_kernels(site, kernel, purchases):
    wizard = site.call(
        "crm.value.backtest",
        "create",
        login="manager",
        vals_list=[{"calibration_end": SPLIT.isoformat(), "holdout_end": END.isoformat()}],
    )
    site.call("crm.value.backtest", "action_run", ids=wizard, login="manager")
    lines = site.call(
        "crm.value.backtest.line",
        "search_read",
        domain=[("backtest_id", "in", wizard)],
        fields=["method", "has_level", "mae", "aggregate_error", "spearman", "gini", "top_decile"],
        login="manager",
    )
    [company] = site.call("res.company", "search_read", domain=[], fields=["value_retention_rate"], limit=1)
    expected = kernel.holdout.backtest(
        *purchases, SPLIT.toordinal(), END.toordinal(), retention=company["value_retention_rate"]
    ).accuracy
    assert {line["method"] for line in lines} == set(expected)
    for line in lines:
        figures = expected[line["method"]]
        for name in ("spearman", "gini", "top_decile"):
            assert line[name] == pytest.approx(getattr(figures, name), rel=1e-6), (line["method"], name)
        if line["has_level"]:
            assert line["mae"] == pytest.approx(figures.mae, abs=0.0051), line["method"]
            assert line["aggregate_error"] == pytest.approx(figures.aggregate_error, rel=1e-6), line["method"]
    by_method = {line["method"]: line for line in lines}
    assert by_method["modified_beta_geo"]["mae"] < by_method["carry_forward"]["mae"]
    [row] = site.call("crm.value.backtest", "read", ids=wizard, fields=["file"], login="manager")
    assert repr(expected["mean_rate"].mae) in base64.b64decode(row["file"]).decode()


def test_the_fit_is_the_kernels(site, kernel, purchases):
    [fit] = site.call(
        "crm.value.fit",
        "search_read",
        domain=[],
        login="manager",
        fields=["r", "alpha", "a", "b", "p", "q", "v", "as_of_date", "customer_count", "repeat_count", "reliability"],
    )
    as_of = datetime.date.fromisoformat(fit["as_of_date"]).toordinal()
    customers = kernel.holdout.summarise(*purchases, as_of)
    model = kernel.ModifiedBetaGeo().fit(customers.x, customers.t_x, customers.T)
    spend = kernel.GammaGamma().fit(customers.n, customers.mean, mean_log=customers.mean_log)
    for name, value in {**model.parameters_, **spend.parameters_}.items():
        assert fit[name] == pytest.approx(value, rel=1e-6), name
    assert (fit["customer_count"], fit["repeat_count"]) == (len(customers.x), int((customers.x > 0).sum()))
    assert fit["reliability"] == "reliable"


def test_a_seller_cannot_decide_on_fits_or_read_their_margins(site):
    [fit] = site.call("crm.value.fit", "search", domain=[], login="seller")
    key = site.key("seller")
    for method, body in (
        ("action_pin", {"ids": [fit]}),
        ("action_fit_now", {}),
        ("_fit_company", {}),
        ("read", {"ids": [fit], "fields": ["margin_ratio"]}),
    ):
        assert site.post(f"/json/2/crm.value.fit/{method}", body, key).status_code == 403, method
