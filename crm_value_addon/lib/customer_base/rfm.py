"""Scores of recency, frequency and monetary value from 1 to 5, by stored boundaries.

The boundaries are quintiles of the base at one moment. Once stored, they give a single customer the same scores as
within the whole base, so that one purchase moves one customer and not the ranks of all.

References
----------
Hughes (1994), "Strategic Database Marketing", Probus, ch. 3 (the five-by-five-by-five coding).
"""

from dataclasses import dataclass

import numpy as np

from ._arrays import ArrayLike, Floats, Ints
from .errors import EmptyDataError, InvalidInputError, as_floats, check

_SHARES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Boundaries:
    """Four ascending cut points for each score; `recency` in days since the last purchase."""

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    monetary: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse invalid boundaries, e.g. a damaged stored value."""
        for name in ("recency", "frequency", "monetary"):
            cuts = as_floats(name, getattr(self, name))
            if cuts.shape != (len(_SHARES),):
                raise InvalidInputError(f"{name} must hold {len(_SHARES)} cut points, got {cuts.tolist()}")
            check(np.diff(cuts, prepend=cuts[0]) >= 0, name, cuts, "must be ascending")


def rfm_boundaries(days_since: ArrayLike, frequency: ArrayLike, monetary: ArrayLike) -> Boundaries:
    """Return the quintile boundaries of a base.

    A cut point is always a value that occurs: the smallest with at least 20, 40, 60, 80 % of the customers at
    or below it. For recency, where few days are good, it is the largest with that share at or above it.

    Parameters
    ----------
    days_since : array_like, shape (n,)
        Days since the last purchase, >= 0.
    frequency : array_like, shape (n,)
        Purchases, >= 0.
    monetary : array_like, shape (n,)
        Revenue or margin; may be negative.

    Returns
    -------
    Boundaries
        Python floats, ready for storage.

    Raises
    ------
    EmptyDataError
        When there is no customer.
    InvalidInputError
        When a value is out of range.

    Examples
    --------
    >>> rfm_boundaries([1, 2, 3, 4, 5], [1, 1, 1, 2, 9], [10, 20, 30, 40, 50]).frequency
    (1.0, 1.0, 1.0, 2.0)
    """
    columns = _checked(days_since, frequency, monetary)
    return Boundaries(recency_cuts(columns[0]), cut_points(columns[1]), cut_points(columns[2]))


def cut_points(values: ArrayLike) -> tuple[float, ...]:
    """Return the cut points of one figure of which much is good (see `rfm_boundaries`).

    The boundaries of a base that is too large to be held as a whole are computed one figure after the other.

    Parameters
    ----------
    values : array_like, shape (n,)
        Purchases, or revenue or margin.

    Raises
    ------
    EmptyDataError
        When there is no customer.

    Examples
    --------
    >>> cut_points([50, 10, 40, 20, 30])
    (10.0, 20.0, 30.0, 40.0)
    """
    column = as_floats("values", values)
    if not column.size:
        raise EmptyDataError("no customers to rank: got 0 rows")
    return tuple(float(cut) for cut in _quantiles(column))


def recency_cuts(days_since: ArrayLike) -> tuple[float, ...]:
    """Return the cut points of days since the last purchase, of which few are good (see `cut_points`).

    Examples
    --------
    >>> recency_cuts([1, 2, 3, 4, 5])
    (2.0, 3.0, 4.0, 5.0)
    """
    return tuple(-cut + 0.0 for cut in reversed(cut_points(-as_floats("days_since", days_since, minimum=0))))


def rfm_scores(
    boundaries: Boundaries, days_since: ArrayLike, frequency: ArrayLike, monetary: ArrayLike
) -> tuple[Ints, Ints, Ints]:
    """Score customers by stored boundaries.

    A score is 1 plus the number of cut points that the customer beats. Customers with equal values therefore
    have equal scores, and ties get the lower one: where most customers bought once, all of these have F = 1 and the
    few others 4 or 5. With fewer than five customers (or distinct values) some scores do not occur. If all customers
    are equal, all scores are 1, because no customer stands out.

    Parameters
    ----------
    boundaries : Boundaries
    days_since, frequency, monetary : array_like, shape (n,)
        As in `rfm_boundaries`; the customers need not belong to the base of the boundaries.

    Returns
    -------
    r, f, m : numpy.ndarray of int64, shape (n,)
        1..5, 5 is best.

    Raises
    ------
    InvalidInputError
        When a value is out of range.

    Examples
    --------
    >>> base = [1, 2, 3, 4, 5], [1, 1, 1, 2, 9], [10, 20, 30, 40, 50]
    >>> [score.tolist() for score in rfm_scores(rfm_boundaries(*base), *base)]
    [[5, 4, 3, 2, 1], [1, 1, 1, 4, 5], [1, 2, 3, 4, 5]]
    >>> [score.tolist() for score in rfm_scores(rfm_boundaries(*base), [0], [3], [5.0])]
    [[5], [5], [1]]
    """
    days, count, money = _checked(days_since, frequency, monetary)
    days_beaten = len(_SHARES) - np.searchsorted(boundaries.recency, days, side="right")
    return (
        1 + days_beaten.astype(np.int64),
        1 + np.searchsorted(boundaries.frequency, count, side="left").astype(np.int64),
        1 + np.searchsorted(boundaries.monetary, money, side="left").astype(np.int64),
    )


def _quantiles(column: Floats) -> Floats:
    """Return for each share the smallest value with at least that share of the customers at or below it."""
    # Not np.quantile, for which 0.6 * 5 is 3.0000000000000004, so that it would take the next value.
    ranks = np.ceil(np.array(_SHARES) * column.size - 1e-9).astype(int) - 1
    return np.sort(column)[np.maximum(ranks, 0)]


def _checked(days_since: ArrayLike, frequency: ArrayLike, monetary: ArrayLike) -> tuple[Floats, Floats, Floats]:
    columns = (
        np.atleast_1d(as_floats("days_since", days_since, minimum=0)),
        np.atleast_1d(as_floats("frequency", frequency, minimum=0)),
        np.atleast_1d(as_floats("monetary", monetary)),
    )
    if len({column.shape for column in columns}) > 1:
        shapes = ", ".join(str(column.shape) for column in columns)
        raise InvalidInputError(f"days_since, frequency and monetary must have one shape, got {shapes}")
    return columns
