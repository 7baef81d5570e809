"""Backtest: fit on the purchases up to a day, forecast the holdout period after it, and compare.

The customers' own history is a strong benchmark, and it wins on the data of some companies. Therefore no model is
used before it has been measured. The methods:

==================== =================================================================================
modified_beta_geo    MBG/NBD x gamma-gamma
beta_geo             BG/NBD x gamma-gamma
carry_forward        the customer's value in the last period as long as the holdout period, repeated
carry_forward_12m    a twelfth of the customer's last 12 months per month, the kernel's fallback
mean_rate            mean purchase x purchases per day so far
rfm                  sum of the RFM scores: a ranking without a level
==================== =================================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._arrays import AnyArray, ArrayLike, Floats, Ints
from ._estimation import Estimator
from .errors import EmptyDataError, InvalidInputError, as_floats, check
from .fallback import DAYS_PER_MONTH, carry_forward
from .metrics import Accuracy, accuracy
from .purchases import BetaGeo, ModifiedBetaGeo, PurchaseModel
from .rfm import rfm_boundaries, rfm_scores
from .spend import GammaGamma

METHODS = ("modified_beta_geo", "beta_geo", "carry_forward", "carry_forward_12m", "mean_rate", "rfm")
# Each frequency up to 6 has its own row in the calibration table, as in the papers' figures; 7 means 7 or more.
_LAST_FREQUENCY = 7
_YEAR = 12 * DAYS_PER_MONTH


@dataclass(frozen=True)
class Summary:
    """The arguments of the models, one entry per customer; times in days.

    Attributes
    ----------
    customer : numpy.ndarray
        Ids, ascending.
    first, last : numpy.ndarray
        Days of the first and the last purchase.
    x, t_x, T : numpy.ndarray of float
    n, mean : numpy.ndarray of float
        All purchases and their mean value.
    mean_log : numpy.ndarray of float
        Mean natural logarithm of the value of a purchase; -inf if a value is 0.
    """

    customer: AnyArray
    first: Ints
    last: Ints
    x: Floats
    t_x: Floats
    T: Floats
    n: Floats
    mean: Floats
    mean_log: Floats


@dataclass(frozen=True)
class Backtest:
    """The result of `backtest`; all lists hold dicts of plain numbers, ready for a table or a chart.

    Attributes
    ----------
    customers, repeaters : int
        Customers of the calibration period, and those with at least two purchases in it.
    actual_total : float
        Their value in the holdout period.
    accuracy : dict of str to Accuracy
        Per method of `METHODS`, on value.
    calibration : list of dict
        Per frequency 0..6 and 7 (or more): `frequency`, `customers`, `actual` mean purchases in the holdout
        period, and the mean forecast of each purchase model.
    by_month : list of dict
        Per month of 30.44 days of the holdout period: `month` (1..), `days`, `actual` value, and the forecast of
        each method.
    tracking : list of dict
        Per month since the very first purchase: `day` (the month's end), `actual` cumulative repeat purchases of
        the calibration period's customers, and each purchase model's expectation at their acquisition.
    models : dict of str to Estimator
        The fits; gamma-gamma has the key ``"spend"``.
    """

    customers: int
    repeaters: int
    actual_total: float
    accuracy: dict[str, Accuracy]
    calibration: list[dict[str, float]]
    by_month: list[dict[str, float]]
    tracking: list[dict[str, float]]
    models: dict[str, Estimator]

    def best(self, methods: Sequence[str] = METHODS) -> str:
        """Return the method with the smallest mean absolute error among `methods`, rankings left out."""
        rated = [name for name in methods if np.isfinite(self.accuracy[name].mae)]
        return min(rated, key=lambda name: self.accuracy[name].mae)


def merge_days(
    customer: ArrayLike, day: ArrayLike, value: ArrayLike, positive_only: bool = True
) -> tuple[AnyArray, Ints, Floats]:
    """Merge the purchases of a customer on a day into one.

    Parameters
    ----------
    customer : array_like of int, shape (n,)
    day : array_like of int, shape (n,)
        Whole days on any calendar, e.g. ``date.toordinal()``.
    value : array_like of float, shape (n,)
        May be negative (credit notes).
    positive_only : bool
        Whether to drop days that net to 0 or less.

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
    values = as_floats("value", value)
    whole = as_floats("day", day)
    check(whole == np.floor(whole), "day", whole, "must be whole days")
    ids = np.asarray(customer)
    if not ids.shape == whole.shape == values.shape:
        shapes = f"{ids.shape}, {whole.shape}, {values.shape}"
        raise InvalidInputError(f"customer, day and value must have one shape, got {shapes}")
    order = np.lexsort((whole, ids))
    ids, days, values = ids[order], whole[order].astype(np.int64), values[order]
    is_start = np.ones(days.size, dtype=bool)
    is_start[1:] = (np.diff(days) != 0) | (ids[1:] != ids[:-1])
    starts = np.flatnonzero(is_start)
    total = np.add.reduceat(values, starts) if starts.size else values
    keep = total > 0 if positive_only else np.ones(total.size, dtype=bool)
    return ids[starts][keep], days[starts][keep], total[keep]


def summarise(customer: ArrayLike, day: ArrayLike, value: ArrayLike, as_of: int, positive_only: bool = True) -> Summary:
    """Turn the purchases up to a day into the arguments of the models.

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
    customers, days, values = merge_days(customer, day, value, positive_only)
    past = days <= as_of
    customers, days, values = customers[past], days[past], values[past]
    if not days.size:
        raise EmptyDataError(f"no purchases up to day {as_of}")
    ids, start, count = np.unique(customers, return_index=True, return_counts=True)
    first, last = days[start], days[start + count - 1]
    n = count.astype(float)
    return Summary(
        customer=ids,
        first=first,
        last=last,
        x=n - 1,
        t_x=(last - first).astype(float),
        T=(as_of - first).astype(float),
        n=n,
        mean=np.add.reduceat(values, start) / n,
        mean_log=_mean_logs(values, start, n),
    )


def _mean_logs(values: Floats, start: Ints, n: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.add.reduceat(np.log(values), start) / n


def backtest(
    customer: ArrayLike,
    day: ArrayLike,
    value: ArrayLike,
    split: int,
    end: int | None = None,
    *,
    prior: bool = True,
    prior_strength: float = 1.0,
) -> Backtest:
    """Fit on the purchases up to `split`, forecast the days after it up to `end`, and compare.

    Parameters
    ----------
    customer, day, value : array_like, shape (n,)
        Purchases, as in `merge_days`.
    split, end : int
        Last day of the calibration and of the holdout period (default: day of the last purchase).
    prior, prior_strength
        As in `ModifiedBetaGeo`.

    Returns
    -------
    Backtest
        For the customers with a purchase up to `split`.

    Raises
    ------
    InvalidInputError
        Also when `end` is not after `split`.
    EmptyDataError
        When there is no purchase up to `split`.
    """
    customers, days, values = merge_days(customer, day, value)
    end = int(days.max(initial=split)) if end is None else int(end)
    check(end > split, "end", end, f"must be after split ({split})")
    past = summarise(customers, days, values, split)
    models: dict[str, PurchaseModel] = {
        "modified_beta_geo": ModifiedBetaGeo(prior, prior_strength).fit(past.x, past.t_x, past.T),
        "beta_geo": BetaGeo(prior, prior_strength).fit(past.x, past.t_x, past.T),
    }
    spend = GammaGamma(prior, prior_strength).fit(past.n, past.mean, mean_log=past.mean_log)
    window = _Window(past, customers, days, values, split, end)
    forecasts = _forecasts(models, spend, past, window)
    results = {name: accuracy(forecasts[name][:, -1], window.actual, name != "rfm") for name in METHODS}
    return Backtest(
        customers=past.x.size,
        repeaters=int((past.x > 0).sum()),
        actual_total=float(window.actual.sum()),
        accuracy=results,
        calibration=_calibration(models, past, window),
        by_month=_by_month(forecasts, window),
        tracking=_tracking(models, past, window),
        models={**models, "spend": spend},
    )


class _Window:
    """Purchases of the calibration period's customers, cut at `split` and at each month's end after it."""

    def __init__(self, past: Summary, customer: AnyArray, day: Ints, value: Floats, split: int, end: int) -> None:
        keep = np.isin(customer, past.customer) & (day <= end)
        self.row = np.searchsorted(past.customer, customer[keep])
        self.day, self.value = day[keep], value[keep]
        self.split, self.end, self.size = split, end, past.x.size
        self.ends = _month_ends(end - split)
        after = self.day > split
        self.actual = np.bincount(self.row[after], self.value[after], minlength=self.size)
        self.purchases = np.bincount(self.row[after], minlength=self.size)

    def last(self, days: float) -> Floats:
        """Return the value per customer of the last `days` of the calibration period."""
        keep = (self.day <= self.split) & (self.day > self.split - days)
        # numpy's types take the sums for counts
        return np.bincount(self.row[keep], self.value[keep], minlength=self.size).astype(float, copy=False)


def _month_ends(length: float) -> Floats:
    """Return the last whole day of each month of 30.44 days, and `length` itself at the end."""
    ends = np.rint(np.arange(1, length / DAYS_PER_MONTH + 1) * DAYS_PER_MONTH)
    return np.append(ends[ends < length], float(length))


def _forecasts(
    models: dict[str, PurchaseModel], spend: GammaGamma, past: Summary, window: _Window
) -> dict[str, Floats]:
    """Return the cumulative forecast per method, shape (customers, months); for `rfm` the score."""
    length = window.ends[-1]
    worth = spend.expected_spend(past.n, past.mean)
    columns = [column[:, None] for column in (past.x, past.t_x, past.T)]
    result = {name: model.expected_purchases(window.ends, *columns) * worth[:, None] for name, model in models.items()}
    monthly = {
        "carry_forward": window.last(length) / length * DAYS_PER_MONTH,
        "carry_forward_12m": carry_forward(window.last(_YEAR)),
        # A customer who is new today has bought at a rate of one purchase per day at most.
        "mean_rate": past.mean * past.n / np.maximum(past.T, 1) * DAYS_PER_MONTH,
    }
    for name, each in monthly.items():
        result[name] = each[:, None] * (window.ends / DAYS_PER_MONTH)
    base = window.split - past.last, past.n, past.n * past.mean
    r, f, m = rfm_scores(rfm_boundaries(*base), *base)
    result["rfm"] = (r + f + m).astype(float)[:, None]
    return result


def _calibration(models: dict[str, PurchaseModel], past: Summary, window: _Window) -> list[dict[str, float]]:
    """Return the mean purchases in the holdout period by frequency, actual and forecast by each purchase model."""
    group = np.minimum(past.x, _LAST_FREQUENCY).astype(int)
    expected = {
        name: model.expected_purchases(window.ends[-1], past.x, past.t_x, past.T) for name, model in models.items()
    }
    rows = []
    for frequency in np.unique(group):
        chosen = group == frequency
        row: dict[str, float] = {"frequency": int(frequency), "customers": int(chosen.sum())}
        row["actual"] = float(window.purchases[chosen].mean())
        rows.append(row | {name: float(each[chosen].mean()) for name, each in expected.items()})
    return rows


def _by_month(forecasts: dict[str, Floats], window: _Window) -> list[dict[str, float]]:
    """Return the value per month of the holdout period, actual and forecast by each method."""
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


def _tracking(models: dict[str, PurchaseModel], past: Summary, window: _Window) -> list[dict[str, float]]:
    """Return the cumulative repeat purchases by month since the very first purchase, actual and expected."""
    start = past.first.min()
    ends = start + _month_ends(window.end - start)
    repeats = np.sort(window.day[window.day > past.first[window.row]])
    firsts, customers = np.unique(past.first, return_counts=True)
    ages = np.maximum(ends[:, None] - firsts, 0.0)
    rows = {name: (model.expected_purchases(ages, 0, 0, 0) * customers).sum(axis=1) for name, model in models.items()}
    return [
        {"day": float(day), "actual": int(np.searchsorted(repeats, day, side="right"))}
        | {name: float(each[i]) for name, each in rows.items()}
        for i, day in enumerate(ends)
    ]
