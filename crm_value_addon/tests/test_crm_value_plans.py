from unittest.mock import patch

from odoo.tools import SQL

from ..report import crm_value_purchase_bulk
from .common import ValueCase


class TestCrmValuePlans(ValueCase):
    """What is meant to be found by an index is: with few rows PostgreSQL would read the table, so that is forbidden."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.buyer = cls.customer("Buyer")
        invoice = cls.invoice(cls.buyer, "2025-05-01", 100, invoice_date_due="2025-05-15")
        cls.credit_note(invoice, "2025-06-01", 10)
        cls.refresh()
        cls.env.flush_all()

    def plan(self, query):
        # One way is left of each kind: an index where there is one that fits, else the whole table.
        self.env.cr.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        self.env.cr.execute(SQL("EXPLAIN %s", query))
        return "\n".join(line for [line] in self.env.cr.fetchall())

    def assertUses(self, query, index, *never_read):
        plan = self.plan(query)
        self.assertIn(f" using {index} ", plan)
        for table in never_read:
            self.assertNotIn(f"Seq Scan on {table}", plan)

    def test_documents_of_a_customer(self):
        days = self.env["crm.value.purchase"]._query(SQL("source.partner_id = %s", self.buyer.id))
        self.assertUses(days, "account_move_crm_value_customer_idx", "account_move", "crm_value_document")
        self.assertUses(days, "crm_value_document_move_uniq")

    def test_documents_of_all_customers_are_read_from_the_index_alone(self):
        queries, original = [], crm_value_purchase_bulk.copy_out_arrays

        def copy_out_arrays(cr, query, columns):
            queries.append(query)
            return original(cr, query, columns)

        self.patch(crm_value_purchase_bulk, "copy_out_arrays", copy_out_arrays)
        list(self.env["crm.value.purchase"]._iter_days(self.company))
        frozen, moves = (self.plan(query) for query in queries)
        if "Index Only Scan" not in moves:  # equally cheap with few rows: is it possible?
            self.env.cr.execute("SET LOCAL enable_indexscan = off")
            moves = self.plan(queries[1])
        if "_crm_value_customer_idx" not in moves:
            self.skipTest("with so few rows, and these statistics, any index of the table is as good")
        self.assertIn("Index Only Scan using account_move_crm_value_customer_idx", moves)
        if self.env.cr._cnx.server_version >= 140000:
            self.assertIn("Tid Range Scan on crm_value_document", frozen)

    def test_frozen_rows_of_some_customers_are_looked_up_one_by_one(self):
        few = self.env["crm.value.purchase"].with_context(value_few=True)
        for source in few._sources():
            query = SQL("SELECT * FROM (%s) source WHERE source.partner_id = ANY(%s)", source, self.buyer.ids)
            self.env.cr.execute(SQL("EXPLAIN %s", query))  # with few rows here, and whatever a page is said to cost
            plan = "".join(line for [line] in self.env.cr.fetchall())
            if "Hash" in plan and "Seq Scan" in plan:
                self.skipTest("with so few rows, and these statistics, reading the whole table is as good")
            self.assertNotIn("Hash", plan)
            self.assertUses(query, "crm_value_document_move_uniq", "crm_value_document")

    def test_overdue(self):
        # most lines that were ever due are paid
        columns = SQL(", ").join(SQL.identifier(name) for name, field in self.env["account.move.line"]._fields.items()
                                 if field.store and field.column_type and name not in ("id", "reconciled"))
        self.env.cr.execute(SQL(
            """INSERT INTO account_move_line (%s, reconciled)
               SELECT %s, TRUE FROM account_move_line, generate_series(1, 3000)
                WHERE id = (SELECT min(id) FROM account_move_line
                            WHERE move_id = ANY(%s) AND date_maturity IS NOT NULL);
               ANALYZE account_move_line""",
            columns, columns, self.env["account.move"].search([("partner_id", "=", self.buyer.id)]).ids))
        query = self.env["crm.value.purchase"]._query_overdue(self.company, self.company._value_today())
        self.assertUses(query, "account_move_line_crm_value_open_idx", "account_move_line", "account_move")

    def test_queue(self):
        queries = []
        with self.statements(queries):
            self.env["crm.value.queue"]._peek(self.company, limit=10)
        self.assertUses(queries[-1], "crm_value_queue_pkey", "crm_value_queue")

    def test_value_of_a_contact(self):
        others = self.env["res.partner"].create([{"name": f"Other {number}"} for number in range(200)])
        self.env["crm.value"].create([{"partner_id": other.id, "company_id": self.company.id} for other in others])
        self.env.flush_all()
        self.env.cr.execute("ANALYZE crm_value")
        domain = [("partner_id", "in", self.buyer.ids), ("company_id", "=", self.company.id)]
        self.assertUses(
            self.env["crm.value"]._search(domain).select(), "crm_value_partner_company_uniq", "crm_value")

    def test_contacts_by_tier(self):
        tier = self.env["crm.value.tier"].search([], limit=1)
        query = self.env["res.partner"]._search([("value_tier_id", "=", tier.id)]).select()
        self.assertUses(query, "crm_value__tier_id_index", "crm_value")

    def statements(self, found):
        """Return a context in which the queries of the environment are noted."""
        original = type(self.env).execute_query

        def execute_query(env, query):
            found.append(query)
            return original(env, query)

        return patch.object(type(self.env), "execute_query", execute_query)
