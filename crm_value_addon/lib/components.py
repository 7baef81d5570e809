"""The components of a customer's value besides the purchases: pure numpy.

Each component is an expectation over the company's horizon, discounted like the purchases: an amount in month i, of
30.44 days, counts 1 / (1 + d)^i (customer_base/fallback.py).
"""

from collections.abc import Mapping

import numpy as np

from .columns import ArrayLike, Columns, Floats, Ints
from .customer_base.fallback import DAYS_PER_MONTH, carry_forward, monthly_discount, retention_clv


def months_ahead(days: ArrayLike) -> Ints:
    """Return the month, counted from 1, of a day; days in the past count as the first month.

    :param days: shape (k,), days from today

    >>> months_ahead(np.array([-40, 0, 30, 31, 92])).tolist()
    [1, 1, 1, 2, 4]
    """
    return np.maximum(np.ceil(np.asarray(days) / DAYS_PER_MONTH), 1).astype(np.int64)


def discounted(worth: Floats, days: Ints, *, months: int, yearly_discount: float) -> Floats:
    """Return the present value of expected amounts; amounts beyond the horizon count 0.

    :param worth: shape (k,), money, weighted with its probability
    :param days: shape (k,), days from today until the money is expected
    :param months: the horizon
    :param yearly_discount: a share per year, > -1

    >>> discounted(np.array([121.0, 100.0]), np.array([725, 800]), months=24, yearly_discount=0.1).round(2).tolist()
    [100.0, 0.0]
    """
    month = months_ahead(days)
    return np.where(month <= months, worth * (1 + monthly_discount(yearly_discount)) ** -month.astype(float), 0.0)


def carried_forward(
    amount_12m: Floats, alive: float | Floats, *, retention: float, yearly_discount: float, months: int
) -> Floats:
    """Return the present value of the last 12 months carried forward, thinned by the retention rate.

    :param amount_12m: shape (n,), money of the last 12 months; less than 0 counts as 0
    :param alive: probability of being alive, 1 where it is unknown
    :param retention: share of the customers who stay for a year, 0 to 1
    :param yearly_discount: a share per year, > -1
    :param months: the horizon

    >>> carried_forward(np.array([120.0]), 0.5, retention=1.0, yearly_discount=0.0, months=36).tolist()
    [180.0]
    """
    return np.asarray(retention_clv(carry_forward(amount_12m) * alive, retention, yearly_discount, months=months))


def months_left(age_days: ArrayLike, months: int) -> Ints:
    """Return the number of whole months left of the first `months`, never less than 0.

    >>> months_left(np.array([0, 1, 91, 92, 400]), 12).tolist()
    [12, 11, 9, 8, 0]
    """
    return np.maximum(np.floor(months - np.asarray(age_days) / DAYS_PER_MONTH), 0).astype(np.int64)


def add_up(components: Columns, signs: Mapping[str, int], decimals: int) -> Floats:
    """Return the exact sum of rounded components, counted in the smallest unit of the currency.

    :param components: float columns of shape (n,); only those named in `signs` are added
    :param signs: name → 1 or -1

    >>> add_up({"a": np.array([0.1]), "b": np.array([0.2])}, {"a": 1, "b": -1}, 2).tolist()
    [-0.1]
    """
    units = sum(sign * np.rint(components[name] * 10.0**decimals) for name, sign in signs.items())
    return np.asarray(units / 10.0**decimals)
