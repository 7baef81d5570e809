"""Interval of a sum of forecasts: pure arithmetic.

The error of a sum has two sources. The customers' own randomness averages out over many customers: its variance is the
sum of their variances, because customers buy independently. A bias of the forecast concerns all customers alike and
does not average out: the error of the total in the backtest is one draw of it, and is taken as its standard deviation.
The sources are independent, so that their variances add up.
"""

from math import sqrt

#: standard deviations to each side that hold 80 % of a normal distribution
Z_80 = 1.2815515655


def interval(total: float, variance: float, bias: float) -> tuple[float, float]:
    """Return the interval that contains the actual total with 80 % probability; never below 0.

    :param total: the sum of the forecasts
    :param variance: the sum of the customers' own variances
    :param bias: the error of the total in the backtest, as a share of the total

    >>> low, high = interval(1000.0, 100.0**2, 0.0)
    >>> round(low), round(high)
    (872, 1128)
    >>> interval(10.0, 100.0, 0.5)[0]
    0.0
    """
    reach = Z_80 * sqrt(max(variance, 0.0) + (bias * total) ** 2)
    return max(total - reach, 0.0), total + reach
