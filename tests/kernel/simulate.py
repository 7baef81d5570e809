"""Customer bases drawn from the models themselves: what the estimates are held against."""

from dataclasses import dataclass

import numpy as np

MONTH = 30.44


@dataclass
class Base:
    """Customers with their past (what a fit may see) and, where asked for, what they were worth afterwards.

    Attributes
    ----------
    x, t_x, T, n, mean : numpy.ndarray, shape (k,)
        As the kernel takes them; days.
    future : numpy.ndarray, shape (k,)
        Contribution of the coming months, each discounted at its end.
    purchases : numpy.ndarray, shape (k,)
        Purchases in these months.
    """

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    n: np.ndarray
    mean: np.ndarray
    future: np.ndarray
    purchases: np.ndarray

    @property
    def times(self):
        """The arguments of a purchase model."""
        return self.x, self.t_x, self.T

    @property
    def spend(self):
        """The arguments of the spend model."""
        return self.n, self.mean


def simulate(
    size,
    seed=1,
    *,
    r=0.55,
    alpha=40.0,
    a=0.8,
    b=2.2,
    p=6.25,
    q=3.74,
    v=15.44,
    longest=730,
    modified=True,
    months=0,
    yearly_discount=0.10,
    whole_days=True,
):
    """Draw a base of `size` customers acquired evenly over the last `longest` days."""
    draw = np.random.default_rng(seed)
    T = draw.integers(1, longest + 1, size).astype(float)
    rate = draw.gamma(r, 1 / alpha, size)
    leave = draw.beta(a, b, size)
    x, last, future, purchases = np.zeros((4, size))
    value_rate = draw.gamma(q, 1 / v, size)
    now = np.zeros(size)
    who = np.flatnonzero(draw.random(size) >= leave) if modified else np.arange(size)
    while who.size:
        now[who] += draw.exponential(1 / rate[who])
        who = who[now[who] <= T[who] + months * MONTH]
        past = who[now[who] <= T[who]]
        x[past] += 1
        last[past] = now[past]
        coming = who[now[who] > T[who]]
        purchases[coming] += 1
        month = np.ceil((now[coming] - T[coming]) / MONTH)
        future[coming] += draw.gamma(p, 1 / value_rate[coming]) * (1 + yearly_discount) ** (-month / 12)
        who = who[draw.random(who.size) >= leave[who]]
    n = x + 1
    mean = draw.gamma(p * n, 1 / (value_rate * n))
    last = np.floor(last) if whole_days else last
    return Base(x, last, T, n, mean, future, purchases)
