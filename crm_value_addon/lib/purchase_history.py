"""Purchase days to one row of observed figures per customer: pure numpy."""
import numpy as np

from .pg_copy import NO_DATE


def summarise(days, customers, *, as_of, windows):
    """Return the observed figures of each customer.

    :param dict days: arrays of shape (d,), one row per customer and purchase day: ``partner`` (ids), ``date`` (days
        since 1970), ``revenue``, ``margin``, ``refund``, ``purchase_revenue`` (money)
    :param customers: int array of shape (n,), sorted and unique, holding every ``partner``
    :param int as_of: today; a day after it counts in the totals only (they are the books), in no window
    :param dict windows: ``revenue_12m``, ``revenue_year``, ``revenue_previous_year`` → half-open (from, until) in days
    :return: dict of arrays of shape (n,), named as the fields of ``crm.value``

    >>> days = {"partner": np.array([7, 7]), "date": np.array([10, 20]), "revenue": np.array([5., -2.]),
    ...         "margin": np.array([1., -1.]), "refund": np.array([0., 2.]), "purchase_revenue": np.array([3., 0.])}
    >>> windows = dict.fromkeys(["revenue_12m", "revenue_year", "revenue_previous_year"], (0, 20))
    >>> figures = summarise(days, np.array([7, 9]), as_of=30, windows=windows)
    >>> figures["revenue_total"], figures["revenue_12m"], figures["purchase_count"]
    (array([3., 0.]), array([5., 0.]), array([1, 0]))
    """
    count = len(customers)
    index = np.searchsorted(customers, days["partner"])
    date = days["date"]

    def total(name, where=None):
        chosen = slice(None) if where is None else where
        return np.bincount(index[chosen], weights=days[name][chosen], minlength=count)

    within = {name: (date >= start) & (date < until) for name, (start, until) in windows.items()}
    bought = (days["purchase_revenue"] > 0) & (date <= as_of)
    purchases = np.bincount(index[bought], minlength=count)
    first = np.full(count, np.iinfo(np.int32).max, np.int32)
    last = np.full(count, NO_DATE, np.int32)
    np.minimum.at(first, index[bought], date[bought])
    np.maximum.at(last, index[bought], date[bought])
    previous = np.full(count, NO_DATE, np.int32)
    earlier = bought & (date < last[index])
    np.maximum.at(previous, index[earlier], date[earlier])
    return {
        "first_purchase_date": np.where(purchases > 0, first, NO_DATE),
        "last_purchase_date": last,
        "previous_purchase_date": previous,
        "purchase_count": purchases,
        "frequency": np.maximum(purchases - 1, 0),
        "revenue_total": total("revenue"),
        **{name: total("revenue", where) for name, where in within.items()},
        "margin_total": total("margin"),
        "margin_12m": total("margin", within["revenue_12m"]),
        "refund_total": total("refund"),
        "monetary_value": total("purchase_revenue", bought) / np.maximum(purchases, 1),
    }
