"""Days that recur each year, in SQL: birthdays, and anniversaries of the first purchase."""

from odoo.tools import SQL


def anniversary(day, years):
    """Return the date that is so many years after a day. PostgreSQL moves 29 February to the 28th in other years.

    :param SQL day: a date
    :param SQL years: an integer
    """
    return SQL("(%s + make_interval(years => %s))::date", day, years)
