"""Purchase days to one row of observed figures per customer: pure numpy."""
import numpy as np

from .pg_copy import NO_DATE


def summarise(days, customers, *, as_of, year_ago, year_start, previous_year_start):
    """Return the observed figures of each customer.

    :param dict days: arrays of shape (d,), one row per customer and purchase day: ``partner`` (ids), ``date`` (days
        since 1970), ``revenue``, ``margin``, ``refund``, ``purchase_revenue`` (money)
    :param customers: int array of shape (n,), sorted and unique, holding every ``partner``
    :param int as_of: today; a day after it counts in the totals only (they are the books), in no window
    :param int year_ago: the windows of 12 months are ``year_ago < date <= as_of``
    :param int year_start: 1 January of this year; ``previous_year_start``: of the year before
    :return: dict of arrays of shape (n,), named as the fields of ``crm.value``

    >>> days = {"partner": np.array([7, 7]), "date": np.array([10, 20]), "revenue": np.array([5., -2.]),
    ...         "margin": np.array([1., -1.]), "refund": np.array([0., 2.]), "purchase_revenue": np.array([3., 0.])}
    >>> figures = summarise(days, np.array([7, 9]), as_of=30, year_ago=-335, year_start=0, previous_year_start=-365)
    >>> figures["revenue_total"], figures["purchase_count"], figures["monetary_value"]
    (array([3., 0.]), array([1, 0]), array([3., 0.]))
    """
    count = len(customers)
    index = np.searchsorted(customers, days["partner"])
    date, revenue, margin = days["date"], days["revenue"], days["margin"]

    def total(values, where=None):
        chosen = slice(None) if where is None else where
        return np.bincount(index[chosen], weights=values[chosen], minlength=count)

    last_12m = (date > year_ago) & (date <= as_of)
    bought = (days["purchase_revenue"] > 0) & (date <= as_of)
    purchases = np.bincount(index[bought], minlength=count)
    first = np.full(count, np.iinfo(np.int32).max, np.int32)
    last = np.full(count, NO_DATE, np.int32)
    np.minimum.at(first, index[bought], date[bought])
    np.maximum.at(last, index[bought], date[bought])
    return {
        "first_purchase_date": np.where(purchases > 0, first, NO_DATE),
        "last_purchase_date": last,
        "purchase_count": purchases,
        "frequency": np.maximum(purchases - 1, 0),
        "revenue_total": total(revenue),
        "revenue_12m": total(revenue, last_12m),
        "revenue_year": total(revenue, (date >= year_start) & (date <= as_of)),
        "revenue_previous_year": total(revenue, (date >= previous_year_start) & (date < year_start)),
        "margin_total": total(margin),
        "margin_12m": total(margin, last_12m),
        "refund_total": total(days["refund"]),
        "monetary_value": total(days["purchase_revenue"], bought) / np.maximum(purchases, 1),
    }
