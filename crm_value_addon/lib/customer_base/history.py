"""Purchases per customer and day, what the models read of them, and a sample that stands for a large base."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._arrays import AnyArray, ArrayLike, Floats, Ints
from .errors import EmptyDataError, InvalidInputError, as_floats, check

#: customers that a fit reads at most: it learns little from the second hundred thousand
LARGEST = 200_000
#: what a purchase may be worth: the squares and sums of such values are still numbers
LARGEST_VALUE = 1e100
#: days between the first and the last purchase: beyond any calendar, and as many logarithms fit into memory
LONGEST_SPAN = 4_000_000
#: the largest whole number below which there is a number for each
_LAST_DAY = 2.0**53
#: share of them that are chosen for their value, so that no large account is left to chance
_CERTAIN = 0.1


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
        Also for values and days beyond what arithmetic can bear: more than `LARGEST_VALUE`, or `LONGEST_SPAN` apart.

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
    check(ids.ndim == 1, "customer, day and value", ids.shape, "must be columns")
    if ids.dtype.kind == "f":
        as_floats("customer", ids)
    check(np.abs(values) <= LARGEST_VALUE, "value", values, f"must be at most {LARGEST_VALUE:g}")
    if whole.size:
        check(whole - whole.min() <= LONGEST_SPAN, "day", whole, f"must be at most {LONGEST_SPAN} after the first")
        check(np.abs(whole) <= _LAST_DAY, "day", whole, f"must be at most {_LAST_DAY:g}")
    try:
        order = np.lexsort((whole, ids))
    except TypeError:
        raise InvalidInputError("customer must be of one kind that can be ordered, such as whole numbers") from None
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
    return summarise_merged(*merge_days(customer, day, value, positive_only), as_of)


def summarise_merged(customer: AnyArray, day: Ints, value: Floats, as_of: int) -> Summary:
    """Do the work of `summarise` for what `merge_days` returned."""
    past = day <= as_of
    customers, days, values = customer[past], day[past], value[past]
    if not days.size:
        raise EmptyDataError(f"no purchases up to day {as_of}")
    start = first_rows(customers)
    count = np.diff(start, append=customers.size)
    first, last = days[start], days[start + count - 1]
    n = count.astype(float)
    return Summary(
        customer=customers[start],
        first=first,
        last=last,
        x=n - 1,
        t_x=(last - first).astype(float),
        T=(as_of - first).astype(float),
        n=n,
        mean=np.add.reduceat(values, start) / n,
        mean_log=_mean_logs(values, start, n),
    )


def first_rows(customer: AnyArray) -> Ints:
    """Return the first row of each customer, for rows ordered by customer.

    Examples
    --------
    >>> first_rows(np.array([4, 4, 7])).tolist()
    [0, 2]
    """
    return np.flatnonzero(np.concatenate([np.ones(min(customer.size, 1), dtype=bool), customer[1:] != customer[:-1]]))


def log_gaps(row: Ints, day: Ints, size: int) -> Floats:
    """Return the sum of the natural logarithms of the days between purchases per customer.

    Parameters
    ----------
    row, day : numpy.ndarray of int, shape (n,)
        Position of each purchase's customer, 0..size - 1, and its day; ordered by both, one purchase a day.
    size : int

    Examples
    --------
    >>> log_gaps(np.array([0, 0, 0, 1]), np.array([0, 1, 8, 3]), 2).round(4).tolist()
    [1.9459, 0.0]
    """
    gap = np.diff(day)
    again = row[1:] == row[:-1]
    # looked up, because a company has a few thousand gaps and millions of purchases
    logs = np.log(np.maximum(np.arange(int(gap[again].max(initial=0)) + 1), 1))
    return np.bincount(row[1:][again], logs[gap[again]], minlength=size).astype(float, copy=False)


def _mean_logs(values: Floats, start: Ints, n: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.add.reduceat(np.log(values), start) / n


def stratified_sample(
    customer: AnyArray, day: Ints, value: Floats, largest: int = LARGEST
) -> tuple[tuple[AnyArray, Ints, Floats], Floats]:
    """Return the purchases of some customers, and how many customers each of these represents.

    The largest by value are all taken and stand for themselves. Of the others, ordered by purchases and value, every
    k-th is taken, so that each class has its share.

    Parameters
    ----------
    customer, day, value : numpy.ndarray, shape (n,)
        Purchases, ordered by customer.
    largest : int
        Customers to keep at most, >= 1.

    Returns
    -------
    customer, day, value : numpy.ndarray, shape (m,)
    weight : numpy.ndarray of float, shape (customers kept,)
        In the order of the customers; adds up to the number of all customers. All of them, with weight 1, if they are
        not more than `largest`.

    Examples
    --------
    >>> rows = np.arange(5), np.zeros(5, int), np.array([9.0, 1, 1, 1, 1])
    >>> (kept, _, _), weight = stratified_sample(*rows, largest=2)
    >>> kept.tolist(), weight.tolist()
    ([2, 4], [2.5, 2.5])
    """
    start = first_rows(customer)
    if start.size <= largest:
        return (customer, day, value), np.ones(start.size)
    count = np.diff(start, append=customer.size)
    total = np.add.reduceat(value, start)
    order = np.argsort(total, kind="stable")
    certain = int(_CERTAIN * largest)
    others = order[: start.size - certain]
    others = others[np.argsort(count[others], kind="stable")]
    step = others.size / (largest - certain)
    chosen = others[((np.arange(largest - certain) + 0.5) * step).astype(np.int64)]
    weight = np.zeros(start.size)
    weight[chosen] = step
    weight[order[start.size - certain :]] = 1.0
    kept = weight > 0
    rows = np.repeat(kept, count)
    return (customer[rows], day[rows], value[rows]), weight[kept]
