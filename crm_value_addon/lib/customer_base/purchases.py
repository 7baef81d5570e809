"""When customers buy and when they leave: MBG/NBD (the default) and BG/NBD.

While alive a customer buys at random with its own rate lambda ~ Gamma(r, alpha); after each purchase it
leaves for good with its own probability p ~ Beta(a, b). MBG/NBD lets it leave already after the first
purchase; BG/NBD only after a repeat purchase, so there a one-time buyer is alive for sure.

Everywhere x is the number of repeat purchases (purchases - 1), t_x the time from the first to the last
purchase and T the time from the first purchase to the as-of date, in any one unit of time.

References
----------
.. [1] Fader, Hardie and Lee (2005), "'Counting your customers' the easy way: an alternative to the Pareto/NBD
   model", Marketing Science 24(2), 275-284.
.. [2] Batislam, Denizel and Filiztekin (2007), "Empirical validation and comparison of models for customer
   base analysis", International Journal of Research in Marketing 24(3), 201-209.
.. [3] Hoppe and Wagner (2007), "Customer base analysis: the case for a central variant of the
   betageometric/NBD model", Marketing JRM 3(2), 75-90.
"""

import numpy as np
from scipy.special import betainc, expit

from ._distinct import distinct, distinct_rows
from ._estimation import Estimator, checked_weights
from ._mixture import expected_alive
from ._purchase_likelihood import PurchaseData
from .errors import InvalidInputError, as_floats, check


class _PurchaseModel(Estimator):
    _NAMES = ("r", "alpha", "a", "b")
    # log (r, alpha / max T, a, b): measured on real sets to remove degenerate fits at 50 customers (40 % to 0
    # %) while it moves the full CDNOW sample's forecast by 0.13 %.
    _PRIOR_MEAN = tuple(np.log([1.0, 1.0, 1.0, 4.0]))
    _SHIFT = 0

    @classmethod
    def from_parameters(cls, r, alpha, a, b, covariance=None):
        """Return a model with given parameters, as if fitted.

        Parameters
        ----------
        r, alpha, a, b : float
            All > 0; `alpha` in the unit of time that x's times will have.
        covariance : array_like, shape (4, 4), optional
            A stored `covariance_`, so that intervals know how sure the parameters are; 0 when not given.

        Raises
        ------
        InvalidInputError
            When a parameter is not a finite number > 0.
        """
        return cls._restored((r, alpha, a, b), covariance)

    def fit(self, x, t_x, T, weights=None):
        """Estimate the parameters.

        Parameters
        ----------
        x : array_like of float, shape (n,)
            Repeat purchases, whole numbers >= 0.
        t_x : array_like of float, shape (n,)
            First to last purchase, 0 <= t_x <= T, and 0 where x is 0.
        T : array_like of float, shape (n,)
            First purchase to the as-of date, >= 0, not all 0.
        weights : array_like of float, shape (n,), optional
            How many customers a row stands for.

        Returns
        -------
        self
            With `r_ alpha_ a_ b_ log_likelihood_ converged_ covariance_ standard_errors_ customer_count_
            repeat_count_` (customers with x > 0). One customer, or customers that are all equal, give with
            the prior an estimate near it, and without it usually ``converged_ = False``.

        Raises
        ------
        EmptyDataError
            No customers, or no weight.
        InvalidInputError
            A value out of range (quoted), or every T is 0.
        """
        x, t_x, T = checked_customers(x, t_x, T)
        x, t_x, T = x.ravel(), t_x.ravel(), T.ravel()
        weights = checked_weights(weights, x.shape)
        used = T if weights is None else T[weights > 0]
        check(used.max() > 0, "T", used.max(), "must be > 0 for at least one customer")
        data = PurchaseData(x, t_x, T, weights, self._SHIFT)

        def log_likelihood(free):
            scaled = np.exp(free)
            value, gradient = data.log_likelihood(*scaled)
            return value, gradient * scaled

        free, value, covariance = self._maximise(log_likelihood, data.size)
        self.r_, self.alpha_, self.a_, self.b_ = np.exp(free).tolist()
        self.alpha_ *= data.time_scale
        # In scaled time each repeat purchase has a density `time_scale` times as large.
        self.log_likelihood_ = float(value - (data.weight_x * data.x).sum() * np.log(data.time_scale))
        self.customer_count_ = data.size
        self.repeat_count_ = float(data.weight_x[data.x > 0].sum())
        self._set_covariance(covariance)
        return self

    def log_likelihood(self, x, t_x, T, weights=None):
        """Return the log-likelihood of some customers and its gradient at the present parameters.

        Returns
        -------
        value : float
        gradient : numpy.ndarray, shape (4,)
            With respect to (r, alpha, a, b).
        """
        r, alpha, a, b = self.parameters_.values()
        x, t_x, T = (column.ravel() for column in checked_customers(x, t_x, T))
        data = PurchaseData(x, t_x, T, checked_weights(weights, x.shape), self._SHIFT)
        scale = data.time_scale or 1.0
        value, gradient = data.log_likelihood(r, alpha / scale, a, b)
        gradient[1] /= scale
        return float(value - (data.weight_x * data.x).sum() * np.log(scale)), gradient

    def probability_alive(self, x, t_x, T):
        """Return the probability that each customer has not left.

        Fader, Hardie and Lee (2005), eq. 10 as in their note of 2008; Batislam et al. (2007), eq. 8. Computed
        as the logistic function of the log odds, never through the raw power.

        Parameters
        ----------
        x, t_x, T : array_like, broadcastable to one shape
            As in `fit`.

        Returns
        -------
        numpy.ndarray of float in 0..1, the broadcast shape
        """
        r, alpha, a, b = self.parameters_.values()
        x, t_x, T = checked_customers(x, t_x, T)
        gap = np.log1p((T - t_x) / (alpha + t_x))
        uses = x + self._SHIFT
        may_leave = uses > 0
        log_odds = np.log(a / np.where(may_leave, b + uses - 1, 1.0)) + (r + x) * gap
        return np.where(may_leave, expit(-log_odds), 1.0)[()]

    def expected_alive(self, t, x, T):
        """Return the expected purchases in the next `t`, given that the customer is alive.

        Parameters
        ----------
        t, x, T : array_like, broadcastable to one shape

        Returns
        -------
        numpy.ndarray of float, the broadcast shape
        """
        t = as_floats("t", t, minimum=0)
        x, _, T = checked_customers(x, 0.0, T)
        t, x, T = np.broadcast_arrays(t, x, T)
        (rows_x, rows_T, rows_t), index = distinct_rows(x.ravel(), T.ravel(), t.ravel())
        return self._expected_rows(rows_t, rows_x, rows_T)[index].reshape(t.shape)[()]

    def _expected_rows(self, t, x, T):
        """Compute `expected_alive` for checked 1-d arrays, row by row."""
        r, alpha, a, b = self.parameters_.values()
        levels, index = distinct(x)
        return expected_alive(r + levels, a, b + levels + self._SHIFT, index, t / (alpha + T))

    def expected_purchases(self, t, x, t_x, T):
        """Return the expected number of purchases in the next `t`.

        P(alive) times the expectation of a live customer. Fader, Hardie and Lee (2005), eq. 11; Batislam et
        al. (2007), eq. 9. For x = t_x = T = 0 it is the expectation of a customer who has just bought for the
        first time.

        Parameters
        ----------
        t : array_like
            Horizon from the as-of date on, >= 0, in the unit of `T`.
        x, t_x, T : array_like
            As in `fit`; all broadcastable to one shape.

        Returns
        -------
        numpy.ndarray of float, the broadcast shape

        Raises
        ------
        InvalidInputError
            When an argument is out of range; the message quotes the value.
        """
        return self.probability_alive(x, t_x, T) * self.expected_alive(t, x, T)

    def purchase_probabilities(self, t, x, t_x, T, count=10):
        """Return the probability of 0, 1, ... `count` - 1 purchases in the next `t`, and of `count` or more.

        Given alive, at least j purchases means j arrivals and j - 1 times not leaving: P(N >= j) = B(a, B + j
        - 1) / B(a, B) * I_{t / (alpha + T + t)}(j, r + x), with B as in `expected_alive` (Fader, Hardie and
        Lee (2005), eq. 8, for the new customer).

        Parameters
        ----------
        t, x, t_x, T : array_like
            As in `expected_purchases`, broadcastable to one shape.
        count : int
            >= 1.

        Returns
        -------
        numpy.ndarray of float, the broadcast shape + (count + 1,)
            Each row sums to 1.
        """
        check(count == int(count) and count >= 1, "count", count, "must be a whole number >= 1")
        t = as_floats("t", t, minimum=0)
        alive = np.asarray(self.probability_alive(x, t_x, T))
        t, x, T, alive = np.broadcast_arrays(t, np.asarray(x, dtype=float), np.asarray(T, dtype=float), alive)
        at_least = alive[..., None] * self._alive_at_least(np.arange(1, count + 1.0), t, x, T)
        padded = np.concatenate([np.ones((*t.shape, 1)), at_least, np.zeros((*t.shape, 1))], axis=-1)
        return -np.diff(padded, axis=-1)

    def _alive_at_least(self, j, t, x, T):
        """Return P(N >= j | alive) for ascending whole j >= 1, shape (*t.shape, len(j))."""
        r, alpha, a, b = self.parameters_.values()
        big_b = (b + x + self._SHIFT)[..., None]
        steps = np.arange(j.max())
        stays = np.cumprod((big_b + steps) / (a + big_b + steps), axis=-1)
        stay = np.concatenate([np.ones_like(big_b), stays], axis=-1)[..., j.astype(int) - 1]
        return stay * betainc(j, (r + x)[..., None], (t / (alpha + T + t))[..., None])

    def next_purchase(self, x, T, quantile=0.5):
        """Return the time by which a live customer has bought again with probability `quantile`.

        Given alive, lambda ~ Gamma(r + x, alpha + T), so the waiting time is Lomax distributed:
        (alpha + T) ((1 - quantile)^(-1 / (r + x)) - 1). The median, not the mean: the mean is infinite for
        r + x <= 1. Multiply nothing: that the customer may have left is what P(alive) says.

        Parameters
        ----------
        x, T : array_like, broadcastable to one shape
        quantile : float
            In 0..1, exclusive.

        Returns
        -------
        numpy.ndarray of float, the broadcast shape
            From the as-of date on, in the unit of `T`; `inf` beyond the range of a float.
        """
        r, alpha, _, _ = self.parameters_.values()
        x, _, T = checked_customers(x, 0.0, T)
        quantile = as_floats("quantile", quantile, minimum=0, strict=True)
        check(quantile < 1, "quantile", quantile, "must be < 1")
        with np.errstate(over="ignore"):
            return ((alpha + T) * np.expm1(-np.log1p(-quantile) / (r + x)))[()]


class ModifiedBetaGeo(_PurchaseModel):
    """MBG/NBD: a customer may leave after any purchase, the first included.

    Parameters
    ----------
    prior : bool
        Weak prior N(log [1, 1, 1, 4], 1.5^2) on log (r, alpha / max T, a, b); off for the papers' tables.
    prior_strength : float
        Multiplies the prior's precision, >= 0.

    References
    ----------
    Batislam, Denizel and Filiztekin (2007), IJRM 24(3), 201-209; Hoppe and Wagner (2007), Marketing JRM 3(2).

    Examples
    --------
    >>> model = ModifiedBetaGeo().fit(x=[0, 0, 3, 6], t_x=[0, 0, 20, 35], T=[38, 35, 38, 36])
    >>> model.converged_
    True
    >>> model = ModifiedBetaGeo.from_parameters(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> model.expected_purchases(39, x=[0, 2], t_x=[0, 30.4], T=[38.9, 38.9]).round(3).tolist()
    [0.154, 1.26]
    """

    _SHIFT = 1


class BetaGeo(_PurchaseModel):
    """BG/NBD: a customer may leave after any repeat purchase; a one-time buyer is alive for sure.

    Parameters
    ----------
    prior, prior_strength
        As in `ModifiedBetaGeo`.

    References
    ----------
    Fader, Hardie and Lee (2005), Marketing Science 24(2), 275-284.

    Examples
    --------
    The example of the paper's section 5: 1.23 purchases expected in the next 39 weeks.

    >>> model = BetaGeo.from_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> round(float(model.expected_purchases(39, x=2, t_x=30.43, T=38.86)), 3)
    1.226
    """

    _SHIFT = 0


def checked_customers(x, t_x, T):
    """Return x, t_x and T as float arrays of one shape after checking every range.

    Raises
    ------
    InvalidInputError
        Quoting the first value that is not allowed.
    """
    x = as_floats("x", x, minimum=0)
    t_x = as_floats("t_x", t_x, minimum=0)
    T = as_floats("T", T, minimum=0)
    check(x == np.floor(x), "x", x, "must be whole numbers")
    try:
        x, t_x, T = np.broadcast_arrays(x, t_x, T)
    except ValueError:
        shapes = f"{x.shape}, {t_x.shape}, {T.shape}"
        raise InvalidInputError(f"x, t_x, T must have one shape, got {shapes}") from None
    check(t_x <= T, "t_x", t_x, "must be <= T")
    check((x > 0) | (t_x == 0), "t_x", t_x, "must be 0 where x is 0")
    return x, t_x, T
