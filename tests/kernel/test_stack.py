"""Weights of several forecasts: who is right gets the weight, and what all windows miss alike is corrected."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from customer_base.stack import METHODS, MODEL, PRIOR, TRUSTED, WIDEST, Segments, Trial, alone, fit_segments, fit_stack

MANY = 1e6


def trial(actual, **forecasts):
    """Return a trial; methods that are not named expect nothing."""
    size = len(actual)
    columns = {name: np.asarray(forecasts.get(name, np.zeros(size)), dtype=float) for name in METHODS}
    return Trial(columns, np.asarray(actual, dtype=float), np.ones(size))


def drawn(seed, size=4000):
    """Return a method that knows each customer's rate, one that knows only noise, and what came."""
    draw = np.random.default_rng(seed)
    rate = draw.gamma(0.7, 100.0, size)
    return rate, draw.permutation(rate), draw.poisson(rate / 20) * 20.0


def test_who_is_right_gets_the_weight():
    """Of a good and a useless method, the useless one keeps little."""
    good, noise, actual = drawn(1)
    stack = fit_stack(
        [trial(actual, purchase_model=noise, rate=good)], trial(actual, purchase_model=noise, rate=good), MANY
    )
    assert stack.shares["rate"] > 0.85
    assert sum(stack.shares.values()) == pytest.approx(1)
    assert set(stack.shares) == {MODEL, "rate"}


def test_total_is_the_purchase_models_times_level():
    """Other methods move customers, not the total: a method that expects ten times as much does not lift it."""
    good, noise, actual = drawn(2)
    now = trial(actual, purchase_model=noise, rate=10 * good)
    stack = fit_stack([trial(actual, purchase_model=noise, rate=10 * good)] * 2, now, MANY)
    assert stack.combine(now.forecasts).sum() == pytest.approx(stack.level * noise.sum())


def test_windows_that_agree_correct_the_level():
    """Short by a fifth in both windows: most of it; where they differ, less, and the latest decides; half at most."""
    good, _, _ = drawn(3)
    same = [trial(1.2 * good, purchase_model=good)] * 2
    assert fit_stack(same, same[0], MANY).level == pytest.approx(1.193, abs=1e-3)
    apart = [trial(1.2 * good, purchase_model=good), trial(good / 1.2, purchase_model=good)]
    assert 1.0 < fit_stack(apart, same[0], MANY).level < 1.1
    assert fit_stack(apart[::-1], same[0], MANY).level == pytest.approx(1 / fit_stack(apart, same[0], MANY).level)
    double = [trial(2 * good, purchase_model=good)] * 3
    assert fit_stack(double, same[0], MANY).level == pytest.approx(WIDEST)


def test_small_base_trusts_the_model():
    """At `TRUSTED` repeat customers, half of what was learned; the prior's weights are never more than learned ones."""
    good, noise, actual = drawn(4)
    tried = trial(actual, purchase_model=noise, rate=good)
    full, half = (fit_stack([tried], tried, repeaters).shares[MODEL] for repeaters in (1e12, TRUSTED))
    assert half == pytest.approx(0.5 + full / 2)


def test_nothing_to_learn_from():
    """No window, none in which anybody bought, or nothing expected now: the model alone."""
    good, _, actual = drawn(5)
    now = trial(actual, purchase_model=good)
    assert fit_stack([], now, MANY) == alone()
    assert fit_stack([trial(0 * actual, purchase_model=good)], now, MANY) == alone()
    assert fit_stack([now], trial(actual, rate=good), MANY) == alone()
    assert alone().combine(now.forecasts).tolist() == good.tolist()


def test_unit_of_money_does_not_matter():
    """Cents give the same shares, and a forecast a hundred times as large."""
    good, noise, actual = drawn(6)
    stacks = [
        fit_stack(
            [trial(unit * actual, purchase_model=unit * noise, rate=unit * good)] * 2,
            trial(actual, purchase_model=unit * noise, rate=unit * good),
            MANY,
        )
        for unit in (1.0, 100.0)
    ]
    assert stacks[1].shares == pytest.approx(stacks[0].shares)
    assert stacks[1].factors == pytest.approx(stacks[0].factors)


def test_weights_of_rows_are_repetition():
    """A row of weight 3 is three rows."""
    good, noise, actual = drawn(7, 600)
    weight = 1.0 + np.arange(600) % 3
    columns = {name: np.zeros(600) for name in METHODS} | {MODEL: noise, "rate": good}
    weighted = Trial(columns, actual, weight)
    times = weight.astype(int)
    repeated = Trial(
        {name: np.repeat(each, times) for name, each in columns.items()}, np.repeat(actual, times), np.ones(times.sum())
    )
    first, second = (fit_stack([each], each, MANY) for each in (weighted, repeated))
    assert first.shares == pytest.approx(second.shares)
    assert first.level == pytest.approx(second.level)


def test_prior_names_every_method():
    """None is ruled out beforehand, and none but the model leads."""
    assert set(PRIOR) == set(METHODS)
    assert min(PRIOR.values()) > 0
    assert max(PRIOR, key=PRIOR.get) == MODEL


def test_method_missing_in_a_window_is_left_out():
    """A method that an earlier window does not hold gets no weight."""
    good, noise, actual = drawn(8)
    whole = trial(actual, purchase_model=noise, rate=good, regular=good)
    part = Trial({name: each for name, each in whole.forecasts.items() if name != "regular"}, actual, whole.weight)
    assert "regular" not in fit_stack([whole, part], whole, MANY).shares
    assert "regular" in fit_stack([whole], whole, MANY).shares


def windows(effect, seed=1, size=3000, count=3):
    """Return windows of customers in ten segments whose actual value differs from the forecast by segment."""
    draw = np.random.default_rng(seed)
    codes = draw.integers(1, 11, size)
    level = np.exp(effect * draw.standard_normal(11))[codes]
    forecast = draw.gamma(1.0, 100.0, size) + 1
    found = [(forecast, forecast * level * draw.gamma(0.5, 2.0, size), np.ones(size)) for _ in range(count)]
    return found, {"country": [codes] * count, "chance": [draw.integers(1, 11, size)] * count}


def test_segments_that_differ_are_found():
    """Countries that bring half or twice of what is forecast, in each window; those told apart by chance are not it."""
    trials, codes = windows(0.5)
    found = fit_segments(trials, codes, [1, 2])
    assert found.name == "country"
    assert found.deviance < 0.95
    forecast, actual, _ = trials[0]
    moved = forecast * found.factor(codes["country"][0])
    assert np.abs(moved - actual).sum() < np.abs(forecast - actual).sum()


def test_segments_that_do_not_differ_are_left_alone():
    """Where chance alone makes the difference, segments are hardly ever used."""
    assert sum(fit_segments(*windows(0.0, seed), [1, 2]) is not None for seed in range(20)) <= 1


def test_a_window_that_overlaps_is_not_learned_from():
    """Without a window that was over when the latest began, there is nothing to try with."""
    trials, codes = windows(0.5)
    assert fit_segments(trials, codes, []) is None
    other = [trials[0], (trials[1][0], trials[1][1][::-1].copy(), trials[1][2]), trials[2]]
    assert fit_segments(other, codes, [2]).deviance == pytest.approx(fit_segments(trials, codes, [2]).deviance)


def test_unknown_segments_stay():
    """Code 0 is no segment, and a segment that was never seen has no factor."""
    trials, codes = windows(0.5)
    codes["country"][0][:500] = 0
    found = fit_segments(trials, codes, [1, 2])
    assert 0 not in found.factors
    assert found.factor(np.array([0, 99])).tolist() == [1.0, 1.0]
    assert Segments.restored(**json.loads(json.dumps(asdict(found)))) == found


def test_a_few_large_customers_do_not_decide_the_level():
    """The same miss in all windows is believed less where one customer makes it."""
    good, _, _ = drawn(8, size=200)
    all_alike = [trial(1.3 * good, purchase_model=good)] * 3
    one = np.where(good == good.max(), good + 0.3 * good.sum(), good)
    by_one = [trial(one, purchase_model=good)] * 3
    assert by_one[0].actual_total == pytest.approx(all_alike[0].actual_total)
    assert 1.0 < fit_stack(by_one, by_one[0], MANY).level < fit_stack(all_alike, all_alike[0], MANY).level - 0.03
