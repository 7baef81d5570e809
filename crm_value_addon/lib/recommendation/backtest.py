"""Which method tells best what customers buy next: held against what they did buy, on time.

How to use: `compare` fits each method on what was bought before a day and holds it against the new products of the time
after it; `choose` names the method to use. `next_products` scores all customers with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ..columns import Bools, Floats, Ints
from . import methods
from .methods import Bought, Scorer, Scores

#: how many products are shown
SHOWN = 5
#: customers who bought something new in the time held out, at least
LEAST_CUSTOMERS = 50
#: a method is used if it beats the best sellers by more than chance: 1.64 standard errors, one-sided 5 %
_SURE = 1.64
#: customers scored at once
_CHUNK = 2_000
BEST_SELLERS = "best_sellers"
METHODS = (BEST_SELLERS, "lift", "ease", "neighbours")


@dataclass(frozen=True)
class Score:
    """How well a method did: means over the customers of the test, each between 0 and 1."""

    #: share of the products bought later that were among those shown, of at most as many as are shown
    recall: float
    #: the same, with more for a higher place
    ndcg: float
    #: the same as `recall`, each product by its margin
    margin: float
    #: mean and standard error of the recall less that of the best sellers, customer by customer
    gain: float
    gain_error: float


def fit(method: str, bought: Bought, segments: Ints) -> Scorer:
    """Return the scorer of a method of `METHODS`."""
    if method == BEST_SELLERS:
        return methods.fit_best_sellers(bought, segments)
    fitted: Scorer = getattr(methods, f"fit_{method}")(bought)
    return fitted


def compare(before: Bought, later: Bought, segments: Ints, margins: Floats) -> tuple[dict[str, Score], int]:
    """Hold each method against what the customers bought later and had not bought before.

    :param before, later: customers × products, 1 where bought before a day and after it
    :param margins: shape (products,): what a product brings; below 0 counts as 0
    :return: the score of each method, and how many customers were asked; no scores where they are too few
    """
    new = later - later.multiply(before)
    new.eliminate_zeros()
    asked = np.flatnonzero((np.diff(new.indptr) > 0) & (np.diff(before.indptr) > 0))
    if len(asked) < LEAST_CUSTOMERS or before.shape[1] <= SHOWN:
        return {}, len(asked)
    hits = {}
    for method in METHODS:
        scorer = fit(method, before, segments)
        hits[method] = _hits(scorer, before, new, segments, asked, np.maximum(margins, 0.0))
    base = hits[BEST_SELLERS][0]
    scores = {}
    for method, (recall, ndcg, margin) in hits.items():
        gain = recall - base
        error = float(gain.std(ddof=1) / np.sqrt(len(gain)))
        scores[method] = Score(
            float(recall.mean()), float(ndcg.mean()), float(margin.mean()), float(gain.mean()), error
        )
    return scores, len(asked)


def choose(scores: dict[str, Score]) -> str:
    """Return the method to use: the one with the most margin of those that surely beat the best sellers, else these.

    >>> choose({"best_sellers": Score(0.1, 0.1, 0.1, 0.0, 0.0), "lift": Score(0.2, 0.2, 0.2, 0.1, 0.02)})
    'lift'
    >>> choose({"best_sellers": Score(0.1, 0.1, 0.1, 0.0, 0.0), "lift": Score(0.11, 0.2, 0.2, 0.01, 0.02)})
    'best_sellers'
    """
    sure = [
        method
        for method, score in scores.items()
        if score.gain > _SURE * score.gain_error and score.margin >= scores[BEST_SELLERS].margin
    ]
    return max(sure, key=lambda method: scores[method].margin, default=BEST_SELLERS)


def next_products(
    scorer: Scorer, bought: Bought, segments: Ints, excluded: Bought, offered: Bools, count: int = SHOWN
) -> Iterator[tuple[Ints, Ints, Scores]]:
    """Yield (customers, products, scores), arrays of one length: for each customer the best products, best first.

    :param excluded: customers × products, not 0 what is never shown: what the customer buys, gave back or does not want
    :param offered: shape (products,): what can be sold at all
    """
    for start in range(0, bought.shape[0], _CHUNK):
        chunk = slice(start, start + _CHUNK)
        scores = scorer(bought[chunk], segments[chunk]).astype(np.float32, copy=True)
        scores[:, ~offered] = -np.inf
        hidden = excluded[chunk].tocoo()
        scores[hidden.row, hidden.col] = -np.inf
        top = _best(scores, count)
        found = np.take_along_axis(scores, top, axis=1)
        customer = np.broadcast_to(np.arange(start, start + len(top))[:, None], top.shape)
        is_found = np.isfinite(found) & (found > 0)
        yield customer[is_found], top[is_found], found[is_found]


def _best(scores: Scores, count: int) -> Ints:
    """Return the places of the highest scores of each row, the highest first."""
    count = min(count, scores.shape[1])
    top = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)


def _hits(
    scorer: Scorer, before: Bought, new: Bought, segments: Ints, asked: Ints, margins: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return recall, NDCG and margin-weighted recall of each customer asked."""
    parts = []
    discounts = 1.0 / np.log2(np.arange(2, SHOWN + 2))
    for start in range(0, len(asked), _CHUNK):
        chosen = asked[start : start + _CHUNK]
        scores = scorer(before[chosen], segments[chosen]).astype(np.float32, copy=True)
        known = before[chosen].tocoo()
        scores[known.row, known.col] = -np.inf
        top = _best(scores, SHOWN)
        truth = np.asarray(new[chosen].todense()) > 0
        hit = np.take_along_axis(truth, top, axis=1)
        wanted = np.minimum(truth.sum(1), SHOWN)
        ideal = np.cumsum(discounts)[wanted - 1]
        worth = np.where(truth, margins[None, :], 0.0)
        possible = -np.sort(-worth, axis=1)[:, :SHOWN].sum(1)
        shown = np.take_along_axis(worth, top, axis=1).sum(1)
        margin = np.where(possible > 0, shown / np.where(possible > 0, possible, 1.0), hit.sum(1) / wanted)
        parts.append((hit.sum(1) / wanted, (hit * discounts).sum(1) / ideal, margin))
    recall, ndcg, margin = (np.concatenate(part) for part in zip(*parts, strict=True))
    return recall, ndcg, margin


def matrix(customers: Ints, products: Ints, shape: tuple[int, int]) -> Bought:
    """Return customers × products, 1 where bought.

    >>> matrix(np.array([0, 0, 1]), np.array([1, 1, 0]), (2, 2)).toarray().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    bought = sparse.csr_matrix((np.ones(len(customers), np.float32), (customers, products)), shape)
    bought.sum_duplicates()
    bought.data[:] = 1
    return bought
