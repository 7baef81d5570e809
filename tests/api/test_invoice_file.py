"""Reading a file of purchases: each bad row is named and left out, a row keeps its key."""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from invoice_file import FileError, read  # noqa: E402  (the path comes first)

TODAY = date(2025, 6, 30)
CDNOW = "customer_id,master_id,date,quantity,dollars"
RETAIL = "invoice,customer_id,date,amount,lines,country,is_cancel"


@pytest.fixture
def parse(tmp_path):
    """Return a function that reads lines as a file."""

    def function(*lines, encoding="utf-8", end="\n"):
        path = tmp_path / "file.csv"
        path.write_bytes(
            b"\n".join(line if isinstance(line, bytes) else line.encode(encoding) for line in lines) + end.encode()
        )
        return read(path, TODAY)

    return function


def test_the_three_formats(parse):
    name, [row], bad = parse(CDNOW, "1,4,1997-01-01,2,29.33")
    assert (name, row.customer, row.date, row.amount, row.is_refund) == (
        "cdnow",
        "1",
        date(1997, 1, 1),
        Decimal("29.33"),
        False,
    )
    name, [sale, cancelled], bad = parse(
        RETAIL, "541431,12346,2011-01-18,77183.6,1,United Kingdom,0", "C541433,12346,2011-01-18,-77183.6,1,EIRE,1"
    )
    assert name == "online_retail" and not bad
    assert (sale.number, sale.country, sale.is_refund) == ("541431", "United Kingdom", False)
    assert (cancelled.amount, cancelled.is_refund) == (Decimal("-77183.6"), True)
    name, [row], bad = parse(" Date , Customer,CURRENCY,amount", "2025-01-02,Zoë,eur,-1")
    assert (name, row.customer, row.currency, row.amount, row.is_refund) == ("plain", "Zoë", "EUR", Decimal(-1), True)


@pytest.mark.parametrize(
    "line, reason",
    [
        ("A,2025-01-02", "2 columns instead of 3"),
        ("A,2025-01-02,1,2", "4 columns"),
        ("A,02/01/2025,1", "not YYYY-MM-DD"),
        ("A,2025-02-30,1", "no calendar"),
        ("A,1899-12-31,1", "before 1900"),
        ("A,2025-07-01,1", "after today"),
        ("A,,1", "not YYYY-MM-DD"),
        ("A,2025-01-02,", "not a number"),
        ("A,2025-01-02,NaN", "not a number"),
        ("A,2025-01-02,inf", "not a number"),
        ("A,2025-01-02,-Infinity", "not a number"),
        ("A,2025-01-02,=1+1", "not a number"),
        ('A,2025-01-02,"1,234.50"', "not a number"),
        ("A,2025-01-02,1_000", "not a number"),
        ("A,2025-01-02,١", "not a number"),
        ("A,2025-01-02,1e999", "too large"),
        ("A,2025-01-02,1000000000000", "too large"),
        (",2025-01-02,1", "no customer"),
        ("  ,2025-01-02,1", "no customer"),
        (b"M\xfcller,2025-01-02,1", "not UTF-8 text (byte 0xfc)"),
        (b"A\0,2025-01-02,1", "NUL"),
        ('"A,2025-01-02,1', "not CSV"),
    ],
)
def test_a_bad_row_is_named_and_spoils_no_other(parse, line, reason):
    _name, rows, [bad] = parse("customer,date,amount", "B,2025-01-01,1", "", line, "C,2025-01-03,3")
    assert bad.line == 4 and reason in bad.reason
    assert [(row.customer, row.line) for row in rows] == [("B", 2), ("C", 5)]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "customer;date;amount",
        "customer,date",
        "customer,date,amount,colour",
        "customer,date,amount,date",
        "1,4,1997-01-01,2,29.33",
    ],
)
def test_an_unknown_header_is_said(parse, header):
    with pytest.raises(FileError, match="no known columns"):
        parse(header, "A,2025-01-02,1")


def test_files_that_are_no_text(parse, tmp_path):
    with pytest.raises(FileError, match="UTF-8"):
        parse("customer,date,amount", encoding="utf-16")
    with pytest.raises(FileError, match="cannot be read"):
        read(tmp_path / "absent.csv", TODAY)


def test_text_is_kept_as_it_is(parse):
    _name, rows, bad = parse(
        "customer,date,amount",
        "=cmd|' /C calc'!A0,2025-01-02,1",
        "<b>&amp;</b>,2025-01-02,1",
        '"Say ""hi"", Inc.",2025-01-02,1',
    )
    assert not bad
    assert [row.customer for row in rows] == ["=cmd|' /C calc'!A0", "<b>&amp;</b>", 'Say "hi", Inc.']


def test_spreadsheets_line_ends_and_byte_order_mark(parse):
    _name, rows, bad = parse("\ufeffcustomer,date,amount\r", "A,2025-01-02,1\r", "\r", "B,2025-01-02,2\r", end="")
    assert [row.amount for row in rows] == [1, 2] and not bad


def test_cancellations_are_refunds_whatever_their_sign(parse):
    _name, rows, bad = parse(
        RETAIL, "C1,7,2011-01-18,5,1,,1", "C2,7,2011-01-18,0,1,,1", "3,7,2011-01-18,-0.00,1,,0", "4,7,2011-01-18,1,1,,x"
    )
    assert [(row.amount, row.is_refund) for row in rows] == [(-5, True), (0, True), (0, False)]
    assert [row.line for row in bad] == [5]


def test_a_row_keeps_its_key(parse):
    lines = ["customer,date,amount", "A,2025-01-02,1.50", "A,2025-01-02,1.5", "B,2025-01-02,1"]
    _name, rows, _bad = parse(*lines)
    keys = {row.key for row in rows}
    assert len(keys) == 3, "equal rows of one file are two purchases"
    # corrected, moved, written otherwise: the same rows
    _name, again, _bad = parse(
        "date,amount,customer", "x,1,C", "2025-01-02,1,B", "2025-01-02,1.500,A", "2025-01-02,1.5,A"
    )
    assert {row.key for row in again} == keys
    _name, [other], _bad = parse("customer,date,amount", "A,2025-01-02,-1.5")
    assert other.key not in keys
