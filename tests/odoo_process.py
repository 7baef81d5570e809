"""Odoo as a process of its own, for tests that know only URLs and logins."""

import os
import socket
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"


def free_port():
    """Return the number of a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_odoo(database, log, *options, environment=None):
    """Start a server on a database, which runs no scheduled actions; return (process, url).

    :param Path log: file that takes what it prints
    :param options: more options of Odoo's command line
    :param environment: variables beside those of this process
    """
    port = free_port()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                SCRIPTS / "odoo",
                "server",
                "-d",
                database,
                "--db-filter",
                f"^{database}$",
                "--no-database-list",
                "--http-port",
                str(port),
                "--max-cron-threads",
                "0",
                *options,
            ],
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return process, f"http://127.0.0.1:{port}"
