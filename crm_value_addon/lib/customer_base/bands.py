"""Intervals of a forecast from how far off earlier forecasts of the same size were (split conformal prediction).

The purchase model's own interval is right if the model is. The customers who matter most, the top tenth, are those for
whom it is least so. Their actual values, divided by their forecasts of a year ago, need no model.

References
----------
.. [1] Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), "Distribution-free predictive inference for regression",
   JASA 113(523), 1094-1111, with the relative error as score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ._arrays import Floats

#: classes by size of the forecast: the top tenth, which matters most, and as many customers in each of the others
CLASSES = 8
TOP = 0.1
_CUTS = (1 - TOP) * np.arange(1, CLASSES) / (CLASSES - 1)
#: a class of fewer customers has no tail worth reading
LEAST = 30
#: actual total / forecast total outside these bounds: the base shifted, and earlier errors say nothing of today's
SHIFTED = (0.6, 1.67)


@dataclass(frozen=True)
class Bands:
    """Bounds as multiples of the forecast, by class of forecast.

    Attributes
    ----------
    edges : list of float, CLASSES - 1 of them
        Forecasts at which one class ends and the next begins, as multiples of the mean forecast.
    low, high : list of float
        Multiples per class.

    Examples
    --------
    >>> bands = Bands([2.0], [0.0, 0.5], [3.0, 1.5])
    >>> [bound.tolist() for bound in bands(np.array([10.0, 30.0]), mean=10.0)]
    [[0.0, 15.0], [30.0, 45.0]]
    """

    edges: list[float]
    low: list[float]
    high: list[float]

    def __call__(self, forecast: Floats, mean: float) -> tuple[Floats, Floats]:
        """Return lower and upper bounds; `mean` is the mean forecast of the whole base."""
        place = np.searchsorted(np.array(self.edges) * mean, forecast, side="right")
        return forecast * np.array(self.low)[place], forecast * np.array(self.high)[place]


def fit_bands(
    forecast: Floats, actual: Floats, weight: Floats, coverage: float = 0.8, level_spread: float = 0.0
) -> Bands | None:
    """Learn the bounds from an earlier window.

    Parameters
    ----------
    forecast, actual, weight : numpy.ndarray, shape (n,)
        `forecast` > 0; `weight` is the number of customers that a row represents.
    coverage : float
        In 0..1, exclusive.
    level_spread : float
        How far the total alone strays, as `stack.level_spread`.

    Returns
    -------
    Bands or None
        None when there are fewer than `LEAST` customers to the top class, or when the base shifted.

    Notes
    -----
    As in `value.score`: customers who buy nothing are a lump at 0. If it is less than the lower tail, both tails are
    cut off, otherwise only the upper one.

    The errors of one window all have that window's level. The next one's differs, which decides in the top tenth, whose
    customers stray least by themselves; below, it drowns in how the customers differ.
    """
    total = (weight * forecast).sum()
    if forecast.size * TOP < LEAST or not total > 0:
        return None
    if not SHIFTED[0] <= (weight * actual).sum() / total <= SHIFTED[1]:
        return None
    order = np.argsort(forecast, kind="stable")
    cumulative = np.cumsum(weight[order])
    cuts = np.searchsorted(cumulative, cumulative[-1] * _CUTS)
    bounds = [
        _bounds(actual[rows] / forecast[rows], weight[rows], coverage) for rows in np.split(order, cuts) if rows.size
    ]
    edges = forecast[order[cuts]] * (weight.sum() / total)
    if len(bounds) != CLASSES:
        return None
    bounds[-1] = _widened(*bounds[-1], float(ndtri((1 + coverage) / 2)) * level_spread)
    return Bands(edges.tolist(), [low for low, _ in bounds], [high for _, high in bounds])


def _bounds(ratio: Floats, weight: Floats, coverage: float) -> tuple[float, float]:
    tail = (1 - coverage) / 2
    none = float(weight[ratio <= 0].sum() / weight.sum())
    # a bound among n customers leaves out (n + 1) times the tail, not n times
    spare = 1 + 1 / ratio.size
    if none >= tail:
        return 0.0, weighted_quantile(ratio, weight, [min(coverage * spare, 1.0)])[0]
    low, high = weighted_quantile(ratio, weight, [max(1 - (1 - tail) * spare, 0.0), min((1 - tail) * spare, 1.0)])
    return low, high


def _widened(low: float, high: float, margin: float) -> tuple[float, float]:
    """Add to both bounds, in logarithms, a margin that has nothing to do with how the customers stray.

    Examples
    --------
    >>> [round(bound, 2) for bound in _widened(0.5, 2.0, 0.3)], _widened(0.0, 1.0, 0.0)
    ([0.47, 2.13], (0.0, 1.0))
    """
    if 0 < low < 1:
        low = float(np.exp(-np.hypot(np.log(low), margin)))
    return low, float(np.exp(np.hypot(np.log(high), margin))) if high > 1 else high


def weighted_quantile(values: Floats, weight: Floats, levels: Sequence[float]) -> list[float]:
    """Return the least values that leave at least each share of the weight at or below them.

    Examples
    --------
    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), [0.25, 0.5, 1.0])
    [1.0, 2.0, 3.0]
    """
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weight[order])
    place = np.searchsorted(share, np.array(levels) * share[-1] - 1e-9 * share[-1])
    return values[order[np.minimum(place, values.size - 1)]].tolist()
