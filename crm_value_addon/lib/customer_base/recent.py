"""Forecasts that read the recent past alone: what a customer spent lately, and how often.

They know nothing of customers in general, so that they keep a customer's own trend where the purchase model pulls
everybody to the mean. None of them is good alone; `stack` weighs them beside the purchase model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._arrays import Floats, Ints

#: days in which a purchase loses half of its weight; with months, a smoothing constant of .16, within the usual .1-.3
HALF_LIFE = 120.0
_YEAR = 365
_RATE = np.log(2) / HALF_LIFE


@dataclass(frozen=True)
class Recent:
    """Three sums over a customer's purchases, one entry per customer.

    Attributes
    ----------
    year : numpy.ndarray
        Value of the last 365 days.
    faded_value, faded_count : numpy.ndarray
        Value and number of all purchases, each times 2^(-age / `HALF_LIFE`).
    """

    year: Floats
    faded_value: Floats
    faded_count: Floats

    def forecasts(self, days: float, worth: Floats) -> dict[str, Floats]:
        """Return the value expected in the next `days`, by method.

        ``last_12_months`` goes on as the last year. ``smoothed`` is simple exponential smoothing of the value, in
        continuous time. ``rate`` smooths how often the customer buys and multiplies it by the value of a purchase, as
        Teunter, Syntetos and Babai (2011), European Journal of Operational Research 214(3), 606-615, do for spare
        parts.

        Parameters
        ----------
        days : float
            >= 0.
        worth : numpy.ndarray
            Expected value of a future purchase.

        Examples
        --------
        >>> one = Recent(np.array([365.0]), np.array([173.0]), np.array([1.0]))
        >>> {name: each.round(1).tolist() for name, each in one.forecasts(30, np.array([150.0])).items()}
        {'last_12_months': [30.0], 'smoothed': [30.0], 'rate': [26.0]}
        """
        return {
            "last_12_months": self.year * (days / _YEAR),
            "smoothed": self.faded_value * (_RATE * days),
            "rate": self.faded_count * worth * (_RATE * days),
        }


def recent(row: Ints, day: Ints, value: Floats, size: int, as_of: int) -> Recent:
    """Sum the purchases up to a day.

    Parameters
    ----------
    row : numpy.ndarray of int, shape (n,)
        Position of each purchase's customer, 0..size - 1.
    day : numpy.ndarray of int, shape (n,)
        At most `as_of`.
    value : numpy.ndarray of float, shape (n,)
    size : int
    as_of : int

    Returns
    -------
    Recent

    Examples
    --------
    >>> sums = recent(np.array([0, 0]), np.array([0, 480]), np.array([80.0, 10.0]), 2, 600)
    >>> sums.year.tolist(), sums.faded_value.tolist(), sums.faded_count.tolist()
    ([10.0, 0.0], [7.5, 0.0], [0.53125, 0.0])
    """
    age = as_of - day
    # looked up, because a company has a few thousand ages and millions of purchases
    fade = np.exp2(-np.arange(int(age.max(initial=0)) + 1) / HALF_LIFE)[age]

    def total(weights: Floats) -> Floats:
        # numpy's types take the sums for counts
        return np.bincount(row, weights, minlength=size).astype(float, copy=False)

    return Recent(year=total(value * (age < _YEAR)), faded_value=total(value * fade), faded_count=total(fade))
