from odoo import api, fields, models

from ..const import CUSTOMER_DOCUMENTS, SELLER_GROUP
from .refresh.concurrent_index import ConcurrentIndex

#: changes that post a document, undo it, or hand it to another customer
_WATCHED = {"state", "partner_id", "commercial_partner_id"}


class AccountMove(models.Model):
    """Queues the customers of documents and entries, and warns of what a draft credit note does to its customer."""

    _inherit = "account.move"

    value_refund_warning = fields.Char(compute="_compute_value_refund_warning", groups=SELLER_GROUP)

    # Covers the aggregate of report/crm_value_purchase.py: read without touching the table's wide rows.
    _crm_value_customer_idx = ConcurrentIndex(
        "(commercial_partner_id, company_id, invoice_date) INCLUDE (move_type, amount_untaxed_signed, id, journal_id)"
        " WHERE state = 'posted' AND move_type IN ('out_invoice', 'out_refund', 'out_receipt')"
    )

    @api.depends("state", "move_type", "partner_id", "amount_untaxed_signed", "invoice_date", "reversed_entry_id")
    @api.depends_context("uid", "lang")
    def _compute_value_refund_warning(self):
        for move in self:
            note = move._origin
            is_refund = note.state == "draft" and note.move_type == "out_refund" and note.commercial_partner_id
            move.value_refund_warning = is_refund and self.env["crm.value.tier.preview"]._describe_refund(note)

    def write(self, vals):
        if _WATCHED.isdisjoint(vals):
            return super().write(vals)
        before = self._value_queue_keys()
        # Posting reads nothing after the write, when the cache is cold: the INSERT is its only additional statement.
        after = self._value_queue_keys(state=vals["state"]) if "state" in vals else None
        result = super().write(vals)
        if not {"partner_id", "commercial_partner_id"}.isdisjoint(vals):
            after = self._value_queue_keys()
        # The symmetric difference: documents that were posted, reset, cancelled or moved to another customer.
        self.env["crm.value.queue"]._push(before ^ after, refreeze="state" in vals)
        if "state" in vals:
            # A payment or another entry is a credit of its customer before anybody matches it.
            self.filtered(lambda move: move.move_type == "entry").line_ids._enqueue_customers()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_enqueue_customers(self):
        self.env["crm.value.queue"]._push(self._value_queue_keys(), refreeze=True)

    def _value_queue_keys(self, state=None):
        """Return {(commercial partner id, company id, move id)} of the posted customer documents among these.

        :param str state: the state that they are about to get, instead of their own
        """
        return {
            (move.commercial_partner_id.id, move.company_id.id, move.id)
            for move in self
            if (state or move.state) == "posted" and move.move_type in CUSTOMER_DOCUMENTS and move.commercial_partner_id
        }
