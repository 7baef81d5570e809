"""Recency, frequency, monetary scores from 1 to 5, by stored boundaries.

The boundaries are quintiles of the base at one moment. Stored, they score a single customer later just as
within the whole base, so that one purchase moves one customer and not everybody's rank.

References
----------
Hughes (1994), "Strategic Database Marketing", Probus, ch. 3 (the five-by-five-by-five coding).
"""

from dataclasses import dataclass

import numpy as np

from .errors import EmptyDataError, InvalidInputError, as_floats, check

_SHARES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Boundaries:
    """Four ascending cut points each; `recency` in days since the last purchase."""

    recency: tuple
    frequency: tuple
    monetary: tuple

    def __post_init__(self):
        """Refuse what is no boundary, e.g. a damaged stored value."""
        for name in ("recency", "frequency", "monetary"):
            cuts = as_floats(name, getattr(self, name))
            if cuts.shape != (len(_SHARES),):
                raise InvalidInputError(f"{name} must hold {len(_SHARES)} cut points, got {cuts.tolist()}")
            check(np.diff(cuts, prepend=cuts[0]) >= 0, name, cuts, "must be ascending")


def rfm_boundaries(days_since, frequency, monetary):
    """Return the quintile boundaries of a base.

    A cut point is always a value that occurs: the smallest with at least 20, 40, 60, 80 % of the customers at
    or below it (recency: the largest, from the other side, as few days are good).

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
        Of Python floats, ready to be stored.

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
    if not columns[0].size:
        raise EmptyDataError("no customers to rank: got 0 rows")
    recency, *others = ([float(cut) for cut in _quantiles(column)] for column in (-columns[0], *columns[1:]))
    return Boundaries(tuple(-cut + 0.0 for cut in reversed(recency)), *map(tuple, others))


def rfm_scores(boundaries, days_since, frequency, monetary):
    """Score customers by stored boundaries.

    A score is 1 plus the number of cut points that the customer beats. Customers with equal values therefore
    have equal scores, and ties get the lower one: where most bought once, they all have F = 1 and the few
    others 4 or 5. With fewer than five customers (or fewer distinct values) some scores stay empty; if all
    are equal, everybody has 1: nobody stands out.

    Parameters
    ----------
    boundaries : Boundaries
    days_since, frequency, monetary : array_like, shape (n,)
        As in `rfm_boundaries`; the customers need not have been part of it.

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
    days_since, frequency, monetary = _checked(days_since, frequency, monetary)
    days_beaten = len(_SHARES) - np.searchsorted(boundaries.recency, days_since, side="right")
    return (
        1 + days_beaten.astype(np.int64),
        1 + np.searchsorted(boundaries.frequency, frequency, side="left").astype(np.int64),
        1 + np.searchsorted(boundaries.monetary, monetary, side="left").astype(np.int64),
    )


def _quantiles(column):
    """Return the smallest values with at least each share of the customers at or below."""
    # Not np.quantile: 0.6 * 5 is 3.0000000000000004 there, and an upper neighbour would be taken.
    ranks = np.ceil(np.array(_SHARES) * column.size - 1e-9).astype(int) - 1
    return np.sort(column)[np.maximum(ranks, 0)]


def _checked(days_since, frequency, monetary):
    columns = (
        np.atleast_1d(as_floats("days_since", days_since, minimum=0)),
        np.atleast_1d(as_floats("frequency", frequency, minimum=0)),
        np.atleast_1d(as_floats("monetary", monetary)),
    )
    if len({column.shape for column in columns}) > 1:
        shapes = ", ".join(str(column.shape) for column in columns)
        raise InvalidInputError(f"days_since, frequency and monetary must have one shape, got {shapes}")
    return columns
