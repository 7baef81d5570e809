"""The dashboard's one call, against the barest aggregate of the same rows; with a year of month ends behind it.

Without a filter it reads sums that the refresh has kept. With one it adds up the customers when it opens.

The bare aggregate reads each customer's row and each month end once: count, revenue and CLV by tier, equity by month.
"""

from environment import environment
from measure import alternate, forked
from refresh_bench import is_refreshed, refresh

import odoo

PAIRS = 15
MONTHS = 12
LIMIT = 6  # queries
_MANAGER = "base.user_admin"


def run(table, registry, _database):
    if not is_refreshed(registry):
        forked(refresh, registry)
    _take_month_ends(registry)
    with environment(registry) as env:
        # the context that the browser sends
        env = odoo.api.Environment(env.cr, env.ref(_MANAGER).id, {"lang": "en_US", "allowed_company_ids": [1]})
        taken, _bare, ratio = alternate(PAIRS, lambda: _read(env), lambda: _aggregate(env))
        table.add("dashboard of all customers", 1000 * taken, "ms", at_most=150)
        table.add("dashboard / bare aggregate of the same rows", ratio, "×", at_most=4)
        live, _bare, ratio = alternate(
            PAIRS // 3, lambda: _read(env, {"country_id": _country(env)}), lambda: _aggregate(env)
        )
        table.add("dashboard of a country, which is added up when it opens", 1000 * live, "ms")
        table.add("dashboard of a country / bare aggregate of the same rows", ratio, "×", at_most=4)
        before = env.cr.sql_log_count
        _read(env)
        table.add("dashboard: queries", env.cr.sql_log_count - before, "", at_most=LIMIT)


def _read(env, filters=None):
    env.invalidate_all()
    return env["crm.value.dashboard"].read_dashboard("month", filters=filters)


def _country(env):
    """Return the country of most customers."""
    env.cr.execute("SELECT country_id FROM res_partner WHERE country_id > 0 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    return env.cr.fetchone()[0]


def _aggregate(env):
    env.cr.execute(
        "SELECT tier_id, count(*), sum(revenue_12m), sum(clv) FROM crm_value WHERE company_id = 1 GROUP BY 1"
    )
    env.cr.fetchall()
    env.cr.execute("SELECT as_of_date, count(*), sum(equity) FROM crm_value_snapshot WHERE company_id = 1 GROUP BY 1")
    env.cr.fetchall()


def _take_month_ends(registry):
    """Give every customer the month ends of a year that it does not have yet."""
    with environment(registry) as env:
        env.cr.execute(
            """
            INSERT INTO crm_value_snapshot (value_id, company_id, as_of_date, clv, equity, revenue_12m)
            SELECT id, company_id, (date_trunc('month', current_date) - make_interval(months => number))::date - 1,
                   clv, clv, revenue_12m
              FROM crm_value, generate_series(0, %s) number
            ON CONFLICT DO NOTHING""",
            [MONTHS - 1],
        )
    with registry.cursor() as cr:
        cr.commit()
        cr._cnx.autocommit = True
        cr.execute("VACUUM ANALYZE crm_value_snapshot")
        cr.execute("VACUUM ANALYZE crm_value")
        cr._cnx.autocommit = False
