"""Quality of a forecast: its level (MAE, aggregate error), its ranking (Spearman, Gini, top decile), and both.

Methods are compared by the Tweedie deviance, which sees level and ranking. The mean absolute error, which people
understand best, is least for the median, and thus leans to forecasts of 0 where most customers do not come back.

Ties in the forecast are shared, so that no figure depends on the order of the customers.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ._arrays import ArrayLike, Floats
from .errors import EmptyDataError, InvalidInputError, as_floats

_LEAST = 0.01


@dataclass(frozen=True)
class Accuracy:
    """Quality of one forecast; NaN where a figure is not defined (no value at all, all customers equal).

    Attributes
    ----------
    mae : float
        Mean absolute error per customer, in the unit of the values; NaN for a ranking without a level.
    aggregate_error : float
        Forecast total / actual total - 1; NaN for a ranking without a level.
    spearman : float
        Rank correlation, -1..1.
    gini : float
        Normalised Gini: 1 for the ranking by actual value, 0 for a random one.
    top_decile : float
        Share of the actual value from the top tenth of the ranking, 0..1.
    deviance : float
        `tweedie_deviance`; NaN for a ranking without a level.
    """

    mae: float
    aggregate_error: float
    spearman: float
    gini: float
    top_decile: float
    deviance: float


def accuracy(forecast: ArrayLike, actual: ArrayLike, level: bool = True) -> Accuracy:
    """Compare a forecast with the actual values.

    Parameters
    ----------
    forecast, actual : array_like, shape (n,)
        Per customer; `actual` >= 0.
    level : bool
        False when `forecast` is a ranking without a level.

    Returns
    -------
    Accuracy

    Raises
    ------
    EmptyDataError, InvalidInputError

    Examples
    --------
    >>> found = accuracy([4.0, 1.0, 1.0], [4.0, 1.0, 1.0])
    >>> found.mae, found.aggregate_error, found.spearman, found.gini, round(found.top_decile, 2), found.deviance
    (0.0, 0.0, 1.0, 1.0, 0.2, 0.0)
    """
    expected = as_floats("forecast", forecast)
    found = as_floats("actual", actual, minimum=0)
    if expected.shape != found.shape:
        shapes = f"{expected.shape}, {found.shape}"
        raise InvalidInputError(f"forecast and actual must have one shape, got {shapes}")
    if not found.size:
        raise EmptyDataError("no customers to compare: got 0 rows")
    total = found.sum()
    return Accuracy(
        mae=float(np.abs(expected - found).mean()) if level else float("nan"),
        aggregate_error=float(expected.sum() / total - 1) if level and total else float("nan"),
        spearman=spearman(expected, found),
        gini=normalised_gini(expected, found),
        top_decile=captured(expected, found, 0.1),
        deviance=tweedie_deviance(expected, found) if level else float("nan"),
    )


def tweedie_deviance(forecast: Floats, actual: Floats, weight: Floats | None = None) -> float:
    """Return the mean Tweedie deviance of power 1.5, in the square root of the values' unit; NaN without any value.

    4 (sqrt(forecast) - 2 sqrt(actual) + actual / sqrt(forecast)), the deviance of a sum of a random number of purchases
    of random value, as for claims (Jorgensen 1987, JRSS B 49(2), 127-162). It is 0 for a perfect forecast. A forecast
    counts as at least `_LEAST` of the mean actual value, because nothing forecast where something came would be
    infinitely bad. `weight` is the number of customers that a row represents.

    Examples
    --------
    >>> tweedie_deviance(np.array([4.0, 4.0]), np.array([4.0, 16.0]))
    4.0
    """
    mean = np.average(actual, weights=weight)
    return float(np.average(_losses(forecast, actual, mean), weights=weight)) if mean > 0 else float("nan")


def _losses(forecast: Floats, actual: Floats, mean: float) -> Floats:
    root = np.sqrt(np.maximum(forecast, _LEAST * mean))
    return 4 * (root - 2 * np.sqrt(actual) + actual / root)


def is_clearly_better(forecast: Floats, other: Floats, actual: Floats, weight: Floats | None = None) -> bool:
    """Tell whether a forecast has a smaller Tweedie deviance than another, by more than the standard error of that.

    A correction that moves a few customers wins or loses by chance; the plainer forecast has the benefit of the doubt
    (the rule of one standard error: Breiman, Friedman, Olshen and Stone 1984, "Classification and Regression Trees").

    Examples
    --------
    >>> actual = np.tile([1.0, 9.0], 50)
    >>> is_clearly_better(np.tile([2.0, 8.0], 50), np.full(100, 5.0), actual)
    True
    >>> is_clearly_better(np.full(100, 5.0), np.full(100, 5.0), actual)
    False
    """
    weights = np.ones(actual.size) if weight is None else weight
    mean = float(np.average(actual, weights=weights))
    if not mean > 0:
        return False
    gain = _losses(other, actual, mean) - _losses(forecast, actual, mean)
    average = np.average(gain, weights=weights)
    variance = np.average((gain - average) ** 2, weights=weights)
    rows = weights.sum() ** 2 / (weights**2).sum()
    return bool(average > np.sqrt(variance / rows))


def spearman(forecast: Floats, actual: Floats) -> float:
    """Return the rank correlation with mean ranks for ties; NaN when either is constant.

    Examples
    --------
    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0]))
    -1.0
    """
    first, second = (rankdata(column) - (column.size + 1) / 2 for column in (forecast, actual))
    spread = np.sqrt((first * first).sum() * (second * second).sum())
    return float((first * second).sum() / spread) if spread else float("nan")


def normalised_gini(forecast: Floats, actual: Floats) -> float:
    """Return the Gini of `actual` ranked by `forecast` over the Gini of `actual` ranked by itself.

    Examples
    --------
    >>> normalised_gini(np.array([1.0, 1.0, 1.0]), np.array([5.0, 0.0, 0.0]))
    0.0
    """
    best = _gini(actual, actual)
    return _gini(forecast, actual) / best if best > 0 else float("nan")


def captured(forecast: Floats, actual: Floats, share: float) -> float:
    """Return the part of the actual value that comes from the top `share` of the ranking."""
    people, value = _lorenz(forecast, actual)
    return float(np.interp(share, people, value)) if actual.sum() else float("nan")


def _gini(ranking: Floats, actual: Floats) -> float:
    """Return twice the area between the concentration curve, best ranked first, and the diagonal."""
    if not actual.sum():
        return 0.0
    people, value = _lorenz(ranking, actual)
    return float((np.diff(people) * (value[1:] + value[:-1])).sum() - 1)


def _lorenz(ranking: Floats, actual: Floats) -> tuple[Floats, Floats]:
    """Return the cumulative shares of customers and of value, best ranked first, with a straight line across ties."""
    _, tie = np.unique(-ranking, return_inverse=True)
    people = np.concatenate([[0], np.cumsum(np.bincount(tie))]) / actual.size
    value = np.concatenate([[0.0], np.cumsum(np.bincount(tie, actual))])
    return people, value / (value[-1] or 1.0)
