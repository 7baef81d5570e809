"""Odoo as a process that forks one process for each job: python worker.py DATABASE TODAY; one JSON job a line.

A job runs as a scheduled job of Odoo does, in transactions of its own. Its process can be told to end itself by
SIGKILL, or to stop, just before its nth step: a statement or a commit. Batches are small, so that a few hundred
customers are many transactions.
"""

import json
import logging
import os
import signal
import sys
import time
import traceback
from datetime import date, timedelta

import jobs
from freezegun import freeze_time

from odoo import SUPERUSER_ID, api, sql_db
from odoo.modules.registry import Registry
from odoo.tools import config

BATCHES = {"WRITE_BATCH": 90, "ASSIGN_BATCH": 90, "QUEUE_BATCH": 25, "BATCH": 20}


def main(database, today):
    """Serve jobs until the end of the input."""
    config.parse_config(["-d", database, "--no-http", "--max-cron-threads", "0", "--log-level", "critical"])
    registry = Registry(database)
    sql_db.close_all()
    for name, module in list(sys.modules.items()):
        if name.startswith("odoo.addons.crm_value_addon."):
            for constant, size in BATCHES.items():
                if isinstance(getattr(module, constant, None), int):
                    setattr(module, constant, size)
    # looking through all modules takes it a second: once, not in each process
    clock = freeze_time(f"{today} 12:00:00", tick=True)
    frozen = clock.start()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        started = time.perf_counter()
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            frozen.move_to(f"{date.fromisoformat(today) + timedelta(days=job.get('days', 0))} 12:00:00")
            run(registry, database, job, writer)
        os.close(writer)
        print(json.dumps({"pid": child}), flush=True)
        while True:
            _pid, status = os.waitpid(child, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            print(json.dumps({"stopped": True}), flush=True)
        with os.fdopen(reader) as told:
            said = told.read()
        done = json.loads(said) if said else {"error": "killed"}
        print(json.dumps(done | {"seconds": time.perf_counter() - started}), flush=True)


def run(registry, database, job, writer):
    """Do a job in this process and end it; what became of it is written to the pipe."""
    steps = Steps(job.get("die_at"), job.get("stop_at"))
    said = {"error": None}
    try:
        with sql_db.db_connect(database).cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            steps.watch()
            getattr(jobs, job["name"])(env, **job.get("arguments", {}))
            steps.unwatch()
            cr.commit()
    except Exception:
        said["error"] = traceback.format_exc()
    said["steps"] = steps.count
    os.write(writer, json.dumps(said).encode())
    os._exit(0)


class Steps:
    """Counts the statements and commits of this process, and ends or stops it before a certain one."""

    def __init__(self, die_at, stop_at):
        self.count, self.die_at, self.stop_at = 0, die_at, stop_at
        self._original = sql_db.Cursor.execute, sql_db.Cursor.commit

    def watch(self):
        execute, commit = self._original

        def watched(method):
            def step(*args, **kwargs):
                self.count += 1
                if self.count == self.die_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                if self.count == self.stop_at:
                    os.kill(os.getpid(), signal.SIGSTOP)
                return method(*args, **kwargs)

            return step

        sql_db.Cursor.execute, sql_db.Cursor.commit = watched(execute), watched(commit)

    def unwatch(self):
        sql_db.Cursor.execute, sql_db.Cursor.commit = self._original


if __name__ == "__main__":
    logging.getLogger("odoo").setLevel(logging.CRITICAL)
    main(*sys.argv[1:])
