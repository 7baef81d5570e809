"""Scores of a portfolio: the formula, one customer alone as within all, and intervals that hold what they say."""

import warnings

import numpy as np
import pytest
from simulate import MONTH, simulate

from customer_base import BetaGeo, GammaGamma, InvalidInputError, ModifiedBetaGeo, period_values, score

FIELDS = (
    "probability_alive",
    "expected_purchases",
    "expected_spend",
    "expected_12m",
    "clv",
    "clv_low",
    "clv_high",
    "next_purchase_days",
)
TRUTH = {"r": 0.55, "alpha": 40.0, "a": 0.8, "b": 2.2}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}


@pytest.fixture(scope="module")
def base():
    """3,000 customers of up to two years."""
    return simulate(3000, 5)


@pytest.fixture(scope="module")
def fits(base):
    """Both models, fitted to them."""
    return ModifiedBetaGeo().fit(*base.times), GammaGamma().fit(*base.spend)


def test_clv_is_the_formula(base, fits):
    """The sum of pi_i / (1 + d)^i, month by month with the model's own expectations."""
    model, spend = fits
    scores = score(model, spend, *base.times, *base.spend, months=36, yearly_discount=0.1, margin_ratio=0.3)
    worth = spend.expected_spend(*base.spend) * 0.3
    total, before = 0.0, 0.0
    for month in range(1, 37):
        now = model.expected_purchases(MONTH * month, *base.times)
        total = total + worth * (now - before) / 1.1 ** (month / 12)
        before = now
        if month == 12:
            np.testing.assert_allclose(scores.expected_purchases, now, rtol=1e-13)
            np.testing.assert_allclose(scores.expected_12m, now * worth, rtol=1e-13)
    np.testing.assert_allclose(scores.clv, total, rtol=1e-11)
    periods = period_values(model, spend, *base.times, *base.spend, months=36, yearly_discount=0.1, margin_ratio=0.3)
    assert periods.shape == (3000, 36)
    np.testing.assert_allclose(periods.sum(axis=1), scores.clv, rtol=1e-12)


def test_without_discount_the_clv_is_the_expectation(base, fits):
    """36 months at 0 %: expected purchases x expected spend."""
    scores = score(*fits, *base.times, *base.spend, months=36, yearly_discount=0)
    expected = fits[0].expected_purchases(36 * MONTH, *base.times) * fits[1].expected_spend(*base.spend)
    np.testing.assert_allclose(scores.clv, expected, rtol=1e-13)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_chunk_gets_the_same_bits_as_everybody(base, fits, size):
    """Incremental refresh equals full refresh, whoever else is computed and in whichever order."""
    columns = [*base.times, *base.spend]
    everybody = score(*fits, *columns)
    picked = np.random.default_rng(size).permutation(3000)[:1000]
    for start in range(0, min(1000, 60 * size), size):
        who = picked[start : start + size]
        chunk = score(*fits, *(column[who] for column in columns))
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(chunk, field), getattr(everybody, field)[who], err_msg=field)


def test_more_groups_than_a_block():
    """Ages that are no whole days make every customer its own group; blocks change nothing."""
    base = simulate(40_000, 6)
    T = base.T + np.random.default_rng(1).uniform(0, 1, base.T.size)
    model, spend = ModifiedBetaGeo.from_parameters(**TRUTH), GammaGamma.from_parameters(**SPEND)
    everybody = score(model, spend, base.x, base.t_x, T, *base.spend)
    who = np.arange(39_000, 39_050)
    chunk = score(model, spend, base.x[who], base.t_x[who], T[who], base.n[who], base.mean[who])
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(chunk, field), getattr(everybody, field)[who], err_msg=field)


def test_no_customers_and_no_months(fits):
    """Nothing in, nothing out; a horizon of 0 months is worth 0, while the next 12 months are what they are."""
    empty = score(*fits, [], [], [], [], [])
    assert all(getattr(empty, field).shape == (0,) for field in FIELDS)
    none = score(*fits, [2], [50], [90], [3], [20.0], months=0)
    assert (none.clv[0], none.clv_low[0], none.clv_high[0]) == (0, 0, 0)
    assert none.expected_12m[0] > 0


def test_margins_scale_and_may_differ(base, fits):
    """A margin per customer; a negative one turns the interval over."""
    columns = [column[:3] for column in (*base.times, *base.spend)]
    plain = score(*fits, *columns)
    margins = np.array([0.5, 0.0, -0.25])
    scaled = score(*fits, *columns, margin_ratio=margins)
    np.testing.assert_allclose(scaled.clv, plain.clv * margins, rtol=1e-14)
    np.testing.assert_allclose(scaled.clv_low[2], -0.25 * plain.clv_high[2], rtol=1e-14)
    assert (scaled.clv_low <= scaled.clv_high).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"months": -1}, "months must be >= 0, got -1"),
        ({"months": 2.5}, "months must be a whole number, got 2.5"),
        ({"yearly_discount": -1}, "yearly_rate must be > -1, got -1"),
        ({"coverage": 1.0}, "coverage must lie between 0 and 1, got 1.0"),
        ({"margin_ratio": float("nan")}, "margin_ratio must be finite, got nan"),
    ],
)
def test_bad_settings(fits, changed, message):
    """A typed error that quotes the value."""
    with pytest.raises(InvalidInputError, match=message):
        score(*fits, [2], [50], [90], [3], [20.0], **changed)


@pytest.mark.parametrize("model", [BetaGeo, ModifiedBetaGeo])
def test_extreme_customers_give_finite_figures(model):
    """Bought today for the first time; a thousand purchases; silent for ten years; tiny and huge spend."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(
            model.from_parameters(**TRUTH),
            GammaGamma.from_parameters(**SPEND),
            x=[0, 1000, 1000, 1, 0],
            t_x=[0, 1000, 10, 1, 0],
            T=[0, 1000, 3650, 3650, 0],
            n=[1, 1001, 1001, 2, 0],
            mean=[1e-9, 1e9, 5, 5, 0],
        )
    for field in FIELDS:
        values = getattr(scores, field)
        assert np.isfinite(values).all(), field
        assert (values >= 0).all(), field


def covered(model, base, coverage=0.8):
    """Return for each customer whether the interval held, and its chance of no purchase at all."""
    spend = GammaGamma().fit(*base.spend)
    scores = score(model, spend, *base.times, *base.spend, coverage=coverage)
    held = (base.future >= scores.clv_low) & (base.future <= scores.clv_high)
    return held, model.purchase_probabilities(36 * MONTH, *base.times, count=1)[:, 0]


@pytest.mark.parametrize(
    ("modified", "size", "bases", "changes"),
    [
        (True, 4000, 5, {}),
        (True, 150, 40, {}),
        (True, 4000, 5, {"r": 2.0, "alpha": 60.0, "a": 0.5, "b": 9.0}),
        (False, 4000, 5, {}),
        (True, 4000, 5, {"p": 1.2, "q": 2.5}),
    ],
    ids=["many one-time buyers", "small bases", "loyal", "BG/NBD", "wild spend"],
)
def test_interval_holds_eighty_percent(modified, size, bases, changes):
    """Fitted on the past, held against the future: 80 +- 3 % wherever an 80 % interval exists.

    A customer with more than an 80 % chance of no further purchase has the interval 0 to 0, which holds as
    often as that chance: over all customers the share held is the mean of max(80 %, chance of nothing).
    """
    model = ModifiedBetaGeo if modified else BetaGeo
    held, nothing = [], []
    for seed in range(bases):
        base = simulate(size, 100 + seed, modified=modified, months=36, **changes)
        each = covered(model().fit(*base.times), base)
        held.append(each[0])
        nothing.append(each[1])
    held, nothing = np.concatenate(held), np.concatenate(nothing)
    assert held[nothing < 0.8].mean() == pytest.approx(0.8, abs=0.03)
    assert held.mean() == pytest.approx(np.maximum(0.8, nothing).mean(), abs=0.03)


def test_other_coverage():
    """The level is a setting, not a constant."""
    base = simulate(20_000, 9, months=36)
    held, nothing = covered(ModifiedBetaGeo.from_parameters(**TRUTH), base, coverage=0.5)
    assert held[nothing < 0.5].mean() == pytest.approx(0.5, abs=0.03)


def test_uncertain_parameters_widen_the_interval():
    """The same estimates, held less firmly."""
    sure = ModifiedBetaGeo.from_parameters(**TRUTH)
    unsure = ModifiedBetaGeo.from_parameters(**TRUTH, covariance=np.eye(4) * 0.5)
    spend = GammaGamma.from_parameters(**SPEND)
    customer = [12], [300], [310], [13], [30.0]
    first, second = score(sure, spend, *customer), score(unsure, spend, *customer)
    assert second.clv == first.clv
    assert second.clv_low < first.clv_low
    assert second.clv_high > first.clv_high
