"""Customer lifetime value of a whole portfolio: P(alive) x expected purchases x expected spend, discounted.

CLV is the sum over i = 1..n of pi_i / (1 + d)^i: periods are months of 30.44 days, pi_i is the expected
contribution of month i, and each month is discounted at its end. Given alive, pi_i is the spend times G(30.44
i) - G(30.44 (i - 1)), with G of `_mixture`; it depends on (x, T) only, so that it is computed once per distinct
pair. Every figure depends on its customer and the fit alone. A customer therefore gets the same bits when scored
alone, in a chunk or with all others.
"""

from dataclasses import dataclass

import numpy as np

from ._arrays import ArrayLike, Floats
from ._distinct import distinct_rows
from ._interval import Interval
from .errors import as_floats, check
from .fallback import DAYS_PER_MONTH, monthly_discount
from .purchases import PurchaseModel, checked_customers
from .spend import GammaGamma

# Months of the figures for the next 12 months.
_YEAR = 12
# (x, T) pairs per pass; 36 months of them take a few MB.
_BLOCK = 1 << 15


@dataclass(frozen=True)
class Scores:
    """Predictions of `score`, one entry per customer; money in the unit of `mean`, times in days.

    Attributes
    ----------
    probability_alive : numpy.ndarray
        0..1.
    expected_purchases : numpy.ndarray
        In the next 12 months (365.28 days).
    expected_spend : numpy.ndarray
        Value of a future purchase.
    expected_12m : numpy.ndarray
        Contribution of the next 12 months, not discounted.
    clv : numpy.ndarray
        Discounted contribution over the horizon.
    clv_low, clv_high : numpy.ndarray
        Interval that contains the discounted contribution with probability `coverage`; see `score`.
    next_purchase_days : numpy.ndarray
        Median time to the next purchase of a live customer; `inf` beyond the range of a float.
    horizon_factor : numpy.ndarray
        `clv` / `expected_12m`, which does not depend on P(alive); 0 where nothing is expected.
    """

    probability_alive: Floats
    expected_purchases: Floats
    expected_spend: Floats
    expected_12m: Floats
    clv: Floats
    clv_low: Floats
    clv_high: Floats
    next_purchase_days: Floats
    horizon_factor: Floats


def score(
    model: PurchaseModel,
    spend: GammaGamma,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    n: ArrayLike,
    mean: ArrayLike,
    *,
    months: int = 36,
    yearly_discount: float = 0.10,
    margin_ratio: ArrayLike = 1.0,
    coverage: float = 0.8,
    interval: bool = True,
) -> Scores:
    """Return all predictions for some customers.

    Parameters
    ----------
    model : ModifiedBetaGeo or BetaGeo
        Fitted with times in days.
    spend : GammaGamma
    x, t_x, T : array_like, shape (k,)
        Repeat purchases, days from first to last purchase, days from first purchase to the as-of date.
    n : array_like, shape (k,)
        Number of purchases in the mean (x + 1 for all of them).
    mean : array_like, shape (k,)
        Mean value of a purchase, > 0.
    months : int
        Horizon of the CLV in months of 30.44 days, >= 0.
    yearly_discount : float
        A share per year, > -1.
    margin_ratio : float or array_like, shape (k,)
        Contribution per unit of spend.
    coverage : float
        Probability of the interval, in 0..1, exclusive.
    interval : bool
        Whether to compute `clv_low` and `clv_high`; NaN otherwise.

    Returns
    -------
    Scores

    Raises
    ------
    InvalidInputError
        When an argument is out of range; the message quotes the value.

    Notes
    -----
    The interval covers the customer's own randomness (retention, number and value of purchases) and is widened for
    the uncertainty of the parameters. The chance of no purchase at all is a lump at 0. If it is less than the lower
    tail, both tails are cut off. If it is more, the interval starts at 0 and only the upper tail is cut off. If it
    exceeds `coverage`, the interval is 0 to 0, and the CLV, a mean, may lie above it.

    Examples
    --------
    >>> from customer_base import GammaGamma, ModifiedBetaGeo
    >>> model = ModifiedBetaGeo.from_parameters(0.525, 6.183 * 7, 0.891, 1.614)
    >>> spend = GammaGamma.from_parameters(6.25, 3.74, 15.44)
    >>> one = score(model, spend, x=[6], t_x=[240], T=[270], n=[7], mean=[40.0])
    >>> one.clv.round(2).tolist(), one.expected_12m.round(2).tolist()
    ([341.31], [181.39])
    """
    repeats, last, age = (column.ravel() for column in checked_customers(x, t_x, T))
    months, discount = _checked_horizon(months, yearly_discount)
    ratio = as_floats("margin_ratio", margin_ratio)
    alive = np.atleast_1d(model.probability_alive(repeats, last, age))
    worth = np.broadcast_to(spend.expected_spend(n, mean), repeats.shape)
    (pair_x, pair_T), index = distinct_rows(repeats, age)
    year, plain, discounted = _pair_sums(model, pair_x, pair_T, months, discount)
    purchases = alive * year[index]
    contribution = worth * ratio
    low = high = np.full(repeats.shape, np.nan)
    if interval:
        bounds = Interval(model, spend, months * DAYS_PER_MONTH, coverage)
        low, high = bounds(alive, (pair_x, pair_T), index, plain, discounted, n, mean, ratio)
    return Scores(
        probability_alive=alive,
        expected_purchases=purchases,
        expected_spend=worth,
        expected_12m=purchases * contribution,
        clv=alive * discounted[index] * contribution,
        clv_low=low,
        clv_high=high,
        next_purchase_days=model.next_purchase(pair_x, pair_T)[index],
        horizon_factor=np.divide(discounted, year, out=np.zeros(year.size), where=year > 0)[index],
    )


def period_values(
    model: PurchaseModel,
    spend: GammaGamma,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    n: ArrayLike,
    mean: ArrayLike,
    *,
    months: int = 36,
    yearly_discount: float = 0.10,
    margin_ratio: ArrayLike = 1.0,
) -> Floats:
    """Return the discounted contribution per month; the rows sum to `Scores.clv`.

    Parameters
    ----------
    model, spend, x, t_x, T, n, mean, months, yearly_discount, margin_ratio
        As in `score`.

    Returns
    -------
    numpy.ndarray, shape (k, months)

    Raises
    ------
    InvalidInputError
        When an argument is out of range; the message quotes the value.
    """
    repeats, last, age = (column.ravel() for column in checked_customers(x, t_x, T))
    months, discount = _checked_horizon(months, yearly_discount)
    (pair_x, pair_T), index = distinct_rows(repeats, age)
    running = _by_month(model, pair_x, pair_T, months)
    monthly = np.diff(running, axis=1, prepend=0.0) * _discounts(months, discount)
    alive = np.atleast_1d(model.probability_alive(repeats, last, age))
    contribution = alive * spend.expected_spend(n, mean) * as_floats("margin_ratio", margin_ratio)
    return monthly[index] * contribution[:, None]


def _checked_horizon(months: int, yearly_discount: float) -> tuple[int, float]:
    number = as_floats("months", months, minimum=0)
    check(number == np.floor(number), "months", months, "must be a whole number")
    return int(number), monthly_discount(yearly_discount)


def _discounts(months: int, discount: float) -> Floats:
    """Return 1 / (1 + d)^i for i = 1..months."""
    return np.exp(-np.log1p(discount) * np.arange(1, months + 1))


def _by_month(model: PurchaseModel, x: Floats, T: Floats, months: int) -> Floats:
    """Return the expected purchases up to each month's end given alive, shape (pairs, months)."""
    ends = DAYS_PER_MONTH * np.arange(1, months + 1)
    flat = model._expected_rows(np.tile(ends, x.size), np.repeat(x, months), np.repeat(T, months))
    return flat.reshape(x.size, months)


def _pair_sums(
    model: PurchaseModel, x: Floats, T: Floats, months: int, discount: float
) -> tuple[Floats, Floats, Floats]:
    """Return the purchases per (x, T) given alive: in 12 months, over the horizon, and the latter discounted."""
    factors = _discounts(months, discount)
    # Abel's summation avoids differences of G: sum of (G_i - G_(i-1)) f_i = sum of G_i (f_i - f_(i+1)) + G_n f_n.
    steps = -np.diff(factors, append=0.0)
    year, plain, discounted = np.zeros((3, x.size))
    for start in range(0, x.size, _BLOCK):
        chunk = slice(start, start + _BLOCK)
        running = _by_month(model, x[chunk], T[chunk], max(months, _YEAR))
        year[chunk] = running[:, _YEAR - 1]
        if months:
            plain[chunk] = running[:, months - 1]
            discounted[chunk] = (running[:, :months] * steps).sum(axis=1)
    return year, plain, discounted
