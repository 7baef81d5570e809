"""The part of a forecast's error in level that comes from a yearly pattern, which the models do not know."""

import numpy as np

from ._arrays import ArrayLike

_YEAR = 365


def seasonal_bias(day: ArrayLike, value: ArrayLike, split: int, end: int) -> float | None:
    """Return the excess of a stretch of the year over an even year, measured one year earlier.

    Parameters
    ----------
    day : array_like of int, shape (n,)
        Days of purchases, on any calendar.
    value : array_like of float, shape (n,)
    split, end : int
        The stretch is ``split < day <= end``. The same days one year earlier are compared with the whole year up
        to `split`.

    Returns
    -------
    float or None
        0.2 when the value of the stretch was 20 % above its share of the days. None when there is no full year
        before `split`, or no value in that year, or when the stretch is a year or longer.

    Examples
    --------
    >>> days = np.arange(0, 730)
    >>> value = np.where(days % 365 >= 182, 3.0, 1.0)
    >>> round(seasonal_bias(days, value, split=546, end=729), 2)
    0.5
    >>> seasonal_bias(days, value, split=300, end=400) is None
    True
    """
    days, values = np.asarray(day), np.asarray(value, dtype=float)
    if not days.size or split - days.min() < _YEAR - 1 or end - split >= _YEAR:
        return None
    year = values[(days > split - _YEAR) & (days <= split)].sum()
    stretch = values[(days > split - _YEAR) & (days <= end - _YEAR)].sum()
    share = (end - split) / _YEAR
    return float(stretch / (year * share) - 1) if year > 0 else None
