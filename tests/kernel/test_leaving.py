"""Who leaves: probabilities of the model, corrected by what came of earlier ones."""

import numpy as np
import pytest
from simulate import simulate

from customer_base import ModifiedBetaGeo
from customer_base.leaving import Calibration, calibrate, horizons, mean_intervals, silent_probability, typical_interval


def test_is_the_models_probability_of_no_purchase():
    """The closed form is the first column of the distribution of purchases."""
    base = simulate(400, 2)
    model = ModifiedBetaGeo().fit(*base.times)
    days = np.random.default_rng(1).uniform(1, 400, 400)
    expected = model.purchase_probabilities(days, *base.times, count=1)[:, 0]
    np.testing.assert_allclose(silent_probability(model, *base.times, days), expected, atol=1e-12)


def test_frequent_buyer_after_a_holiday_is_not_at_risk_but_an_old_one_time_buyer_is():
    """492 purchases, twice a week, the last one 11 days ago; and one purchase of three years ago."""
    base = simulate(3000, 3, r=0.6, alpha=20.0)
    model = ModifiedBetaGeo().fit(*base.times)
    x, t_x, T = np.array([491.0, 0.0]), np.array([1700.0, 0.0]), np.array([1711.0, 1095.0])
    days = horizons(x, t_x, typical_interval(mean_intervals(base.x, base.t_x)))
    assert days.tolist()[0] == 30
    regular, once = silent_probability(model, x, t_x, T, days)
    assert regular < 0.3
    assert once > 0.9


def test_horizons_keep_their_bounds():
    """Twice the interval with one typical interval in it; 30 days to a year."""
    found = horizons(np.array([1.0, 300.0, 1.0, 0.0]), np.array([60.0, 600.0, 1000.0, 0.0]), 40.0)
    assert found.tolist() == [100.0, 30.0, 365.0, 80.0]


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (0.8, 1.0), (-0.5, 0.6), (0.3, 1.7)])
def test_recovers_a_known_miss(shift, slope):
    """Outcomes drawn by a wrong shift and slope: both are found, and corrected probabilities come true."""
    draw = np.random.default_rng(4)
    said = draw.beta(1, 1, 40_000)
    once = draw.random(said.size) < 0.5
    true = Calibration(shift, slope, -0.4, 0.2)(said, once)
    found = calibrate(said, draw.random(said.size) < true, once)
    assert (found.shift, found.slope) == pytest.approx((shift, slope), abs=0.08)
    assert (found.once_shift, found.once_slope) == pytest.approx((-0.4, 0.2), abs=0.1)
    assert np.abs(found(said, once) - true).max() < 0.025


def test_a_dozen_customers_hardly_correct():
    """All of twelve stayed away, though 30 % were expected to: the correction stays moderate, also for none at all."""
    nobody = np.zeros(12, dtype=bool)
    found = calibrate(np.full(12, 0.3), ~nobody, nobody)
    assert 0.4 < found(np.array([0.3]), nobody[:1])[0] < 0.9
    assert calibrate(np.zeros(0), nobody[:0], nobody[:0]) == Calibration(0.0, 1.0)


def test_few_one_time_buyers_go_with_all_others():
    """Two of 2,000 bought once: their correction is that of the others; none of them makes no difference at all."""
    draw = np.random.default_rng(6)
    said, once = draw.random(2000), np.arange(2000) < 2
    came = draw.random(2000) < Calibration(0.7, 0.9)(said, once)
    some, none = calibrate(said, came, once), calibrate(said, came, np.zeros(2000, bool))
    assert (none.once_shift, none.once_slope) == (0.0, 0.0)
    assert abs(some.once_shift) < 0.6
    assert (some.shift, some.slope) == pytest.approx((none.shift, none.slope), abs=0.02)


def test_extreme_probabilities_stay_finite():
    """Certain answers that were wrong, and weights."""
    once = np.array([False, False, True])
    found = calibrate(np.array([0.0, 1.0, 1.0]), np.array([True, False, False]), once, np.array([5.0, 1.0, 100.0]))
    for kind in (True, False):
        values = found(np.array([0.0, 0.5, 1.0]), np.full(3, kind))
        assert np.isfinite(values).all()
        assert (np.diff(values) >= 0).all()


def test_weights_are_repetition():
    """A row of weight 3 is three rows."""
    draw = np.random.default_rng(5)
    said, came, weight = draw.random(500), draw.random(500) < 0.4, 1.0 + np.arange(500) % 3
    times = weight.astype(int)
    once = draw.random(500) < 0.5
    one = calibrate(said, came, once, weight)
    other = calibrate(*(np.repeat(column, times) for column in (said, came, once)))
    assert vars(one) == pytest.approx(vars(other))
