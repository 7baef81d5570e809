"""Value of a purchase: the gamma-gamma model of spend per purchase.

A customer's purchases are Gamma(p, nu) with an individual nu ~ Gamma(q, v), independent of the rate of purchases.
n is the number of purchases and `mean` their mean value. All purchases including the first (n = x + 1) rank
customers better on every set tried; the published table uses the repeat purchases only.

Of each customer, the published likelihood sees the mean alone. It learns p, how even a customer's own purchases are,
from how the means spread at different n, which fails where customers who buy often also spend more. The full likelihood
sees how the purchases themselves spread: it needs one more sum per customer, of the logarithms. The parameters and
the forecasts have the same meaning either way.

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
# A mean of logarithms of equal values may exceed the logarithm of their mean by this much.
_ROUNDING = 1e-9


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
    _UNIT = 2
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

    def fit(
        self,
        n: ArrayLike,
        mean: ArrayLike,
        weights: ArrayLike | None = None,
        mean_log: ArrayLike | None = None,
        start: GammaGamma | None = None,
    ) -> GammaGamma:
        """Estimate the parameters.

        Parameters
        ----------
        n : array_like of float, shape (k,)
            Purchases per customer, whole numbers >= 1.
        mean : array_like of float, shape (k,)
            Mean value of a purchase, > 0.
        weights : array_like of float, shape (k,), optional
            Number of customers that a row represents.
        mean_log : array_like of float, shape (k,), optional
            Mean natural logarithm of the value of a purchase, at most ``log(mean)``. With it, the likelihood is that
            of the purchases; without it, that of the means, as published.
        start : GammaGamma, optional
            A model whose parameters the search begins at, as in `PurchaseModel.fit`.

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
        data = _SpendData.checked(n, mean, mean_log, weights)

        def log_likelihood(free: Floats) -> tuple[float, Floats]:
            p, excess, v = np.exp(free)
            value, gradient = data.log_likelihood(p, 1 + excess, v)
            return value, gradient * (p, excess, v)

        free, value, covariance = self._maximise(log_likelihood, data.size, data.scale, start)
        self.p_, excess, self.v_ = np.exp(free).tolist()
        self.q_ = 1 + excess
        self.v_ *= data.scale
        self.log_likelihood_ = float(value - data.log_unit)
        self.customer_count_ = data.size
        self._set_covariance(covariance)
        return self

    def log_likelihood(
        self, n: ArrayLike, mean: ArrayLike, weights: ArrayLike | None = None, mean_log: ArrayLike | None = None
    ) -> tuple[float, Floats]:
        """Return the log-likelihood of some customers at the current parameters, and its gradient in (p, q, v).

        Parameters
        ----------
        n, mean, weights, mean_log
            As in `fit`.

        Returns
        -------
        value : float
        gradient : numpy.ndarray, shape (3,)
        """
        p, q, v = self.parameters_.values()
        data = _SpendData.checked(n, mean, mean_log, weights)
        value, gradient = data.log_likelihood(p, q, v / data.scale)
        gradient[2] /= data.scale
        return float(value - data.log_unit), gradient

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

    def __init__(self, n: Floats, mean: Floats, mean_log: Floats | None, weights: Floats | None) -> None:
        self.weight = np.ones(n.size) if weights is None else weights
        self.size = float(self.weight.sum())
        self.scale = float((self.weight * mean).sum() / self.size)
        self.n, self.at_n = distinct(n)
        self.total = n * (mean / self.scale)
        self.weight_n = np.bincount(self.at_n, self.weight)
        self.is_full = mean_log is not None
        if mean_log is None:
            log_total = np.log(self.total)
            # what multiplies p in the log-likelihood, and what is subtracted from it
            self.by_p = (self.weight * n * log_total).sum()
            self.fixed = (self.weight * (log_total - np.log(n))).sum()
            densities = self.size
        else:
            self.by_p = self.fixed = (self.weight * n * (mean_log - np.log(self.scale))).sum()
            densities = float((self.weight * n).sum())
        #: the density of each value counts per unit of money, not per `scale` of them
        self.log_unit = densities * np.log(self.scale)

    @classmethod
    def checked(
        cls, n: ArrayLike, mean: ArrayLike, mean_log: ArrayLike | None, weights: ArrayLike | None
    ) -> _SpendData:
        """Check what `GammaGamma.fit` takes."""
        count, spent = (column.ravel() for column in _checked_spend(n, mean, least=1))
        logs = None
        if mean_log is not None:
            logs = as_floats("mean_log", mean_log).ravel()
            check(logs.shape == spent.shape, "mean_log", logs.shape, f"must have the customers' shape {spent.shape}")
            check(logs <= np.log(spent) + _ROUNDING, "mean_log", logs, "must be at most log(mean)")
        return cls(count, spent, logs, checked_weights(weights, spent.shape))

    def log_likelihood(self, p: float, q: float, v: float) -> tuple[float, Floats]:
        """Return the log-likelihood and its gradient in (p, q, v).

        Of the means: Fader and Hardie (2013), logarithm of eq. 1a. Of the purchases: the same with the product of the
        gamma densities of the purchases, prod z^(p-1) / Gamma(p)^n, in place of the mean's.
        """
        rise = p * self.n + q
        psi_rise = psi(rise)
        if self.is_full:
            own, d_own = self.n * gammaln(p), self.n * psi(p)
        else:
            own, d_own = gammaln(p * self.n), self.n * psi(p * self.n)
        value = (self.weight_n * (gammaln(rise) - own)).sum()
        value += self.size * (q * np.log(v) - gammaln(q)) + p * self.by_p - self.fixed
        d_p = (self.weight_n * (self.n * psi_rise - d_own)).sum() + self.by_p
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
