from odoo import api, models
from odoo.tools import SQL


class CrmValueDocumentRole(models.AbstractModel):
    """What a document is for its customer, and which earlier documents it takes something back from.

    How to use: `crm.value.document` calls `_settle` for documents that it has just frozen. `_link_replacements` and
    `_link_copies` remember which document replaces which.

    How it works: the sign of the net of a document's lines, advances left out, says what it is; its type does not.

    - Above 0, it is a purchase of its day. Below 0, something was given back (to which documents:
      `crm.value.document.taken`).
    - Two documents that undo each other are a correction: a credit note, and the document that reverses it.
    - A credit note and the invoice that *Reverse and Create Invoice* made in its place are a correction as well, as
      soon as both are posted: nothing was given back, and the new one counts on the day of the old one. If it is
      another customer's, it is a purchase of its own day. The same holds for an order that is invoiced again after its
      invoice was reversed (`crm.value.document.again`).
    - What reverses a part of a credit note is a correction: so much less was given back.
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
        others = {*others, *self.env["crm.value.document.again"]._link(company, condition, is_bulk=is_bulk)}
        sources = [
            SQL(
                "SELECT move_id FROM crm_value_document own WHERE move_id %s AND %s",
                condition,
                self._needs_settling("own", is_bulk),
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
                """
            WITH concerned(move_id) AS (%s)
            SELECT document.move_id FROM crm_value_document document
             WHERE document.move_id IN (
                   SELECT move_id FROM concerned
                    UNION SELECT undoing.id FROM concerned
                            JOIN account_move undoing ON undoing.reversed_entry_id = concerned.move_id)""",
                SQL(" UNION ALL ").join(sources),
            )
        )
        if not rows:
            return
        settled = SQL("= ANY(%s)", [move_id for [move_id] in rows])
        if is_bulk:
            self._settle(company, settled, is_bulk)
            return
        before = self._counted_customers(settled)
        self._settle(company, settled)
        self._push_customers(company, before | self._counted_customers(settled), condition)

    def _needs_settling(self, alias, is_bulk):
        """Return the condition that the sign of a document does not say everything about it."""
        return SQL(
            """(%(d)s.purchase_revenue < 0
                OR EXISTS (SELECT FROM crm_value_document_origin link WHERE link.move_id = %(d)s.move_id %(each)s)
                OR EXISTS (SELECT FROM account_move undoing
                            WHERE undoing.id = %(d)s.move_id AND undoing.reversed_entry_id IS NOT NULL %(each)s))""",
            d=SQL.identifier(alias),
            # OFFSET: of few documents each is looked up, where the planner would read all that reverse another one
            each=SQL() if is_bulk else SQL("OFFSET 0"),
        )

    @api.model
    def _settle(self, company, condition, is_bulk=False):
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
                self._needs_settling("document", is_bulk),
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
        Taken = self.env["crm.value.document.taken"]
        is_undone, is_replaced, is_new = self._is_undone(), self._is_replaced(), self._is_new()
        is_undoing = self._is_undoing()
        for statement in (
            SQL(
                """
            UPDATE crm_value_document document
               SET role = CASE WHEN %s OR %s OR %s OR %s THEN 'correction' WHEN chosen.bought > 0 THEN 'purchase'
                               ELSE 'return' END
              FROM %s chosen WHERE document.id = chosen.id""",
                is_undone,
                is_replaced,
                is_new,
                is_undoing,
                chosen,
            ),
            SQL(
                """
            UPDATE crm_value_document_origin link
               SET amount = CASE WHEN chosen.is_new THEN round((chosen.bought * %s)::numeric, %s) ELSE 0 END
              FROM (SELECT chosen.*, %s AS is_new FROM %s chosen) chosen
              JOIN account_move new ON new.id = chosen.move_id
              JOIN crm_value_document_origin replacing
                     ON replacing.move_id = new.id AND replacing.replaced_id IS NOT NULL
              JOIN account_move origin ON origin.id = replacing.origin_id
             WHERE link.id = replacing.id""",
                Taken._rate_from("new", "origin"),
                company.currency_id.decimal_places,
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
            INSERT INTO crm_value_document_origin (move_id, counted_id, origin_id, amount, refund)
            SELECT move_id, counted_id, origin_id, amount, 0 FROM (%s) taken""",
                Taken._select_taken_back(
                    company, SQL("SELECT * FROM %s chosen WHERE chosen.bought < 0 AND NOT %s", chosen, is_undone)
                ),
            ),
            SQL(
                """
            INSERT INTO crm_value_document_origin (move_id, counted_id, origin_id, amount, refund)
            SELECT move_id, counted_id, origin_id, amount, refund FROM (%s) given""",
                Taken._select_given_again(
                    company, SQL("SELECT * FROM %s chosen WHERE %s AND NOT %s", chosen, is_undoing, is_undone)
                ),
            ),
            SQL(
                """
            UPDATE crm_value_document document
               SET reversed_move_id = (SELECT link.counted_id FROM crm_value_document_origin link
                                        WHERE link.move_id = chosen.move_id AND link.replaced_id IS NULL
                                          AND link.amount < 0
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
                         JOIN account_move undone ON undone.id = undoing.reversed_entry_id
                        WHERE undoing.reversed_entry_id = chosen.move_id AND undoing.state = 'posted'
                          AND other.purchase_revenue > 0 AND %(is_equal)s)
                OR chosen.bought > 0 AND EXISTS (
                       SELECT FROM account_move undoing
                         JOIN crm_value_document other ON other.move_id = undoing.reversed_entry_id
                         JOIN account_move undone ON undone.id = undoing.reversed_entry_id
                        WHERE undoing.id = chosen.move_id AND undoing.state = 'posted'
                          AND other.purchase_revenue < 0 AND %(is_equal)s))""",
            is_equal=self.env["crm.value.document.taken"]._is_equal(
                "undoing", "undone", SQL("other.purchase_revenue + chosen.bought")
            ),
        )

    def _is_undoing(self):
        """A document that reverses no more than a credit note gave back."""
        return SQL(
            """chosen.bought > 0 AND EXISTS (
                       SELECT FROM account_move undoing
                         JOIN account_move note ON note.id = undoing.reversed_entry_id
                         JOIN crm_value_document undone ON undone.move_id = note.id
                        WHERE undoing.id = chosen.move_id AND undone.purchase_revenue < 0
                          AND undone.purchase_revenue + (
                              SELECT sum(GREATEST(other.purchase_revenue, 0) * %s) - 0.005 FROM account_move also
                                JOIN crm_value_document other ON other.move_id = also.id
                               WHERE also.reversed_entry_id = undoing.reversed_entry_id AND also.state = 'posted'
                                 AND also.id <= undoing.id) <= 0)""",
            self.env["crm.value.document.taken"]._rate_from("also", "note"),
        )

    def _is_replaced(self):
        """A credit note over all of a document that a new one replaces, or over goods that were invoiced again."""
        return SQL(
            """chosen.bought < 0 AND EXISTS (
                       SELECT FROM crm_value_document_origin link
                         JOIN crm_value_document new ON new.move_id = link.move_id AND new.purchase_revenue > 0
                         JOIN crm_value_document old ON old.move_id = link.replaced_id
                         JOIN account_move note ON note.id = chosen.move_id
                         JOIN account_move replaced ON replaced.id = link.replaced_id
                        WHERE link.replaced_id = chosen.reversed_id
                          AND CASE WHEN link.note_id IS NOT NULL THEN link.note_id = note.id ELSE %s END)""",
            self.env["crm.value.document.taken"]._is_equal(
                "note", "replaced", SQL("old.purchase_revenue + chosen.bought")
            ),
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
                         JOIN account_move replaced ON replaced.id = link.replaced_id
                         JOIN account_move new ON new.id = link.move_id
                         JOIN account_move origin ON origin.id = link.origin_id
                                                 AND origin.commercial_partner_id = new.commercial_partner_id
                        WHERE link.move_id = chosen.move_id AND credited.purchase_revenue < 0
                          AND CASE WHEN link.note_id IS NOT NULL THEN link.note_id = note.id ELSE %s END)""",
            self.env["crm.value.document.taken"]._is_equal(
                "note", "replaced", SQL("old.purchase_revenue + credited.purchase_revenue")
            ),
        )

    # credited and invoiced anew

    @api.model
    def _link_replacements(self, pairs):
        """Remember which new documents replace which ones.

        :param pairs: collection of (new move id, replaced move id, and where an order was invoiced again, the id of the
            credit note)
        """
        if not pairs:
            return
        new, replaced, notes = zip(*((*pair, None)[:3] for pair in pairs), strict=True)
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_document_origin (move_id, counted_id, origin_id, replaced_id, note_id, amount, refund)
            SELECT pair.new, pair.new, COALESCE(before.origin_id, pair.replaced), pair.replaced, pair.note, 0, 0
              FROM unnest(%s::int[], %s::int[], %s::int[]) AS pair(new, replaced, note)
              LEFT JOIN crm_value_document_origin before
                     ON before.move_id = pair.replaced AND before.replaced_id IS NOT NULL
            """,
                list(new),
                list(replaced),
                list(notes),
            )
        )
        # of those that replace one another, each counts on the day of the first
        while self.env.cr.rowcount:
            self.env.cr.execute(
                SQL(
                    """
                UPDATE crm_value_document_origin link SET origin_id = before.origin_id
                  FROM crm_value_document_origin before
                 WHERE link.move_id = ANY(%s) AND link.replaced_id IS NOT NULL AND before.move_id = link.replaced_id
                   AND before.replaced_id IS NOT NULL AND link.origin_id != before.origin_id""",
                    list(new),
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
