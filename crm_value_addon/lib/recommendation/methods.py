"""Methods that score products for customers, from a sparse matrix of who bought what.

How to use: ``fit_<method>(bought, …)`` returns a `Scorer`; its `scores` of some rows of a matrix are dense.

References: Steck (2019), "Embarrassingly shallow autoencoders for sparse data", WWW '19, eq. 8 (EASE); Sarwar et al.
(2001), "Item-based collaborative filtering recommendation algorithms", WWW '01 (products bought together, customers
like this one); Deshpande and Karypis (2004), ACM TOIS 22, 143-177 (conditional probability and its damping).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from ..columns import Floats, Ints

#: customers × products, 1 where bought; csr
Bought: TypeAlias = Any
#: of whatever precision
Scores: TypeAlias = npt.NDArray[np.floating[Any]]
#: rows of a matrix and the segments of these customers → scores, shape (rows, products)
Scorer: TypeAlias = Callable[[Bought, Ints], Scores]

#: as many customers are added to the buyers of a product, none of whom bought the other one
LIFT_SHRINKAGE = 20.0
#: how strongly popular products are held back: 0 not at all, 1 by their share
LIFT_DAMPING = 0.3
#: ridge of EASE, as a share of the customers, between these bounds
EASE_RIDGE = (0.6, 20.0, 5_000.0)
#: customers that others are compared with, and how many of them are followed
NEIGHBOUR_POOL = 4_000
NEIGHBOURS = 100


def fit_best_sellers(bought: Bought, segments: Ints) -> Scorer:
    """Return the scorer by what the customers of the same segment buy most.

    >>> bought = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0]] * 60 + [[0.0, 1.0, 1.0]] * 40))
    >>> best = fit_best_sellers(bought, np.repeat([0, 1], [60, 40]))
    >>> np.argsort(-best(bought[:2], np.array([0, 1])), axis=1).tolist()
    [[1, 0, 2], [1, 2, 0]]
    """
    count = int(segments.max(initial=0)) + 1
    rows = sparse.csr_matrix((np.ones(len(segments)), (segments, np.arange(len(segments)))), (count, len(segments)))
    sums = np.asarray((rows @ bought).todense(), np.float32)
    sizes = np.bincount(segments, minlength=count)[:, None]
    overall = np.asarray(bought.sum(0), np.float32) / max(bought.shape[0], 1)
    # a segment of a few customers borrows from all
    table = np.asarray((sums + LIFT_SHRINKAGE * overall) / (sizes + LIFT_SHRINKAGE), np.float32)
    return lambda rows, of_rows: table[of_rows]


def fit_lift(bought: Bought) -> Scorer:
    """Return the scorer by what is bought together, shrunk, with popular products held back.

    >>> bought = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0]] * 60 + [[0.0, 0.0, 1.0]] * 40))
    >>> int(fit_lift(bought)(sparse.csr_matrix(np.array([[1.0, 0.0, 0.0]])), np.array([0])).argmax())
    1
    """
    together = (bought.T @ bought).tocsr().astype(np.float32)
    buyers = together.diagonal()
    together.setdiag(0)
    together.eliminate_zeros()
    given = sparse.diags(1.0 / (buyers + LIFT_SHRINKAGE))
    damped = sparse.diags(1.0 / np.maximum(buyers, 1.0) ** LIFT_DAMPING)
    weights = (given @ together @ damped).tocsr().astype(np.float32)
    return lambda rows, of_rows: _dense(rows @ weights)


def fit_ease(bought: Bought) -> Scorer:
    """Return the scorer of the linear model that predicts each product from all others (Steck, 2019, eq. 8).

    The weights are those of a ridge regression with a diagonal of 0. They take 4 bytes for each pair of products.

    >>> bought = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0]] * 60 + [[0.0, 0.0, 1.0]] * 40))
    >>> scores = fit_ease(bought)(sparse.csr_matrix(np.array([[1.0, 0.0, 0.0]])), np.array([0]))
    >>> [round(float(score), 1) for score in scores[0]]
    [0.0, 0.8, 0.0]
    """
    share, lowest, highest = EASE_RIDGE
    gram = np.asarray((bought.T @ bought).todense(), np.float32, order="F")
    gram[np.diag_indices_from(gram)] += np.float32(np.clip(share * bought.shape[0], lowest, highest))
    factor, _info = linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
    inverse, _info = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(inverse)
    inverse += np.tril(inverse, -1).T
    weights = inverse / -np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return lambda rows, of_rows: np.asarray(rows.astype(np.float32) @ weights)


def fit_neighbours(bought: Bought) -> Scorer:
    """Return the scorer by what the customers like this one buy: the nearest by cosine among a pool of the largest.

    >>> bought = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0]] * 60 + [[0.0, 0.0, 1.0]] * 40))
    >>> scores = fit_neighbours(bought)(sparse.csr_matrix(np.array([[1.0, 0.0, 0.0]])), np.array([0]))
    >>> bool(scores[0, 1] > scores[0, 2])
    True
    """
    sizes = np.asarray(bought.sum(1)).ravel()
    pool = bought[np.argsort(-sizes, kind="stable")[:NEIGHBOUR_POOL]].astype(np.float32)
    norms = np.sqrt(np.maximum(np.asarray(pool.sum(1)).ravel(), 1.0))
    rare = sparse.diags(1.0 / np.sqrt(np.maximum(np.asarray(pool.sum(0)).ravel(), 1.0)))
    lookup = (rare @ pool.T @ sparse.diags(1.0 / norms)).tocsr()

    def scores(rows: Bought, of_rows: Ints) -> Scores:
        near = _dense(rows @ lookup)
        if near.shape[1] > NEIGHBOURS:
            least = np.partition(near, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS, None]
            near = np.where(near >= least, near, 0)
        return _dense(sparse.csr_matrix(near) @ pool)

    return scores


def _dense(matrix: Bought) -> Floats:
    return np.asarray(matrix.todense(), np.float32)
