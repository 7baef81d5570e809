"""Purchase days to one row of observed figures per customer: pure numpy."""
import numpy as np

from .pg_copy import NO_DATE

#: digits after the point that a sum of money keeps: enough for any currency, and 0.3 - 0.2 - 0.1 is nothing
_MONEY_DIGITS = 6
#: what a purchase day sums of its documents
_SUMMED = ("revenue", "margin", "refund", "purchase_revenue")


def join_documents(moves, frozen, *, down_payment):
    """Return the rows that `purchase_days` sums, from invoices and what is frozen of them.

    :param dict moves: arrays of shape (n,), one row per posted customer document: ``id``, ``partner``, ``date``,
        ``revenue``, ``is_refund``
    :param dict frozen: arrays of shape (f,), in any order, also of documents that are not among the moves: ``id``,
        ``margin``, ``purchase_revenue`` (NaN: the revenue), ``origin`` (id of the document that it reverses, 0 for
        none, `down_payment` for a down payment)
    :return: dict of arrays of shape (n + r,): the documents, less what was given back of them, and the r credit notes
        a second time that reverse another customer's invoice, on its day

    >>> moves = {"id": [4, 5], "partner": [7, 7], "date": [10, 30], "revenue": [9., -2.], "is_refund": [False, True]}
    >>> frozen = {"id": [5, 4], "margin": [-1., 3.], "purchase_revenue": [-2., 9.], "origin": [4, 0]}
    >>> rows = join_documents({name: np.array(column) for name, column in moves.items()},
    ...                       {name: np.array(column) for name, column in frozen.items()}, down_payment=-1)
    >>> rows["date"], rows["purchase_revenue"], rows["margin"]
    (array([10, 30]), array([7., 0.]), array([ 3., -1.]))
    """
    count = len(moves["id"])
    highest = max(column.max(initial=0) for column in (moves["id"], frozen["id"], frozen["origin"]))
    place = np.full(highest + 1, -1, np.int32)
    place[moves["id"]] = np.arange(count, dtype=np.int32)
    ours = place[frozen["id"]] >= 0
    frozen = {name: column if ours.all() else column[ours] for name, column in frozen.items()}
    row, bought, origin = place[frozen["id"]], frozen["purchase_revenue"], frozen["origin"]
    revenue, is_refund = moves["revenue"], moves["is_refund"]
    is_frozen = np.zeros(count, bool)
    is_frozen[row] = True
    margin = np.zeros(count)
    margin[row] = frozen["margin"]
    purchase_revenue = revenue.copy()
    purchase_revenue[row] = np.where(np.isnan(bought), revenue[row], bought)
    purchase_revenue[row[origin == down_payment]] = 0
    purchase_revenue[is_refund] = 0

    documents = {
        "partner": moves["partner"], "date": moves["date"], "revenue": revenue, "margin": margin,
        "refund": np.where(is_refund, -revenue, 0.0), "purchase_revenue": purchase_revenue,
        "is_document": np.ones(count, bool), "is_frozen": is_frozen,
    }

    # credit notes a second time: in the row of the invoice that they reverse, unless that is another customer's
    reverses = (origin > 0) & is_refund[row]
    reverses[reverses] = place[origin[reverses]] >= 0
    note, invoice, given_back = row[reverses], place[origin[reverses]], np.nan_to_num(bought[reverses])
    is_same = moves["partner"][note] == moves["partner"][invoice]
    np.add.at(purchase_revenue, invoice[is_same], given_back[is_same])
    if is_same.all():
        return documents
    elsewhere = {
        "partner": moves["partner"][note], "date": moves["date"][invoice], "purchase_revenue": given_back,
        "is_frozen": np.ones(len(note), bool)}
    return {
        name: np.concatenate([column, elsewhere.get(name, np.zeros(len(note), column.dtype))[~is_same]])
        for name, column in documents.items()}


def purchase_days(documents):
    """Return one row per customer and day, sorted by both: what the view crm_value_purchase does in SQL.

    :param dict documents: arrays of shape (m,): ``partner`` (ids), ``date`` (days since 1970), ``revenue``,
        ``margin``, ``refund``, ``purchase_revenue`` (money), ``is_document`` (False on rows that only correct
        another row's day; a day without a document is none), ``is_frozen``
    :return: dict of arrays of shape (d,): the first six, and ``unfrozen`` (number of documents)

    >>> rows = {"partner": [7, 7, 9], "date": [10, 10, 5], "revenue": [3., -1., 0.], "margin": [1., 0., 0.],
    ...         "refund": [0., 1., 0.], "purchase_revenue": [3., 0., -2.], "is_document": [True, True, False],
    ...         "is_frozen": [True, False, True]}
    >>> days = purchase_days({name: np.array(column) for name, column in rows.items()})
    >>> days["partner"], days["revenue"], days["unfrozen"]
    (array([7]), array([2.]), array([1]))
    """
    partner, date = documents["partner"], documents["date"]
    key = (partner.astype(np.int64) << 32) + date
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        documents = {name: column[order] for name, column in documents.items()}
        partner, date, key = documents["partner"], documents["date"], key[order]
    if not len(key):
        return {name: documents[name] for name in ("partner", "date", *_SUMMED)} | {"unfrozen": np.zeros(0, np.int64)}
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    is_day = np.logical_or.reduceat(documents["is_document"], first)
    days = {"partner": partner[first], "date": date[first]}
    days |= {name: np.add.reduceat(documents[name], first) for name in _SUMMED}
    days["purchase_revenue"] = np.round(days["purchase_revenue"], _MONEY_DIGITS)
    days["unfrozen"] = np.add.reduceat(~documents["is_frozen"], first, dtype=np.int64)
    return days if is_day.all() else {name: column[is_day] for name, column in days.items()}


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
    first = np.where(purchases > 0, first, NO_DATE)
    return {
        "first_purchase_date": first,
        "last_purchase_date": last,
        "previous_purchase_date": previous,
        "purchase_quarters": quarter_bits(index[bought], date[bought], first),
        "purchase_count": purchases,
        "frequency": np.maximum(purchases - 1, 0),
        "revenue_total": total("revenue"),
        **{name: total("revenue", where) for name, where in within.items()},
        "margin_total": total("margin"),
        "margin_12m": total("margin", within["revenue_12m"]),
        "refund_total": total("refund"),
        "monetary_value": total("purchase_revenue", bought) / np.maximum(purchases, 1),
    }


def quarter_bits(index, date, first):
    """Return in which calendar quarters of its life each customer bought: bit k for the k-th after that of its first.

    Quarters from the 31st on have no bit: an int32 holds seven years and nine months.

    :param index: int array of shape (d,), the customer of each purchase, ascending
    :param date: int array of shape (d,), days since 1970
    :param first: int array of shape (n,), the first of these days of each customer

    >>> day = np.array(["2024-03-31", "2024-04-01", "2024-12-31"], "datetime64[D]").astype(int)
    >>> [bin(bits) for bits in quarter_bits(np.array([1, 1, 1]), day, np.array([0, day[0]]))]
    ['0b0', '0b1011']
    """
    bits = np.zeros(len(first), np.int32)
    if not len(index):
        return bits
    # a day's quarter is looked up: computing it a million times takes a hundred times as long
    lowest = int(date.min())
    days = np.arange(lowest, int(date.max()) + 1).astype("datetime64[D]")
    quarter = days.astype("datetime64[M]").astype(np.int32) // 3
    age = quarter[date - lowest] - quarter[first[index] - lowest]
    marks = np.where(age < 31, np.left_shift(1, np.minimum(age, 30)), 0).astype(np.int32)
    start = np.flatnonzero(np.diff(index, prepend=-1))
    bits[index[start]] = np.bitwise_or.reduceat(marks, start)
    return bits
