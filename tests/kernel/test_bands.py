"""Intervals from earlier errors hold what they promise, by size of the forecast."""

import numpy as np
import pytest

from customer_base.bands import LEAST, TOP, fit_bands


def drawn(seed, size=20_000, lump=0.0):
    """Return forecasts and values around them: small ones are off by more than large ones."""
    draw = np.random.default_rng(seed)
    forecast = np.exp(draw.normal(4, 1.2, size))
    actual = forecast * np.exp(draw.standard_normal(size) * 3 / np.log(forecast + 3))
    actual /= actual.sum() / forecast.sum()
    return forecast, np.where(draw.random(size) < lump, 0.0, actual)


@pytest.mark.parametrize("lump", [0.0, 0.3, 0.9])
def test_coverage(lump):
    """80 % of new customers lie inside, in the top tenth as elsewhere; more where most are worth nothing."""
    forecast, actual = drawn(1, lump=lump)
    bands = fit_bands(forecast, actual * (1.0 if lump < 0.9 else 8.0), np.ones(forecast.size))
    other, came = drawn(2, lump=lump)
    low, high = bands(other, other.mean())
    inside = (came >= low) & (came <= high)
    top = other >= np.quantile(other, 0.9)
    if lump < 0.9:
        assert inside.mean() == pytest.approx(0.8, abs=0.015)
        assert inside[top].mean() == pytest.approx(0.8, abs=0.03)
    else:
        assert inside.mean() > 0.85
        assert not low.any()


def test_one_sided_where_many_buy_nothing():
    """With a third at 0, the interval starts at 0 and cuts off a fifth above."""
    forecast, actual = drawn(3, lump=0.33)
    low, high = fit_bands(forecast, actual, np.ones(forecast.size))(forecast, forecast.mean())
    assert not low.any()
    assert (actual > high).mean() == pytest.approx(0.2, abs=0.01)


def test_too_few_or_shifted():
    """No bounds from less than 30 customers in the top class, or where twice as much came as was expected."""
    forecast, actual = drawn(4, round(LEAST / TOP))
    ones = np.ones(forecast.size)
    assert fit_bands(forecast, actual, ones) is not None
    assert fit_bands(forecast[1:], actual[1:], ones[1:]) is None
    assert fit_bands(forecast, 2 * actual, ones) is None
    assert fit_bands(forecast, 0.4 * actual, ones) is None
    assert fit_bands(0 * forecast, actual, ones) is None


def test_grown_base_keeps_its_classes():
    """A base that is worth twice as much next year has the same classes, by its mean."""
    forecast, actual = drawn(5)
    bands = fit_bands(forecast, actual, np.ones(forecast.size))
    low, high = bands(forecast, forecast.mean())
    low_2, high_2 = bands(2 * forecast, 2 * forecast.mean())
    np.testing.assert_allclose([low_2, high_2], [2 * low, 2 * high])


def test_equal_forecasts():
    """One class of customers who are all alike: no error, and bounds in order."""
    actual = np.random.default_rng(6).gamma(2.0, 5.0, 400)
    bands = fit_bands(np.full(400, 10.0), actual, np.ones(400))
    low, high = bands(np.full(3, 10.0), 10.0)
    assert (low <= high).all()


def test_a_level_that_strays_widens_the_top_tenth_alone():
    """Where every year brings a level of its own, the top tenth holds on the average of the years, as promised."""
    forecast, actual = drawn(7)
    ones = np.ones(forecast.size)
    steady, straying = fit_bands(forecast, actual, ones), fit_bands(forecast, actual, ones, level_spread=0.4)
    assert straying.low[:-1] == steady.low[:-1]
    assert straying.high[:-1] == steady.high[:-1]
    other, came = drawn(8)
    top = other >= np.quantile(other, 0.9)
    held = []
    for bands in (steady, straying):
        low, high = (bound[top] for bound in bands(other, other.mean()))
        levels = np.exp(0.4 * np.random.default_rng(9).standard_normal(200))
        held.append(np.mean([((came[top] * level >= low) & (came[top] * level <= high)).mean() for level in levels]))
    assert held[0] < 0.75
    assert held[1] == pytest.approx(0.8, abs=0.03)
