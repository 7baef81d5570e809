from odoo import api, models
from odoo.tools import sql

from ..const import CUSTOMER_DOCUMENTS
from .refresh.concurrent_index import ConcurrentIndex

_WATCHED = {"state", "partner_id", "commercial_partner_id"}


class AccountMove(models.Model):
    _inherit = "account.move"

    # Covers the aggregate of report/crm_value_purchase.py: read without touching the table's wide rows.
    _crm_value_customer_idx = ConcurrentIndex(
        "(commercial_partner_id, company_id, invoice_date) INCLUDE (move_type, amount_untaxed_signed, id)"
        " WHERE state = 'posted' AND move_type IN ('out_invoice', 'out_refund', 'out_receipt')"
    )

    def write(self, vals):
        if _WATCHED.isdisjoint(vals):
            return super().write(vals)
        before = self._value_queue_keys()
        # Posting reads nothing after the write, where the cache is cold: its one statement more is the INSERT.
        after = self._value_queue_keys(state=vals["state"]) if "state" in vals else None
        result = super().write(vals)
        if not {"partner_id", "commercial_partner_id"}.isdisjoint(vals):
            after = self._value_queue_keys()
        # What is in one of the two only was posted, reset, cancelled or handed to another customer.
        self.env["crm.value.queue"]._push(before ^ after, refreeze="state" in vals)
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
            if (state or move.state) == "posted" and move.move_type in CUSTOMER_DOCUMENTS
            and move.commercial_partner_id
        }


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    # Covers the overdue amounts, of all customers and of some documents: they are few among all lines that were ever
    # due, which Odoo's indexes make it read.
    _crm_value_open_idx = ConcurrentIndex(
        "(move_id) INCLUDE (company_id, date_maturity, account_id, amount_residual)"
        " WHERE parent_state = 'posted' AND reconciled IS NOT TRUE AND date_maturity IS NOT NULL"
    )

    def init(self):
        # Odoo's own init asks for this index each time, which locks the table until the end of our update although
        # it is there: nobody could post meanwhile.
        if not sql.index_exists(self.env.cr, "account_move_line_analytic_distribution_accounts_gin_index"):
            super().init()
