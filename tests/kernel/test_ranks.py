"""Ranks among all customers, drawn from parts of them: the parts change nothing, and no rank is off by 1 in 1,000."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lib import ranks
from lib.customer_base import rfm
from lib.customer_base.leaving import typical_interval
from lib.spool import pack, unpack

#: money as it comes: many alike, some negative, few very large
MONEY = st.one_of(st.integers(-500, 500).map(float), st.floats(-1e9, 1e9).map(lambda value: round(value, 4)))


@given(st.lists(st.lists(MONEY, max_size=60), min_size=1, max_size=8))
def test_parts_change_nothing(parts):
    arrays = [np.array(part, float) for part in parts]
    together = np.concatenate(arrays)
    kept = [pack({"clv": part, "recency": np.abs(part).astype(np.int64)}) for part in arrays]
    values, days = unpack(kept, "clv"), unpack(kept, "recency")
    assert values.dtype == float
    assert days.dtype == np.int64
    assert np.array_equal(np.sort(values), np.sort(together))
    assert ranks.percentile_table(values).tolist() == ranks.percentile_table(together).tolist()
    assert typical_interval(values) == typical_interval(together)
    if len(together):
        assert rfm.cut_points(values) == rfm.cut_points(together)
        assert rfm.recency_cuts(days) == rfm.recency_cuts(np.abs(together).astype(np.int64))


@pytest.mark.parametrize("draw", ["gamma", "pareto", "cents", "ties"])
@pytest.mark.parametrize("count", [1, 2, 999, 1001, 1002, 54_321, 400_000])
def test_no_rank_is_off_by_more_than_one_in_a_thousand(draw, count):
    dice = np.random.default_rng([count, *draw.encode()])
    values = {
        "gamma": lambda: dice.gamma(0.5, 1000, count),
        "pareto": lambda: dice.pareto(1.1, count),
        "cents": lambda: np.round(dice.normal(0, 3, count), 2),
        "ties": lambda: dice.integers(0, 4, count).astype(float),
    }[draw]()
    found = ranks.percentile(values, ranks.percentile_table(values))
    below = np.searchsorted(np.sort(values), values, side="left")
    exact = 100.0 * below / max(count - 1, 1) if count > 1 else np.full(1, 100.0)
    # rounded to 4 digits
    assert np.abs(found - exact).max() <= 0.1 + 1e-4


@settings(max_examples=50)
@given(st.integers(1, 3000), st.integers(0, 2**32 - 1))
def test_who_is_refreshed_alone_has_the_rank_of_all(count, seed):
    values = np.round(np.random.default_rng(seed).lognormal(3, 2, count), 2)
    table = ranks.percentile_table(values)
    together = ranks.percentile(values, table)
    some = slice(0, None, 7)
    assert ranks.percentile(values[some], table).tolist() == together[some].tolist()
