"""What a column may hold that no refresh can count with, and what is read instead.

Rows come into Odoo's tables by other ways than Odoo (raw imports, repairs by SQL): amounts that are missing, not
numbers or out of any range, days beyond the calendar. One such row must not stop the reading of all the others: it is
read as NaN, and `crm.value.observation._leave_out_unreadable` leaves out the customer that it belongs to.
"""

from odoo.tools import SQL

#: amounts beyond this are no money: more than any currency can be counted in to the cent
_LARGEST = 1e15


def is_amount(column):
    """Return the condition that an SQL number can be read."""
    return SQL("%s BETWEEN %s AND %s", column, -_LARGEST, _LARGEST)


def amount(column):
    """Return the SQL of a number as float8, NaN where it cannot be read."""
    return SQL("CASE WHEN %s THEN (%s)::float8 ELSE 'NaN' END", is_amount(column), column)


def day(column):
    """Return the SQL of a date that days can be counted from: infinite ones become the ends of the calendar."""
    return SQL(
        "CASE WHEN %(column)s IS NOT NULL THEN LEAST(GREATEST(%(column)s, '0001-01-01'), '9999-12-31'::date) END",
        column=column,
    )
