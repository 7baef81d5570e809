"""A customer's rank among all customers, from a table small enough to be stored with each refresh."""

import numpy as np

from .columns import Floats

#: the most entries of a table; as many quantiles stand for more customers, with a resolution of a tenth of a percent
TABLE_SIZE = 1001


def percentile_table(values: Floats) -> Floats:
    """Return the sorted values, or `TABLE_SIZE` of their quantiles if there are more values.

    :param values: array of shape (n,)
    :return: array of shape (min(n, TABLE_SIZE),), ascending

    >>> percentile_table(np.array([30., 10., 20.])).tolist()
    [10.0, 20.0, 30.0]
    """
    values = np.sort(values)
    if len(values) <= TABLE_SIZE:
        return values
    return values[np.rint(np.linspace(0, len(values) - 1, TABLE_SIZE)).astype(int)]


def percentile(values: Floats, table: Floats) -> Floats:
    """Return the percentage of the other customers that have a lower value: 100 is best, 0 is worst.

    Because only the others count, the best 1 % of 100 customers are one customer. Equal values share the lower rank.

    :param values: array of shape (n,)
    :param table: the result of `percentile_table`; all ranks are 0 if it is empty
    :return: array of shape (n,), 0 to 100

    >>> percentile(np.array([30., 10., 20., 15.]), np.array([10., 20., 30.])).tolist()
    [100.0, 0.0, 50.0, 50.0]
    >>> percentile(np.array([7.]), np.array([7.])).tolist()
    [100.0]
    """
    if not len(table):
        return np.zeros(len(values))
    if len(table) == 1:
        return np.where(values >= table[0], 100.0, 0.0)
    below = np.searchsorted(table, values, side="left")
    return np.round(100.0 * np.minimum(below, len(table) - 1) / (len(table) - 1), 4)
