"""Files for the loader: whatever is in them, each row is taken or named with a reason, and the books are whole."""

import csv
import io
import re
import sys
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from input_state import assert_sound

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from invoice_file import read  # noqa: E402  (the path comes first)

HEADERS = [
    ["customer", "date", "amount"],
    ["customer", "date", "amount", "invoice", "currency"],
    ["customer_id", "master_id", "date", "quantity", "dollars"],
    ["invoice", "customer_id", "date", "amount", "lines", "country", "is_cancel"],
]
CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "A",
            "4711",
            "2024-02-29",
            "2023-02-29",
            "1899-12-31",
            "9999-12-31",
            "0000-00-00",
            "12.50",
            "-5",
            "1e3",
            "1e999",
            "NaN",
            "inf",
            "-Infinity",
            "1_000",
            "1,5",
            "١٢",
            "=1+1",
            "@SUM(1)",
            "USD",
            "EUR",
            "XXX",
            "EIRE",
            "0",
            "1",
            "true",
            "a" * 5000,
            "\u202eabc",
            "🜁",
            "\x00",
            "\x1f",
            "<b>&",
            "%s{0}",
            "'; DROP TABLE crm_value; --",
            '"; DELETE FROM account_move; --',
            "\ufeff",
        ]
    ),
    st.text(max_size=12),
    st.floats().map(str),
    st.dates().map(str),
)
#: good rows in between: a bad neighbour spoils none of them
GOOD = {
    "customer": "Good",
    "customer_id": "Good",
    "master_id": "1",
    "date": "2024-03-01",
    "amount": "10",
    "dollars": "10",
    "quantity": "1",
    "invoice": "G1",
    "currency": "",
    "lines": "1",
    "country": "",
    "is_cancel": "0",
}


@st.composite
def files(draw, least=0):
    """Return (bytes of a file, number of its good rows, or None where one may have been cut)."""
    header = draw(st.sampled_from(HEADERS))
    good = [GOOD[name] for name in header]
    cells = st.lists(CELLS, min_size=len(header), max_size=len(header))
    # one bad cell in a good row gets farther than many
    nearly = st.tuples(st.integers(0, len(header) - 1), CELLS).map(
        lambda change: [*good[: change[0]], change[1], *good[change[0] + 1 :]]
    )
    rows = draw(
        st.lists(
            st.one_of(st.just(good), nearly, cells, st.lists(CELLS, max_size=8)), min_size=least, max_size=least + 12
        )
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=draw(st.sampled_from(["\n", "\r\n"])))
    # a cell with a line break is two lines to this format
    writer.writerows([header, *([cell.replace("\n", " ").replace("\r", " ") for cell in row] for row in rows)])
    text = out.getvalue().encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 5)) == 0:
        head = text.index(b"\n") + 1
        at = draw(st.integers(head, len(text)))
        return text[:at] + b"\xff\n" + text[at:], None
    return text, sum(row == good for row in rows)


@given(file=files())
@settings(
    max_examples=4000 if "--exhaustive" in sys.argv else 150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_reading(tmp_path_factory, file):
    """Each line that is not empty is a row or a bad row with a reason; a good row is good whatever stands beside it."""
    content, good = file
    path = tmp_path_factory.getbasetemp() / "read.csv"
    path.write_bytes(content)
    _name, rows, bad = read(path, date(2026, 1, 31))
    lines = [number for number, line in enumerate(content.split(b"\n")[1:], 2) if line.strip()]
    assert sorted([row.line for row in rows] + [row.line for row in bad]) == lines
    assert all(row.reason for row in bad)
    assert good is None or sum(row.customer == "Good" and row.amount == 10 for row in rows) >= good


@given(file=files(least=40))
def test_loading(door, tmp_path_factory, file):
    """What was read becomes documents, or is named with a reason; the figures are those of the books afterwards."""
    path = tmp_path_factory.getbasetemp() / "load.csv"
    path.write_bytes(file[0])
    process = door.site.load(path)
    said = process.stdout + process.stderr
    door.counts["make load"].update(["tried", "refused" if process.returncode else "accepted"])
    assert "Traceback" not in said, said[-3000:]
    # whose customers another file had too differ from this file, which is said
    assert re.search(r"[\d,]+ documents added, [\d,]+ bad rows left out", said), said[-2000:]
    assert process.returncode == ("\n0 customers differ" not in said), said[-2000:]
    assert_sound(door.site)
