from collections import defaultdict
from typing import NamedTuple

from odoo import api, models
from odoo.tools import SQL

#: quantities that differ by less are the same
_SAME = 1e-6


class _Event(NamedTuple):
    """What a document does to the goods of an order: invoices them, or credits an invoice of them."""

    move_id: int
    reversed_id: int | None
    is_note: bool
    is_linked: bool
    #: order line → quantity in the reference unit, above 0
    quantities: dict


class CrmValueDocumentAgain(models.AbstractModel):
    """Finds what an order is invoiced for again after its invoice was reversed: a correction, as by *Reverse and Create
    Invoice*, but made by two clicks.

    How to use: `_link` before roles are decided; it writes rows of `crm.value.document.origin` with the credit note.

    How it works: a credit note that reverses an invoice opens the quantities of its order lines. An invoice made later,
    all of whose goods are of these lines and fit into what is open, takes its place, wholly or for the part that was
    credited; of several credit notes, the latest. Goods that came back by a delivery make a credit note without such a
    link, so that they are given back, and bought again when they are delivered again.
    """

    _name = "crm.value.document.again"
    _description = "Documents Invoiced Again"

    @api.model
    def _link(self, company, condition, *, is_bulk=False):
        """Write which documents replace what credit notes took away; return the ids of the documents concerned.

        :param SQL condition: what follows the id of the documents that were posted or undone
        """
        order_lines = self._reversed_order_lines(company, condition, is_bulk)
        if not order_lines:
            return set()
        found = self._match(self._events(company, order_lines))
        stored = {
            move_id: (replaced_id, note_id)
            for move_id, replaced_id, note_id in self.env.execute_query(
                SQL(
                    """
                SELECT link.move_id, link.replaced_id, link.note_id FROM crm_value_document_origin link
                 WHERE link.note_id IS NOT NULL AND link.move_id IN (
                       SELECT line.move_id FROM sale_order_line_invoice_rel rel
                         JOIN account_move_line line ON line.id = rel.invoice_line_id
                        WHERE rel.order_line_id = ANY(%s))""",
                    list(order_lines),
                )
            )
        }
        gone = [move_id for move_id, pair in stored.items() if found.get(move_id) != pair]
        new = [(move_id, *pair) for move_id, pair in found.items() if stored.get(move_id) != pair]
        if gone:
            self._unlink_again(gone)
        self.env["crm.value.document.role"]._link_replacements(new)
        concerned = {*gone, *(stored[move_id][1] for move_id in gone)}
        return concerned.union(*((move_id, note_id) for move_id, _replaced_id, note_id in new))

    def _unlink_again(self, move_ids):
        """Let documents stand for themselves."""
        self.env.cr.execute(
            SQL("DELETE FROM crm_value_document_origin WHERE move_id = ANY(%s) AND note_id IS NOT NULL", move_ids)
        )
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_document SET role = 'purchase'
                    WHERE move_id = ANY(%s) AND role = 'correction' AND purchase_revenue > 0""",
                move_ids,
            )
        )

    def _reversed_order_lines(self, company, condition, is_bulk):
        """Return the ids of the order lines of some documents of which an invoice was ever reversed."""
        # of few documents, the documents lead to the notes; of all, the notes are fewer
        is_reversed = SQL(
            """EXISTS (SELECT FROM sale_order_line_invoice_rel also
                         JOIN account_move_line back ON back.id = also.invoice_line_id AND back.balance > 0
                         JOIN account_move note ON note.id = back.move_id
                        WHERE also.order_line_id = rel.order_line_id AND note.reversed_entry_id IS NOT NULL)"""
        )
        is_concerned = SQL(
            """EXISTS (SELECT FROM sale_order_line_invoice_rel also
                         JOIN account_move_line other ON other.id = also.invoice_line_id
                        WHERE also.order_line_id = rel.order_line_id AND other.move_id %s)""",
            condition,
        )
        notes = SQL("IN (SELECT id FROM account_move WHERE reversed_entry_id IS NOT NULL AND move_type = 'out_refund')")
        rows = self.env.execute_query(
            SQL(
                """
            SELECT DISTINCT rel.order_line_id FROM account_move_line line
              JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
             WHERE line.move_id %s AND line.company_id = %s AND %s""",
                notes if is_bulk else condition,
                company.id,
                is_concerned if is_bulk else is_reversed,
            )
        )
        return {order_line_id for [order_line_id] in rows}

    def _events(self, company, order_lines):
        """Return the documents that invoice these order lines, or reverse invoices of them, in the order in which they
        were made; without those that have goods of no order."""
        rows = self.env.execute_query(
            SQL(
                """
            SELECT move.id, move.reversed_entry_id, move.move_type = 'out_refund' AS is_note,
                   EXISTS (SELECT FROM crm_value_document_origin link
                            WHERE link.note_id IS NULL AND link.replaced_id IS NOT NULL
                              AND (link.move_id = move.id OR link.replaced_id = move.reversed_entry_id)) AS is_linked,
                   rel.order_line_id, abs(line.quantity) * COALESCE(uom.factor, 1) AS quantity
              FROM account_move move
              JOIN account_move_line line ON line.move_id = move.id AND line.display_type = 'product' AND %(is_bought)s
              LEFT JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
              LEFT JOIN uom_uom uom ON uom.id = line.product_uom_id
             WHERE %(is_document)s AND move.company_id = %(company)s
               AND (move.move_type = 'out_refund') = (move.reversed_entry_id IS NOT NULL)
               AND sign(line.balance) = CASE WHEN move.move_type = 'out_refund' THEN 1 ELSE -1 END
               AND move.id IN (SELECT own.move_id FROM sale_order_line_invoice_rel also
                                 JOIN account_move_line own ON own.id = also.invoice_line_id
                                WHERE also.order_line_id = ANY(%(order_lines)s))
             ORDER BY move.id, rel.order_line_id""",
                is_bought=self.env["crm.value.line.kind"]._is_bought(company),
                is_document=self.env["crm.value.purchase"]._where_document("move"),
                company=company.id,
                order_lines=list(order_lines),
            )
        )
        events = {}
        for move_id, reversed_id, is_note, is_linked, order_line_id, quantity in rows:
            event = events.setdefault(move_id, _Event(move_id, reversed_id, is_note, is_linked, defaultdict(float)))
            event.quantities[order_line_id] += quantity
        return [event for event in events.values() if event.is_note or None not in event.quantities]

    def _match(self, events):
        """Return what takes whose place: dict move id → (replaced move id, credit note id)."""
        found, open_notes = {}, []
        for event in events:
            if event.is_linked:
                continue
            if event.is_note:
                open_notes.append(event)
                continue
            for note in reversed(open_notes):
                left = note.quantities
                if all(left.get(line, 0) + _SAME >= quantity for line, quantity in event.quantities.items()):
                    for line, quantity in event.quantities.items():
                        left[line] -= quantity
                    found[event.move_id] = (note.reversed_id, note.move_id)
                    break
        return found
