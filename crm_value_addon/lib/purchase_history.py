"""From purchase days to the observed figures of each customer: pure numpy."""

from collections.abc import Callable, Mapping
from typing import overload

import numpy as np

from .columns import Bools, Columns, Floats, Ints
from .customer_base.history import log_gaps
from .customer_base.recent import recent
from .postgres.binary_copy import NO_DATE

#: decimals of a sum of money: enough for any currency, and few enough to make 0.3 - 0.2 - 0.1 equal 0
_MONEY_DIGITS = 6
#: ids are searched, not looked up in a table of their span, if the span is more than this many times their number
_SPARSE = 16
#: a day is a purchase if the amount bought, less the amount given back, is more than this
_NO_PURCHASE = 0
#: the columns of documents that a purchase day sums
_SUMMED = ("revenue", "margin", "refund", "purchase_revenue")
#: purchase days of no customer (see `purchase_days`)
NO_DAYS: Columns = {"partner": np.zeros(0, np.int32), "date": np.zeros(0, np.int32), "unfrozen": np.zeros(0, np.int64)}
NO_DAYS |= dict.fromkeys([*_SUMMED, "qualifying"], np.zeros(0))


@overload
def is_purchase(amount: float) -> bool: ...
@overload
def is_purchase(amount: Floats) -> Bools: ...
def is_purchase(amount: float | Floats) -> bool | Bools:
    """Tell whether a day is a purchase: more was bought on it than given back.

    :param amount: the money bought, less the money given back

    >>> is_purchase(0.0), is_purchase(np.array([-1.0, 0.01])).tolist()
    (False, [False, True])
    """
    return amount > _NO_PURCHASE


def is_purchase_sql(amount: str) -> str:
    """Return the rule of `is_purchase` as an SQL condition.

    :param amount: SQL expression of the amount

    >>> is_purchase_sql("sum(bought)")
    'sum(bought) > 0'
    """
    return f"{amount} > {_NO_PURCHASE}"


class FrozenDocuments:
    """The frozen figures of documents, to be looked up by the document's id.

    :param frozen: columns of shape (f,), in any order: ``id``, ``margin``, ``purchase_revenue`` (NaN for the revenue;
        below 0, so much was given back)
    :param corrections: ids of the documents that are neither a purchase nor given back on their own day
    :param stale: ids of the documents to be frozen again
    :param origins: columns of shape (r,): the ``amount`` of the document ``note`` that counts for the customer of the
        document ``counted`` on the day of the document ``origin``, and what that changes of its ``refund``

    >>> frozen = FrozenDocuments(
    ...     {"id": np.array([9, 4]), "margin": np.array([-1., 3.]), "purchase_revenue": np.array([-2., 9.])},
    ...     np.array([9]), np.array([], int),
    ...     dict.fromkeys(["note", "counted", "origin", "amount", "refund"], np.array([], int)))
    >>> frozen.find(np.array([4, 5, 9, 99]))
    array([ 1, -1,  0, -1], dtype=int32)
    """

    def __init__(self, frozen: Columns, corrections: Ints, stale: Ints, origins: Columns) -> None:
        self.margin, self.purchase_revenue = frozen["margin"], frozen["purchase_revenue"]
        self._place_of = _places(frozen["id"])
        self.purchase_revenue[self.find(corrections)] = 0
        self._stale = stale
        self._origins = origins

    def find(self, ids: Ints) -> Ints:
        """Return the position of each document among the frozen ones, -1 if it is not frozen."""
        return self._place_of(ids)

    def join(self, moves: Columns) -> Columns:
        """Return the documents that `purchase_days` sums: invoices with their frozen figures.

        :param moves: columns of shape (n,), one row per posted customer document: ``id``, ``partner``, ``date``,
            ``revenue``
        :return: columns of shape (n,)

        >>> none = np.array([], int)
        >>> frozen = FrozenDocuments(
        ...     {"id": np.array([5, 4]), "margin": np.array([-1., 3.]), "purchase_revenue": np.array([-2., np.nan])},
        ...     none, none, dict.fromkeys(["note", "counted", "origin", "amount", "refund"], none))
        >>> moves = {"id": [4, 5, 6], "partner": [7, 7, 8], "date": [10, 30, 40], "revenue": [9., -2., 1.]}
        >>> rows = frozen.join({name: np.array(column) for name, column in moves.items()})
        >>> rows["purchase_revenue"], rows["refund"], rows["margin"], rows["is_frozen"]
        (array([9., 0., 1.]), array([0., 2., 0.]), array([ 3., -1.,  0.]), array([ True,  True, False]))
        """
        revenue, place = moves["revenue"], self.find(moves["id"])
        is_frozen = place >= 0
        if is_frozen.all():
            margin, bought = self.margin[place], self.purchase_revenue[place]
        else:
            margin, bought = np.zeros(len(place)), np.full(len(place), np.nan)
            margin[is_frozen] = self.margin[place[is_frozen]]
            bought[is_frozen] = self.purchase_revenue[place[is_frozen]]
        if len(self._stale):
            is_frozen &= ~np.isin(moves["id"], self._stale)
        bought = np.where(np.isnan(bought), revenue, bought)
        return {
            "partner": moves["partner"],
            "date": moves["date"],
            "revenue": revenue,
            "margin": margin,
            "refund": np.maximum(-bought, 0) + 0.0,  # no -0.0
            "purchase_revenue": np.maximum(bought, 0),
            "is_frozen": is_frozen,
        }

    def corrections(self, moves: Columns, dates_of: Callable[[Ints], Ints]) -> Columns:
        """Return what later documents add to, or take back from, the purchases of some documents' customers.

        :param moves: see `join`; all documents of their customers
        :param dates_of: function that takes the ids of documents of other customers and returns their dates, `NO_DATE`
            for documents that do not count
        :return: corrections for `purchase_days`

        >>> none = np.array([], int)
        >>> frozen = FrozenDocuments(
        ...     {"id": np.array([5, 6]), "margin": np.zeros(2), "purchase_revenue": np.array([-2., -3.])}, none, none,
        ...     {"note": np.array([6, 5, 9]), "counted": np.array([4, 4, 99]), "origin": np.array([98, 4, 99]),
        ...      "amount": np.array([-3., -2., -1.]), "refund": np.zeros(3)})
        >>> moves = {"id": np.array([4, 5, 6]), "partner": np.array([7, 7, 7]), "date": np.array([10, 30, 40])}
        >>> rows = frozen.corrections(moves, lambda ids: np.array([20]))
        >>> rows["date"], rows["purchase_revenue"]
        (array([20, 10], dtype=int32), array([-3., -2.]))
        """
        order = np.argsort(moves["id"])
        row, is_own = _rows_of(moves["id"], order, self._origins["counted"])
        links = {name: column[is_own] for name, column in self._origins.items()}
        row = row[is_own]

        def date_of(ids: Ints) -> Ints:
            place, here = _rows_of(moves["id"], order, ids)
            date = moves["date"][place].astype(np.int32) if len(order) else np.zeros(len(ids), np.int32)
            if not here.all():
                date[~here] = dates_of(ids[~here])
            return date

        date = date_of(links["origin"])
        counts = (date != NO_DATE) & (date_of(links["note"]) != NO_DATE)
        nothing = np.zeros(int(counts.sum()))
        return {
            "partner": moves["partner"][row][counts],
            "date": date[counts],
            "revenue": nothing,
            "margin": nothing,
            "refund": links["refund"][counts],
            "purchase_revenue": links["amount"][counts],
        }


def _rows_of(known: Ints, order: Ints, ids: Ints) -> tuple[Ints, Bools]:
    """Return the position of each id among known ones, and whether it is there.

    :param order: what sorts the known ids

    >>> _rows_of(np.array([8, 3]), np.array([1, 0]), np.array([3, 5, 9]))[1]
    array([ True, False, False])
    """
    if not len(known):
        return np.zeros(len(ids), np.int64), np.zeros(len(ids), bool)
    row = order[np.minimum(np.searchsorted(known, ids, sorter=order), len(order) - 1)]
    return row, known[row] == ids


def _places(known: Ints) -> Callable[[Ints], Ints]:
    """Return a function from ids to their positions among the known ids, -1 for other ids.

    >>> _places(np.array([], int))(np.array([4])), _places(np.array([8, 10**9]))(np.array([10**9, 7]))
    (array([-1], dtype=int32), array([ 1, -1], dtype=int32))
    """
    lowest = int(known.min(initial=np.iinfo(np.int32).max))
    span = max(int(known.max(initial=-1)) + 1 - lowest, 0)
    if span > _SPARSE * len(known):
        order = np.argsort(known).astype(np.int32)
        ordered = known[order]

        def search(ids: Ints) -> Ints:
            rank = np.minimum(np.searchsorted(ordered, ids), len(order) - 1)
            return np.where(ordered[rank] == ids, order[rank], np.int32(-1))

        return search
    # a table over the span of the ids, because a search in the sorted ids takes ten times as long
    table = np.full(max(span, 1), -1, np.int32)
    table[known - lowest] = np.arange(len(known), dtype=np.int32)

    def look_up(ids: Ints) -> Ints:
        place = ids - lowest
        inside = (place >= 0) & (place < len(table))
        return table[place] if inside.all() else np.where(inside, table[np.where(inside, place, 0)], np.int32(-1))

    return look_up


def purchase_days(documents: Columns, corrections: Columns | None = None) -> Columns:
    """Return one row per customer and day, sorted by both, like the view crm_value_purchase in SQL.

    :param documents: columns of shape (m,): ``partner`` (ids), ``date`` (days since 1970), ``revenue``, ``margin``,
        ``refund``, ``purchase_revenue`` (money), ``is_frozen``
    :param corrections: rows with the same columns that only correct the days of documents; other days are left out
    :return: columns of shape (d,): the first six, ``qualifying`` (bought less given back, by the documents of the
        day) and ``unfrozen`` (number of documents)

    >>> rows = {"partner": [7, 7], "date": [10, 10], "revenue": [3., -1.], "margin": [1., 0.], "refund": [0., 1.],
    ...         "purchase_revenue": [3., 0.], "is_frozen": [True, False]}
    >>> more = {"partner": [7, 9], "date": [10, 5], "revenue": [0., 0.], "margin": [0., 0.], "refund": [0., 0.],
    ...         "purchase_revenue": [-1., -2.]}
    >>> days = purchase_days(*({name: np.array(values) for name, values in each.items()} for each in (rows, more)))
    >>> days["partner"], days["revenue"], days["purchase_revenue"], days["unfrozen"]
    (array([7]), array([2.]), array([2.]), array([1]))
    """
    partner, date = documents["partner"], documents["date"]
    key = _day_key(partner, date)
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        documents = {name: column[order] for name, column in documents.items()}
        partner, date, key = documents["partner"], documents["date"], key[order]
    if not len(key):
        return dict(NO_DAYS)
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    days = {"partner": partner[first], "date": date[first]}
    days |= {name: np.add.reduceat(documents[name], first) for name in _SUMMED}
    days["unfrozen"] = np.add.reduceat(~documents["is_frozen"], first, dtype=np.int64)
    # on its own day, whatever it takes back from: that is what a year's turnover is for tiers
    days["qualifying"] = days["purchase_revenue"] - days["refund"]
    if corrections is not None and len(corrections["partner"]):
        _correct(days, key[first], corrections)
    days["purchase_revenue"] = np.round(days["purchase_revenue"], _MONEY_DIGITS)
    return days


def _day_key(partner: Ints, date: Ints) -> Ints:
    return (partner.astype(np.int64) << 32) + date


def _correct(days: Columns, keys: Ints, corrections: Columns) -> None:
    key = _day_key(corrections["partner"], corrections["date"])
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    known = keys[place] == key
    for name in _SUMMED:
        np.add.at(days[name], place[known], corrections[name][known])


def summarise(days: Columns, customers: Ints, *, as_of: int, windows: Mapping[str, tuple[int, int]]) -> Columns:
    """Return the observed figures of each customer.

    :param days: columns of shape (d,), one row per customer and purchase day: ``partner`` (ids), ``date`` (days since
        1970), ``revenue``, ``margin``, ``refund``, ``purchase_revenue``, ``qualifying`` (money)
    :param customers: ids of shape (n,), sorted and unique, including every ``partner``
    :param as_of: today; later days count in the totals, which follow the books, but in no window
    :param windows: ``revenue_12m``, ``revenue_year``, ``revenue_previous_year`` → half-open (from, until) in days
    :return: columns of shape (n,), named like the fields of ``crm.value``, and what only a prediction reads:
        ``recent_value``, ``faded_value``, ``faded_count`` (`customer_base.recent`) and ``log_gaps``

    >>> days = {"partner": np.array([7, 7]), "date": np.array([10, 20]), "revenue": np.array([5., -2.]),
    ...         "margin": np.array([1., -1.]), "refund": np.array([0., 2.]), "purchase_revenue": np.array([3., 0.]),
    ...         "qualifying": np.array([5., -2.])}
    >>> windows = dict.fromkeys(["revenue_12m", "revenue_year", "revenue_previous_year"], (0, 20))
    >>> figures = summarise(days, np.array([7, 9]), as_of=30, windows=windows)
    >>> figures["revenue_total"], figures["revenue_12m"], figures["purchase_count"]
    (array([3., 0.]), array([5., 0.]), array([1, 0]))
    """
    count = len(customers)
    index = np.searchsorted(customers, days["partner"])
    date = days["date"]

    def total(name: str, where: Bools | slice = slice(None)) -> Floats:
        # numpy's types take the sums for counts
        return np.bincount(index[where], weights=days[name][where], minlength=count).astype(float, copy=False)

    within = {name: (date >= start) & (date < until) for name, (start, until) in windows.items()}
    bought = is_purchase(days["purchase_revenue"]) & (date <= as_of)
    purchases = np.bincount(index[bought], minlength=count)
    first = np.full(count, np.iinfo(np.int32).max, np.int32)
    last = np.full(count, NO_DATE, np.int32)
    np.minimum.at(first, index[bought], date[bought])
    np.maximum.at(last, index[bought], date[bought])
    previous = np.full(count, NO_DATE, np.int32)
    earlier = bought & (date < last[index])
    np.maximum.at(previous, index[earlier], date[earlier])
    first = np.where(purchases > 0, first, NO_DATE)
    lately = recent(index[bought], date[bought], days["purchase_revenue"][bought], count, as_of)
    return {
        "first_purchase_date": first,
        "last_purchase_date": last,
        "previous_purchase_date": previous,
        "purchase_quarters": quarter_bits(index[bought], date[bought], first),
        "purchase_count": purchases,
        "frequency": np.maximum(purchases - 1, 0),
        "revenue_total": total("revenue"),
        **{name: total("revenue", where) for name, where in within.items()},
        "qualifying_total": total("qualifying"),
        "qualifying_12m": total("qualifying", within["revenue_12m"]),
        "qualifying_year": total("qualifying", within["revenue_year"]),
        "margin_total": total("margin"),
        "margin_12m": total("margin", within["revenue_12m"]),
        "refund_total": total("refund"),
        "monetary_value": total("purchase_revenue", bought) / np.maximum(purchases, 1),
        "recent_value": lately.year,
        "faded_value": lately.faded_value,
        "faded_count": lately.faded_count,
        "log_gaps": log_gaps(index[bought], date[bought], count),
    }


def quarter_bits(index: Ints, date: Ints, first: Ints) -> Ints:
    """Return the calendar quarters with a purchase of each customer: bit k is the k-th quarter after the first one's.

    Quarters from the 31st on have no bit, because an int32 holds seven years and nine months.

    :param index: shape (d,), the position of each purchase's customer, ascending
    :param date: shape (d,), days since 1970
    :param first: shape (n,), the day of each customer's first purchase

    >>> day = np.array(["2024-03-31", "2024-04-01", "2024-12-31"], "datetime64[D]").astype(int)
    >>> [bin(bits) for bits in quarter_bits(np.array([1, 1, 1]), day, np.array([0, day[0]]))]
    ['0b0', '0b1011']
    """
    bits = np.zeros(len(first), np.int32)
    if not len(index):
        return bits
    # the quarter of a day is looked up, because computing it a million times takes a hundred times as long
    lowest = int(date.min())
    days = np.arange(lowest, int(date.max()) + 1).astype("datetime64[D]")
    quarter = days.astype("datetime64[M]").astype(np.int32) // 3
    age = quarter[date - lowest] - quarter[first[index] - lowest]
    marks = np.where(age < 31, np.left_shift(1, np.minimum(age, 30)), 0).astype(np.int32)
    start = np.flatnonzero(np.diff(index, prepend=-1))
    bits[index[start]] = np.bitwise_or.reduceat(marks, start)
    return bits
