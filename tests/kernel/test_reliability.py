"""The reliability class of a fit and its reason."""

import pytest

from customer_base import InvalidInputError, ModifiedBetaGeo
from customer_base.reliability import after_fit, before_fit

WEEKS = 7


@pytest.mark.parametrize(
    ("repeaters", "days", "level", "reason"),
    [
        (100, 26 * WEEKS, "reliable", "enough_data"),
        (99, 26 * WEEKS, "indicative", "few_repeaters"),
        (100, 26 * WEEKS - 1, "indicative", "short_history"),
        (100, 4 * WEEKS, "indicative", "short_history"),
        (5000, 4 * WEEKS - 1, "fallback", "short_history"),
        (6, 3650, "indicative", "few_repeaters"),
        (5, 3650, "fallback", "few_repeaters"),
        (0, 0, "fallback", "no_history"),
        (5000, 0, "fallback", "no_history"),
    ],
)
def test_thresholds(repeaters, days, level, reason):
    """Each on its edge."""
    verdict = before_fit(repeaters, days)
    assert (verdict.level, verdict.reason) == (level, reason)


def test_a_fit_that_did_not_converge_is_not_used():
    """Never silent numbers."""
    fit = ModifiedBetaGeo.from_parameters(0.5, 40.0, 0.8, 2.0)
    assert after_fit(fit, 500, 400).level == "reliable"
    fit.converged_ = False
    assert after_fit(fit, 500, 400).reason == "not_converged"
    assert after_fit(fit, 5, 400).reason == "few_repeaters"


def test_no_churn_is_said():
    """Mean probability to leave below .001."""
    assert after_fit(ModifiedBetaGeo.from_parameters(0.5, 40.0, 0.0009, 1.0), 500, 400).no_churn
    assert not after_fit(ModifiedBetaGeo.from_parameters(0.5, 40.0, 0.0011, 1.0), 500, 400).no_churn


def test_bad_input():
    """Quoted, as everywhere."""
    with pytest.raises(InvalidInputError, match="repeaters must be >= 0, got -1"):
        before_fit(-1, 10)
