"""Why a product is shown: what share of those who buy the same buys it, too."""

from typing import Any

import numpy as np

from ..columns import Floats, Ints

#: a share of fewer buyers than these is chance
LEAST_BUYERS = 20
#: triples of products whose buyers are counted one by one; beyond, one product is named
_MOST_TRIPLES = 50_000


def reasons(bought: Any, customers: Ints, products: Ints) -> tuple[Ints, Ints, Floats]:
    """Return what each suggestion is explained by: two products that the customer buys, and a share.

    The first is the one whose buyers buy the suggestion most often; the second the next one, where enough buy both.

    :param bought: customers × products, 1 where bought; csr
    :param customers, products: shape (n,), places in `bought`
    :return: first and second product (-1 for none), and the share of those who buy both, or the first, that buys the
        suggestion; all of shape (n,)

    >>> from scipy import sparse
    >>> bought = sparse.csr_matrix(np.array([[1.0, 1.0, 1.0]] * 30 + [[1.0, 1.0, 0.0]] * 10 + [[1.0, 0.0, 0.0]] * 20))
    >>> first, second, share = reasons(bought, np.array([35]), np.array([2]))
    >>> first.tolist(), second.tolist(), share.tolist()
    ([1], [0], [0.75])
    """
    columns = bought.tocsc()
    together = (columns.T @ columns).tocsr()
    buyers = np.asarray(columns.sum(0)).ravel()
    rows = bought[customers].tocoo()
    wanted = products[rows.row]
    share = np.asarray(together[rows.col, wanted]).ravel() / np.maximum(buyers[rows.col], 1.0)
    share[buyers[rows.col] < LEAST_BUYERS] = -1
    order = np.lexsort((-share, rows.row))
    row, col, share = rows.row[order], rows.col[order], share[order]
    count = np.bincount(row, minlength=len(customers))
    start = np.cumsum(count) - count
    first, second = np.full(len(customers), -1), np.full(len(customers), -1)
    best = np.zeros(len(customers))
    for place, chosen in ((0, first), (1, second)):
        has = count > place
        at = start[has] + place
        chosen[has] = np.where(share[at] > 0, col[at], -1)
    has = count > 0
    best[has] = np.maximum(share[start[has]], 0)
    return (first, *_of_two(columns, first, second, products, best))


def _of_two(columns: Any, first: Ints, second: Ints, products: Ints, best: Floats) -> tuple[Ints, Floats]:
    """Return the second product where enough buy both, and the share of the buyers of all that are named."""
    both = second >= 0
    triples, place = np.unique(np.stack([first[both], second[both], products[both]]), axis=1, return_inverse=True)
    if triples.shape[1] > _MOST_TRIPLES:
        return np.full(len(first), -1), best
    shares = np.full(triples.shape[1], -1.0)
    for number, (one, two, product) in enumerate(triples.T.tolist()):
        buyers = _common(_buyers(columns, one), _buyers(columns, two))
        if len(buyers) >= LEAST_BUYERS:
            shares[number] = len(_common(buyers, _buyers(columns, product))) / len(buyers)
    found = np.full(len(first), -1.0)
    found[both] = shares[place.ravel()]
    return np.where(found > 0, second, -1), np.where(found > 0, found, best)


def _buyers(columns: Any, product: int) -> Ints:
    buyers: Ints = columns.indices[columns.indptr[product] : columns.indptr[product + 1]]
    return buyers


def _common(one: Ints, two: Ints) -> Ints:
    return np.intersect1d(one, two, assume_unique=True)
