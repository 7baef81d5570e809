"""Log-likelihood and gradient of BG/NBD and MBG/NBD over distinct (x, t_x, T) triples."""

import numpy as np

from ._arrays import Floats, Ints
from ._distinct import distinct, distinct_rows

# Triples per pass, so that the temporaries of a pass stay in the processor's cache.
_BLOCK = 1 << 14


class PurchaseData:
    """A customer base as distinct triples with their weights; times are divided by the largest T.

    Parameters
    ----------
    x, t_x, T : numpy.ndarray of float, shape (n,), checked
    weights : numpy.ndarray of float, shape (n,), or None
    shift : int
        1 for MBG/NBD, which lets a customer leave right after the first purchase; 0 for BG/NBD.
    """

    def __init__(self, x: Floats, t_x: Floats, T: Floats, weights: Floats | None, shift: int) -> None:
        if weights is not None:
            keep = weights > 0
            x, t_x, T, weights = x[keep], t_x[keep], T[keep], weights[keep]
        self.time_scale = float(T.max())
        (x, t_x, T), index = distinct_rows(x, t_x, T)
        self.weight = np.bincount(index, weights).astype(float)
        self.size = float(self.weight.sum())
        self.shift = shift
        self.x, self.at_x = distinct(x)
        self.last, self.at_last = distinct(t_x / self.time_scale)
        self.age, self.at_age = distinct(T / self.time_scale)
        self.weight_x = np.bincount(self.at_x, self.weight)
        self.weight_age = np.bincount(self.at_age, self.weight)
        self.weight_age_x = np.bincount(self.at_age, self.weight * x)

    def log_likelihood(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Floats]:
        """Return the log-likelihood and its gradient with respect to (r, alpha, a, b) in scaled time.

        Batislam, Denizel and Filiztekin (2007), eq. 5, and Fader, Hardie and Lee (2005), eq. 6. Where the
        arguments of gamma and beta functions differ by a whole number, their ratio is a sum of logarithms over
        j < x (in the gradient, of reciprocals). The sum is exact, while differences of log-gammas lose digits.
        """
        sums = _PerCount(self.x, r, a, b, self.shift)
        log_age, log_last = np.log(alpha + self.age), np.log(alpha + self.last)
        weight_s = r * self.weight_age + self.weight_age_x
        total, dead, dead_gap, dead_slope = self._mixture_terms(r + self.x, sums.log_odds, alpha, log_age, log_last)

        value = total + (self.weight_x * sums.log_common).sum() + self.size * r * np.log(alpha)
        value -= (weight_s * log_age).sum()
        d_r = (self.weight_x * sums.d_r).sum() + self.size * np.log(alpha)
        d_r += dead_gap - (self.weight_age * log_age).sum()
        d_alpha = self.size * r / alpha - (weight_s / (alpha + self.age)).sum() + dead_slope
        d_a = (self.weight_x * sums.d_a).sum() + dead.sum() / a
        d_b = (self.weight_x * sums.d_b).sum() - (dead * sums.odds_slope).sum()
        return value, np.array([d_r, d_alpha, d_a, d_b])

    def _mixture_terms(
        self, s: Floats, log_odds: Floats, alpha: float, log_age: Floats, log_last: Floats
    ) -> tuple[float, Floats, float, float]:
        """Sum log(1 + odds of having left) over the triples, and the terms of its gradient."""
        inverse_age, inverse_last = 1 / (alpha + self.age), 1 / (alpha + self.last)
        dead = np.zeros(self.x.size)
        total = dead_gap = dead_slope = 0.0
        for start in range(0, self.at_x.size, _BLOCK):
            chunk = slice(start, start + _BLOCK)
            at_x, at_age, at_last, weight = (
                self.at_x[chunk],
                self.at_age[chunk],
                self.at_last[chunk],
                self.weight[chunk],
            )
            s_i = s[at_x]
            gap = log_age[at_age] - log_last[at_last]
            odds = log_odds[at_x] + s_i * gap
            small = np.exp(-np.abs(odds))
            total += (weight * (np.maximum(odds, 0) + np.log1p(small))).sum()
            left = weight * np.where(odds > 0, 1.0, small) / (1 + small)
            dead += np.bincount(at_x, left, minlength=dead.size)
            dead_gap += (left * gap).sum()
            dead_slope += (left * s_i * (inverse_age[at_age] - inverse_last[at_last])).sum()
        return total, dead, dead_gap, dead_slope


class _PerCount:
    """Terms of the likelihood that depend on x alone, one entry per distinct x."""

    def __init__(self, x: Floats, r: float, a: float, b: float, shift: int) -> None:
        count = x.astype(np.int64)
        steps = np.arange(int(count.max()) + shift)
        uses = count + shift
        self.log_common = _running(np.log(r + steps), count) + _running(-np.log1p(a / (b + steps)), uses)
        self.d_r = _running(1 / (r + steps), count)
        self.d_a = _running(-1 / (a + b + steps), uses)
        self.d_b = _running(a / ((b + steps) * (a + b + steps)), uses)
        self.log_odds, self.odds_slope = _log_odds(uses, a, b)


def _running(terms: Floats, count: Ints) -> Floats:
    """Return the sum of the first `count` terms for each entry of `count`."""
    return np.concatenate([[0.0], np.cumsum(terms)])[count]


def _log_odds(uses: Ints, a: float, b: float) -> tuple[Floats, Floats]:
    """Return log(a / (b + uses - 1)) and 1 / (b + uses - 1), or "never" and 0 without a chance to leave."""
    left = uses > 0
    inverse = np.where(left, 1 / np.where(left, b + uses - 1, 1.0), 0.0)
    # "Never" is finite, so that exp(-1e300) is 0 without a warning.
    return np.where(left, np.log(a * np.where(left, inverse, 1.0)), -1e300), inverse
