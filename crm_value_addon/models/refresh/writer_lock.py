"""A lock that one worker holds over many transactions, whatever stands between Odoo and its database server."""

from contextlib import closing, contextmanager

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo.sql_db import connection_info_for
from odoo.tools import SQL


class WriterLockLost(Exception):
    """The transaction that held the lock is gone: another worker may be at it by now."""


class WriterLock:
    """An advisory lock that a transaction of its own holds, on a connection of its own.

    How to use: `writer_lock` yields one; whoever holds it calls `check` before each commit.

    How it works: a pooler in transaction mode hands each transaction to another session of the server. A session's lock
    would not protect the next transaction, and nobody could give it back. An open transaction keeps its session, and
    the server releases its locks as soon as the process that holds it is gone. It is READ COMMITTED, so that it holds
    no snapshot between its statements, which would keep dead rows from being removed.
    """

    def __init__(self, connection):
        self._connection = connection

    def take(self, *key):
        """Try to take the lock of two numbers; tell whether it is this one's now, never wait.

        :param key: number of the kind of work, number of what it is done to
        """
        # An administrator may have limited how long a transaction stands idle, or lasts: this one has to.
        self._execute(
            SQL(
                "SELECT set_config(name, '0', TRUE) FROM pg_settings"
                " WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout') AND setting != '0'"
            )
        )
        return self._execute(SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", *key))

    def check(self):
        """Make sure that the lock is still held.

        :raise WriterLockLost: it is not
        """
        try:
            self._execute(SQL("SELECT TRUE"))
        except psycopg2.Error as error:
            raise WriterLockLost(str(error).strip()) from error

    def release(self):
        """Give the lock back; it is free when this returns."""
        if not self._connection.closed:
            self._connection.rollback()

    def _execute(self, statement):
        with self._connection.cursor() as cr:
            cr.execute(statement.code, statement.params)
            row = cr.fetchone()
        return row and row[0]


@contextmanager
def writer_lock(database):
    """Yield a `WriterLock` on a database, free at the end whatever happened."""
    _name, info = connection_info_for(database)
    with closing(psycopg2.connect(**info)) as connection:
        connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
        lock = WriterLock(connection)
        try:
            yield lock
        finally:
            lock.release()
