from odoo import models
from odoo.tools import SQL

#: amounts that differ by less are the same
_CENT = 0.005
#: reversals of reversals that are followed back to what was sold
_DEPTH = 10


class CrmValueDocumentTaken(models.AbstractModel):
    """From which earlier documents a document takes something back, and how much.

    How to use: `_select_taken_back` for frozen documents and for a draft; `_is_equal` tells whether two undo each
    other.

    How it works: what is given back goes to the document that is reversed, else to the invoices of the same order
    lines, the latest first. An order line is a stack: an invoice lays its amount on it, a credit takes from the top.

    Where the document that is reversed undid a credit note itself, it is taken from what that one had reversed, however
    often this went to and fro.

    In a moving currency, it is reckoned at the rate of the document that it is taken from: whoever gives everything
    back has bought nothing, whatever the rate is by now. The difference is in the revenue, as in the books.
    """

    _name = "crm.value.document.taken"
    _description = "What Documents Take Back"

    def _select_taken_back(self, company, notes, draft_id=None):
        """Return the SELECT of (move_id, counted_id, origin_id, amount): what documents take back, and from which.

        :param SQL notes: SELECT of move_id, reversed_id, bought (below 0)
        :param draft_id: a draft that takes back as if it were posted
        """
        return SQL(
            """
            WITH RECURSIVE note AS (%(notes)s),
            passed_on AS (
                SELECT move_id, reversed_id, 0 AS depth FROM note WHERE reversed_id IS NOT NULL
                UNION ALL
                SELECT passed_on.move_id, back.reversed_entry_id, passed_on.depth + 1
                  FROM passed_on JOIN account_move undoing ON undoing.id = passed_on.reversed_id
                  JOIN account_move back ON back.id = undoing.reversed_entry_id
                 WHERE back.reversed_entry_id IS NOT NULL AND passed_on.depth < %(depth)s
            ), root AS (
                SELECT DISTINCT ON (move_id) move_id, reversed_id FROM passed_on ORDER BY move_id, depth DESC
            ), credited AS (
                SELECT DISTINCT rel.order_line_id
                  FROM note JOIN account_move_line line ON line.move_id = note.move_id AND line.balance > 0
                  JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
                 WHERE note.reversed_id IS NULL
            ), event AS (%(events)s), level AS (
                SELECT event.*, sum(amount) OVER (PARTITION BY order_line_id ORDER BY place) AS height FROM event
            ), pair AS (
                SELECT credit.move_id, sold.move_id AS sold_id, sold.worth, sold.height - sold.amount AS floor,
                       sold.height AS ceiling, min(passed.height) AS before, credit.height AS after
                  FROM note
                  JOIN level credit ON credit.move_id = note.move_id AND credit.amount < 0
                  JOIN level sold ON sold.order_line_id = credit.order_line_id AND sold.place < credit.place
                                 AND sold.amount > 0
                  JOIN level passed ON passed.order_line_id = credit.order_line_id AND passed.place >= sold.place
                                   AND passed.place < credit.place
                 WHERE note.reversed_id IS NULL
                 GROUP BY credit.move_id, credit.order_line_id, credit.place, credit.height,
                          sold.move_id, sold.place, sold.height, sold.amount, sold.worth
            ), part AS (
                SELECT move_id, sold_id, sum(amount) AS amount, sum(amount * worth) AS money
                  FROM (SELECT pair.*, GREATEST(LEAST(ceiling, before) - floor, 0)
                                       - GREATEST(LEAST(ceiling, before, after) - floor, 0) AS amount FROM pair) pair
                 GROUP BY move_id, sold_id
            ), taken AS (
                SELECT note.move_id, root.reversed_id AS counted_id,
                       CASE WHEN sold.purchase_revenue > 0 AND %(is_all)s THEN -sold.purchase_revenue
                            ELSE note.bought * %(rate)s END AS amount
                  FROM note JOIN root ON root.move_id = note.move_id
                  JOIN account_move own ON own.id = note.move_id
                  JOIN account_move reversed ON reversed.id = root.reversed_id
                  LEFT JOIN crm_value_document sold ON sold.move_id = root.reversed_id
                UNION ALL
                SELECT part.move_id, part.sold_id,
                       -part.money * LEAST(1, -note.bought * COALESCE(NULLIF(own.invoice_currency_rate, 0), 1)
                                              / sum(part.amount) OVER (PARTITION BY part.move_id))
                  FROM part JOIN note ON note.move_id = part.move_id JOIN account_move own ON own.id = note.move_id
                 WHERE part.amount > 0
            )
            SELECT taken.move_id, taken.counted_id, COALESCE(replacing.origin_id, taken.counted_id) AS origin_id,
                   round(taken.amount::numeric, %(decimals)s) AS amount
              FROM taken
              LEFT JOIN crm_value_document_origin replacing
                     ON replacing.move_id = taken.counted_id AND replacing.replaced_id IS NOT NULL
                    AND replacing.amount > 0
            """,
            notes=notes,
            depth=_DEPTH,
            events=self._select_events(company, draft_id),
            is_all=self._is_equal("own", "reversed", SQL("sold.purchase_revenue + note.bought")),
            rate=self._rate_from("own", "reversed"),
            decimals=company.currency_id.decimal_places,
        )

    def _select_given_again(self, company, undoing):
        """Return the SELECT of (move_id, counted_id, origin_id, amount, refund): what documents that reverse a part of
        a credit note give back to the purchases that it took from, and by how much they make it smaller.

        :param SQL undoing: SELECT of move_id, reversed_id (the credit note), bought (above 0)
        """
        return SQL(
            """
            WITH undoing AS (%(undoing)s), given AS (
                SELECT undoing.move_id, undoing.reversed_id, undoing.bought * %(rate)s AS amount, note.purchase_revenue
                  FROM undoing JOIN crm_value_document note ON note.move_id = undoing.reversed_id
                  JOIN account_move own ON own.id = undoing.move_id
                  JOIN account_move reversed ON reversed.id = undoing.reversed_id
            )
            SELECT given.move_id, link.counted_id, link.origin_id,
                   round((link.amount * given.amount / given.purchase_revenue)::numeric, %(decimals)s) AS amount,
                   0 AS refund
              FROM given JOIN crm_value_document_origin link ON link.move_id = given.reversed_id AND link.amount < 0
            UNION ALL
            SELECT given.move_id, given.reversed_id, given.reversed_id, 0,
                   round(-given.amount::numeric, %(decimals)s)
              FROM given
            """,
            undoing=undoing,
            rate=self._rate_from("own", "reversed"),
            decimals=company.currency_id.decimal_places,
        )

    def _select_events(self, company, draft_id):
        """Return the SELECT of what lays on, or takes from, the stacks of ``credited`` order lines, in order.

        What a document takes back that names the one it reverses, that one has less from the beginning. The amounts are
        those of the currency of the documents; ``worth`` is what one of it was in the company's.
        """
        return SQL(
            """
            SELECT rel.order_line_id, line.move_id,
                   CASE WHEN line.balance < 0 THEN GREATEST(-own.amount - COALESCE(linked.amount, 0), 0)
                        ELSE -own.amount END AS amount, line.balance / own.amount AS worth,
                   row_number() OVER (PARTITION BY rel.order_line_id
                                      ORDER BY COALESCE(move.invoice_date, move.date), move.id, line.id) AS place
              FROM credited JOIN sale_order_line_invoice_rel rel ON rel.order_line_id = credited.order_line_id
              -- OFFSET 0: by key, whatever the planner guesses of the conditions below
              CROSS JOIN LATERAL (
                   SELECT * FROM account_move_line one WHERE one.id = rel.invoice_line_id OFFSET 0) line
              JOIN account_move move ON move.id = line.move_id
              CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(line.amount_currency, 0), line.balance) AS amount) own
              LEFT JOIN LATERAL (
                   SELECT sum(COALESCE(NULLIF(back.amount_currency, 0), back.balance)) AS amount
                     FROM account_move reversal
                     JOIN account_move_line back ON back.move_id = reversal.id AND back.balance > 0
                     JOIN sale_order_line_invoice_rel also ON also.invoice_line_id = back.id
                    WHERE reversal.reversed_entry_id = move.id AND reversal.state = 'posted'
                      AND also.order_line_id = rel.order_line_id AND line.balance < 0) linked ON TRUE
             WHERE line.display_type = 'product' AND %s
               AND (line.balance < 0 OR line.balance > 0 AND move.reversed_entry_id IS NULL) AND %s
            """,
            self.env["crm.value.line.kind"]._is_bought(company),
            self.env["crm.value.purchase"]._where_document("move", draft_id=draft_id, with_left_out=True),
        )

    # currencies: conditions on aliases of account_move

    def _is_equal(self, one, other, difference):
        """The amounts of two documents undo each other: the difference is none, or one of the rates of a currency."""
        return SQL(
            """(abs(%(difference)s) < %(cent)s
                OR %(one)s.currency_id = %(other)s.currency_id
                   AND %(one)s.invoice_currency_rate != %(other)s.invoice_currency_rate
                   AND abs(abs(%(one)s.amount_untaxed) - abs(%(other)s.amount_untaxed)) < %(cent)s)""",
            difference=difference,
            one=SQL.identifier(one),
            other=SQL.identifier(other),
            cent=_CENT,
        )

    def _rate_from(self, one, other):
        """The factor from an amount at the rate of a document to that at the rate of another one of its currency."""
        return SQL(
            """CASE WHEN %(one)s.currency_id = %(other)s.currency_id
                    THEN COALESCE(%(one)s.invoice_currency_rate / NULLIF(%(other)s.invoice_currency_rate, 0), 1)
                    ELSE 1 END""",
            one=SQL.identifier(one),
            other=SQL.identifier(other),
        )
