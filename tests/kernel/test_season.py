"""The company's year: found where it is, not where it is chance, and only used where it forecasts better."""

import numpy as np
import pytest

from customer_base.season import Season, fit_season

YEARS = 4
DAYS = np.arange(365 * YEARS)
MONTH = DAYS.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12


def drawn(seed, waves=None, noise=0.3, trend=0.0):
    """Return daily values with an index per month, noise per month, and growth."""
    draw = np.random.default_rng(seed)
    months = DAYS.astype("datetime64[D]").astype("datetime64[M]").astype(int)
    level = np.exp(noise * draw.standard_normal(12 * YEARS + 1))[months] * np.exp(trend * DAYS / 365)
    return draw.gamma(2.0, 50.0, DAYS.size) * level * (np.ones(12) if waves is None else waves)[MONTH]


def test_a_season_is_found_and_used():
    """Twice as much in summer, with a little noise and 20 % growth a year."""
    waves = np.exp(0.7 * np.cos((np.arange(12) - 6) / 12 * 2 * np.pi))
    found = fit_season(DAYS, drawn(1, waves, noise=0.1, trend=0.2), int(DAYS[-1]))
    assert found.is_used
    assert found.error < found.even_error / 2
    assert np.log(found.index) == pytest.approx(np.log(waves / waves.mean()), abs=0.15)


def test_chance_is_no_season():
    """Months that differ by chance alone: next to nothing is kept."""
    kept = [fit_season(DAYS, drawn(seed), int(DAYS[-1])).kept for seed in range(30)]
    assert np.mean(kept) < 0.25
    assert np.median(kept) < 0.2


def test_growth_is_no_season():
    """A base that grows by half a year has an even one."""
    found = fit_season(DAYS, drawn(2, noise=0.0, trend=0.4), int(DAYS[-1]))
    assert np.array(found.index) == pytest.approx(np.ones(12), abs=0.03)


def test_the_year_keeps_its_total():
    """The mean of the index over a year's days is 1, whichever day it begins."""
    waves = np.exp(np.sin(np.arange(12) / 12 * 2 * np.pi))
    found = fit_season(DAYS, drawn(3, waves), int(DAYS[-1]))
    for start in (0, 100, 250):
        assert found.mean(20_000 + start, 20_000 + start + 364) == pytest.approx(1, abs=0.005)


def test_what_came_later_is_not_known():
    """Purchases after the day change nothing."""
    value = drawn(4, np.exp(0.5 * np.sin(np.arange(12))))
    as_of = 365 * 3 + 40
    later = np.where(as_of < DAYS, 100 * value, value)
    assert fit_season(DAYS, value, as_of) == fit_season(DAYS, later, as_of)


@pytest.mark.parametrize("length", [0, 20, 365, 740])
def test_less_than_two_whole_years(length):
    """No season, or none without months that were whole."""
    assert fit_season(DAYS[:length], np.ones(length), max(length - 1, 0)) is None


def test_too_short_to_try():
    """Two years and a few months: an index, but never used before it was tried."""
    value = drawn(5, np.exp(0.7 * np.sin(np.arange(12))), noise=0.05)
    found = fit_season(DAYS[:765], value[:765], 764)
    assert found.kept > 0
    assert not found.is_used


def test_months_and_years_without_value():
    """A month without sales is a low one, not an error; a year without is no answer."""
    value = np.where(MONTH == 7, 0.0, drawn(6, noise=0.05))
    found = fit_season(DAYS, value, int(DAYS[-1]))
    assert found.index[7] < 0.2
    assert np.isfinite(found.index).all()
    assert fit_season(DAYS, np.where(DAYS > 400, 0.0, value), int(DAYS[-1])) is None
    assert Season([1.0] * 12, 0.0, float("nan"), float("nan")).is_used is False
