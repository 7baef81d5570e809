#!/usr/bin/env python3
"""Measure, print the table and write it as JSON; scripts/bench prepares the database."""

import argparse
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import history
from environment import connect
from measure import Row, Table

#: in an order in which none spoils the next
PARTS = [
    "refresh",
    "stages",
    "contacts",
    "customer",
    "dashboard",
    "tier",
    "followup",
    "products",
    "whatif",
    "counting",
    "posting",
    "order",
    "sessions",
    "kernel",
    "prediction",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("--database", required=True)
    parser.add_argument("--size", required=True)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--keep", action="store_true", help="add the run to benchmarks/")
    options = parser.parse_args()
    table = Table(options.size)
    print(f"{options.size} customers, {os.cpu_count()} cores; every ratio is of times in this run")
    for part in [options.only] if options.only else PARTS:
        if part == "kernel":
            add_kernel(table)
        elif part == "prediction":
            add_prediction(table)
        else:
            registry = connect(options.database)  # first: some parts import the addon
            import_module(f"{part}_bench").run(table, registry, options.database)
        table.write(options.result)
    if options.size != "100k":
        history.add_growth(table)
        table.write(options.result)
    if options.keep:
        print(f"kept as {history.keep(table).relative_to(history.ROOT)}")


def add_kernel(table):
    """Add the rows of kernel_bench.py, which needs neither Odoo nor a database."""
    script = Path(__file__).with_name("kernel_bench.py")
    done = subprocess.run([sys.executable, script, "--repeat", "3"], stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        row = json.loads(line)
        bar = "" if row["bar"] is None else f"{'≥' if 'faster' in row['name'] else '≤'} {row['bar']:g}"
        table.append(Row(**row | {"bar": bar}))


def add_prediction(table):
    """Add the rows of prediction_bench.py, of the bases that lie in the repository."""
    script = Path(__file__).with_name("prediction_bench.py")
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        table.append(Row(**json.loads(line)))


if __name__ == "__main__":
    main()
