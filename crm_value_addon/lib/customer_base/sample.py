"""A sample of customers that stands for a large base: a fit learns little from the second hundred thousand."""

from __future__ import annotations

import numpy as np

from ._arrays import AnyArray, Floats, Ints
from .history import first_rows

#: customers that a fit reads at most
LARGEST = 200_000
#: share of them that are chosen for their value, so that no large account is left to chance
_CERTAIN = 0.1


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
