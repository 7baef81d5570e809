"""Indexes on Odoo's own large tables, built while people go on working.

An index of Odoo's is built within the installation and locks its table until the whole installation ends, also for
those who post invoices. These are built right after it, by ``CREATE INDEX CONCURRENTLY``, which stops nobody.
"""

import logging
import time
from contextlib import closing

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from odoo import models
from odoo.sql_db import connection_info_for
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

#: how long a transaction of somebody else may keep the end of the building waiting
_PATIENCE = "60s"


class ConcurrentIndex(models.Index):
    """A `models.Index` that comes into being after the installation or update that declares it.

    Everything must work without it, slower: when it could not be built, the log says so, `missing_indexes` tells the
    screens, and the next update of the module tries again. (No scheduled action can: Odoo keeps a transaction open
    around each, for whose end the building would wait.)
    """

    def apply_to_database(self, model):
        """Build the index once the transaction of the installation is over."""
        if missing_indexes([model], self):
            model.env.cr.postcommit.add(lambda: self._build(model.pool, model._table, self.full_name(model)))

    def _build(self, registry, table, name):
        started = time.monotonic()
        try:
            self._build_beside(registry, table, name)
        except psycopg2.Error as error:
            _logger.warning(
                "Index %s could not be built, refreshes take longer without it; update the module to try again: %s",
                name,
                str(error).strip(),
            )
        else:
            _logger.info("Index %s was built in %.1f s", name, time.monotonic() - started)

    def _build_beside(self, registry, table, name):
        """Build the index over a connection of its own, outside any transaction."""
        definition = self.get_definition(registry)
        _name, info = connection_info_for(registry.db_name)
        with closing(psycopg2.connect(**info)) as connection, connection.cursor() as cr:
            connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            cr.execute("SELECT greatest(reltuples, 0)::int8 FROM pg_class WHERE oid = to_regclass(%s)", [table])
            _logger.info(
                "Building index %s on about %s rows of %s; everybody can go on working", name, cr.fetchone()[0], table
            )
            # names and definition are our own code's  # pylint: disable=sql-injection
            index, place = sql.Identifier(name), sql.SQL(definition.partition("INDEX ")[2])
            cr.execute("SET lock_timeout = %s", [_PATIENCE])
            # what an earlier attempt left unfinished
            cr.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(index))
            cr.execute(sql.SQL("CREATE INDEX CONCURRENTLY {} ON {} {}").format(index, sql.Identifier(table), place))
            cr.execute(sql.SQL("COMMENT ON INDEX {} IS %s").format(index), [definition])


def missing_indexes(models, *indexes):
    """Return the names of the concurrent indexes of these models that the database lacks, or holds unfinished.

    :param models: list of empty recordsets
    :param indexes: only these, by default all that the models declare
    """
    wanted = {
        index.full_name(model): index.get_definition(model.pool)
        for model in models
        for index in indexes or model._table_objects.values()
        if isinstance(index, ConcurrentIndex)
    }
    rows = models[0].env.execute_query(
        SQL(
            """SELECT class.relname, obj_description(class.oid)
             FROM pg_index index JOIN pg_class class ON class.oid = index.indexrelid
            WHERE class.relname = ANY(%s) AND class.relnamespace = current_schema::regnamespace AND index.indisvalid""",
            list(wanted),
        )
    )
    # The comment is Odoo's own mark. Without one, somebody built the index by hand: theirs is kept, as Odoo does.
    return sorted(set(wanted) - {name for name, comment in rows if comment in (None, wanted[name])})
