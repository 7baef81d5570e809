"""Extreme parameters and customers against 100-digit references: no NaN, no warning, relative error below 1e-8."""

from pathlib import Path

import numpy as np
import pytest

from customer_base import BetaGeo, ModifiedBetaGeo

CASES = dict(np.load(Path(__file__).parent / "data" / "nasty.npz"))
MODELS = {0: BetaGeo, 1: ModifiedBetaGeo}
TOLERANCE = 1e-8
# Below this a double has lost its digits (denormal numbers).
TINY = 1e-300

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("shift", [0, 1])
def test_against_stored_references(shift):
    """At least 2,000 cases per model, each with its own parameters."""
    rows = np.flatnonzero(CASES["shift"] == shift)
    assert rows.size >= 2000
    worst = {"alive": 0.0, "expected": 0.0}
    for row in rows:
        case = {name: float(column[row]) for name, column in CASES.items()}
        model = MODELS[shift].from_parameters(case["r"], case["alpha"], case["a"], case["b"])
        times = case["x"], case["t_x"], case["T"]
        values = {"alive": model.probability_alive(*times), "expected": model.expected_purchases(case["t"], *times)}
        for name, value in values.items():
            if case[name] < TINY:
                assert 0 <= value < 2 * TINY
            else:
                worst[name] = max(worst[name], abs(value / case[name] - 1))
                assert np.isfinite(value)
    assert worst["alive"] < TOLERANCE
    assert worst["expected"] < TOLERANCE


def test_against_live_references():
    """A few fresh cases, so that the stored ones cannot have gone stale unseen."""
    make_nasty = pytest.importorskip("make_nasty", reason="needs mpmath", exc_type=ImportError)
    settled = 0
    for case in make_nasty.draw(99, 80).T:
        shift, r, alpha, a, b, x, t_x, T, t = (float(value) for value in case)
        alive, expected = make_nasty.reference(shift, r, alpha, a, b, x, t_x, T, t)
        if np.isfinite(expected) and expected > TINY:
            model = MODELS[int(shift)].from_parameters(r, alpha, a, b)
            np.testing.assert_allclose(model.probability_alive(x, t_x, T), alive, rtol=TOLERANCE)
            np.testing.assert_allclose(model.expected_purchases(t, x, t_x, T), expected, rtol=TOLERANCE)
            settled += 1
    assert settled > 60
