from odoo import api, models
from odoo.tools import SQL

#: amounts that differ by less are the same
_CENT = 0.005


class CrmValueDocumentRole(models.AbstractModel):
    """What a document is for its customer, and which earlier documents it takes something back from.

    How to use: `crm.value.document` calls `_settle` for documents that it has just frozen; `_select_taken_back` answers
    for a draft, too. `_link_replacements` and `_link_copies` remember which document replaces which.

    How it works: the sign of the net of a document's lines, advances left out, says what it is; its type does not.

    - Above 0, it is a purchase of its day. Below 0, something was given back: to the document that it reverses, else
      to the invoices of the same order lines, the latest first. An order line is a stack: an invoice lays its amount on
      it, a credit takes from the top.
    - Two documents that undo each other are a correction: a credit note, and the document that reverses it.
    - A credit note and the invoice that *Reverse and Create Invoice* made in its place are a correction as well, as
      soon as both are posted: nothing was given back, and the new one counts on the day of the old one. If it is
      another customer's, it is a purchase of its own day.
    """

    _name = "crm.value.document.role"
    _description = "Roles of Documents"

    # which documents

    @api.model
    def _settle_changed(self, company, condition, *, others=(), is_bulk=False):
        """Decide the roles of documents that were posted or undone, and of those that hang together with them.

        :param SQL condition: what follows the id of the move
        :param others: ids of documents that took back from these until now
        :param is_bulk: all documents of the company are frozen, one batch after the other: credit notes that share
            order lines need no second look then, and no customer has to be queued
        """
        self.env.flush_all()
        sources = [
            SQL(
                "SELECT move_id FROM crm_value_document own WHERE move_id %s AND %s",
                condition,
                self._needs_settling("own"),
            ),
            SQL("SELECT id FROM account_move WHERE reversed_entry_id %s", condition),
            SQL("SELECT reversed_entry_id FROM account_move WHERE id %s AND reversed_entry_id IS NOT NULL", condition),
            SQL(
                """SELECT note.id FROM crm_value_document_origin link
                     JOIN account_move note ON note.reversed_entry_id = link.replaced_id WHERE link.move_id %s""",
                condition,
            ),
            SQL(
                """SELECT link.move_id FROM account_move note
                     JOIN crm_value_document_origin link ON link.replaced_id = note.reversed_entry_id
                    WHERE note.id %s""",
                condition,
            ),
            SQL("SELECT unnest(%s::int[])", list(others)),
        ]
        if not is_bulk:
            sources.append(
                SQL(
                    """SELECT note.move_id FROM account_move_line line
                         JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
                         JOIN sale_order_line_invoice_rel also ON also.order_line_id = rel.order_line_id
                         JOIN account_move_line note ON note.id = also.invoice_line_id AND note.balance > 0
                        WHERE line.move_id %s""",
                    condition,
                )
            )
        rows = self.env.execute_query(
            SQL(
                "SELECT document.move_id FROM crm_value_document document WHERE document.move_id IN (%s)",
                SQL(" UNION ALL ").join(sources),
            )
        )
        if not rows:
            return
        settled = SQL("= ANY(%s)", [move_id for [move_id] in rows])
        if is_bulk:
            self._settle(company, settled)
            return
        before = self._counted_customers(settled)
        self._settle(company, settled)
        self._push_customers(company, before | self._counted_customers(settled), condition)

    def _needs_settling(self, alias):
        """Return the condition that the sign of a document does not say everything about it."""
        return SQL(
            """(%(d)s.purchase_revenue < 0
                OR EXISTS (SELECT FROM crm_value_document_origin link WHERE link.move_id = %(d)s.move_id)
                OR EXISTS (SELECT FROM account_move undoing
                            WHERE undoing.id = %(d)s.move_id AND undoing.reversed_entry_id IS NOT NULL))""",
            d=SQL.identifier(alias),
        )

    @api.model
    def _settle(self, company, condition):
        """Decide the roles of frozen documents, and write the amounts that they take back.

        :param SQL condition: what follows the id of the move
        """
        rows = self.env.execute_query(
            SQL(
                """
            SELECT document.id, document.move_id, document.purchase_revenue AS bought,
                   move.reversed_entry_id AS reversed_id
              FROM crm_value_document document JOIN account_move move ON move.id = document.move_id
             WHERE document.move_id %s AND move.company_id = %s AND document.purchase_revenue != 0 AND %s""",
                condition,
                company.id,
                self._needs_settling("document"),
            )
        )
        if not rows:
            return
        # as arrays: the tables were just filled, and a planner that knows nothing of them would read them many times
        chosen = SQL(
            """(SELECT * FROM unnest(%s::int[], %s::int[], %s::float8[], %s::int[])
                    AS choice(id, move_id, bought, reversed_id))""",
            *(list(column) for column in zip(*rows, strict=True)),
        )
        move_ids = [move_id for _id, move_id, _bought, _reversed_id in rows]
        is_undone, is_replaced, is_new = self._is_undone(), self._is_replaced(), self._is_new()
        for statement in (
            SQL(
                """
            UPDATE crm_value_document document
               SET role = CASE WHEN %s OR %s OR %s THEN 'correction' WHEN chosen.bought > 0 THEN 'purchase'
                               ELSE 'return' END
              FROM %s chosen WHERE document.id = chosen.id""",
                is_undone,
                is_replaced,
                is_new,
                chosen,
            ),
            SQL(
                """
            UPDATE crm_value_document_origin link
               SET amount = CASE WHEN chosen.is_new THEN chosen.bought ELSE 0 END
              FROM (SELECT chosen.*, %s AS is_new FROM %s chosen) chosen
             WHERE link.move_id = chosen.move_id AND link.replaced_id IS NOT NULL""",
                is_new,
                chosen,
            ),
            SQL(
                """
            DELETE FROM crm_value_document_origin WHERE move_id = ANY(%s) AND replaced_id IS NULL""",
                move_ids,
            ),
            SQL(
                """
            INSERT INTO crm_value_document_origin (move_id, counted_id, origin_id, amount)
            SELECT move_id, counted_id, origin_id, amount FROM (%s) taken""",
                self._select_taken_back(
                    company, SQL("SELECT * FROM %s chosen WHERE chosen.bought < 0 AND NOT %s", chosen, is_undone)
                ),
            ),
            SQL(
                """
            UPDATE crm_value_document document
               SET reversed_move_id = (SELECT link.counted_id FROM crm_value_document_origin link
                                        WHERE link.move_id = chosen.move_id AND link.replaced_id IS NULL
                                        ORDER BY link.amount, link.counted_id DESC LIMIT 1)
              FROM %s chosen WHERE document.id = chosen.id""",
                chosen,
            ),
        ):
            self.env.cr.execute(statement)
        self.env["crm.value.document"].invalidate_model(["role", "reversed_move_id"])
        self.env["crm.value.document.origin"].invalidate_model()

    @api.model
    def _counted_customers(self, condition):
        """Return the ids of the customers whose figures some documents change, their own included."""
        rows = self.env.execute_query(
            SQL(
                """
            SELECT commercial_partner_id FROM account_move WHERE id %(condition)s
            UNION SELECT counted.commercial_partner_id FROM crm_value_document_origin link
                    JOIN account_move counted ON counted.id = link.counted_id WHERE link.move_id %(condition)s
            """,
                condition=condition,
            )
        )
        return {partner_id for [partner_id] in rows if partner_id}

    @api.model
    def _push_customers(self, company, partner_ids, condition):
        """Queue customers other than those of the documents that caused it, who are being refreshed.

        :param SQL condition: what follows the id of the documents
        """
        own = self.env.execute_query(
            SQL("SELECT DISTINCT commercial_partner_id FROM account_move WHERE id %s", condition)
        )
        others = partner_ids - {partner_id for [partner_id] in own}
        self.env["crm.value.queue"]._push({(partner_id, company.id, 0) for partner_id in others})

    # corrections: conditions on ``chosen``

    def _is_undone(self):
        """Both documents of a pair that undo each other: what was given back, and the document that reverses it."""
        # each side by its own index: one condition over both would read all documents for each credit note
        return SQL(
            """(chosen.bought < 0 AND EXISTS (
                       SELECT FROM account_move undoing
                         JOIN crm_value_document other ON other.move_id = undoing.id
                        WHERE undoing.reversed_entry_id = chosen.move_id AND undoing.state = 'posted'
                          AND abs(other.purchase_revenue + chosen.bought) < %(cent)s)
                OR chosen.bought > 0 AND EXISTS (
                       SELECT FROM account_move undoing
                         JOIN crm_value_document other ON other.move_id = undoing.reversed_entry_id
                        WHERE undoing.id = chosen.move_id AND undoing.state = 'posted'
                          AND abs(other.purchase_revenue + chosen.bought) < %(cent)s))""",
            cent=_CENT,
        )

    def _is_replaced(self):
        """A credit note over all of a document that a new one replaces."""
        return SQL(
            """chosen.bought < 0 AND EXISTS (
                       SELECT FROM crm_value_document_origin link
                         JOIN crm_value_document new ON new.move_id = link.move_id AND new.purchase_revenue > 0
                         JOIN crm_value_document old ON old.move_id = link.replaced_id
                        WHERE link.replaced_id = chosen.reversed_id
                          AND abs(old.purchase_revenue + chosen.bought) < %s)""",
            _CENT,
        )

    def _is_new(self):
        """The document that replaces another one of the same customer, all of which was credited.

        One for another customer is a purchase of its own day: that customer had bought nothing before.
        """
        return SQL(
            """chosen.bought > 0 AND EXISTS (
                       SELECT FROM crm_value_document_origin link
                         JOIN account_move note ON note.reversed_entry_id = link.replaced_id
                         JOIN crm_value_document credited ON credited.move_id = note.id
                         JOIN crm_value_document old ON old.move_id = link.replaced_id
                         JOIN account_move new ON new.id = link.move_id
                         JOIN account_move origin ON origin.id = link.origin_id
                                                 AND origin.commercial_partner_id = new.commercial_partner_id
                        WHERE link.move_id = chosen.move_id
                          AND abs(old.purchase_revenue + credited.purchase_revenue) < %s)""",
            _CENT,
        )

    # what is taken back

    def _select_taken_back(self, company, notes, draft_id=None):
        """Return the SELECT of (move_id, counted_id, origin_id, amount): what documents take back, and from which.

        :param SQL notes: SELECT of move_id, reversed_id, bought (below 0)
        :param draft_id: a draft that takes back as if it were posted
        """
        return SQL(
            """
            WITH note AS (%(notes)s),
            credited AS (
                SELECT DISTINCT rel.order_line_id
                  FROM note JOIN account_move_line line ON line.move_id = note.move_id AND line.balance > 0
                  JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
                 WHERE note.reversed_id IS NULL
            ), event AS (%(events)s), level AS (
                SELECT event.*, sum(amount) OVER (PARTITION BY order_line_id ORDER BY place) AS height FROM event
            ), pair AS (
                SELECT credit.move_id, sold.move_id AS sold_id, sold.height - sold.amount AS floor,
                       sold.height AS ceiling, min(passed.height) AS before, credit.height AS after
                  FROM note
                  JOIN level credit ON credit.move_id = note.move_id AND credit.amount < 0
                  JOIN level sold ON sold.order_line_id = credit.order_line_id AND sold.place < credit.place
                                 AND sold.amount > 0
                  JOIN level passed ON passed.order_line_id = credit.order_line_id AND passed.place >= sold.place
                                   AND passed.place < credit.place
                 WHERE note.reversed_id IS NULL
                 GROUP BY credit.move_id, credit.order_line_id, credit.place, credit.height,
                          sold.move_id, sold.place, sold.height, sold.amount
            ), part AS (
                SELECT move_id, sold_id, sum(GREATEST(LEAST(ceiling, before) - floor, 0)
                                             - GREATEST(LEAST(ceiling, before, after) - floor, 0)) AS amount
                  FROM pair GROUP BY move_id, sold_id
            ), taken AS (
                SELECT note.move_id, note.reversed_id AS counted_id, note.bought AS amount
                  FROM note WHERE note.reversed_id IS NOT NULL
                UNION ALL
                SELECT part.move_id, part.sold_id,
                       -part.amount * LEAST(1, -note.bought / sum(part.amount) OVER (PARTITION BY part.move_id))
                  FROM part JOIN note ON note.move_id = part.move_id WHERE part.amount > 0
            )
            SELECT taken.move_id, taken.counted_id, COALESCE(replacing.origin_id, taken.counted_id) AS origin_id,
                   round(taken.amount::numeric, %(decimals)s) AS amount
              FROM taken
              LEFT JOIN crm_value_document_origin replacing
                     ON replacing.move_id = taken.counted_id AND replacing.replaced_id IS NOT NULL
                    AND replacing.amount > 0
            """,
            notes=notes,
            events=self._select_events(draft_id),
            decimals=company.currency_id.decimal_places,
        )

    def _select_events(self, draft_id):
        """Return the SELECT of what lays on, or takes from, the stacks of ``credited`` order lines, in order.

        What a document takes back that names the one it reverses, that one has less from the beginning.
        """
        return SQL(
            """
            SELECT rel.order_line_id, line.move_id,
                   CASE WHEN line.balance < 0 THEN GREATEST(-line.balance - COALESCE(linked.amount, 0), 0)
                        ELSE -line.balance END AS amount,
                   row_number() OVER (PARTITION BY rel.order_line_id
                                      ORDER BY COALESCE(move.invoice_date, move.date), move.id, line.id) AS place
              FROM credited JOIN sale_order_line_invoice_rel rel ON rel.order_line_id = credited.order_line_id
              JOIN account_move_line line ON line.id = rel.invoice_line_id
              JOIN account_move move ON move.id = line.move_id
              LEFT JOIN LATERAL (
                   SELECT sum(back.balance) AS amount FROM account_move reversal
                     JOIN account_move_line back ON back.move_id = reversal.id AND back.balance > 0
                     JOIN sale_order_line_invoice_rel also ON also.invoice_line_id = back.id
                    WHERE reversal.reversed_entry_id = move.id AND reversal.state = 'posted'
                      AND also.order_line_id = rel.order_line_id AND line.balance < 0) linked ON TRUE
             WHERE line.display_type = 'product' AND line.is_downpayment IS NOT TRUE
               AND (line.balance < 0 OR line.balance > 0 AND move.reversed_entry_id IS NULL) AND %s
            """,
            self.env["crm.value.purchase"]._where_document("move", draft_id=draft_id, with_left_out=True),
        )

    # credited and invoiced anew

    @api.model
    def _link_replacements(self, pairs):
        """Remember which new documents replace which ones.

        :param pairs: collection of (new move id, replaced move id)
        """
        if not pairs:
            return
        new, replaced = (list(column) for column in zip(*pairs, strict=True))
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_document_origin (move_id, counted_id, origin_id, replaced_id, amount)
            SELECT pair.new, pair.new, COALESCE(before.origin_id, pair.replaced), pair.replaced, 0
              FROM unnest(%s::int[], %s::int[]) AS pair(new, replaced)
              LEFT JOIN crm_value_document_origin before
                     ON before.move_id = pair.replaced AND before.replaced_id IS NOT NULL
            """,
                new,
                replaced,
            )
        )

    @api.model
    def _link_copies(self):
        """Remember the replacements from before this addon knew of them.

        Odoo keeps no link. But it makes the credit note and the new document in one transaction, so that both have the
        same time of creation, for the same customer, and an equal number of lines.
        """
        self._link_replacements(
            self.env.execute_query(
                SQL(
                    """
            SELECT DISTINCT ON (note.id) new.id, note.reversed_entry_id
              FROM account_move note
              JOIN account_move new ON new.create_date = note.create_date AND new.create_uid = note.create_uid
                                   AND new.id > note.id AND new.move_type = 'out_invoice'
                                   AND new.company_id = note.company_id AND new.reversed_entry_id IS NULL
              JOIN account_move old ON old.id = note.reversed_entry_id
             WHERE note.move_type = 'out_refund' AND note.state = 'posted'
               AND old.amount_untaxed_signed = -note.amount_untaxed_signed
               AND new.invoice_origin IS NOT DISTINCT FROM old.invoice_origin
               AND new.journal_id = old.journal_id AND new.currency_id = old.currency_id
               AND (new.commercial_partner_id = old.commercial_partner_id
                    OR new.amount_untaxed_signed = old.amount_untaxed_signed)
               AND NOT EXISTS (SELECT FROM crm_value_document_origin link WHERE link.replaced_id = old.id)
             ORDER BY note.id, new.id
            """
                )
            )
        )
