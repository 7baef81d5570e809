"""The periods that figures sum over."""
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta


def windows(as_of: date) -> dict[str, tuple[date, date]]:
    """Return the half-open intervals of days that the figures of a window sum over: name → (from, until).

    >>> [day.isoformat() for day in windows(date(2024, 2, 29))["revenue_12m"]]
    ['2023-03-01', '2024-03-01']
    """
    tomorrow, new_year = as_of + timedelta(days=1), as_of.replace(month=1, day=1)
    return {
        "revenue_12m": (tomorrow - relativedelta(years=1), tomorrow),
        "revenue_year": (new_year, tomorrow),
        "revenue_previous_year": (new_year - relativedelta(years=1), new_year),
    }
