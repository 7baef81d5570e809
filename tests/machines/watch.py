"""Who began and who ended a refresh, noted by the database itself, and refreshes that last long enough to be seen."""

_WATCH = """
    CREATE TABLE watch (
        id serial, company_id int, event varchar, node varchar DEFAULT current_setting('application_name'));
    CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.kind = 'full' AND NEW.state IN ('running', 'done', 'failed')
                AND (TG_OP = 'INSERT' OR OLD.state != NEW.state) THEN
            INSERT INTO watch (company_id, event) VALUES (NEW.company_id, NEW.state);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER watch AFTER INSERT OR UPDATE ON crm_value_run FOR EACH ROW EXECUTE FUNCTION watch();
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$;
    CREATE TRIGGER linger AFTER INSERT ON crm_value FOR EACH STATEMENT EXECUTE FUNCTION linger();
"""
_ONLY_THESE = """
    UPDATE ir_cron SET active = FALSE WHERE cron_name NOT LIKE 'Customer Value: refresh%';
    DELETE FROM ir_cron_trigger
"""
_DUE = """
    UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '1 minute'
     WHERE id IN (SELECT res_id FROM ir_model_data
                   WHERE module = 'crm_value_addon' AND name IN ('ir_cron_refresh_all', 'ir_cron_refresh_beside'))
"""
#: one row when all companies that were added, which have the same invoices, have the same figures
_FIGURES = """
    SELECT DISTINCT count(*), sum(revenue_total), sum(clv), sum(purchase_count) FROM crm_value
     WHERE company_id = ANY(%(companies)s) GROUP BY company_id
"""


class Night:
    """The nightly refresh of a cluster with several companies."""

    def __init__(self, cluster, companies):
        self.cluster = cluster
        self.added = cluster.add_companies(companies)
        cluster.sql(_ONLY_THESE)
        cluster.sql(_WATCH)

    def forget(self):
        """Make it as if nothing had been refreshed yet."""
        self.cluster.sql("DELETE FROM crm_value_run; DELETE FROM crm_value; DELETE FROM watch")

    def begin(self):
        """Have the scheduled actions run now."""
        self.cluster.sql(_DUE)
        self.cluster.wake_crons()

    def spans(self):
        """Return per company its events in order, each with the process that caused it."""
        found = {}
        for company, event, node in self.cluster.sql("SELECT company_id, event, node FROM watch ORDER BY id"):
            found.setdefault(company, []).append((event, node))
        return found

    def is_over(self):
        return not self.cluster.sql("""
            SELECT id FROM res_company
             WHERE active AND id NOT IN (SELECT company_id FROM watch WHERE event = 'done')""")

    def figures(self):
        """Return the figures that all added companies have; several when they differ."""
        return self.cluster.sql(_FIGURES, companies=self.added)
