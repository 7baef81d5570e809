"""Installing and updating on a database in use: no table of Odoo's is written anew, nobody who posts has to wait."""

from contextlib import closing

import psycopg2

TABLES = [
    "account_move",
    "account_move_line",
    "crm_lead",
    "loyalty_card",
    "loyalty_program",
    "product_template",
    "res_company",
    "res_partner",
    "res_users",
    "sale_order",
    "sale_order_line",
]
INDEX = "account_move_crm_value_customer_idx"


def files(cluster):
    """Return where each table's rows lie, and how many of them were written since the statistics began."""
    cluster.sql("SELECT pg_stat_force_next_flush()")
    return cluster.sql(
        """
        SELECT relname, relfilenode, n_tup_upd FROM pg_class JOIN pg_stat_user_tables USING (relname)
         WHERE relname = ANY(%(tables)s) ORDER BY relname""",
        tables=TABLES,
    )


def test_installing_writes_no_row_of_a_large_table(make_cluster):
    cluster = make_cluster("base_demo")
    cluster.sql("UPDATE ir_module_module SET demo = FALSE")  # the rows are somebody's own, no more are to come
    before = files(cluster)
    assert len(before) == len(TABLES)
    done = cluster.odoo("server", "-i", "crm_value_addon", "--stop-after-init")
    assert "Building index" in done.stderr and f"Index {INDEX} was built" in done.stderr, done.stderr[-3000:]
    # Companies and programs get their settings, and some of Odoo's own users and contacts may be touched.
    few = {"res_company", "res_users", "res_partner", "loyalty_program"}
    assert {row for row in files(cluster) if row[0] not in few} == {row for row in before if row[0] not in few}
    assert [row[:2] for row in files(cluster)] == [row[:2] for row in before], "no table was written anew"


def test_updating_waits_for_nobody_and_stops_nobody(make_cluster):
    cluster = make_cluster("demo")
    before = files(cluster)
    with closing(psycopg2.connect(dbname=cluster.database)) as connection:
        # Somebody is in the middle of posting, of all that there is. A lock that would stop others from writing has to
        # wait for this one, and gives up.
        connection.cursor().execute(f"LOCK TABLE {', '.join(TABLES)} IN ROW EXCLUSIVE MODE")
        done = cluster.odoo("server", "-u", "crm_value_addon", "--stop-after-init", PGOPTIONS="-c lock_timeout=3s")
    assert done.returncode == 0 and "lock timeout" not in done.stderr, done.stderr[-3000:]
    assert cluster.sql("SELECT state FROM ir_module_module WHERE name = 'crm_value_addon'") == [("installed",)]
    assert files(cluster) == before


def test_an_index_that_was_not_finished_is_built_by_the_next_update(make_cluster):
    cluster = make_cluster("demo")
    [(definition,)] = cluster.sql(f"SELECT pg_get_indexdef('{INDEX}'::regclass)")
    cluster.sql(f"DROP INDEX {INDEX}")
    with closing(psycopg2.connect(dbname=cluster.database)) as connection:
        connection.cursor().execute("LOCK TABLE account_move IN ROW EXCLUSIVE MODE")
        cluster.sql("SET lock_timeout = '100ms'")
        try:
            cluster.sql(definition.replace("INDEX", "INDEX CONCURRENTLY", 1))
        except psycopg2.errors.LockNotAvailable:
            pass
    valid = f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{INDEX}'::regclass"
    assert cluster.sql(valid) == [(False,)], "the building was cut short"
    done = cluster.odoo("server", "-u", "crm_value_addon", "--stop-after-init")
    assert f"Index {INDEX} was built" in done.stderr
    assert cluster.sql(valid) == [(True,)]
    assert cluster.sql(f"SELECT pg_get_indexdef('{INDEX}'::regclass)") == [(definition,)]
