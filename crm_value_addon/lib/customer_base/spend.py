"""Value of a purchase: the gamma-gamma model of spend per purchase.

A customer's purchases are Gamma(p, nu) with an individual nu ~ Gamma(q, v), independent of the rate of purchases.
n is the number of purchases and `mean` their mean value. All purchases including the first (n = x + 1) rank
customers better on every set tried; the published table uses the repeat purchases only.

References
----------
.. [1] Fader and Hardie (2013), "The Gamma-Gamma model of monetary value",
   http://www.brucehardie.com/notes/025/gamma_gamma.pdf
.. [2] Fader, Hardie and Lee (2005), "RFM and CLV: using iso-value curves for customer base analysis", Journal
   of Marketing Research 42(4), 415-430.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, psi

from ._arrays import ArrayLike, Floats
from ._distinct import distinct
from ._estimation import Estimator, checked_weights
from .errors import InvalidInputError, as_floats, check

# Customers per pass, so that the temporaries of a pass stay in the processor's cache.
_BLOCK = 1 << 14


class GammaGamma(Estimator):
    """Gamma-gamma model of spend with q > 1, so that the mean spend of the population exists.

    Maximum likelihood alone gives q < 1 on heavy-tailed spend, and thus a negative mean (-9.9 on a real set).
    Therefore q - 1 is estimated, on a logarithmic scale.

    Parameters
    ----------
    prior : bool
        Weak prior N(log [4, 2, 1/2], 1.5^2) on log (p, q - 1, v / mean spend). At its centre is a population with
        the observed mean spend and a coefficient of variation of 1/2 within a customer.
    prior_strength : float
        Multiplies the prior's precision, >= 0.

    Examples
    --------
    >>> model = GammaGamma.from_parameters(p=6.25, q=3.74, v=15.44)
    >>> model.expected_spend(n=[0, 1, 7], mean=[0, 40.0, 40.0]).round(2).tolist()
    [35.22, 38.54, 39.72]
    """

    _NAMES = ("p", "q", "v")
    _PRIOR_MEAN = tuple(np.log([4.0, 2.0, 0.5]).tolist())

    p_: float
    q_: float
    v_: float
    customer_count_: float

    @classmethod
    def from_parameters(cls, p: float, q: float, v: float, covariance: ArrayLike | None = None) -> GammaGamma:
        """Return a model with given parameters, as if fitted.

        Parameters
        ----------
        p, q, v : float
            p > 0, q > 1, v > 0 in the unit of money.
        covariance : array_like, shape (3, 3), optional
            A stored `covariance_` (default: 0).

        Raises
        ------
        InvalidInputError
            When a parameter is out of range.
        """
        check(as_floats("q", q) > 1, "q", q, "must be > 1")
        return cls._restored((p, q, v), covariance)

    def _log_slopes(self) -> Floats:
        return np.array([self.p_, self.q_ - 1, self.v_])

    def fit(self, n: ArrayLike, mean: ArrayLike, weights: ArrayLike | None = None) -> GammaGamma:
        """Estimate the parameters.

        Parameters
        ----------
        n : array_like of float, shape (k,)
            Purchases per customer, whole numbers >= 1.
        mean : array_like of float, shape (k,)
            Mean value of a purchase, > 0.
        weights : array_like of float, shape (k,), optional
            Number of customers that a row represents.

        Returns
        -------
        self
            With `p_ q_ v_ log_likelihood_ converged_ covariance_ standard_errors_ customer_count_`. Spend
            without any variation has no finite maximum: the prior determines p, and without the prior
            ``converged_ = False``.

        Raises
        ------
        EmptyDataError
            No customers, or no weight.
        InvalidInputError
            A value is out of range (quoted).
        """
        count, spent = (column.ravel() for column in _checked_spend(n, mean, least=1))
        data = _SpendData(count, spent, checked_weights(weights, spent.shape))

        def log_likelihood(free: Floats) -> tuple[float, Floats]:
            p, excess, v = np.exp(free)
            value, gradient = data.log_likelihood(p, 1 + excess, v)
            return value, gradient * (p, excess, v)

        free, value, covariance = self._maximise(log_likelihood, data.size)
        self.p_, excess, self.v_ = np.exp(free).tolist()
        self.q_ = 1 + excess
        self.v_ *= data.scale
        self.log_likelihood_ = float(value - data.size * np.log(data.scale))
        self.customer_count_ = data.size
        self._set_covariance(covariance)
        return self

    def log_likelihood(self, n: ArrayLike, mean: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, Floats]:
        """Return the log-likelihood of some customers at the current parameters, and its gradient in (p, q, v).

        Returns
        -------
        value : float
        gradient : numpy.ndarray, shape (3,)
        """
        p, q, v = self.parameters_.values()
        count, spent = (column.ravel() for column in _checked_spend(n, mean, least=1))
        data = _SpendData(count, spent, checked_weights(weights, spent.shape))
        value, gradient = data.log_likelihood(p, q, v / data.scale)
        gradient[2] /= data.scale
        return float(value - data.size * np.log(data.scale)), gradient

    def expected_spend(self, n: ArrayLike, mean: ArrayLike) -> Floats:
        """Return the expected value of a future purchase.

        Fader and Hardie (2013), eq. 5: p (v + n mean) / (p n + q - 1), which lies between the customer's own mean
        and the population's, p v / (q - 1). A customer without purchases (n = 0) has the latter.

        Parameters
        ----------
        n : array_like
            Purchases, >= 0.
        mean : array_like, broadcastable with `n`
            Mean value of a purchase, > 0; not read where n is 0.

        Returns
        -------
        numpy.ndarray of float, the broadcast shape, > 0

        Raises
        ------
        InvalidInputError
            When an argument is out of range; the message quotes the value.
        """
        p, q, v = self.parameters_.values()
        count, spent = _checked_spend(n, mean, least=0)
        return (p * (v + count * spent) / (p * count + q - 1))[()]


class _SpendData:
    """Customers' spend in units of the mean spend; sums that do not depend on the parameters are taken once."""

    def __init__(self, n: Floats, mean: Floats, weights: Floats | None) -> None:
        self.weight = np.ones(n.size) if weights is None else weights
        self.size = float(self.weight.sum())
        self.scale = float((self.weight * mean).sum() / self.size)
        self.n, self.at_n = distinct(n)
        self.total = n * (mean / self.scale)
        self.weight_n = np.bincount(self.at_n, self.weight)
        log_total = np.log(self.total)
        self.sum_log_mean = (self.weight * (log_total - np.log(n))).sum()
        self.sum_n_log_total = (self.weight * n * log_total).sum()

    def log_likelihood(self, p: float, q: float, v: float) -> tuple[float, Floats]:
        """Return the log-likelihood (Fader and Hardie 2013, logarithm of eq. 1a) and its gradient in (p, q, v)."""
        rise = p * self.n + q
        value = (self.weight_n * (gammaln(rise) - gammaln(p * self.n))).sum()
        value += self.size * (q * np.log(v) - gammaln(q)) + p * self.sum_n_log_total - self.sum_log_mean
        psi_rise = psi(rise)
        d_p = (self.weight_n * self.n * (psi_rise - psi(p * self.n))).sum() + self.sum_n_log_total
        d_q = (self.weight_n * psi_rise).sum() + self.size * (np.log(v) - psi(q))
        d_v = self.size * q / v
        logs, inverses = self._sums_by_count(v)
        value -= (rise * logs).sum()
        d_p -= (self.n * logs).sum()
        d_q -= logs.sum()
        d_v -= (rise * inverses).sum()
        return value, np.array([d_p, d_q, d_v])

    def _sums_by_count(self, v: float) -> tuple[Floats, Floats]:
        """Return the sums of log(v + n mean) and of 1 / (v + n mean) per distinct n."""
        logs, inverses = np.zeros(self.n.size), np.zeros(self.n.size)
        for start in range(0, self.total.size, _BLOCK):
            chunk = slice(start, start + _BLOCK)
            base = v + self.total[chunk]
            at_n, weight = self.at_n[chunk], self.weight[chunk]
            logs += np.bincount(at_n, weight * np.log(base), minlength=logs.size)
            inverses += np.bincount(at_n, weight / base, minlength=logs.size)
        return logs, inverses


def _checked_spend(n: ArrayLike, mean: ArrayLike, least: float) -> tuple[Floats, Floats]:
    """Check the ranges of n and mean; return them as float arrays of one shape."""
    count = as_floats("n", n, minimum=least)
    spent = as_floats("mean", mean)
    check(count == np.floor(count), "n", count, "must be whole numbers")
    try:
        count, spent = np.broadcast_arrays(count, spent)
    except ValueError:
        raise InvalidInputError(f"n and mean must have one shape, got {count.shape} and {spent.shape}") from None
    check((spent > 0) | (count == 0), "mean", spent, "must be > 0")
    return count, np.where(count == 0, 0.0, spent)
