"""How far a sum of forecasts can be off: pure arithmetic.

Each customer's own randomness averages out over many; what the forecast gets wrong for all of them together does not.
The first is the sum of the customers' variances (they buy independently of each other), the second is what the
forecast was off by, all together, when it was tried on the past: one draw of that error, taken as its standard
deviation. The two are independent of each other, so their variances add up.
"""
from math import sqrt

#: an interval of 80 % of a normal distribution reaches so many standard deviations to each side
Z_80 = 1.2815515655


def interval(total, variance, bias):
    """Return the interval that a sum of forecasts falls in with 80 % probability, never below 0.

    :param float total: the sum of the forecasts
    :param float variance: the sum of the customers' own variances
    :param float bias: what the forecast's total was off by in its backtest, as a share of the total

    >>> low, high = interval(1000.0, 100.0**2, 0.0)
    >>> round(low), round(high)
    (872, 1128)
    >>> interval(10.0, 100.0, 0.5)[0]
    0.0
    """
    reach = Z_80 * sqrt(max(variance, 0.0) + (bias * total) ** 2)
    return max(total - reach, 0.0), total + reach
