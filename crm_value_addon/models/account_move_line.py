from odoo import models
from odoo.tools import sql

from .refresh.concurrent_index import ConcurrentIndex


class AccountMoveLine(models.Model):
    """Queues the customers whose receivables change, and helps to find what is open."""

    _inherit = "account.move.line"

    # Covers the overdue query: open items are a small share of the lines with a due date, which is what Odoo's own
    # index would scan.
    _crm_value_open_idx = ConcurrentIndex(
        "(move_id) INCLUDE (company_id, date_maturity, account_id, amount_residual)"
        " WHERE parent_state = 'posted' AND reconciled IS NOT TRUE AND date_maturity IS NOT NULL"
    )

    def init(self):
        # Odoo's own init asks for this index each time. Even where the index exists, that locks the table until the
        # end of our update, and nobody could post meanwhile.
        if not sql.index_exists(self.env.cr, "account_move_line_analytic_distribution_accounts_gin_index"):
            super().init()

    def _enqueue_customers(self):
        """Queue the customers of those of these lines that are receivables."""
        # sudo: whoever matches payments need not read every account or contact
        receivables = self.sudo().filtered(lambda line: line.account_id.account_type == "asset_receivable")
        self.env["crm.value.queue"]._push(
            {
                (line.partner_id.commercial_partner_id.id, line.company_id.id, 0)
                for line in receivables
                if line.partner_id.commercial_partner_id
            }
        )
