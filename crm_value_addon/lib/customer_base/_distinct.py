"""Compute once per distinct value, because a customer base repeats the same few ages and counts."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ._arrays import AnyArray, Ints

Scalar = TypeVar("Scalar", bound=np.generic)

# Up to this many levels a table look-up is faster than sorting.
_TABLE_SIZE = 1 << 22


def distinct(values: NDArray[Scalar]) -> tuple[NDArray[Scalar], Ints]:
    """Return the sorted distinct values and, for each value, its position among them.

    Parameters
    ----------
    values : numpy.ndarray of float or int64, shape (n,), not negative

    Returns
    -------
    levels : numpy.ndarray, shape (k,)
    index : numpy.ndarray of int64, shape (n,)

    Examples
    --------
    >>> levels, index = distinct(np.array([7.0, 3.0, 7.0]))
    >>> levels.tolist(), index.tolist()
    ([3.0, 7.0], [1, 0, 1])
    """
    if values.size and values.max() < min(_TABLE_SIZE, 16 * values.size + 1024):
        whole = values.astype(np.int64)
        if values.dtype.kind == "i" or np.array_equal(whole, values):
            seen = np.zeros(int(whole.max()) + 1, dtype=bool)
            seen[whole] = True
            return np.flatnonzero(seen).astype(values.dtype), (np.cumsum(seen) - 1)[whole]
    return np.unique(values, return_inverse=True)


def distinct_rows(*columns: AnyArray) -> tuple[tuple[AnyArray, ...], Ints]:
    """Return the distinct rows of some columns and, for each row, its position among them.

    Parameters
    ----------
    *columns : numpy.ndarray, each of shape (n,), not negative

    Returns
    -------
    rows : tuple of numpy.ndarray, each of shape (k,)
        The columns' values in the distinct rows.
    index : numpy.ndarray of int64, shape (n,)

    Examples
    --------
    >>> rows, index = distinct_rows(np.array([1.0, 1.0, 0.0]), np.array([5.0, 5.0, 9.0]))
    >>> [row.tolist() for row in rows], index.tolist()
    ([[0.0, 1.0], [9.0, 5.0]], [1, 1, 0])
    """
    levels, index = distinct(columns[0])
    rows: tuple[AnyArray, ...] = (levels,)
    for column in columns[1:]:
        more, position = distinct(column)
        # int64 holds the product, because each factor is at most the number of rows.
        keys, index = distinct(index.astype(np.int64) * more.size + position)
        old, new = np.divmod(keys, more.size)
        rows = (*(row[old] for row in rows), more[new])
    return rows, index
