"""The company's year: what of a forecast's error comes from it, and how a forecast is spread over the months."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._arrays import ArrayLike, Floats, Ints

_YEAR = 365
#: the holdouts on which a season is tried
_QUARTER, _QUARTERS = 91, 4
#: a month brings at least this share of an average one, for the logarithm
_LEAST = 0.02
_DAYS = np.array([31.0, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


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


@dataclass(frozen=True)
class Season:
    """The company's year: what each calendar month brings beside an even year.

    Attributes
    ----------
    index : list of float, January first
        Their mean over the days of a year is 1; all 1 where a year is even.
    kept : float
        Share of the differences between months that is kept, 0..1: what chance does not explain.
    error, even_error : float
        Root mean square of the logarithm of forecast / actual over the quarters that it was tried on, with the season
        and without; NaN when the history is too short to try it.

    Examples
    --------
    >>> even = Season([1.0] * 12, 0.0, 0.1, 0.1)
    >>> even.is_used
    False
    """

    index: list[float]
    kept: float
    error: float
    even_error: float

    @property
    def is_used(self) -> bool:
        """Whether it forecast quarters better than an even year."""
        return self.error < self.even_error

    def mean(self, first: int, last: int) -> float:
        """Return the mean index of the days from `first` to `last`, counted since 1970-01-01."""
        return float(np.array(self.index)[_calendar(np.arange(first, last + 1)) % 12].mean())


def fit_season(day: ArrayLike, value: ArrayLike, as_of: int) -> Season | None:
    """Learn the year of a company from its purchases, and try it on the last four quarters.

    Parameters
    ----------
    day : array_like of int, shape (n,)
        Days since 1970-01-01.
    value : array_like of float, shape (n,)
    as_of : int
        The last day that is known.

    Returns
    -------
    Season or None
        None for less than two whole years, or a year without value.

    Notes
    -----
    The logarithm of a month's value per day, less that of its year and the trend between years, is one measurement of
    the month's index. The index is the mean over the years, pulled to an even year by the positive-part rule of James
    and Stein (1961) for 12 means around their own: by 9 times their variance over the sum of their squares.

    A quarter is forecast from what was known before it: the last year's value per day times its season.

    Examples
    --------
    >>> days = np.arange(0, 4 * 365)
    >>> december = (days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12) == 11
    >>> found = fit_season(days, np.where(december, 3.0, 1.0), as_of=int(days[-1]))
    >>> round(found.index[11] / found.index[0], 1), found.is_used
    (3.0, True)
    """
    days, values = _by_day(np.asarray(day), np.asarray(value, dtype=float))
    found = _index(days, values, as_of)
    if found is None:
        return None
    misses = []
    for quarter in range(1, _QUARTERS + 1):
        split = as_of - quarter * _QUARTER
        index = _index(days, values, split)
        year = values[(days > split - _YEAR) & (days <= split)].sum()
        actual = values[(days > split) & (days <= split + _QUARTER)].sum()
        if index is None or not (year > 0 and actual > 0):
            break
        miss = np.log(year * _QUARTER / _YEAR / actual)
        season = index[0][_calendar(np.arange(split + 1, split + _QUARTER + 1)) % 12].mean()
        misses.append((miss + np.log(season), miss))
    with_season, even = np.sqrt(np.mean(np.square(misses), axis=0)) if misses else (np.nan, np.nan)
    return Season(found[0].tolist(), found[1], float(with_season), float(even))


def _by_day(days: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Return the days from the first to the last purchase and the value of each: thousands instead of millions."""
    if not days.size:
        return days.astype(np.int64), values
    first = days.min()
    total = np.bincount(days - first, values)
    return int(first) + np.arange(total.size), total.astype(float, copy=False)


def _index(days: Ints, values: Floats, as_of: int) -> tuple[Floats, float] | None:
    """Return the index of the months, and the share of it that was kept."""
    known = days <= as_of
    if not known.any():
        return None
    first, last = _calendar(np.array([days.min(), as_of + 1])).tolist()
    years = (last - first - 1) // 12  # the first month is not whole
    if years < 2:
        return None
    start = last - 12 * years
    month = _calendar(days[known])
    kept = (month >= start) & (month < last)
    total = np.bincount(month[kept] - start, values[known][kept], minlength=12 * years).reshape(years, 12)
    by_year = total.mean(axis=1)
    if not (by_year > 0).all():
        return None
    # a month without value is no logarithm
    logs = np.log(np.maximum(total, _LEAST * by_year[:, None]) / _lengths(start, last).reshape(years, 12))
    level = logs.mean(axis=1)
    trend = (level[-1] - level[0]) / (12 * (years - 1))
    measured = logs - level[:, None] - trend * (np.arange(12) - 5.5)
    mean = measured.mean(axis=0)
    chance = ((measured - mean) ** 2).sum() / (11 * (years - 1)) / years
    spread = float((mean**2).sum())
    share = max(1 - 9 * chance / spread, 0.0) if spread > 0 else 0.0
    index = np.roll(np.exp(share * mean), start % 12)
    return index / (index * _DAYS).sum() * _DAYS.sum(), share


def _calendar(days: Ints) -> Ints:
    """Return the month of each day, counted since January 1970."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _lengths(first: int, last: int) -> Floats:
    """Return the days of the months from `first` up to, not including, `last`."""
    starts = np.arange(first, last + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return np.diff(starts).astype(float)
