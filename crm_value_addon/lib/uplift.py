"""The control group of a follow-up rule, and the uplift of the rule: a secret, stable draw and a randomisation test.

How to use: `is_in_control_group` draws; `uplift` compares what the two groups brought, one number per customer.

How it works: the draw is the only thing that may tell the groups apart. So it is repeated among the same customers,
1,000 times, and the difference that was found is compared with those that chance alone makes. This needs nothing of
the distribution of revenue, which is skewed beyond what a normal approximation bears, and it is exact whatever the size
of the groups.

1. All outcomes are capped at their common 99 % quantile. One customer in a hundred would decide the means otherwise.
2. What the revenue before explains is taken out of the outcomes by a regression over both groups.
3. The groups are drawn again within each stratum: customers whose chance to be held out was the same.

Steps 1 and 2 do not look at the groups, so the test stays exact under the hypothesis that the follow-up changes
nobody's revenue. The interval holds all effects that the same test does not reject, were each added to everybody who
was followed up. So its low end is above 0 exactly if the test rejects "no effect".

References: Fisher (1935), "The Design of Experiments"; Rosenbaum (2002), "Covariance adjustment in randomized
experiments and observational studies", Statistical Science 17, 286-327 (residuals in a randomisation test, and its
inversion); Phipson and Smyth (2010), "Permutation p-values should never be zero", Statistical Applications in Genetics
and Molecular Biology 9, 39 (the count of the draws).
"""

import hashlib
import hmac
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .columns import Bools, Floats, Ints

#: measured customers that each group needs; the test holds with fewer, but the screen would tell of single customers
LEAST_GROUP = 30
#: of the interval: each of its ends is wrong in 1.5 % of the rules without effect. With 95 % it would be 2.5 %, and of
#: a thousand such rules more than the 3 % that docs/uplift.md promises would now and then seem to pay.
CONFIDENCE = 0.97
#: how often the groups are drawn again
DRAWS = 1000
#: share of the outcomes that count in full
CAPPED_AT = 0.99
_KEYS = 2**32
#: random keys in memory at once
_CHUNK = 4_000_000
#: differences that come from rounding alone, relative to the sum of all outcomes
_ROUNDING = 1e-9


def is_in_control_group(secret: bytes, rule: int, customer: int, percent: float) -> bool:
    """Tell whether a customer belongs to the control group of a rule.

    The answer is always the same for one secret, rule and customer. A larger percentage keeps the group and adds to it.
    Whoever does not know the secret cannot tell.

    :param rule, customer: ids
    :param percent: size of the control group, 0 to 100

    >>> sum(is_in_control_group(b"salt", 7, customer, 10) for customer in range(10_000))
    983
    >>> sum(is_in_control_group(b"another", 7, customer, 10) for customer in range(10_000)
    ...     if is_in_control_group(b"salt", 7, customer, 10))
    88
    >>> all(is_in_control_group(b"salt", 7, customer, 20)
    ...     for customer in range(10_000) if is_in_control_group(b"salt", 7, customer, 10))
    True
    """
    digest = hmac.digest(secret, f"{rule}-{customer}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:4], "big") < _KEYS * percent / 100


@dataclass(frozen=True)
class Uplift:
    """The effect per customer and its confidence interval; `is_enough` is False if a group is too small."""

    difference: float
    low: float
    high: float
    is_enough: bool


@dataclass(frozen=True)
class Randomisation:
    """Whom chance put into which group, and how it may have done otherwise."""

    #: shape (n,): True for the control group
    is_control: Bools
    #: shape (n,): customers of one stratum had the same chance; none has a single group
    stratum: Ints

    def redraw(self, draws: int, seed: int) -> Iterator[Ints]:
        """Yield the control groups of new draws: arrays of shape (some draws, size of the group), of positions.

        Each stratum keeps the size of its control group, so all draws are equally likely.
        """
        random = np.random.default_rng(seed)
        members = [np.flatnonzero(self.stratum == stratum) for stratum in np.unique(self.stratum)]
        sizes = [int(self.is_control[member].sum()) for member in members]
        rows = max(1, _CHUNK // max(1, len(self.stratum)))
        for start in range(0, draws, rows):
            count = min(rows, draws - start)
            picked = []
            for member, size in zip(members, sizes, strict=True):
                keys = random.random((count, len(member)), dtype=np.float32)  # nosec B311: seeded draws, no secret
                picked.append(member[np.argpartition(keys, size - 1, axis=1)[:, :size]])
            yield np.concatenate(picked, axis=1)


def uplift(
    outcome: Floats,
    before: Floats,
    randomisation: Randomisation,
    *,
    seed: int = 0,
    redrawn: Sequence[Ints] | None = None,
) -> Uplift:
    """Return the effect of treatment per customer; treated is whoever was assigned, whether or not anything was done.

    :param outcome: shape (n,), what each customer brought after the draw, one number per customer
    :param before: shape (n,), what each customer had brought before the draw
    :param seed: of the draws; the same customers get the same answer
    :param redrawn: what `Randomisation.redraw` yielded, to use it again for other outcomes
    :raise ValueError: the arrays differ in length, or a number is not finite

    >>> random = np.random.default_rng(1)
    >>> is_control = np.arange(100) < 40
    >>> outcome = 100 + random.integers(0, 5, 100) + np.where(is_control, 0, 20)
    >>> found = uplift(outcome, np.zeros(100), Randomisation(is_control, np.zeros(100, int)))
    >>> round(found.difference, 2), round(found.low, 2), round(found.high, 2), found.is_enough
    (20.06, 19.4, 20.68, True)
    >>> uplift(outcome, np.zeros(100), Randomisation(np.arange(100) < 3, np.zeros(100, int))).is_enough
    False
    """
    outcome, before = np.asarray(outcome, float), np.asarray(before, float)
    if not len(outcome) == len(before) == len(randomisation.is_control) == len(randomisation.stratum):
        raise ValueError("outcome, revenue before and groups are not of the same customers")
    if not (np.isfinite(outcome).all() and np.isfinite(before).all()):
        raise ValueError("outcomes and the revenue before are finite numbers")
    compared = _compared(randomisation)
    outcome, before = outcome[compared], before[compared]
    randomisation = Randomisation(randomisation.is_control[compared], randomisation.stratum[compared])
    control = int(randomisation.is_control.sum())
    if min(control, len(outcome) - control) < LEAST_GROUP:
        return Uplift(0.0, 0.0, 0.0, False)

    project = _Projection(_capped(before), randomisation.stratum)
    residual, treatment = project(_capped(outcome)), project((~randomisation.is_control).astype(float))
    # The residuals of a stratum add up to 0: the sum over the treated is the sum over the control group, negative.
    found, reach = -residual[randomisation.is_control].sum(), -treatment[randomisation.is_control].sum()
    bounds = _rejected_up_to(
        found,
        reach,
        residual,
        treatment,
        randomisation.redraw(DRAWS, seed) if redrawn is None else redrawn,
    )
    outside = math.floor((1 - CONFIDENCE) / 2 * (len(bounds) + 1))
    # With the draw that took place, `outside` of all draws are as extreme, or more.
    return Uplift(float(found / reach), float(bounds[outside - 1]), float(bounds[-outside]), True)


def _compared(randomisation: Randomisation) -> Bools:
    """Tell which customers are in a stratum that has both groups; nobody's outcome can be compared in the others."""
    _strata, position = np.unique(randomisation.stratum, return_inverse=True)
    total = np.bincount(position)
    control = np.bincount(position, weights=randomisation.is_control)
    return ((control > 0) & (control < total))[position]


def _capped(amounts: Floats) -> Floats:
    """Return amounts capped at their common quantile; uncapped where only the customers above it brought anything."""
    most = np.quantile(amounts, CAPPED_AT)
    return np.minimum(amounts, most) if most > 0 else amounts


class _Projection:
    """Take the mean of each stratum, and what is linear in the revenue before, out of a column."""

    def __init__(self, before: Floats, stratum: Ints) -> None:
        _strata, self._position = np.unique(stratum, return_inverse=True)
        self._count = np.bincount(self._position)
        self._before = self._centred(before)
        self._square = float(self._before @ self._before)

    def _centred(self, column: Floats) -> Floats:
        return column - (np.bincount(self._position, weights=column) / self._count)[self._position]

    def __call__(self, column: Floats) -> Floats:
        column = self._centred(column)
        if self._square <= 0:
            return column
        return column - self._before * (float(self._before @ column) / self._square)


def _rejected_up_to(
    found: float, reach: float, residual: Floats, treatment: Floats, redrawn: Iterator[Ints] | Sequence[Ints]
) -> Floats:
    """Return for each new draw the effect below which it is less extreme than the draw that took place, sorted.

    Were everybody's effect `e`, the sums without it would be ``found - e * reach`` and, of a new draw, ``its sum - e *
    its reach``. Both are equal at the number returned.
    """
    bounds = []
    rounding = _ROUNDING * float(np.abs(residual).sum())
    for control in redrawn:
        gap = found + residual[control].sum(axis=1)
        slope = reach + treatment[control].sum(axis=1)
        gap[np.abs(gap) <= rounding] = 0.0
        # A draw next to the one that took place can tell nothing: it is as extreme as that, whatever the effect.
        bounds.append(np.divide(gap, slope, out=np.where(gap > 0, np.inf, -np.inf), where=slope > _ROUNDING * reach))
    return np.sort(np.concatenate(bounds))
