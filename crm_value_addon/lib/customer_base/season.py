"""Whether a yearly pattern, which the models do not know, explains part of a forecast's error in level."""

import numpy as np

_YEAR = 365


def seasonal_bias(day, value, split, end):
    """Return how much more a stretch of the year brought, a year before, than an even year would have.

    Parameters
    ----------
    day : array_like of int, shape (n,)
        Days of purchases, on any calendar.
    value : array_like of float, shape (n,)
    split, end : int
        The stretch is ``split < day <= end``; the same days one year earlier are compared with the whole year
        up to `split`.

    Returns
    -------
    float or None
        0.2 when the stretch brought 20 % more than its share of the days; None when there is no full year before
        `split`, no value in it, or the stretch is a year or longer.

    Examples
    --------
    >>> days = np.arange(0, 730)
    >>> value = np.where(days % 365 >= 182, 3.0, 1.0)
    >>> round(seasonal_bias(days, value, split=546, end=729), 2)
    0.5
    >>> seasonal_bias(days, value, split=300, end=400) is None
    True
    """
    day, value = np.asarray(day), np.asarray(value, dtype=float)
    if not day.size or split - day.min() < _YEAR - 1 or end - split >= _YEAR:
        return None
    year = value[(day > split - _YEAR) & (day <= split)].sum()
    stretch = value[(day > split - _YEAR) & (day <= end - _YEAR)].sum()
    share = (end - split) / _YEAR
    return float(stretch / (year * share) - 1) if year > 0 else None
