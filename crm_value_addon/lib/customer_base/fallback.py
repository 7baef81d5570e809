"""Value of a customer from the customer's own history, for companies whose data carry no model.

The module needs numpy only, so that a company with too few customers does not load an optimizer. There are two
steps: the value of a past month (`carry_forward`), and the value of a stream of such months with a retention rate
(`retention_clv`). The formula is the kernel's: the sum over i = 1..n of pi_i / (1 + d)^i, with months of
30.44 days, each discounted at its end.
"""

from typing import overload

import numpy as np

from ._arrays import ArrayLike, Floats
from .errors import as_floats, check

DAYS_PER_MONTH = 30.44


@overload
def monthly_discount(yearly_rate: float) -> float: ...
@overload
def monthly_discount(yearly_rate: ArrayLike) -> float | Floats: ...
def monthly_discount(yearly_rate: ArrayLike) -> float | Floats:
    """Turn a yearly discount rate into the monthly one, d = (1 + yearly)^(1/12) - 1.

    Parameters
    ----------
    yearly_rate : float or array_like
        A share per year, > -1 (0.10 is 10 %).

    Returns
    -------
    float or numpy.ndarray
        A share per month of 30.44 days.

    Raises
    ------
    InvalidInputError
        When a rate is not a finite number > -1.

    Examples
    --------
    >>> round(monthly_discount(0.10), 6)
    0.007974
    """
    rate = as_floats("yearly_rate", yearly_rate, minimum=-1, strict=True)
    return _plain(np.expm1(np.log1p(rate) / 12))


def carry_forward(value_12m: ArrayLike) -> float | Floats:
    """Expect each coming month to be worth a twelfth of the last twelve months, never less than 0.

    The divisor is 12 even for a customer younger than a year, so that one good first month is not annualised.
    The estimate is conservative.

    Parameters
    ----------
    value_12m : float or array_like, shape (n,)
        Revenue or margin of the last 12 months; may be negative after credit notes.

    Returns
    -------
    float or numpy.ndarray, shape (n,)
        Expected value per month of 30.44 days, in the unit of `value_12m`, >= 0.

    Raises
    ------
    InvalidInputError
        When a value is not a finite number.

    Examples
    --------
    >>> carry_forward([1200.0, -30.0]).tolist()
    [100.0, 0.0]
    """
    # `+ 0.0` turns the -0.0 that maximum may keep into 0.0.
    return _plain(np.maximum(as_floats("value_12m", value_12m), 0.0) / 12 + 0.0)


def retention_clv(
    monthly_value: ArrayLike, yearly_retention: ArrayLike, yearly_discount: ArrayLike, months: int = 36
) -> float | Floats:
    """Return the discounted value of a constant month that survives with a retention rate.

    The sum over i = 1..months of pi_i / (1 + d)^i with pi_i = monthly_value * rho^i, rho =
    yearly_retention^(1/12) and d = `monthly_discount(yearly_discount)`.

    Parameters
    ----------
    monthly_value : float or array_like, shape (n,)
        Expected value of a month with a customer that is still there, >= 0.
    yearly_retention : float or array_like
        Share of customers still there after a year, 0..1.
    yearly_discount : float or array_like
        A share per year, > -1.
    months : int
        Horizon, >= 0.

    Returns
    -------
    float or numpy.ndarray, the broadcast shape of the arguments
        In the unit of `monthly_value`.

    Raises
    ------
    InvalidInputError
        When an argument is out of range; the message quotes it.

    References
    ----------
    Gupta and Lehmann (2003), "Customers as assets", Journal of Interactive Marketing 17(1), 9-24, eq. 1.

    Examples
    --------
    >>> retention_clv(100.0, 1.0, 0.0, months=36)
    3600.0
    >>> round(retention_clv(100.0, 0.8, 0.10, months=36), 2)
    2288.05
    """
    value, retention = _checked(monthly_value, yearly_retention, months)
    discount = as_floats("yearly_discount", yearly_discount, minimum=-1, strict=True)
    with np.errstate(divide="ignore"):
        log_ratio = (np.log(retention) - np.log1p(discount)) / 12
    return _plain(value * _geometric_sum(log_ratio, int(months)))


def retention_expected(monthly_value: ArrayLike, yearly_retention: ArrayLike, months: int = 12) -> float | Floats:
    """Return the undiscounted value of the next `months` months: the sum over i of monthly_value * rho^i.

    Parameters
    ----------
    monthly_value, yearly_retention, months
        As in `retention_clv`.

    Returns
    -------
    float or numpy.ndarray, the broadcast shape of the arguments

    Raises
    ------
    InvalidInputError
        When an argument is out of range; the message quotes it.

    Examples
    --------
    >>> round(retention_expected(100.0, 0.8), 2)
    1065.57
    """
    return retention_clv(monthly_value, yearly_retention, 0.0, months)


def retention_running(yearly_retention: float, days: ArrayLike) -> Floats:
    """Return what a month of value 1 amounts to, with customers leaving, after some days.

    After whole months it is the sum over i of rho^i, as in `retention_expected`; within a month it grows evenly.

    Parameters
    ----------
    yearly_retention : float
        Share of customers still there after a year, 0..1.
    days : array_like
        >= 0.

    Returns
    -------
    numpy.ndarray of float, the shape of `days`

    Raises
    ------
    InvalidInputError
        When an argument is out of range; the message quotes it.

    Examples
    --------
    >>> retention_running(1.0, [0, 15.22, 30.44]).tolist()
    [0.0, 0.5, 1.0]
    >>> round(float(retention_running(0.8, 365.28)), 4) == round(retention_expected(1.0, 0.8), 4)
    True
    """
    months = as_floats("days", days, minimum=0) / DAYS_PER_MONTH
    whole = np.floor(months + 1e-9)
    _, retention = _checked(1.0, yearly_retention, 0)
    rho = float(retention) ** (1 / 12)
    full = np.array([retention_expected(1.0, float(retention), int(each)) for each in np.ravel(whole)])
    return full.reshape(whole.shape) + (months - whole) * rho ** (whole + 1)


def _checked(monthly_value: ArrayLike, yearly_retention: ArrayLike, months: int) -> tuple[Floats, Floats]:
    """Check the three common arguments; return value and retention as arrays."""
    value = as_floats("monthly_value", monthly_value, minimum=0)
    retention = as_floats("yearly_retention", yearly_retention, minimum=0)
    check(retention <= 1, "yearly_retention", retention, "must be <= 1")
    count = as_floats("months", months, minimum=0)
    check(count == np.floor(count), "months", months, "must be a whole number")
    return value, retention


def _geometric_sum(log_ratio: Floats, months: int) -> Floats:
    """Sum q^i over i = 1..months for q = exp(log_ratio), without cancellation at or near q = 1."""
    # q (q^n - 1) / (q - 1) with expm1 loses no digits near q = 1; only q = 1 itself (0 / 0) needs the limit n.
    one = log_ratio == 0
    safe = np.where(one, -1.0, log_ratio)
    total = np.exp(safe) * np.expm1(months * safe) / np.expm1(safe) if months else np.zeros_like(safe)
    return np.where(one, float(months), total)


def _plain(array: Floats) -> float | Floats:
    """Return a 0-d array as a Python float, any other array as it is."""
    return float(array) if np.ndim(array) == 0 else array
