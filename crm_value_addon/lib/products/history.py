"""The history of a customer with a category, or a product: when, how much, in which rhythm, and where it stands."""

from dataclasses import dataclass

import numpy as np

from ..columns import AnyArray, Columns, Floats, Ints

#: where a customer stands with an item, in the order of their codes (from 1)
STATES = ("new", "regular", "due", "slipping", "lost", "back")
#: nothing slips within so many days, however short the rhythm: two visits in a week are no rhythm of three days
LEAST_DAYS = 30
#: an item bought once is new for so many days, and lost after a year
NEW_DAYS = 90
ONCE_DAYS = 365
#: amounts below this are rounding
_CENT = 0.005
#: more than the days since 1970 that a date of today has: pair and day in one number
_DAYS = 100_000


@dataclass(frozen=True)
class Calendar:
    """The days that figures are told from, in days since 1970; the windows are half-open."""

    today: int
    last_12m: tuple[int, int]
    previous_12m: tuple[int, int]
    #: after so many of the usual intervals without a purchase an item is slipping, and lost
    slipping_factor: float = 1.5
    lost_factor: float = 3.0


def histories(lines: Columns, calendar: Calendar) -> Columns:
    """Return one row for each customer and item that was ever bought and not wholly given back.

    A day counts if what was bought on it is more than what was given back of it later. Revenue and margin fall on the
    day of their own document.

    :param lines: columns of shape (n,): ``partner``, ``item`` (ints), ``day`` (of the document), ``bought_on`` (the
        day that it adds to or takes from, below 0 for none; what was given back without a known sale has its own day,
        and is taken from the latest purchase before), ``quantity``, ``revenue``, ``margin``
    :return: columns sorted by partner and item: ``partner``, ``item``, ``first_day``, ``last_day``, ``count`` (days),
        ``quantity_12m``, ``revenue_12m``, ``revenue_previous_12m``, ``margin_12m``, ``margin_previous_12m``,
        ``at_stake``, ``usual_days`` (0 without a rhythm), ``expected_day`` (0 without one), ``state``

    >>> lines = {"partner": np.array([7, 7, 7]), "item": np.array([1, 1, 1]), "day": np.array([100, 200, 300]),
    ...          "bought_on": np.array([100, 200, 300]), "quantity": np.ones(3),
    ...          "revenue": np.array([10.0, 10.0, 30.0]), "margin": np.array([4.0, 4.0, 12.0])}
    >>> row = histories(lines, Calendar(700, (336, 701), (-30, 336)))
    >>> row["usual_days"].tolist(), STATES[row["state"][0] - 1], row["at_stake"].tolist()
    ([100], 'lost', [50.0])
    """
    partner, item = lines["partner"].astype(np.int64), lines["item"].astype(np.int64)
    items, item_place = np.unique(item, return_inverse=True)
    pair_of_line = partner * max(len(items), 1) + item_place
    pairs, place = np.unique(pair_of_line, return_inverse=True)
    days = _days(place, lines | {"bought_on": _bought_on(place, lines)})
    rows: Columns = {"pair": np.arange(len(pairs))}
    rows |= _rhythm(days, len(pairs))
    rows["partner"], rows["item"] = pairs // max(len(items), 1), items[pairs % max(len(items), 1)]
    is_last = _within(lines["day"], calendar.last_12m)
    is_previous = _within(lines["day"], calendar.previous_12m)
    for name, amount, chosen in (
        ("quantity_12m", "quantity", is_last),
        ("revenue_12m", "revenue", is_last),
        ("margin_12m", "margin", is_last),
        ("revenue_previous_12m", "revenue", is_previous),
        ("margin_previous_12m", "margin", is_previous),
    ):
        rows[name] = np.bincount(place, weights=np.where(chosen, lines[amount], 0.0), minlength=len(pairs))
    last_year = (lines["day"] > rows["last_day"][place] - 365) & (lines["day"] <= rows["last_day"][place])
    pace = np.bincount(place, weights=np.where(last_year, lines["revenue"], 0.0), minlength=len(pairs))
    rows["state"] = _states(rows, calendar)
    rows["expected_day"] = np.where(rows["usual_days"] > 0, rows["last_day"] + rows["usual_days"], 0)
    is_going = np.isin(rows["state"], (STATES.index("slipping") + 1, STATES.index("lost") + 1))
    fallen = rows["revenue_previous_12m"] - rows["revenue_12m"]
    rows["at_stake"] = np.maximum(np.where(is_going, pace, np.where(rows["count"] > 1, fallen, 0.0)), 0.0)
    bought = rows["count"] > 0
    return {name: column[bought] for name, column in rows.items() if name not in ("pair", "longest_last")}


def _within(days: Ints, window: tuple[int, int]) -> AnyArray:
    return (days >= window[0]) & (days < window[1])


def _bought_on(place: Ints, lines: Columns) -> Ints:
    """Return the day that each line adds to or takes from, that of the latest purchase for what names no sale."""
    key = place.astype(np.int64) * _DAYS + lines["bought_on"]
    sold = np.sort(key[(lines["revenue"] > 0) & (lines["bought_on"] >= 0)])
    if not len(sold):
        return lines["bought_on"]
    latest = sold[np.maximum(np.searchsorted(sold, key, side="right") - 1, 0)]
    is_unnamed = (lines["revenue"] < 0) & (lines["bought_on"] == lines["day"])
    is_known = (latest // _DAYS == place) & (latest <= key)
    return np.where(is_unnamed & is_known, latest % _DAYS, lines["bought_on"])


def _days(place: Ints, lines: Columns) -> tuple[Ints, Ints]:
    """Return the days on which something was bought and kept: (pair, day), sorted."""
    counts = lines["bought_on"] >= 0
    day, pair = lines["bought_on"][counts].astype(np.int64), place[counts].astype(np.int64)
    key, of_key = np.unique(pair * _DAYS + day, return_inverse=True)
    kept = key[np.bincount(of_key, weights=lines["revenue"][counts], minlength=len(key)) > _CENT]
    return kept // _DAYS, kept % _DAYS


def _rhythm(days: tuple[Ints, Ints], size: int) -> Columns:
    """Return how often, when first and last, and with which usual interval each pair was bought."""
    pair, day = days
    count = np.bincount(pair, minlength=size)
    last_place = np.cumsum(count) - 1
    first_place = last_place - count + 1
    padded = np.append(day, 0)
    has_any = count > 0
    first, last = (np.where(has_any, padded[np.where(has_any, where, -1)], 0) for where in (first_place, last_place))
    gap, gap_pair = np.diff(day)[np.diff(pair) == 0], pair[1:][np.diff(pair) == 0]
    usual = _medians(gap_pair, gap, np.maximum(count - 1, 0))
    before_last = padded[np.where(count > 1, last_place - 1, -1)]
    return {
        "count": count,
        "first_day": first,
        "last_day": last,
        "usual_days": usual,
        "longest_last": np.where(count > 2, last - before_last, 0),
    }


def _medians(groups: Ints, numbers: Ints, counts: Ints) -> Ints:
    """Return the median of the numbers of each group, rounded; 0 for a group without any.

    >>> _medians(np.array([0, 0, 0, 2]), np.array([5, 100, 7, 4]), np.array([3, 0, 1])).tolist()
    [7, 0, 4]
    """
    order = np.lexsort((numbers, groups))
    ordered = np.append(numbers[order], 0)
    start = np.cumsum(counts) - counts
    has_any = counts > 0
    lower = np.where(has_any, start + (counts - 1) // 2, -1)
    upper = np.where(has_any, start + counts // 2, -1)
    return np.where(has_any, np.rint((ordered[lower] + ordered[upper]) / 2), 0).astype(np.int64)


def _states(rows: Columns, calendar: Calendar) -> Ints:
    silence = calendar.today - rows["last_day"]
    usual = np.maximum(rows["usual_days"], 1).astype(np.float64)
    code = {name: number for number, name in enumerate(STATES, 1)}

    def beyond(factor: float, days: Ints | Floats = silence) -> AnyArray:
        return np.asarray(days > np.maximum(factor * usual, LEAST_DAYS))

    once = rows["count"] == 1
    return np.select(
        [
            once & (silence <= NEW_DAYS),
            once,
            beyond(calendar.lost_factor),
            beyond(calendar.slipping_factor),
            silence > usual,
            beyond(calendar.lost_factor, rows["longest_last"]),
        ],
        [
            code["new"],
            np.where(silence > ONCE_DAYS, code["lost"], code["regular"]),
            code["lost"],
            code["slipping"],
            code["due"],
            code["back"],
        ],
        code["regular"],
    ).astype(np.int16)
