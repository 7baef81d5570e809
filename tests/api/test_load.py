"""make load: a file becomes posted documents, once, whatever happens in between."""

import csv
import re
import signal
import subprocess
from pathlib import Path

import pytest

LOAD = Path(__file__).parents[2] / "scripts" / "load"
#: documents per transaction of the loader
BATCH = 200
DOCUMENTS = [("move_type", "in", ["out_invoice", "out_refund"]), ("state", "=", "posted")]


@pytest.fixture(scope="module")
def site(serve):
    return serve("addon")


def write(path, *rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def documents(site, customer):
    """Return (type, date, untaxed, ref) of the posted documents of a customer, by date."""
    rows = site.call(
        "account.move",
        "search_read",
        domain=[*DOCUMENTS, ("partner_id.name", "=", customer)],
        fields=["move_type", "invoice_date", "amount_untaxed_signed", "ref"],
        order="invoice_date, id",
    )
    return [tuple(row[name] for name in ("move_type", "invoice_date", "amount_untaxed_signed", "ref")) for row in rows]


def added(process):
    assert process.returncode == 0, process.stderr
    return int(re.search(r"([\d,]+) documents added", process.stdout)[1].replace(",", ""))


def test_good_rows_are_posted_and_bad_ones_named(site, tmp_path):
    file = write(
        tmp_path / "mixed.csv",
        ["customer", "date", "amount", "invoice", "currency"],
        ["<b>Bold & Sons</b>", "2024-01-01", "10.10", "A1", ""],
        ["=HYPERLINK(1)", "2024-01-02", "NaN", "A2", ""],
        ["=HYPERLINK(1)", "2024-01-03", "20.20", "A3", "usd"],
        ["=HYPERLINK(1)", "2024-01-04", "20.20", "A4", "XXX"],
        ["=HYPERLINK(1)", "2024-01-05", "-5.05", "A5", ""],
        ["4711", "2024-01-06", "0", "", ""],
        ["4711", "2024-01-07", "2.005", "", ""],
    )
    process = site.load(file)
    assert added(process) == 5
    assert "line 3: amount is 'NaN', not a number; left out" in process.stderr
    assert "line 5: currency 'XXX' is unknown" in process.stderr
    assert "2 bad rows left out, 1 amounts rounded" in process.stdout
    assert re.search(r"difference +0\.00\n", process.stdout) and "\n0 customers differ" in process.stdout
    assert documents(site, "<b>Bold & Sons</b>") == [("out_invoice", "2024-01-01", 10.10, "A1")]
    assert documents(site, "=HYPERLINK(1)") == [
        ("out_invoice", "2024-01-03", 20.20, "A3"),
        ("out_refund", "2024-01-05", -5.05, "A5"),
    ]
    assert documents(site, "Customer 4711") == [
        ("out_invoice", "2024-01-06", 0, False),
        ("out_invoice", "2024-01-07", 2.01, False),
    ]

    assert added(site.load(file)) == 0
    with file.open("a") as more:
        more.write("4711,2024-01-07,2.005,,\n")
    assert added(site.load(file)) == 1, "an equal row is another purchase, and only that one is new"


@pytest.mark.parametrize(
    "name",
    [
        "Robert'); DROP TABLE res_partner; --",
        '"; DELETE FROM account_move; --',
        "%(name)s %s {0}",
        "<script>alert(1)</script>",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "{{ object.env }}",
        "\u202eevil 🙂",
    ],
)
def test_a_name_stays_a_name(site, tmp_path, name):
    file = write(
        tmp_path / "attack.csv",
        ["customer", "date", "amount", "invoice", "currency"],
        [name, "2024-01-01", "10.10", name, ""],
    )
    assert added(site.load(file)) == 1
    assert documents(site, name) == [("out_invoice", "2024-01-01", 10.10, name)]


def test_cancellations_become_credit_notes(site, tmp_path):
    file = write(
        tmp_path / "retail.csv",
        ["invoice", "customer_id", "date", "amount", "lines", "country", "is_cancel"],
        ["541431", "12346", "2011-01-18", "77183.6", "1", "United Kingdom", "0"],
        ["C541433", "12346", "2011-01-18", "-77183.6", "1", "United Kingdom", "1"],
        ["541500", "12347", "2011-01-19", "33.33", "2", "EIRE", "0"],
    )
    assert added(site.load(file)) == 3
    assert documents(site, "Customer 12346") == [
        ("out_invoice", "2011-01-18", 77183.6, "541431"),
        ("out_refund", "2011-01-18", -77183.6, "C541433"),
    ]
    [value] = site.call(
        "crm.value",
        "search_read",
        domain=[("partner_id.name", "=", "Customer 12346")],
        fields=["revenue_total", "refund_total", "purchase_count"],
    )
    assert value["revenue_total"] == 0
    [country] = site.call("res.partner", "search_read", domain=[("name", "=", "Customer 12347")], fields=["country_id"])
    assert country["country_id"][1] == "Ireland"


def test_a_killed_load_goes_on_where_it_stopped(site, tmp_path):
    count = 2 * BATCH + 50
    file = write(
        tmp_path / "many.csv",
        ["customer", "date", "amount"],
        *([f"Killed {number % 7}", f"2023-03-{1 + number % 28:02}", number] for number in range(count)),
    )
    with subprocess.Popen([LOAD, file, site.database], stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith(f"{BATCH} of"):
                process.send_signal(signal.SIGKILL)
    of_these = [*DOCUMENTS, ("partner_id.name", "=like", "Killed _")]
    there = site.call("account.move", "search_count", domain=of_these)
    assert 0 < there < count
    assert added(site.load(file)) == count - there
    moves = site.call("account.move", "search_read", domain=of_these, fields=["amount_untaxed"])
    assert sorted(move["amount_untaxed"] for move in moves) == list(range(count))
    numbers = site.call("account.move", "search_read", domain=of_these, fields=["name"])
    assert len({number["name"] for number in numbers}) == count


@pytest.mark.parametrize(
    "content, said",
    [(None, "there is no file"), ("colour,size\nred,1\n", "no known columns"), ("", "no known columns")],
)
def test_a_file_that_cannot_be_loaded(site, tmp_path, content, said):
    file = tmp_path / "wrong.csv"
    if content is not None:
        file.write_text(content)
    process = site.load(file)
    assert process.returncode != 0
    assert said in process.stderr and "Traceback" not in process.stderr


def test_one_load_at_a_time(site, tmp_path):
    file = write(
        tmp_path / "two.csv",
        ["customer", "date", "amount"],
        *(["Twice", "2023-01-01", number] for number in range(BATCH)),
    )
    command = [LOAD, file, site.database]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stderr.readline().startswith("0 of")
        first.send_signal(signal.SIGSTOP)
        try:
            second = site.load(file)
        finally:
            first.send_signal(signal.SIGCONT)
        first.communicate()
    assert second.returncode != 0 and "another load" in second.stderr
    assert first.returncode == 0 and len(documents(site, "Twice")) == BATCH
