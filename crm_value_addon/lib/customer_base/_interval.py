"""Interval of a customer's discounted contribution: the customer's own randomness, widened for the parameters'.

Given alive, the number of purchases N has P(N >= j) in closed form, and j purchases of a customer whose n
purchases had a known mean are worth (v + n mean) times a beta-prime(p j, p n + q) variable W. So

    P(worth <= y) = sum over j of P(N = j) I_{w / (1 + w)}(p j, p n + q),    w = y / (v + n mean).

The first factor depends on (x, T), the second on n. Both are tabulated on fixed grids of j and w, so that a
customer's quantile is a look-up in the row of the customer's group. Discounting enters as the mean discount of a
purchase of the group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainc

from ._arrays import ArrayLike, Floats, Ints
from ._distinct import distinct, distinct_rows
from ._mixture import log_stay
from .errors import as_floats, check

if TYPE_CHECKING:
    from .purchases import PurchaseModel
    from .spend import GammaGamma

# Purchases are counted one by one up to 8, then in lumps that grow by 2^(1/4).
_COUNTS = np.unique(np.concatenate([np.arange(1, 9), np.ceil(2 ** np.arange(3, 20.1, 0.25))]))
# A lump holds the counts up to the next lump; its middle stands for all of them.
_MIDDLES = (_COUNTS + np.append(_COUNTS[1:] - 1, _COUNTS[-1])) / 2
# Counts rarer than this do not move an 80 % interval.
_TAIL = 1e-4
# Grid of w in units of a typical purchase, p / (p n + q): 0, then steps of 2^(1/4) from 1/64 of one.
_STEP = np.log(2) / 4
_FIRST = -24
# The grid continues for this many steps (a factor of 32) above the largest count.
_ABOVE = 20
# Below this standard error (of a logarithm) the parameters' uncertainty is negligible beside the customer's own.
_NEGLIGIBLE = 0.05
_BLOCK = 1 << 14


class Interval:
    """Quantiles of the discounted contribution of many customers.

    Parameters
    ----------
    model : ModifiedBetaGeo or BetaGeo
    spend : GammaGamma
    horizon : float
        In days.
    coverage : float
        In 0..1, exclusive.
    """

    def __init__(self, model: PurchaseModel, spend: GammaGamma, horizon: float, coverage: float) -> None:
        share = as_floats("coverage", coverage)
        check((share > 0) & (share < 1), "coverage", share, "must lie between 0 and 1")
        self.model, self.spend = model, spend
        self.horizon, self.coverage = float(horizon), float(share)

    def __call__(
        self,
        alive: Floats,
        pairs: tuple[Floats, Floats],
        index: Ints,
        plain: Floats,
        discounted: Floats,
        n: ArrayLike,
        mean: ArrayLike,
        ratio: Floats,
    ) -> tuple[Floats, Floats]:
        """Return the lower and upper bounds, each of shape (k,).

        Parameters
        ----------
        alive : numpy.ndarray, shape (k,)
            P(alive).
        pairs : tuple of two numpy.ndarray, shape (m,)
            Distinct (x, T).
        index : numpy.ndarray of int, shape (k,)
        plain, discounted : numpy.ndarray, shape (m,)
            Expected purchases over the horizon given alive, and these discounted.
        n, mean : array_like, shape (k,)
        ratio : numpy.ndarray, shape () or (k,)
        """
        count, spent = np.broadcast_to(np.asarray(n, float), alive.shape), np.asarray(mean, float)
        with np.errstate(invalid="ignore"):
            discount = np.where(plain > 0, discounted / np.where(plain > 0, plain, 1.0), 1.0)
        (at_pair, counts), at_group = distinct_rows(index, count)
        low, high = np.zeros((2, alive.size))
        order = np.argsort(at_group, kind="stable") if at_pair.size > _BLOCK else None
        edges = np.searchsorted(
            at_group if order is None else at_group[order], np.arange(0, at_pair.size + _BLOCK, _BLOCK)
        )
        for number, (start, stop) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
            chosen = slice(None) if order is None else order[start:stop]
            chunk = slice(number * _BLOCK, (number + 1) * _BLOCK)
            rows = _Rows(self, pairs[0][at_pair[chunk]], pairs[1][at_pair[chunk]], counts[chunk])
            low[chosen], high[chosen] = rows.bounds(alive[chosen], at_group[chosen] - number * _BLOCK)
        p, q, v = self.spend.parameters_.values()
        unit = (v + count * spent) * (p / (p * count + q)) * discount[index] * ratio
        low, high = low * unit, high * unit
        return np.minimum(low, high), np.maximum(low, high)


class _Rows:
    """Distribution of W given alive, one row per distinct (x, T, n)."""

    def __init__(self, interval: Interval, x: Floats, T: Floats, n: Floats) -> None:
        self.coverage = interval.coverage
        mass, self.nothing = _count_masses(interval.model, x, T, interval.horizon)
        counts = mass.shape[1]
        last = int(np.ceil(np.log(_MIDDLES[counts - 1]) / _STEP)) + _ABOVE if counts else 0
        self.grid = np.concatenate([[0.0], np.exp(_STEP * np.arange(_FIRST, last + 1))])
        levels, at_n = distinct(n)
        p, q, _ = interval.spend.parameters_.values()
        self.cdf = np.repeat(self.nothing[:, None], self.grid.size, axis=1)
        w = self.grid * (p / (p * levels + q))[:, None]
        share = w / (1 + w)
        for j in range(counts):
            table = betainc(p * _MIDDLES[j], (p * levels + q)[:, None], share)
            rows = np.flatnonzero(mass[:, j])
            self.cdf[rows] += mass[rows, j, None] * table[at_n[rows]]
        spread = _parameter_spread(interval, x, T, n)
        if spread is not None:
            self.cdf = _widened(self.cdf, spread)

    def bounds(self, alive: Floats, row: Ints) -> tuple[Floats, Floats]:
        """Return lower and upper bound in units of W's typical purchase."""
        none = 1 - alive * (1 - self.nothing[row])
        tail = (1 - self.coverage) / 2
        inside = none < tail
        low = np.where(inside, self._quantile(np.where(inside, tail, 1.0), alive, row), 0.0)
        level = np.where(inside, 1 - tail, self.coverage)
        high = np.where(none < level, self._quantile(level, alive, row), 0.0)
        return low, high

    def _quantile(self, level: Floats, alive: Floats, row: Ints) -> Floats:
        """Return the quantile of (0 with 1 - alive, else the row's W) at `level`, by bisection."""
        target = 1 - (1 - level) / np.maximum(alive, 1e-300)
        below = np.zeros(row.size, dtype=np.int64)
        above = np.full(row.size, self.grid.size - 1)
        flat, width = self.cdf.ravel(), self.grid.size
        start = row * width
        for _ in range(int(np.ceil(np.log2(width)))):
            middle = (below + above) // 2
            under = flat[start + middle] <= target
            below, above = np.where(under, middle, below), np.where(under, above, middle)
        left, right = flat[start + below], flat[start + above]
        gap = np.where(right > left, right - left, 1.0)
        share = np.clip((target - left) / gap, 0.0, 1.0)
        return self.grid[below] + share * (self.grid[above] - self.grid[below])


def _count_masses(model: PurchaseModel, x: Floats, T: Floats, horizon: float) -> tuple[Floats, Floats]:
    """Return P(N in lump) per row and lump, (rows, lumps), and P(N = 0), given alive."""
    r, alpha, a, b = model.parameters_.values()
    share = horizon / (alpha + T + horizon)
    levels, at_x = distinct(x)
    big_b = b + levels + model._SHIFT
    at_least = []
    rows = np.arange(x.size)
    for count in _COUNTS:
        stay = np.exp(log_stay(a, big_b, count - 1))
        column = np.zeros(x.size)
        column[rows] = stay[at_x[rows]] * betainc(count, r + x[rows], share[rows])
        # A row ends at its first negligible tail.
        column[column < _TAIL] = 0.0
        rows = np.flatnonzero(column)
        at_least.append(column)
        if not rows.size:
            break
    tails = np.stack(at_least, axis=1)
    return -np.diff(tails, axis=1, append=0.0)[:, : tails.shape[1]], 1 - tails[:, 0]


def _parameter_spread(interval: Interval, x: Floats, T: Floats, n: Floats) -> Floats | None:
    """Return the standard error of log(purchases x spend) given alive per row, or None when negligible.

    The delta method is applied to the fit's covariance of the logarithms of its parameters, with spend at the
    population's mean. P(alive) needs no widening, because an uncertain probability counts as its mean.
    """
    model, spend = interval.model, interval.spend
    variances = [np.nan_to_num(fit.covariance_) for fit in (model, spend)]
    if max(np.diag(variance).max() for variance in variances) < _NEGLIGIBLE**2:
        return None
    free = np.log(list(model.parameters_.values()))
    slopes = []
    for shift in np.eye(free.size) * 1e-3:
        up, down = (
            type(model).from_parameters(*np.exp(free + sign * shift))._expected_rows(interval.horizon, x, T)
            for sign in (1, -1)
        )
        slopes.append(np.log(np.maximum(up, 1e-300) / np.maximum(down, 1e-300)) / 2e-3)
    p, q, v = spend.parameters_.values()
    base = p * n + q - 1
    by_spend = [1 - p * n / base, (1 - q) / base, v / (v + n * p * v / (q - 1))]
    total = np.zeros(x.size)
    for gradient, variance in zip((slopes, by_spend), variances, strict=True):
        for i, left in enumerate(gradient):
            for j, right in enumerate(gradient):
                total += variance[i, j] * left * right
    return np.sqrt(np.maximum(total, 0.0))


def _widened(cdf: Floats, spread: Floats) -> Floats:
    """Mix each row with itself, scaled by exp(+-sqrt(3) spread): Gauss-Hermite quadrature with three nodes."""
    # Column 0, w = 0, stays as it is.
    last = cdf.shape[1] - 1
    shift = np.sqrt(3.0) * spread[:, None] / _STEP
    result = cdf * (2 / 3)
    for sign in (1, -1):
        position = np.clip(np.arange(1, last + 1) + sign * shift, 0.0, last)
        cell = np.minimum(position.astype(np.int64), last - 1)
        left = np.take_along_axis(cdf, cell, axis=1)
        right = np.take_along_axis(cdf, cell + 1, axis=1)
        result[:, 1:] += (left + (position - cell) * (right - left)) / 6
    result[:, 0] = cdf[:, 0]
    return result
