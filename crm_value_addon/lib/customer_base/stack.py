"""One forecast out of several: weights learned from how each did on the company's own past.

What each customer is worth beside the others comes from the weighted forecasts; what all are worth together comes from
the purchase model, corrected by what it missed in all earlier windows alike. A method that is good on the books of one
company is bad on another's, and choosing one of them loses to weighing them.

References
----------
.. [1] Breiman (1996), "Stacked regressions", Machine Learning 24, 49-64: weights >= 0 by least squares on forecasts of
   data that were not used to fit them.
.. [2] Buhlmann and Straub (1970), "Glaubwurdigkeit fur Schadensatze", Mitteilungen der Vereinigung schweizerischer
   Versicherungsmathematiker 70, 111-133: how far the mean of a group is believed.
.. [3] Tweedie deviance of power 1.5: Jorgensen (1987), JRSS B 49(2), 127-162. One step of Fisher scoring for it is
   least squares with errors weighted by forecast^-0.75.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from ._arrays import Floats, Ints
from .metrics import is_clearly_better, tweedie_deviance

MODEL = "purchase_model"
METHODS = (MODEL, "regular", "last_12_months", "smoothed", "rate")
#: what a company without a past of its own would use, in proportion; the learned weights are pulled to it
PRIOR = {MODEL: 0.7, "regular": 0.1, "last_12_months": 0.1, "smoothed": 0.1, "rate": 0.1}
#: repeat customers at which what was learned and the purchase model alone count alike
TRUSTED = 100
#: strength of that pull, as a share of the data's own information
RIDGE = 0.02
#: forecasts count as at least this share of the mean, so that a customer whom nobody expects does not decide alone
FLOOR = 0.05
#: the level is never corrected by more than this factor, because a base that shifts once does not go on to do so
WIDEST = 1.5
#: a window weighs so much of the one after it, because what a base did lately says most of what it does next
RECENCY = 1 / 3
#: standard deviations of the logarithm of actual / forecast, as an earlier belief: of what lasts, and of what a window
#: alone brings; the latter counts as much as two windows
LASTING, PASSING = 0.4, 0.15
_STEPS = 4
#: no group is forecast less than this share of what its customers are
_LEAST_FACTOR = 0.05


@dataclass(frozen=True)
class Trial:
    """One earlier window: what each method forecast for its customers, and what came.

    Attributes
    ----------
    forecasts : mapping of str to numpy.ndarray, shape (n,)
        By name of `METHODS`, >= 0; all windows hold the same ones, among them `MODEL`.
    actual : numpy.ndarray, shape (n,)
        >= 0.
    weight : numpy.ndarray, shape (n,)
        Number of customers that a row represents.
    """

    forecasts: Mapping[str, Floats]
    actual: Floats
    weight: Floats

    def total(self, method: str) -> float:
        """Return the sum of a method's forecasts."""
        return float((self.weight * self.forecasts[method]).sum())

    @property
    def actual_total(self) -> float:
        """Return the sum of what came."""
        return float((self.weight * self.actual).sum())

    def sampling_variance(self) -> float:
        """Return the variance of the logarithm of actual / forecast that comes from having these customers only."""
        # shares, because the square of an amount may be beyond the range of a number
        miss = self.actual / self.actual_total - self.forecasts[MODEL] / self.total(MODEL)
        return float((self.weight * miss**2).sum())


@dataclass(frozen=True)
class Stack:
    """Weights of the methods, ready to be applied to one customer or to all.

    Attributes
    ----------
    shares : dict of str to float
        Share of each method in the forecast of the whole base; they add up to 1.
    factors : dict of str to float
        What a customer's forecast by each method is multiplied by.
    level : float
        Factor by which the total differs from the purchase model's.

    Examples
    --------
    >>> stack = Stack({"purchase_model": 0.6, "rate": 0.4}, {"purchase_model": 0.6, "rate": 0.5}, 1.0)
    >>> stack.combine({"purchase_model": np.array([10.0]), "rate": np.array([8.0])}).tolist()
    [10.0]
    """

    shares: dict[str, float]
    factors: dict[str, float]
    level: float

    def combine(self, forecasts: Mapping[str, Floats]) -> Floats:
        """Return the forecast per customer; `forecasts` as in `Trial`, of the customers asked for."""
        first, *others = self.factors
        result = forecasts[first] * self.factors[first]
        for name in others:
            result = result + forecasts[name] * self.factors[name]
        return result


def alone() -> Stack:
    """Return the purchase model by itself, for a company whose past is too short to try anything on."""
    return Stack({MODEL: 1.0}, {MODEL: 1.0}, 1.0)


def fit_stack(trials: Sequence[Trial], now: Trial, repeaters: float) -> Stack:
    """Learn weights and level.

    Parameters
    ----------
    trials : sequence of Trial
        Earlier windows, the latest first. Windows in which nothing was bought, or nothing expected, do not count.
    now : Trial
        Today's forecasts; `actual` is not read. They say what an average forecast of each method is, so that a share
        means the same for a method that expects little.
    repeaters : float
        Customers with at least two purchases, >= 0. Of a small base the weights are mostly chance: they are taken by
        repeaters / (repeaters + `TRUSTED`), and the purchase model for the rest.

    Returns
    -------
    Stack
        `alone` when no window counts.
    """
    used = [trial for trial in trials if trial.actual_total > 0 and trial.total(MODEL) > 0]
    totals = {name: now.total(name) for name in METHODS if name in now.forecasts}
    names = [name for name, total in totals.items() if total > 0 and all(name in trial.forecasts for trial in used)]
    if not used or MODEL not in names:
        return alone()
    weights = _weights(used, names)
    trust = repeaters / (repeaters + TRUSTED)
    weights = trust * weights / weights.sum() + (1 - trust) * np.array([name == MODEL for name in names])
    level = _level(*_misses(used))
    shares = dict(zip(names, weights.tolist(), strict=True))
    return Stack(
        shares=shares,
        factors={name: share * level * totals[MODEL] / totals[name] for name, share in shares.items()},
        level=level,
    )


def _weights(trials: Sequence[Trial], names: Sequence[str]) -> Floats:
    """Return weights >= 0 of forecasts whose mean is 1 in each window, near the least Tweedie deviance."""
    prior = np.array([PRIOR[name] for name in names])
    prior /= prior.sum()
    scaled = [_scaled(trial, names) for trial in trials]
    weights = prior
    for _ in range(_STEPS):
        information, slope = np.zeros((prior.size, prior.size)), np.zeros(prior.size)
        for forecasts, actual, weight in scaled:
            part = weight * np.maximum(sum_of(forecasts, weights), FLOOR) ** -1.5
            for i, left in enumerate(forecasts):
                weighted = part * left
                slope[i] += (weighted * actual).sum()
                for j, right in enumerate(forecasts[: i + 1]):
                    information[i, j] += (weighted * right).sum()
        information += np.tril(information, -1).T
        pull = RIDGE * np.trace(information) / prior.size
        # the square root turns the normal equations into the least squares that nnls takes
        root = np.linalg.cholesky(information + pull * np.eye(prior.size))
        weights, _ = nnls(root.T, np.linalg.solve(root, slope + pull * prior))
        if not weights.sum() > 0:
            return prior
    return weights


def sum_of(columns: Sequence[Floats], weights: Floats) -> Floats:
    """Return the weighted sum of some columns, without the threads of a matrix product."""
    result = columns[0] * weights[0]
    for column, weight in zip(columns[1:], weights[1:], strict=True):
        result = result + column * weight
    return result


def _scaled(trial: Trial, names: Sequence[str]) -> tuple[list[Floats], Floats, Floats]:
    """Return forecasts and actual values in units of their means, and weights that add up to 1."""
    size = float(trial.weight.sum())
    columns = []
    for name in names:
        total = trial.total(name)
        columns.append(trial.forecasts[name] * (size / total if total > 0 else 0.0))
    return columns, trial.actual * (size / trial.actual_total), trial.weight / size


def _level(misses: Sequence[float], sampling: Sequence[float]) -> float:
    """Return the factor on the purchase model's total, from the logarithms of actual / forecast per window.

    Their mean, the latest first and weighing most, is shrunk by what lasts / (what lasts + what passes): the more the
    windows differ, and the more a few large customers decide (`Trial.sampling_variance`), the less is taken. They
    overlap, so that four say no more than two would that do not.

    Examples
    --------
    >>> round(_level([0.2, 0.2], [0, 0]), 3), round(_level([0.3, -0.3], [0, 0]), 3), round(_level([0.2], [0]), 3)
    (1.213, 1.141, 1.201)
    >>> round(_level([0.2, 0.2], [0.1, 0.1]), 3)
    1.16
    """
    mean, passing = _lasting_and_passing(misses, sampling)
    shrunk = mean * LASTING**2 / (LASTING**2 + passing / min(len(misses), 2))
    return float(np.exp(np.clip(shrunk, -np.log(WIDEST), np.log(WIDEST))))


def level_spread(trials: Sequence[Trial]) -> float:
    """Return how far a year's total alone strays: the standard deviation of the logarithm of actual / forecast.

    Examples
    --------
    >>> same = Trial({MODEL: np.ones(4)}, np.ones(4), np.ones(4))
    >>> round(level_spread([same, same]), 3), round(level_spread([]), 3)
    (0.106, 0.15)
    """
    used = [trial for trial in trials if trial.actual_total > 0 and trial.total(MODEL) > 0]
    return float(np.sqrt(_lasting_and_passing(*_misses(used))[1])) if used else PASSING


def _misses(trials: Sequence[Trial]) -> tuple[list[float], list[float]]:
    """Return the logarithm of actual / forecast of each window, and what of its variance is chance."""
    return (
        [float(np.log(trial.actual_total / trial.total(MODEL))) for trial in trials],
        [trial.sampling_variance() for trial in trials],
    )


def _lasting_and_passing(misses: Sequence[float], sampling: Sequence[float]) -> tuple[float, float]:
    """Return the mean of the windows' misses, and the variance of what a window alone brings."""
    count = len(misses)
    share = RECENCY ** np.arange(count)
    share /= share.sum()
    mean = float((share * misses).sum())
    spread = float((share * (np.asarray(misses) - mean) ** 2).sum())
    return mean, (count * spread + 2 * PASSING**2) / (count + 2) + float((share * sampling).sum())


def credible(value: Floats, expected: Floats, codes: Ints, weight: Floats | None = None) -> dict[int, float]:
    """Return each group's actual / expected, pulled to 1 by what chance explains (Buhlmann and Straub).

    Parameters
    ----------
    value, expected : numpy.ndarray, shape (n,)
        Actual and expected value, `expected` > 0.
    codes : numpy.ndarray of int, shape (n,)
        Group > 0 of each row; 0 for unknown, which is no group.
    weight : numpy.ndarray, shape (n,), optional
        Number of customers that a row represents.

    Returns
    -------
    dict of int to float
        Empty where there is one group only, or where the groups differ by chance alone.

    Examples
    --------
    >>> value, codes = np.tile([0.5, 1.5], 200), np.tile([1, 2], 200)
    >>> {code: round(factor, 2) for code, factor in credible(value, np.ones(400), codes).items()}
    {1: 0.5, 2: 1.5}
    """
    weights = np.ones(value.size) if weight is None else weight
    groups, place = np.unique(codes, return_inverse=True)
    known = groups > 0
    if known.sum() < 2:
        return {}
    volume = np.bincount(place, weights * expected)
    ratio = np.bincount(place, weights * value) / volume
    chance = float((weights * (value - expected) ** 2 / expected).sum() / weights.sum())
    volume, ratio, groups = volume[known], ratio[known], groups[known]
    total = volume.sum()
    spread = (volume * (ratio - (volume * ratio).sum() / total) ** 2).sum() - chance * (groups.size - 1)
    between = max(float(spread / (total - (volume**2).sum() / total)), 0.0)
    if not between:
        return {}
    factor = 1 + between / (between + chance / volume) * (ratio - 1)
    return {int(group): float(max(each, _LEAST_FACTOR)) for group, each in zip(groups, factor, strict=True)}


@dataclass(frozen=True)
class Segments:
    """What the segments of a base bring beside what is forecast for its customers.

    Attributes
    ----------
    name : str
        What tells them apart.
    factors : dict of int to float
        Per segment, what the forecast of its customers is multiplied by.
    deviance : float
        Tweedie deviance in the latest window over that without segments, learned from the windows before; below 1.

    Examples
    --------
    >>> Segments("country", {7: 1.2}, 0.9).factor(np.array([7, 8, 0])).tolist()
    [1.2, 1.0, 1.0]
    """

    name: str
    factors: dict[int, float]
    deviance: float

    @classmethod
    def restored(cls, name: str, factors: Mapping[Any, float], deviance: float) -> Segments:
        """Return segments from JSON, which has texts for keys."""
        return cls(name, {int(group): factor for group, factor in factors.items()}, deviance)

    def factor(self, codes: Ints) -> Floats:
        """Return what each customer's forecast is multiplied by."""
        groups, place = np.unique(codes, return_inverse=True)
        return np.array([self.factors.get(int(group), 1.0) for group in groups])[place.ravel()]


def fit_segments(
    windows: Sequence[tuple[Floats, Floats, Floats]], codes: Mapping[str, Sequence[Ints]], apart: Sequence[int]
) -> Segments | None:
    """Learn whether segments bring more or less than is forecast for their customers.

    Parameters
    ----------
    windows : sequence of tuple of numpy.ndarray
        Forecast, actual value and weight per customer of earlier windows, the latest first.
    codes : mapping of str to sequence of numpy.ndarray
        By what tells segments apart: the segment > 0 of each of these customers, per window.
    apart : sequence of int
        Windows that were over when the latest began: only these may be learned from when that one is forecast.

    Returns
    -------
    Segments or None
        Of what did best in the latest window, learned from those before it; None where nothing did clearly better than
        no segments, or where there is no window before.
    """
    if not apart or not all(forecast.any() and actual.any() for forecast, actual, _ in windows):
        return None
    forecast, actual, weight = windows[0]
    plain = forecast * ((weight * actual).sum() / (weight * forecast).sum())
    found, best = None, 1.0
    for name, segment in codes.items():
        factors = _segment_factors([(*windows[place], segment[place]) for place in apart])
        moved = plain * Segments(name, factors, 1.0).factor(segment[0])
        moved *= (weight * plain).sum() / (weight * moved).sum()
        ratio = tweedie_deviance(moved, actual, weight) / tweedie_deviance(plain, actual, weight)
        if ratio < best and is_clearly_better(moved, plain, actual, weight):
            best = ratio
            found = Segments(name, _segment_factors([(*windows[place], segment[place]) for place in (0, *apart)]), best)
    return found if found and found.factors else None


def _segment_factors(windows: Sequence[tuple[Floats, Floats, Floats, Ints]]) -> dict[int, float]:
    """Return the factors of all windows together, each counted by its share, because they overlap."""
    rows = [
        (actual * ((weight * forecast).sum() / (weight * actual).sum()), forecast, weight / len(windows), codes)
        for forecast, actual, weight, codes in windows
    ]
    actual, forecast, weight, codes = (np.concatenate(columns) for columns in zip(*rows, strict=True))
    expected = forecast > 0
    return credible(actual[expected], forecast[expected], codes[expected], weight[expected])
