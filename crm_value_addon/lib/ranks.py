"""A customer's place among all customers, from a table small enough to store with the refresh that made it."""
import numpy as np

#: more customers than this are ranked by as many quantiles: a resolution of a tenth of a percent
TABLE_SIZE = 1001


def percentile_table(values):
    """Return the sorted values, or `TABLE_SIZE` of their quantiles where there are more.

    :param values: array of shape (n,)
    :return: array of shape (min(n, TABLE_SIZE),), ascending

    >>> percentile_table(np.array([30., 10., 20.])).tolist()
    [10.0, 20.0, 30.0]
    """
    values = np.sort(values)
    if len(values) <= TABLE_SIZE:
        return values
    return values[np.rint(np.linspace(0, len(values) - 1, TABLE_SIZE)).astype(int)]


def percentile(values, table):
    """Return the share of the customers in a table that are worth less, in percent: 100 the best, 0 the worst.

    The share is of the others, so that 1 % of 100 customers is one customer. Equal values share the lower place.

    :param values: array of shape (n,)
    :param table: what `percentile_table` returned; empty gives 0
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
