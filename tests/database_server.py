"""PostgreSQL servers of the tests' own, which they may kill, fill up, slow down and replicate."""

import contextlib
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2

ROOT = Path(__file__).parents[1]
_SETTINGS = """
listen_addresses = ''
fsync = off
jit = off
"""


def _load_postgres():
    """Return scripts/postgres as a module: it knows where the server's programs are and whom they may run as."""
    loader = importlib.machinery.SourceFileLoader("embedded_postgres", str(ROOT / "scripts" / "postgres"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class DatabaseServer:
    """A server whose socket, data and log are in a folder; several of different ports may share one."""

    def __init__(self, folder=None, port=5432):
        self._programs = _load_postgres()
        self._user = self._programs.server_user()
        self.folder = folder or self._make_folder()
        self.port, self.data, self.log = port, self.folder / f"data_{port}", self.folder / f"{port}.log"

    def _make_folder(self):
        # short, for the path of the socket
        folder = Path(tempfile.mkdtemp(prefix="cv", dir="/tmp"))
        if self._user is not None:
            shutil.chown(folder, self._user)
        return folder

    def create(self, settings=""):
        """Make it an empty server, and start it."""
        self.run("initdb", "-D", self.data, "--auth=trust", "--encoding=UTF8", "--username=odoo", "--no-sync")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(_SETTINGS + settings)
        self.start()

    def follow(self, primary):
        """Make it a replica of another one, and start it."""
        self.run(
            "pg_basebackup",
            "-h",
            primary.folder,
            "-p",
            str(primary.port),
            "-U",
            "odoo",
            "-R",
            "-c",
            "fast",
            "-D",
            self.data,
        )
        self.start()

    def run(self, program, *args):
        """Run one of PostgreSQL's programs as the server's user."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C.UTF-8"}
        # a server that was started would keep a pipe open
        with self.log.open("ab") as log:
            subprocess.run(
                [self._programs.binaries() / program, *args],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                cwd="/",
                start_new_session=True,
                **self._programs.identity(self._user),
            )

    def start(self):
        self.run("pg_ctl", "-D", self.data, "start", "-w", "-t", "60", "-o", f"-k {self.folder} -p {self.port}")

    def stop(self, mode):
        """Stop: "immediate" is a crash, "fast" ends the sessions."""
        self.run("pg_ctl", "-D", self.data, "stop", "-w", "-m", mode)

    def remove(self):
        """Stop it and delete all that is in its folder."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database):
        return psycopg2.connect(dbname=database, host=str(self.folder), port=self.port, user="odoo")

    def query(self, database, statement, *params):
        """Run a statement by itself; return its rows."""
        with closing(self.connect(database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, params or None)
                return cursor.fetchall() if cursor.description else []

    def import_database(self, database):
        """Copy a database of the tests' usual server under its own name."""
        self.query("postgres", f"CREATE DATABASE \"{database}\" TEMPLATE template0 LC_COLLATE 'C'")
        binaries = self._programs.binaries()
        with subprocess.Popen([binaries / "pg_dump", "-Fc", "-Z0", database], stdout=subprocess.PIPE) as dump:
            subprocess.run(
                [binaries / "pg_restore", "-h", self.folder, "-p", str(self.port), "-U", "odoo", "-O", "-d", database],
                stdin=dump.stdout,
                check=True,
            )
        assert dump.returncode == 0, "the database was not read to its end"

    def copy(self, source, target, tablespace=""):
        """Make a database anew from another one; whoever is in it is thrown out."""
        self.drop(target)
        self.query("postgres", f'CREATE DATABASE "{target}" TEMPLATE "{source}" STRATEGY FILE_COPY {tablespace}')

    def drop(self, database):
        self.query("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def wait_for_nobody(self, database, seconds=30):
        """Return when the server has noticed that a killed client is gone."""
        until = time.monotonic() + seconds
        while self.query("postgres", "SELECT 1 FROM pg_stat_activity WHERE datname = %s", database):
            assert time.monotonic() < until, "a session of a process that is gone stays"
            time.sleep(0.02)
