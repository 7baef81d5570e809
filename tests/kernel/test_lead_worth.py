"""What new customers bring by what they are like: found where it is there, left alone where it is chance."""

import numpy as np
import pytest
from lib.lead_worth import LEAST, YEAR, first_years, fit_worth


def drawn(seed, size=1200, effect=0.0):
    """Return customers of 12 countries and 3 sources; the logarithm of a country's mean has this spread."""
    draw = np.random.default_rng(seed)
    first = np.sort(draw.integers(0, 5 * YEAR, size))
    attributes = {"country": draw.integers(0, 13, size), "source": draw.integers(0, 4, size)}
    level = np.exp(effect * draw.standard_normal(13))
    level[0] = 1.0
    return first, level[attributes["country"]] * np.exp(draw.normal(5, 1.2, size)), attributes, level


def test_finds_what_is_there():
    """Countries that differ by a factor of ten: told apart, better than one average, and the total is right."""
    first, value, attributes, level = drawn(1, effect=0.8)
    found = fit_worth(first, value, attributes, np.zeros(first.size, bool))
    assert found.trial.deviance < 0.9
    assert not found.trial.were_leads
    expected = np.array([found.expect({"country": each}) for each in range(1, 13)])
    assert np.corrcoef(np.log(expected), np.log(level[1:]))[0, 1] > 0.9
    each = [found.expect({"country": c, "source": s}) for c, s in zip(*attributes.values(), strict=True)]
    assert np.sum(each) == pytest.approx(value.sum(), rel=1e-6)


def test_chance_is_no_difference():
    """Where nothing differs, factors are hardly ever used, and never go far."""
    used, farthest = 0, 0.0
    for seed in range(20):
        first, value, attributes, _ = drawn(seed, size=400)
        found = fit_worth(first, value, attributes, np.zeros(first.size, bool))
        used += bool(found.factors)
        factors = [each for levels in found.factors.values() for each in levels.values()]
        farthest = max([farthest, *np.abs(np.log(factors))])
    assert used <= 3
    assert farthest < 0.7


def test_one_large_account_makes_no_country():
    """A customer who brings a thousand times the mean does not make a lead of its country worth that."""
    first, value, attributes, _ = drawn(3, effect=0.5)
    before = fit_worth(first, value, attributes, np.zeros(first.size, bool))
    value[np.flatnonzero(attributes["country"] == 5)[0]] = 1000 * value.mean()
    after = fit_worth(first, value, attributes, np.zeros(first.size, bool))
    assert after.expect({"country": 5}) / after.mean < 2 * before.expect({"country": 5}) / before.mean


def test_what_is_known_then_only():
    """The trial learns from nobody whose first year was not over: values of the last third do not move it."""
    first, value, attributes, _ = drawn(4, effect=0.8)
    late = first > np.quantile(first, 2 / 3)
    other = np.where(late, 2 * value, value)
    one, two = (fit_worth(first, each, attributes, np.zeros(first.size, bool)).trial for each in (value, other))
    assert one.expected == pytest.approx(two.expected)
    assert two.actual == pytest.approx(2 * one.actual)


def test_leads_are_tried_where_there_are_enough():
    """With 30 and more leads among the later customers, these alone are counted."""
    first, value, attributes, _ = drawn(5, effect=0.8)
    some = np.zeros(first.size, bool)
    some[-LEAST:] = True
    assert fit_worth(first, value, attributes, some).trial.customers == LEAST
    some[-1] = False
    assert fit_worth(first, value, attributes, some).trial.customers == 400


def test_too_few_or_nothing():
    """No answer from 29 customers or from no revenue; no trial, and one average for all, from 30."""
    first, value, attributes, _ = drawn(6, size=LEAST)
    nobody = np.zeros(LEAST, bool)
    assert fit_worth(first[1:], value[1:], {k: v[1:] for k, v in attributes.items()}, nobody[1:]) is None
    assert fit_worth(first, 0 * value, attributes, nobody) is None
    found = fit_worth(first, value, attributes, nobody)
    assert (found.trial, found.factors) == (None, {})
    assert found.expect({"country": 3}) == pytest.approx(value.mean())


def test_first_years_end_with_them():
    """A purchase on the last day of the year counts, one on its anniversary does not; unfinished years are left out."""
    customer, day = np.array([1, 1, 1, 2, 3]), np.array([0, 364, 365, 636, 635])
    who, first, total = first_years(customer, day, np.arange(1.0, 6.0), as_of=999)
    assert (who.tolist(), first.tolist(), total.tolist()) == ([1, 3], [0, 635], [3.0, 5.0])
    assert first_years(customer[:0], day[:0], np.zeros(0), 999)[0].size == 0
