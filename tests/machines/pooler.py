"""PgBouncer in transaction mode before the database server: each transaction may run in another of its sessions."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2
from odoo_process import free_port

_CONFIGURATION = """
[databases]
* = host={host} port={server_port} user={user}

[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 100
ignore_startup_parameters = extra_float_digits, options
logfile = {folder}/log
pidfile = {folder}/pid
"""
_PATIENCE = 20


class Pooler:
    """A running PgBouncer; whoever has these `variables` in its environment is behind it."""

    def __init__(self, program):
        self.folder = Path(tempfile.mkdtemp(prefix="pooler_"))
        self.folder.chmod(0o777)
        self.port = free_port()
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text(
            _CONFIGURATION.format(
                host=os.environ["PGHOST"],
                server_port=os.environ.get("PGPORT", 5432),
                user=os.environ["PGUSER"],
                port=self.port,
                folder=self.folder,
            )
        )
        [libraries] = program.glob("usr/lib/*-linux-gnu*")
        self._process = subprocess.Popen(
            [
                program / "usr/sbin/pgbouncer",
                *self._user(),
                configuration,
            ],
            env=os.environ | {"LD_LIBRARY_PATH": str(libraries)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _user(self):
        """Return the options that name a user: PgBouncer refuses to work as root, and the server runs as somebody."""
        socket = Path(os.environ["PGHOST"]) / f".s.PGSQL.{os.environ.get('PGPORT', 5432)}"
        is_near = os.getuid() == 0 and socket.exists()
        return ["-u", pwd.getpwuid(socket.stat().st_uid).pw_name if is_near else "nobody"] if os.getuid() == 0 else []

    @property
    def variables(self):
        return {"PGHOST": str(self.folder), "PGPORT": str(self.port)}

    def connect(self, database):
        return psycopg2.connect(dbname=database, host=str(self.folder), port=self.port)

    def _wait(self):
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                with closing(self.connect("postgres")):
                    return
            except psycopg2.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    log = self.folder / "log"
                    raise AssertionError(log.read_text() if log.exists() else "PgBouncer did not start") from None
                time.sleep(0.1)

    def stop(self):
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.folder)
