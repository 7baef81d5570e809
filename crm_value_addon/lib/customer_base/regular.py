"""Customers who buy by the clock: MBG/CNBD-k with k mixed among customers.

MBG/NBD takes the time between two purchases of a live customer as exponential: buying yesterday says nothing of today.
Contracts, subscriptions and standing orders are not like that, and a month of silence says far more of them. Here the
gaps of a customer are Erlang(k) with the same mean, and k is 1, 2, 4 or 8, unknown for each customer. For k = 1 it is
MBG/NBD.

x, t_x and T as in `purchases`; `log_gaps` is the sum of the natural logarithms of the times between purchases.

References
----------
.. [1] Reutterer, Platzer and Schroder (2021), "Leveraging purchase regularity for predicting customer behavior the easy
   way", IJRM 38(1), 194-215: MBG/CNBD-k with one k for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, psi

from ._arrays import Floats
from ._estimation import Estimator

#: phases of a gap: 1 is exponential; with 8, two thirds of the gaps lie within a third of their mean
CLASSES = (1, 2, 4, 8)
# Customers per pass.
_BLOCK = 1 << 14


@dataclass(frozen=True)
class Posterior:
    """What is known of some customers, per class: its probability, and that of each phase given the class.

    Attributes
    ----------
    classes : numpy.ndarray, shape (len(CLASSES), n)
        They add up to 1 over the classes.
    phases : list of numpy.ndarray, of shape (1 + k, n) for each k of `CLASSES`
        Row 0: has left; row 1 + j: alive, with j phases of the present gap behind. They add up to 1.
    """

    classes: Floats
    phases: list[Floats]


class RegularMixture(Estimator):
    """MBG/CNBD-k with a latent k.

    Parameters
    ----------
    prior : bool
        The weak prior of the purchase models, and N(0, 1.5^2) on the log odds of each class against k = 1.
    prior_strength : float

    Examples
    --------
    >>> model = RegularMixture.from_parameters(0.525, 6.183, 0.891, 1.614, 1e-9, 1e-9, 1e-9)
    >>> x, t_x, T = np.array([[0.0, 2], [0, 30.4], [38.9, 38.9]])
    >>> model.silent_probability(39.0, x, t_x, T, np.array([0.0, 5.0])).round(3).tolist()
    [0.891, 0.441]
    """

    _NAMES = ("r", "alpha", "a", "b", "odds_2", "odds_4", "odds_8")
    _PRIOR_MEAN = (*np.log([1.0, 1.0, 1.0, 4.0]).tolist(), 0.0, 0.0, 0.0)

    r_: float
    alpha_: float
    a_: float
    b_: float
    customer_count_: float

    @classmethod
    def from_parameters(
        cls, r: float, alpha: float, a: float, b: float, odds_2: float, odds_4: float, odds_8: float
    ) -> RegularMixture:
        """Return a model with given parameters, all > 0; the odds are those of a class against k = 1."""
        return cls._restored((r, alpha, a, b, odds_2, odds_4, odds_8), None)

    @property
    def shares(self) -> Floats:
        """Return the share of each class among all customers."""
        odds = np.array([1.0, *list(self.parameters_.values())[4:]])
        return odds / odds.sum()

    def fit(
        self,
        x: Floats,
        t_x: Floats,
        T: Floats,
        log_gaps: Floats,
        weights: Floats,
        start: RegularMixture | None = None,
    ) -> RegularMixture:
        """Estimate the parameters; arrays of shape (n,), checked by the caller, `start` as in `PurchaseModel.fit`."""
        scale = float(T.max())
        data = t_x / scale, T / scale, log_gaps - x * np.log(scale)

        def log_likelihood(free: Floats) -> tuple[float, Floats]:
            return _log_likelihood(np.exp(free), x, *data, weights)

        self.customer_count_ = float(weights.sum())
        free, value, covariance = self._maximise(log_likelihood, self.customer_count_, scale, start)
        for name, each in zip(self._NAMES, np.exp(free).tolist(), strict=True):
            setattr(self, name + "_", each)
        self.alpha_ *= scale
        self.log_likelihood_ = float(value - (weights * x).sum() * np.log(scale))
        self._set_covariance(covariance)
        return self

    def log_likelihood(self, x: Floats, t_x: Floats, T: Floats, log_gaps: Floats) -> tuple[float, Floats]:
        """Return the log-likelihood of some customers, and its gradient in the logarithms of the parameters."""
        return _log_likelihood(np.array(list(self.parameters_.values())), x, t_x, T, log_gaps, np.ones(x.size))

    def posterior(self, x: Floats, t_x: Floats, T: Floats, log_gaps: Floats) -> Posterior:
        """Return what is known of each customer."""
        tables = _Tables(np.array(list(self.parameters_.values())), x)
        logs, phases = [], []
        for index, k in enumerate(CLASSES):
            terms = tables.terms(k, t_x, T)
            total, shares = _log_sum(terms)
            logs.append(total + tables.fixed(k, log_gaps) + np.log(self.shares[index]))
            phases.append(shares)
        return Posterior(_log_sum(np.array(logs))[1], phases)

    def silent_probability(self, days: float | Floats, x: Floats, t_x: Floats, T: Floats, log_gaps: Floats) -> Floats:
        """Return the probability of no purchase within the next `days`.

        A live customer of class k with j phases behind buys when k - j more have passed; their number within `days` is
        negative binomial.
        """
        r, alpha = self.r_, self.alpha_
        result = np.zeros(x.size)
        ahead = np.broadcast_to(np.asarray(days, dtype=float), x.shape)
        for rows in _blocks(x.size):
            known = self.posterior(x[rows], t_x[rows], T[rows], log_gaps[rows])
            for index, k in enumerate(CLASSES):
                base = alpha / k + T[rows]
                share = ahead[rows] / (base + ahead[rows])
                silent = known.phases[index][0].copy()
                for j in range(k):
                    size = r + k * x[rows] + j
                    mass = np.exp(-size * np.log1p(ahead[rows] / base))
                    below = mass.copy()
                    for i in range(k - j - 1):
                        mass = mass * share * (size + i) / (i + 1)
                        below += mass
                    silent += known.phases[index][1 + j] * below
                result[rows] += known.classes[index] * silent
        return np.clip(result, 0.0, 1.0)

    def expected_purchases(self, days: float, x: Floats, t_x: Floats, T: Floats, log_gaps: Floats) -> Floats:
        """Return the expected purchases within the next `days`, near enough to rank customers by.

        The number of purchases is taken as phases / k with the mean remainder taken off, and the probability of leaving
        as its mean; both are exact for k = 1 and few purchases, and the total is set elsewhere (`stack`).
        """
        r, alpha, a, b = self.r_, self.alpha_, self.a_, self.b_
        result = np.zeros(x.size)
        for rows in _blocks(x.size):
            known = self.posterior(x[rows], t_x[rows], T[rows], log_gaps[rows])
            leave = a / (a + b + x[rows] + 1)
            stay = np.log1p(-leave)
            for index, k in enumerate(CLASSES):
                per_phase = -np.expm1(stay / k)
                growth = np.log1p(days / (alpha / k + T[rows]) * per_phase)
                count = np.zeros(leave.size)
                for j in range(k):
                    shift = j / k - (k - 1) / (2 * k)
                    left = np.exp(stay * shift - (r + k * x[rows] + j) * growth)
                    count += known.phases[index][1 + j] * np.maximum(1 - left, 0.0) / leave
                result[rows] += known.classes[index] * count
        return result


class _Tables:
    """Gamma functions at r, b and a + b plus whole numbers, taken once per distinct x."""

    def __init__(self, parameters: Floats, x: Floats) -> None:
        self.r, self.alpha, self.a, self.b = parameters[:4]
        self.x, self.whole = x, x.astype(np.int64)
        top = int(self.whole.max(initial=0))
        steps = np.arange(max(CLASSES) * (top + 1))
        # lnGamma(r + m) - lnGamma(r) and psi(r + m) - psi(r), for whole m from 0
        self.rise = np.concatenate([[0.0], np.cumsum(np.log(self.r + steps))])
        self.slope = np.concatenate([[0.0], np.cumsum(1 / (self.r + steps))])
        counts = np.arange(top + 1)
        beta = gammaln(self.a) + gammaln(self.b) - gammaln(self.a + self.b)
        common = -gammaln(self.a + self.b + counts + 1) - beta
        self.leaves = (gammaln(self.a + 1) + gammaln(self.b + counts) + common)[self.whole]
        self.stays = (gammaln(self.a) + gammaln(self.b + counts + 1) + common)[self.whole]

    def fixed(self, k: int, log_gaps: Floats) -> Floats:
        """Return the part of a class's logarithm that depends on no parameter but k."""
        return (k - 1) * log_gaps - self.x * gammaln(k)

    def terms(self, k: int, t_x: Floats, T: Floats) -> Floats:
        """Return the logarithms of: has left; alive with j = 0..k-1 phases behind. Shape (1 + k, n)."""
        alpha = self.alpha / k
        start = self.r * np.log(alpha)
        terms = np.empty((1 + k, self.x.size))
        events = k * self.whole
        size = self.r + events
        terms[0] = start + self.rise[events] - size * np.log(alpha + t_x) + self.leaves
        log_base = np.log(alpha + T)
        with np.errstate(divide="ignore"):
            log_wait = np.log(T - t_x)
        for j in range(k):
            waited = j * log_wait - gammaln(j + 1) if j else 0.0
            terms[1 + j] = start + self.rise[events + j] - (size + j) * log_base + self.stays + waited
        return terms

    def slopes(self, k: int, t_x: Floats, T: Floats, shares: Floats, weight: Floats) -> Floats:
        """Return the weighted sums of the slopes of a class's logarithm in log (r, alpha, a, b)."""
        alpha, a, b = self.alpha / k, self.a, self.b
        events, size = k * self.whole, self.r + k * self.x
        left, alive = shares[0], 1 - shares[0]
        base_left, base = alpha + t_x, alpha + T
        mean_phase = (shares[1:] * np.arange(k)[:, None]).sum(axis=0)
        d_r = left * (self.slope[events] - np.log(base_left)) - alive * np.log(base)
        for j in range(k):
            d_r += shares[1 + j] * self.slope[events + j]
        d_r += np.log(alpha)
        d_alpha = self.r / alpha - left * size / base_left - (alive * size + mean_phase) / base
        counts = np.arange(int(self.whole.max(initial=0)) + 1)
        total = (psi(a + b) - psi(a + b + counts + 1))[self.whole]
        d_a = total + left / a
        d_b = total + left * (psi(b + counts) - psi(b))[self.whole] + alive * (psi(b + counts + 1) - psi(b))[self.whole]
        return np.array(
            [
                self.r * (weight * d_r).sum(),
                alpha * (weight * d_alpha).sum(),
                a * (weight * d_a).sum(),
                b * (weight * d_b).sum(),
            ]
        )


def _log_likelihood(
    parameters: Floats, x: Floats, t_x: Floats, T: Floats, log_gaps: Floats, weight: Floats
) -> tuple[float, Floats]:
    """Return the log-likelihood and its gradient in the logarithms of the parameters."""
    odds = np.array([1.0, *parameters[4:]])
    shares = odds / odds.sum()
    value, gradient = 0.0, np.zeros(parameters.size)
    for rows in _blocks(x.size):
        tables = _Tables(parameters, x[rows])
        logs, phases = [], []
        for index, k in enumerate(CLASSES):
            total, within = _log_sum(tables.terms(k, t_x[rows], T[rows]))
            logs.append(total + tables.fixed(k, log_gaps[rows]) + np.log(shares[index]))
            phases.append(within)
        total, classes = _log_sum(np.array(logs))
        value += float((weight[rows] * total).sum())
        for index, k in enumerate(CLASSES):
            part = weight[rows] * classes[index]
            gradient[:4] += tables.slopes(k, t_x[rows], T[rows], phases[index], part)
            if index:
                gradient[3 + index] += part.sum() - shares[index] * weight[rows].sum()
    return value, gradient


def _log_sum(terms: Floats) -> tuple[Floats, Floats]:
    """Return the logarithm of the sum of exp(terms) over the first axis, and each term's share of it."""
    largest = terms.max(axis=0)
    scaled = np.exp(terms - largest)
    total = scaled.sum(axis=0)
    return largest + np.log(total), scaled / total


def _blocks(size: int) -> Iterator[slice]:
    """Yield the passes over some customers."""
    for start in range(0, size, _BLOCK):
        yield slice(start, start + _BLOCK)
