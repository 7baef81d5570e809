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


def _year_before(day: date) -> date:
    """Return the same day of the year before; of 29 February the 28th.

    >>> _year_before(date(2024, 2, 29)).isoformat()
    '2023-02-28'
    """
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
