"""The periods that figures sum over."""

from datetime import date, timedelta


def windows(as_of: date) -> dict[str, tuple[date, date]]:
    """Return the half-open intervals of days that the figures of a window sum over: name → (from, until).

    >>> [day.isoformat() for day in windows(date(2024, 2, 29))["revenue_12m"]]
    ['2023-03-01', '2024-03-01']
    """
    tomorrow, new_year = as_of + timedelta(days=1), as_of.replace(month=1, day=1)
    return {
        "revenue_12m": (_year_before(tomorrow), tomorrow),
        "revenue_year": (new_year, tomorrow),
        "revenue_previous_year": (_year_before(new_year), new_year),
    }


def days_before(today: date, number: float) -> date:
    """Return the day that lies a number of days before today, or the end of the calendar that lies nearer.

    >>> days_before(date(2024, 3, 1), 1).isoformat(), days_before(date(2024, 3, 1), 1e9).isoformat()
    ('2024-02-29', '0001-01-01')
    >>> days_before(date(2024, 3, 1), float("-inf")).isoformat()
    '9999-12-31'
    """
    lowest, highest = today.toordinal() - date.max.toordinal(), today.toordinal() - 1
    return today - timedelta(days=int(max(lowest, min(highest, number))))


def _year_before(day: date) -> date:
    """Return the same day of the year before; of 29 February the 28th.

    >>> _year_before(date(2024, 2, 29)).isoformat()
    '2023-02-28'
    """
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
