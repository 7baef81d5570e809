from contextlib import contextmanager
from hashlib import sha256

from odoo import api, fields, models
from odoo.tools import SQL

from . import contributions

#: rows of changes that a company may have before they are added up
_MANY_CHANGES = 5_000
#: what tells the trigger that a refresh counts all customers at its end
_SETTING = "crm_value.are_counted_later"


class CrmValueSum(models.Model):
    """Sums over the customers of a company, for screens that must not read a million customers to open.

    How to use: `crm.value.dashboard.sums` reads them. A refresh of all customers writes within `_counted_later` and
    ends with `_count`; what else writes values need not know of sums.

    How it works: a row is the sum over some customers alike, or what a transaction changed in it: rows are added, none
    is updated, so that nobody who writes a customer waits for, or is rolled back by, somebody else who does. A sum is
    what all of its rows add up to. Triggers on `crm_value` and `crm_value_snapshot` add the rows, in the transaction
    and for whatever statement writes the customers: a merge, an erasure, a contact that PostgreSQL deletes. Which sums
    there are: models/sums/contributions.py.

    A refresh of all customers would change every sum in each of its batches. It marks the company (kind ``void``) in
    the first one instead and counts all customers again at its end; meanwhile readers sum up the customers themselves.
    """

    _name = "crm.value.sum"
    _description = "Customer Value: Sum over Customers"
    _log_access = False
    _order = "id"
    _rec_name = "kind"

    company_key = fields.Integer(required=True, help="Without a foreign key, which each change would have to check")
    kind = fields.Char(
        required=True, help="Which sum; “whole”: all customers were counted, “void”: they are to be counted again"
    )
    is_change = fields.Boolean(help="Written with customers; not added up yet")
    # which customers
    tier_key = fields.Integer()
    has_bought = fields.Boolean()
    stage = fields.Char()
    r_score = fields.Integer()
    f_score = fields.Integer()
    day = fields.Date()
    age = fields.Integer(help="Calendar quarters since the one of the first purchase")
    least = fields.Float(digits=(16, 6), help="From which value on: its first three digits")
    # what they add up to
    customers = fields.Integer()
    risked_customers = fields.Integer()
    expecting_customers = fields.Integer()
    reconstructed_customers = fields.Integer()
    revenue = fields.Float(digits=(16, 2))
    revenue_at_risk = fields.Float(digits=(16, 2))
    margin = fields.Float(digits=(16, 2))
    clv = fields.Float(digits=(16, 2))
    equity = fields.Float(digits=(16, 2))
    expected_revenue = fields.Float(digits=(16, 2))
    expected_margin = fields.Float(digits=(16, 2))
    spend_variance = fields.Float(digits=(16, 0))

    _company_kind_index = models.Index("(company_key, kind)")

    # triggers

    @api.model
    def _watch(self, table):
        """Let PostgreSQL add up what changes in a table from now on.

        :param str table: one of `contributions.OF_TABLE`, or the fits, on which the variance of a customer depends
        """
        statements = list(contributions.triggers(table, _SETTING))
        mark = sha256(repr(statements).encode()).hexdigest()
        function = f"{contributions.function(table)}()"
        rows = self.env.execute_query(
            SQL(
                """SELECT FROM pg_trigger WHERE tgrelid = %s::regclass AND tgfoid = to_regprocedure(%s)
                      AND obj_description(tgfoid, 'pg_proc') = %s LIMIT 1""",
                *(table, function, mark),
            )
        )
        if rows:
            return  # nothing new, and a new trigger would lock the table until an update ends
        for statement in (*statements, SQL("COMMENT ON FUNCTION %s IS %s", SQL(function), mark)):
            self.env.cr.execute(statement)

    @api.model
    def _forget_triggers(self):
        """Delete the functions: PostgreSQL deletes triggers with their tables, and keeps what these called."""
        self.env.cr.execute(contributions.drop_triggers())

    # counting

    @contextmanager
    def _counted_later(self, company):
        """Leave out what is written here from the sums of a company, which are void until `_count`."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """SET LOCAL %(setting)s = 'on';
                INSERT INTO crm_value_sum (company_key, kind) SELECT %(company)s, 'void' WHERE NOT EXISTS (
                    SELECT FROM crm_value_sum WHERE company_key = %(company)s AND kind = 'void')""",
                setting=SQL(_SETTING),
                company=company.id,
            )
        )
        yield
        self.env.flush_all()
        self.env.cr.execute(SQL("SET LOCAL %s = 'off'", SQL(_SETTING)))

    @api.model
    def _count(self, company):
        """Count the customers of a company again; the first time, their month ends, too.

        What other sessions write meanwhile neither this transaction sees nor does it delete their rows: both add up.
        """
        self.env.flush_all()
        if not self._is_counted(company):
            self.env.cr.execute(SQL("DELETE FROM crm_value_sum WHERE company_key = %s", company.id))
            self.env.cr.execute(contributions.count("crm_value_snapshot", company.id))
            self.env.cr.execute(SQL("INSERT INTO crm_value_sum (company_key, kind) VALUES (%s, 'whole')", company.id))
        self.env.cr.execute(
            SQL(
                "DELETE FROM crm_value_sum WHERE company_key = %s AND kind NOT IN ('whole', %s)",
                company.id,
                contributions.MONTH,
            )
        )
        self.env.cr.execute(contributions.count("crm_value", company.id))
        self.invalidate_model()

    @api.model
    def _is_counted(self, company):
        rows = self.env.execute_query(
            SQL("SELECT FROM crm_value_sum WHERE company_key = %s AND kind = 'whole' LIMIT 1", company.id)
        )
        return bool(rows)

    @api.model
    def _add_up(self, company):
        """Add up the changes of a company, once there are many. Done by its writer: one at a time."""
        self.env.flush_all()
        [[changes]] = self.env.execute_query(
            SQL("SELECT count(*) FROM crm_value_sum WHERE company_key = %s AND is_change", company.id)
        )
        if changes > _MANY_CHANGES:
            self.env.cr.execute(contributions.add_up(company.id))
            self.invalidate_model()
