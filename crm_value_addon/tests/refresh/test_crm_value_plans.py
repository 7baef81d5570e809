from unittest.mock import patch

from odoo.tools import SQL

from ...models.refresh.basis import Basis
from ...report import crm_value_purchase_reader
from ..common import ValueCase

#: so many that no other plan comes near, whatever was in the database before
_CONTACTS = 1_000
_COPIES = 10_000


class TestCrmValuePlans(ValueCase):
    """What is meant to be found by an index is found by it, once the tables have more than a handful of rows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.buyer = cls.customer("Buyer")
        invoice = cls.invoice(cls.buyer, "2025-05-01", 100, invoice_date_due="2025-05-15")
        cls.note = cls.credit_note(invoice, "2025-06-01", 10)
        cls.refresh()
        others = cls.env["res.partner"].create([{"name": f"Other {number}"} for number in range(_CONTACTS)])
        cls.env["crm.value"].create([{"partner_id": other.id, "company_id": cls.company.id} for other in others])
        cls.env.flush_all()
        cls.copy_invoice(invoice, others)
        cls.env.cr.execute("ANALYZE account_move, account_move_line, crm_value, crm_value_document")

    @classmethod
    def copy_invoice(cls, invoice, customers):
        """Give the customers many copies of an invoice, frozen, each with a line that was due and is paid."""
        number, customer = SQL("copy.number"), SQL("(%s::int[])[1 + copy.number %% %s]", customers.ids, len(customers))
        cls.copy_rows(
            "account_move",
            invoice.id,
            name=SQL("'COPY/' || %s", number),
            partner_id=customer,
            commercial_partner_id=customer,
        )
        cls.env.cr.execute(
            SQL(
                """INSERT INTO crm_value_document (move_id, margin, purchase_revenue, role)
               SELECT id, 40, 100, 'purchase' FROM account_move WHERE name LIKE 'COPY/%%'"""
            )
        )
        due = invoice.line_ids.filtered("date_maturity")
        first = SQL("(SELECT min(id) FROM account_move WHERE name LIKE 'COPY/%%')")
        cls.copy_rows("account_move_line", due.id, move_id=SQL("%s + %s - 1", first, number), reconciled=SQL("TRUE"))

    @classmethod
    def copy_rows(cls, table, row_id, **values):
        """Insert copies of a row in which some columns have other values, SQL of ``copy.number``."""
        columns = [
            name
            for [name] in cls.env.execute_query(
                SQL(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                    " AND attgenerated = '' AND attname != 'id' ORDER BY attnum",
                    table,
                )
            )
        ]
        cls.env.cr.execute(
            SQL(
                "INSERT INTO %(table)s (%(columns)s) SELECT %(values)s FROM %(table)s,"
                " generate_series(1, %(copies)s) copy(number) WHERE %(table)s.id = %(id)s",
                table=SQL.identifier(table),
                columns=SQL(", ").join(map(SQL.identifier, columns)),
                values=SQL(", ").join(values.get(name, SQL.identifier(table, name)) for name in columns),
                copies=_COPIES,
                id=row_id,
            )
        )

    def plan(self, query):
        self.env.cr.execute(SQL("EXPLAIN %s", query))
        return "\n".join(line for [line] in self.env.cr.fetchall())

    def assertUses(self, query, index, *never_read):
        plan = self.plan(query)
        self.assertRegex(plan, rf"Scan (using|on) {index} ")
        for table in never_read:
            self.assertNotIn(f"Seq Scan on {table} ", plan)

    def test_documents_of_a_customer(self):
        days = self.env["crm.value.purchase"]._query(SQL("source.partner_id = %s", self.buyer.id))
        self.assertUses(days, "account_move_crm_value_customer_idx", "account_move", "crm_value_document")
        self.assertUses(days, "crm_value_document_move_uniq")

    def array_queries(self, *arguments):
        """Return the queries of a reading of purchase days: what is frozen of all documents comes before them."""
        queries, original = [], crm_value_purchase_reader.copy_out_arrays

        def copy_out_arrays(cr, query, columns):
            queries.append(query)
            return original(cr, query, columns)

        with patch.object(crm_value_purchase_reader, "copy_out_arrays", copy_out_arrays):
            list(
                self.env["crm.value.purchase.reader"]._iter_days(
                    Basis(self.company, self.company._value_today(), *arguments)
                )
            )
        return queries

    def test_documents_of_all_customers_are_read_from_the_index_alone(self):
        frozen, moves = self.array_queries()
        frozen = self.plan(frozen)
        self.assertIn("_crm_value_customer_idx", self.plan(moves))
        # No vacuum has seen these rows, so that the table would have to be looked at too: is it possible?
        self.env.cr.execute("SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off")
        self.assertIn("Index Only Scan using account_move_crm_value_customer_idx", self.plan(moves))
        if self.env.cr._cnx.server_version >= 140000:
            self.assertIn("Tid Range Scan on crm_value_document", frozen)

    def test_documents_of_some_customers_are_looked_up(self):
        moves, frozen = self.array_queries(self.buyer.ids)
        self.assertUses(moves, "account_move_crm_value_customer_idx", "account_move")
        self.assertUses(frozen, "crm_value_document_move_uniq", "crm_value_document")

    def test_overdue(self):
        for customers in ((), (self.buyer.ids,)):
            query = self.env["crm.value.overdue"]._query_overdue(
                Basis(self.company, self.company._value_today(), *customers)
            )
            self.assertUses(query, "account_move_line_crm_value_open_idx", "account_move_line", "account_move")

    def test_what_a_credit_note_takes_back(self):
        # each credit note asks for its own documents only: a company's history has thousands of them
        plans, original = [], type(self.env.cr).execute

        def execute(cr, query, *arguments, **named):
            if isinstance(query, SQL):
                original(cr, SQL("EXPLAIN %s", query))
                plans.append("\n".join(line for [line] in cr.fetchall()))
            return original(cr, query, *arguments, **named)

        with patch.object(type(self.env.cr), "execute", execute):
            self.env["crm.value.document.role"]._settle_changed(self.company, SQL("= ANY(%s)", self.note.ids))
        self.assertGreater(len(plans), 6)
        for plan in plans:
            for table in ("account_move", "account_move_line", "crm_value_document"):
                self.assertNotIn(f"Seq Scan on {table} ", plan, plan)

    def test_queue(self):
        rows = {(partner, self.company.id, 0) for partner in range(1, _COPIES)}
        self.env["crm.value.queue"]._push(rows)
        self.env.cr.execute("ANALYZE crm_value_queue")
        queries = []
        with self.statements(queries):
            self.env["crm.value.queue"]._peek(self.company, limit=10)
        self.assertUses(queries[-1], "crm_value_queue_pkey", "crm_value_queue")

    def test_value_of_a_contact(self):
        domain = [("partner_id", "in", self.buyer.ids), ("company_id", "=", self.company.id)]
        self.assertUses(self.env["crm.value"]._search(domain).select(), "crm_value_partner_company_uniq", "crm_value")

    def test_contacts_by_tier(self):
        tier = self.env["crm.value.tier"].create({"name": "Few", "sequence": 99})
        self.value(self.buyer).tier_id = tier
        self.env.flush_all()
        self.env.cr.execute("ANALYZE crm_value")
        query = self.env["res.partner"]._search([("value_tier_id", "=", tier.id)]).select()
        self.assertUses(query, "crm_value__tier_id_index", "crm_value")

    def test_a_company_that_is_new_is_not_searched_for_each_customer(self):
        # no statistics tell of its customers yet
        other = self.setup_other_company(name="Other")["company"]
        self.env.cr.execute(
            "INSERT INTO crm_value (partner_id, company_id, revenue_12m)"
            " SELECT partner_id, %s, 5000 FROM crm_value WHERE company_id = %s",
            [other.id, self.company.id],
        )
        plans, original = [], type(self.env.cr).execute

        def execute(cr, query, *arguments, **named):
            if isinstance(query, SQL) and query.code.split(maxsplit=2)[:2] in (
                ["UPDATE", "crm_value"],
                ["WITH", "decision"],
            ):
                original(cr, SQL("EXPLAIN %s", query))
                plans.append("\n".join(line for [line] in cr.fetchall()))
            return original(cr, query, *arguments, **named)

        with patch.object(type(self.env.cr), "execute", execute):
            self.Refresh.with_company(other)._refresh_company()
        self.assertEqual(["Update on crm_value" in plan for plan in plans], [True, True])
        for plan in plans:
            self.assertNotIn("Nested Loop", plan)

    def statements(self, found):
        """Return a context in which the queries of the environment are noted."""
        original = type(self.env).execute_query

        def execute_query(env, query):
            found.append(query)
            return original(env, query)

        return patch.object(type(self.env), "execute_query", execute_query)
