"""Clocks: the time, the memory and the locks of a piece of work, and the table of the results."""

import gc
import json
import os
import pickle
import statistics
import sys
import threading
import time
from dataclasses import asdict, dataclass

import psycopg2

import odoo.sql_db


@dataclass
class Row:
    """A line of the table; `bar` says what `holds` was decided by, and is empty where there is only a figure."""

    name: str
    value: float
    unit: str
    bar: str = ""
    holds: bool | None = None


class Table:
    """The rows measured so far, shown as they come."""

    def __init__(self, size="100k"):
        self.size = size
        self.rows = []

    def add(self, name, value, unit, at_most=None, at_least=None, equal=None):
        value = round(float(value), 4)
        bar, holds = "", None
        for sign, limit in (("≤", at_most), ("≥", at_least), ("=", equal)):
            if limit is not None:
                bar = f"{sign} {limit:g}"
                holds = {"≤": value <= limit, "≥": value >= limit, "=": value == limit}[sign]
        self.append(Row(name, value, unit, bar, holds))

    def append(self, row):
        self.rows.append(row)
        mark = {None: "", True: "yes", False: "NO"}[row.holds]
        print(f"{row.name:<68.68} {row.value:>12,.6g} {row.unit:<6} {row.bar:<8} {mark}", flush=True)

    def write(self, path):
        path.write_text(json.dumps([asdict(row) for row in self.rows], indent=1, ensure_ascii=False) + "\n")


def seconds(work):
    """Return how long a piece of work takes, without the garbage of the one before."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternate(pairs, first, second, reset=lambda: None):
    """Return the medians of two pieces of work, and the median of their ratio pair by pair; they take turns.

    :param reset: what to do before each, outside the clock
    """
    times = [[], []]
    for pair in range(-1, pairs):
        for number in ((0, 1), (1, 0))[pair % 2]:
            reset()
            taken = seconds((first, second)[number])
            if pair >= 0:  # the pair before warms the caches
                times[number].append(taken)
    ratio = statistics.median(one / other for one, other in zip(*times, strict=True))
    return statistics.median(times[0]), statistics.median(times[1]), ratio


def forked(work, *arguments):
    """Run a piece of work in a child process that begins with what this one has loaded; return its result."""
    odoo.sql_db.close_all()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            result = work(*arguments)
            with os.fdopen(writer, "wb") as stream:
                pickle.dump(result, stream)
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    _pid, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError("a measured process failed; what it said is above")
    return pickle.loads(answer)


def processor_seconds(work, cr):
    """Return the processor time of this process and of its database backend during a piece of work.

    Unlike time on the clock it does not depend on what else the machine does; None where the server is elsewhere.
    Workers that the backend starts for a query of its own are not in it.
    """
    backend = f"/proc/{cr._cnx.info.backend_pid}/schedstat"

    def used():
        with open(backend) as stream:
            return time.process_time() + int(stream.read().split()[0]) / 1e9

    try:
        before = used()
    except OSError:
        work()
        return None
    work()
    return used() - before


def written_ahead(registry, work):
    """Return the MB of write-ahead log of the server during a piece of work, of whoever wrote."""

    def position():
        with registry.cursor() as cr:
            cr.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
            return float(cr.fetchone()[0])

    before = position()
    work()
    return (position() - before) / 1e6


def peak_memory(work):
    """Return by how many MB the resident memory of this process rose at most during a piece of work."""
    with open("/proc/self/clear_refs", "w") as stream:
        stream.write("5")  # the peak is now what is in use now
    before = _status("VmRSS")
    work()
    return (_status("VmHWM") - before) / 1024


def _status(name):
    with open("/proc/self/status") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith(name))


class LockWatch:
    """The longest time that one transaction of a database held what it had written, seen every few milliseconds.

    A transaction gets its number at its first write, and other writers of that row wait from then to its end.
    """

    def __init__(self, database, name):
        self.connection = psycopg2.connect(dbname=database, application_name=name)
        self.connection.autocommit = True
        self.stopped = threading.Event()
        self.longest = 0.0
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.stopped.set()
        self.thread.join()
        self.connection.close()

    def _watch(self):
        since = {}
        with self.connection.cursor() as cursor:
            while not self.stopped.wait(0.003):
                cursor.execute("""
                    SELECT backend_xid::text FROM pg_stat_activity
                     WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid != pg_backend_pid()""")
                now = time.perf_counter()
                since = {xid: since.get(xid, now) for [xid] in cursor}
                self.longest = max([self.longest, *(now - start for start in since.values())])
