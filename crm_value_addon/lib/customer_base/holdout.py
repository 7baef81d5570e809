"""Backtest: fit on the purchases up to a day, forecast the time after it, compare with what happened.

History is a hard opponent and wins on some companies' data, so no model is used unmeasured. The methods:

==================== =================================================================================
modified_beta_geo    MBG/NBD x gamma-gamma
beta_geo             BG/NBD x gamma-gamma
carry_forward        what the customer brought in the last period as long as the holdout, once more
carry_forward_12m    what the kernel falls back to: a twelfth of the last 12 months, per month
mean_rate            mean purchase x purchases per day so far
rfm                  sum of the RFM scores: a ranking, no level
==================== =================================================================================
"""

from dataclasses import dataclass

import numpy as np

from .errors import EmptyDataError, InvalidInputError, as_floats, check
from .fallback import DAYS_PER_MONTH, carry_forward
from .metrics import accuracy
from .purchases import BetaGeo, ModifiedBetaGeo
from .rfm import rfm_boundaries, rfm_scores
from .spend import GammaGamma

METHODS = ("modified_beta_geo", "beta_geo", "carry_forward", "carry_forward_12m", "mean_rate", "rfm")
# Frequencies up to 6 have their own row in the calibration table, as in the papers' figures; 7 means 7 or
# more.
_LAST_FREQUENCY = 7
_YEAR = 12 * DAYS_PER_MONTH


@dataclass(frozen=True)
class Summary:
    """Customers as the models take them; days, one entry per customer.

    Attributes
    ----------
    customer : numpy.ndarray
        Ascending ids.
    first, last : numpy.ndarray
        Days of the first and the last purchase.
    x, t_x, T : numpy.ndarray of float
    n, mean : numpy.ndarray of float
        All purchases and their mean value.
    """

    customer: np.ndarray
    first: np.ndarray
    last: np.ndarray
    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    n: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True)
class Backtest:
    """What `backtest` found; all lists hold dicts of plain numbers, ready for a table or a chart.

    Attributes
    ----------
    customers, repeaters : int
        Customers of the calibration period; those who had bought at least twice in it.
    actual_total : float
        Value they brought in the holdout period.
    accuracy : dict of str to Accuracy
        Per method of `METHODS`, on value.
    calibration : list of dict
        Per frequency 0..6 and 7 (or more): `frequency`, `customers`, `actual` mean purchases in the holdout,
        and the mean forecast of each purchase model.
    by_month : list of dict
        Per month of 30.44 days of the holdout: `month` (1..), `days`, `actual` value, and each method's
        forecast.
    tracking : list of dict
        Per month since the first purchase of all: `day` (its end), `actual` cumulative repeat purchases of
        the calibration period's customers, and each purchase model's expectation at their acquisition.
    models : dict of str to Estimator
        The fits, with key ``"spend"`` for gamma-gamma.
    """

    customers: int
    repeaters: int
    actual_total: float
    accuracy: dict
    calibration: list
    by_month: list
    tracking: list
    models: dict

    def best(self, methods=METHODS):
        """Return the method with the smallest mean absolute error among `methods` (rankings have none)."""
        rated = [name for name in methods if np.isfinite(self.accuracy[name].mae)]
        return min(rated, key=lambda name: self.accuracy[name].mae)


def merge_days(customer, day, value, positive_only=True):
    """Merge purchases of a customer on a day into one.

    Parameters
    ----------
    customer : array_like of int, shape (n,)
    day : array_like of int, shape (n,)
        Whole days on any calendar, e.g. ``date.toordinal()``.
    value : array_like of float, shape (n,)
        May be negative (credit notes).
    positive_only : bool
        Drop days that net to 0 or less.

    Returns
    -------
    customer, day, value : numpy.ndarray, shape (m,)
        Ordered by customer, then day.

    Raises
    ------
    InvalidInputError

    Examples
    --------
    >>> [column.tolist() for column in merge_days([7, 7, 7], [2, 2, 3], [10.0, 5.0, -1.0])]
    [[7], [2], [15.0]]
    """
    value = as_floats("value", value)
    days = as_floats("day", day)
    check(days == np.floor(days), "day", days, "must be whole days")
    customer = np.asarray(customer)
    if not customer.shape == days.shape == value.shape:
        shapes = f"{customer.shape}, {days.shape}, {value.shape}"
        raise InvalidInputError(f"customer, day and value must have one shape, got {shapes}")
    order = np.lexsort((days, customer))
    customer, days, value = customer[order], days[order].astype(np.int64), value[order]
    starts = np.ones(days.size, dtype=bool)
    starts[1:] = (np.diff(days) != 0) | (customer[1:] != customer[:-1])
    starts = np.flatnonzero(starts)
    total = np.add.reduceat(value, starts) if starts.size else value
    keep = total > 0 if positive_only else np.ones(total.size, dtype=bool)
    return customer[starts][keep], days[starts][keep], total[keep]


def summarise(customer, day, value, as_of, positive_only=True):
    """Turn purchases up to a day into the arrays of the models.

    Parameters
    ----------
    customer, day, value, positive_only
        As in `merge_days`; rows after `as_of` are ignored.
    as_of : int
        The as-of date, on the calendar of `day`.

    Returns
    -------
    Summary

    Raises
    ------
    InvalidInputError
    EmptyDataError
        When there is no purchase up to `as_of`.

    Examples
    --------
    >>> s = summarise([1, 1, 1], [100, 130, 140], [20.0, 30.0, 99.0], as_of=135)
    >>> s.x.tolist(), s.t_x.tolist(), s.T.tolist(), s.mean.tolist()
    ([1.0], [30.0], [35.0], [25.0])
    """
    customer, day, value = merge_days(customer, day, value, positive_only)
    past = day <= as_of
    customer, day, value = customer[past], day[past], value[past]
    if not day.size:
        raise EmptyDataError(f"no purchases up to day {as_of}")
    ids, start, count = np.unique(customer, return_index=True, return_counts=True)
    first, last = day[start], day[start + count - 1]
    n = count.astype(float)
    return Summary(
        customer=ids, first=first, last=last, x=n - 1, t_x=(last - first).astype(float),
        T=(as_of - first).astype(float), n=n, mean=np.add.reduceat(value, start) / n,
    )


def backtest(customer, day, value, split, end=None, *, prior=True, prior_strength=1.0):
    """Fit on the purchases up to `split`, forecast the days after it up to `end`, and compare.

    Parameters
    ----------
    customer, day, value : array_like, shape (n,)
        Purchases, as in `merge_days`.
    split, end : int
        Last day of the calibration and of the holdout period (default: the last purchase's).
    prior, prior_strength
        As in `ModifiedBetaGeo`.

    Returns
    -------
    Backtest
        Of the customers who first bought up to `split`.

    Raises
    ------
    InvalidInputError
        Also when `end` is not after `split`.
    EmptyDataError
        When there is no purchase up to `split`.
    """
    customer, day, value = merge_days(customer, day, value)
    end = int(day.max(initial=split)) if end is None else int(end)
    check(end > split, "end", end, f"must be after split ({split})")
    past = summarise(customer, day, value, split)
    models = {
        "modified_beta_geo": ModifiedBetaGeo(prior, prior_strength).fit(past.x, past.t_x, past.T),
        "beta_geo": BetaGeo(prior, prior_strength).fit(past.x, past.t_x, past.T),
        "spend": GammaGamma(prior, prior_strength).fit(past.n, past.mean),
    }
    window = _Window(past, customer, day, value, split, end)
    forecasts = _forecasts(models, past, window)
    results = {name: accuracy(forecasts[name][:, -1], window.actual, name != "rfm") for name in METHODS}
    return Backtest(
        customers=past.x.size,
        repeaters=int((past.x > 0).sum()),
        actual_total=float(window.actual.sum()),
        accuracy=results,
        calibration=_calibration(models, past, window),
        by_month=_by_month(forecasts, window),
        tracking=_tracking(models, past, window),
        models=models,
    )


class _Window:
    """Purchases of the calibration period's customers, cut at `split` and into months after it."""

    def __init__(self, past, customer, day, value, split, end):
        keep = np.isin(customer, past.customer) & (day <= end)
        self.row = np.searchsorted(past.customer, customer[keep])
        self.day, self.value = day[keep], value[keep]
        self.split, self.end, self.size = split, end, past.x.size
        self.ends = _month_ends(end - split)
        after = self.day > split
        self.actual = np.bincount(self.row[after], self.value[after], minlength=self.size)
        self.purchases = np.bincount(self.row[after], minlength=self.size)

    def last(self, days):
        """Return the value per customer of the last `days` of the calibration period."""
        keep = (self.day <= self.split) & (self.day > self.split - days)
        return np.bincount(self.row[keep], self.value[keep], minlength=self.size)


def _month_ends(length):
    """Return the last whole day of each month of 30.44 days, and `length` itself at the end."""
    ends = np.rint(np.arange(1, length / DAYS_PER_MONTH + 1) * DAYS_PER_MONTH)
    return np.append(ends[ends < length], float(length))


def _forecasts(models, past, window):
    """Return the cumulative forecast per method, (customers, months); for `rfm` its score."""
    length = window.ends[-1]
    spend = models["spend"].expected_spend(past.n, past.mean)
    columns = [column[:, None] for column in (past.x, past.t_x, past.T)]
    result = {
        name: models[name].expected_purchases(window.ends, *columns) * spend[:, None]
        for name in ("modified_beta_geo", "beta_geo")
    }
    monthly = {
        "carry_forward": window.last(length) / length * DAYS_PER_MONTH,
        "carry_forward_12m": carry_forward(window.last(_YEAR)),
        # A customer of today has a rate of its one purchase per day at most.
        "mean_rate": past.mean * past.n / np.maximum(past.T, 1) * DAYS_PER_MONTH,
    }
    for name, each in monthly.items():
        result[name] = each[:, None] * (window.ends / DAYS_PER_MONTH)
    base = window.split - past.last, past.n, past.n * past.mean
    result["rfm"] = sum(rfm_scores(rfm_boundaries(*base), *base)).astype(float)[:, None]
    return result


def _calibration(models, past, window):
    """Mean purchases in the holdout by frequency: forecast of the purchase models against actual."""
    group = np.minimum(past.x, _LAST_FREQUENCY).astype(int)
    expected = {
        name: models[name].expected_purchases(window.ends[-1], past.x, past.t_x, past.T)
        for name in ("modified_beta_geo", "beta_geo")
    }
    rows = []
    for frequency in np.unique(group):
        who = group == frequency
        row = {"frequency": int(frequency), "customers": int(who.sum())}
        row["actual"] = float(window.purchases[who].mean())
        rows.append(row | {name: float(each[who].mean()) for name, each in expected.items()})
    return rows


def _by_month(forecasts, window):
    """Value per month of the holdout: what came and what each method had expected."""
    after = window.day > window.split
    month = np.searchsorted(window.ends, window.day[after] - window.split)
    actual = np.bincount(month, window.value[after], minlength=window.ends.size)
    levels = {name: each for name, each in forecasts.items() if name != "rfm"}
    totals = {name: np.diff(each.sum(axis=0), prepend=0.0) for name, each in levels.items()}
    days = np.diff(window.ends, prepend=0.0)
    return [
        {"month": i + 1, "days": float(days[i]), "actual": float(actual[i])}
        | {name: float(each[i]) for name, each in totals.items()}
        for i in range(window.ends.size)
    ]


def _tracking(models, past, window):
    """Cumulative repeat purchases by month since the very first purchase: expected and actual."""
    start = past.first.min()
    ends = start + _month_ends(window.end - start)
    repeats = np.sort(window.day[window.day > past.first[window.row]])
    firsts, customers = np.unique(past.first, return_counts=True)
    ages = np.maximum(ends[:, None] - firsts, 0.0)
    rows = {
        name: (models[name].expected_purchases(ages, 0, 0, 0) * customers).sum(axis=1)
        for name in ("modified_beta_geo", "beta_geo")
    }
    return [
        {"day": float(day), "actual": int(np.searchsorted(repeats, day, side="right"))}
        | {name: float(each[i]) for name, each in rows.items()}
        for i, day in enumerate(ends)
    ]
