"""A CSV file of purchases as rows, and the rows of it that cannot be read. Imports no Odoo."""

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

#: name of a format → its columns, in any order: what a row needs of them, and what they are called there
FORMATS = {
    "cdnow": {
        "columns": {"customer_id", "master_id", "date", "quantity", "dollars"},
        "customer": "customer_id",
        "amount": "dollars",
    },
    "online_retail": {
        "columns": {"invoice", "customer_id", "date", "amount", "lines", "country", "is_cancel"},
        "customer": "customer_id",
        "amount": "amount",
    },
    "plain": {
        "columns": {"customer", "date", "amount"},
        "optional": {"invoice", "currency"},
        "customer": "customer",
        "amount": "amount",
    },
}
#: beyond it binary floats no longer hold cents, and Odoo computes with those
LARGEST = Decimal(10) ** 12
#: Odoo reads the year out of a document's number, and takes no other century for one
FIRST_YEAR = 1900
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FLAG = {"": False, "0": False, "1": True, "false": False, "true": True}


class FileError(Exception):
    """The file as a whole cannot be read."""


@dataclass(frozen=True)
class Row:
    """A purchase, or with a negative amount a credit note."""

    line: int
    #: the same for the same row in another load, in this file or a corrected one
    key: str
    customer: str
    date: date
    amount: Decimal
    is_refund: bool
    number: str = ""
    country: str = ""
    currency: str = ""


@dataclass(frozen=True)
class BadRow:
    """A row that is left out, and why."""

    line: int
    reason: str


def read(path, today):
    """Return the name of the file's format, its rows and its bad rows.

    :raise FileError: no such file, or a header that is none of the formats'
    """
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    header = [name.strip().lower() for name in _cells(lines[0].removeprefix(b"\xef\xbb\xbf"), "its first line")]
    name = _recognise(header)
    rows, bad, seen = [], [], Counter()
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        try:
            cells = _cells(line)
            if len(cells) != len(header):
                raise ValueError(f"{len(cells)} columns instead of {len(header)}")
            row = _row(name, number, dict(zip(header, map(str.strip, cells), strict=True)), today, seen)
        except ValueError as error:
            bad.append(BadRow(number, str(error)))
        else:
            rows.append(row)
    return name, rows, bad


def _cells(line, what=None):
    """Return the cells of one line. No cell of these formats holds a line break, so a stray quote spoils one row."""
    try:
        text = line.decode()
        if "\0" in text:
            raise ValueError("a NUL character")
        return next(csv.reader([text.rstrip("\r")], strict=True), [])
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 text (byte {error.object[error.start]:#x})"
    except csv.Error as error:
        reason = f"not CSV ({error})"
    except ValueError as error:
        reason = str(error)
    if what:
        raise FileError(f"{what} is {reason}: save the file as CSV in UTF-8")
    raise ValueError(reason)


def _recognise(header):
    for name, layout in FORMATS.items():
        optional = layout.get("optional", set())
        if len(set(header)) == len(header) and layout["columns"] <= set(header) <= layout["columns"] | optional:
            return name
    raise FileError(
        f"no known columns in its first line ({', '.join(header)[:200]}): CDNOW's, Online Retail's, or "
        "customer,date,amount and if you like invoice,currency, separated by commas"
    )


def _row(name, line, cells, today, seen):
    """Return the row of one line.

    :param seen: how often each row's content occurred so far
    :raise ValueError: it cannot be read; the text says why
    """
    layout = FORMATS[name]
    customer = cells[layout["customer"]]
    if not customer:
        raise ValueError("no customer")
    day, amount = _day(cells["date"], today), _amount(cells[layout["amount"]])
    cancelled = _FLAG.get(cells.get("is_cancel", "").lower())
    if cancelled is None:
        raise ValueError(f"is_cancel is {cells['is_cancel']!r}, not 0 or 1")
    if cancelled and amount > 0:
        amount = -amount
    content = (
        name,
        customer,
        day.isoformat(),
        f"{amount:f}",
        cells.get("invoice", ""),
        cells.get("currency", ""),
        cells.get("quantity", ""),
    )
    # Two equal rows of a file are two purchases; the second load of the file counts them in the same order.
    seen[content] += 1
    key = hashlib.sha256("\x1f".join([*content, str(seen[content])]).encode()).hexdigest()[:24]
    return Row(
        line,
        key,
        customer,
        day,
        amount,
        cancelled or amount < 0,
        cells.get("invoice", ""),
        cells.get("country", ""),
        cells.get("currency", "").upper(),
    )


def _day(text, today):
    if not _DATE.fullmatch(text):
        raise ValueError(f"date is {text!r}, not YYYY-MM-DD")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"date is {text!r}, a day that no calendar has") from None
    if not FIRST_YEAR <= day.year or day > today:
        raise ValueError(f"date is {text}, before {FIRST_YEAR} or after today")
    return day


def _amount(text):
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"amount is {text!r}, not a number")
    amount = Decimal(text)
    if abs(amount) >= LARGEST:
        raise ValueError(f"amount is {text}, too large")
    # 12.50 and 12.5 are one amount, in the row's key too
    return amount.normalize() + 0
