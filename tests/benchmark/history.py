"""The runs that were kept: one file each in benchmarks/, and how the times grow from one size to the other."""

import json
import os
import platform
import subprocess
from dataclasses import asdict
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "benchmarks"
#: a million customers have five times the invoices of 100,000: at most 11 times as long, and a customer at most 1.5
_GROWTH_BAR = 11
_CUSTOMER_BAR = 1.5
#: the rows of processor time, which two runs can be compared by; the others depend on what else the machine did
_GROWING = ("full refresh: processor time", "stage: ")
_PER_CUSTOMER = ("refresh of a changed customer: processor time", "one customer: ")


def keep(table):
    """Write the rows of a run to a file named after its day, size and commit; return the path."""
    commit = _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "crm_value_addon") else "")
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{date.today()}-{table.size}-{commit.rstrip('+')}.json"
    rows = {row["name"]: row for row in (json.loads(path.read_text())["rows"] if path.exists() else [])}
    rows |= {row.name: asdict(row) for row in table.rows}
    path.write_text(
        json.dumps(
            {
                "date": str(date.today()),
                "size": table.size,
                "commit": commit,
                "cores": os.cpu_count(),
                "machine": platform.machine(),
                "load": round(os.getloadavg()[1], 1),
                "rows": list(rows.values()),
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )
    return path


def add_growth(table):
    """Add how much longer the stages take than at 100,000 customers, by the newest run of these that was kept."""
    runs = sorted((json.loads(path.read_text()) for path in KEPT.glob("*-100k-*.json")), key=lambda run: run["date"])
    small = {row["name"]: row["value"] for run in runs for row in run["rows"]}
    for row in list(table.rows):
        if not small.get(row.name):
            continue
        if row.name.startswith(_PER_CUSTOMER):
            table.add(f"growth from 100k: {row.name}", row.value / small[row.name], "×", at_most=_CUSTOMER_BAR)
        elif row.name.startswith(_GROWING):
            table.add(f"growth from 100k: {row.name}", row.value / small[row.name], "×", at_most=_GROWTH_BAR)


def _git(*arguments):
    done = subprocess.run(["git", "-C", ROOT, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()
