"""Odoo in this process: `connect` to a database once, then `environment` for each transaction."""

from contextlib import contextmanager

import odoo
from odoo.modules.registry import Registry
from odoo.tools import config


def connect(database):
    """Load the registry of a database, without a server, crons or mails."""
    config.parse_config(["-d", database, "--no-http", "--max-cron-threads", "0", "--log-level", "error"])
    return Registry(database)


@contextmanager
def environment(registry, user_id=odoo.SUPERUSER_ID):
    """Yield an environment of the main company in a transaction of its own, committed at the end."""
    with registry.cursor() as cr:
        env = odoo.api.Environment(cr, user_id, {"tracking_disable": True})
        yield env
        env.flush_all()
