"""The parts of a customer's value besides its purchases: pure numpy.

Each is an expectation over the company's horizon, discounted like the purchases: months of 30.44 days, what comes in
month i counts 1 / (1 + d)^i (lib/customer_base/fallback.py).
"""
import numpy as np

from .customer_base.fallback import DAYS_PER_MONTH, carry_forward, monthly_discount, retention_clv


def months_ahead(days):
    """Return the month, from 1 on, in which a day so many days ahead falls; the past falls in the first.

    >>> months_ahead(np.array([-40, 0, 30, 31, 92])).tolist()
    [1, 1, 1, 2, 4]
    """
    return np.maximum(np.ceil(np.asarray(days) / DAYS_PER_MONTH), 1).astype(np.int64)


def discounted(worth, days, *, months, yearly_discount):
    """Return what expected amounts are worth today; nothing beyond the horizon.

    :param worth: float array of shape (k,), money already weighted with its probability
    :param days: int array of shape (k,), days from today until it is expected
    :param int months: the horizon
    :param float yearly_discount: a share per year, > -1

    >>> discounted(np.array([121.0, 100.0]), np.array([725, 800]), months=24, yearly_discount=0.1).round(2).tolist()
    [100.0, 0.0]
    """
    month = months_ahead(days)
    return np.where(month <= months, worth * (1 + monthly_discount(yearly_discount)) ** -month.astype(float), 0.0)


def carried_forward(amount_12m, alive, *, retention, yearly_discount, months):
    """Return what is worth today that the last 12 months go on, thinned by the retention rate.

    :param amount_12m: float array of shape (n,), money of the last 12 months; less than 0 counts as 0
    :param alive: probability that the customer is still there, 1 where nothing is known

    >>> carried_forward(np.array([120.0]), 0.5, retention=1.0, yearly_discount=0.0, months=36).tolist()
    [180.0]
    """
    return retention_clv(carry_forward(amount_12m) * alive, retention, yearly_discount, months=months)


def months_left(age_days, months):
    """Return how many whole months are left of the first `months`, never less than 0.

    >>> months_left(np.array([0, 1, 91, 92, 400]), 12).tolist()
    [12, 11, 9, 8, 0]
    """
    return np.maximum(np.floor(months - np.asarray(age_days) / DAYS_PER_MONTH), 0).astype(np.int64)


def add_up(parts, signs, decimals):
    """Return the sum of parts that are rounded already, exactly: counted in the smallest unit.

    :param dict parts: name → float array of shape (n,)
    :param dict signs: name → 1 or -1

    >>> add_up({"a": np.array([0.1]), "b": np.array([0.2])}, {"a": 1, "b": -1}, 2).tolist()
    [-0.1]
    """
    units = sum(sign * np.rint(parts[name] * 10.0**decimals) for name, sign in signs.items())
    return units / 10.0**decimals
