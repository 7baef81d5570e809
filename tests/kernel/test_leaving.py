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
    true = Calibration(shift, slope)(said)
    found = calibrate(said, draw.random(said.size) < true)
    assert (found.shift, found.slope) == pytest.approx((shift, slope), abs=0.06)
    assert np.abs(found(said) - true).max() < 0.02


def test_a_dozen_customers_hardly_correct():
    """All of twelve stayed away, though 30 % were expected to: the correction stays moderate, also for none at all."""
    found = calibrate(np.full(12, 0.3), np.ones(12, dtype=bool))
    assert 0.4 < found(np.array([0.3]))[0] < 0.9
    assert calibrate(np.zeros(0), np.zeros(0, dtype=bool)) == Calibration(0.0, 1.0)


def test_extreme_probabilities_stay_finite():
    """Certain answers that were wrong, and weights."""
    found = calibrate(np.array([0.0, 1.0, 1.0]), np.array([True, False, False]), np.array([5.0, 1.0, 100.0]))
    values = found(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()


def test_weights_are_repetition():
    """A row of weight 3 is three rows."""
    draw = np.random.default_rng(5)
    said, came, weight = draw.random(500), draw.random(500) < 0.4, 1.0 + np.arange(500) % 3
    times = weight.astype(int)
    one, other = calibrate(said, came, weight), calibrate(np.repeat(said, times), np.repeat(came, times))
    assert (one.shift, one.slope) == pytest.approx((other.shift, other.slope))
