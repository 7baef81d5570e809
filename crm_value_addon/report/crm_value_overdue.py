from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL, format_amount

from ..models.refresh.basis import Basis

#: the documents whose open amounts can be overdue
_DOCUMENT_TYPES = ("out_invoice", "out_refund", "out_receipt")


class CrmValueOverdue(models.AbstractModel):
    """What customers owe on documents that are due, less all credit they have: the only place that says so.

    How to use: `_query_overdue` for a refresh and for the question of this moment, `_open` for the entries behind the
    amount of one customer.
    """

    _name = "crm.value.overdue"
    _description = "Overdue Amounts of Customers"

    def _query_overdue(self, basis):
        """Return the SELECT of (partner_id, overdue): what customers owe on documents due before a day.

        Whatever credit they have is taken off, because they paid it, or need not pay it, whether or not anybody matched
        it: payments, credit notes and other entries, as far as these are not for money that went back to them, or for
        what they owe on other entries. Customers without an overdue document are left out.
        """
        return SQL(
            """
            WITH due AS MATERIALIZED (%s)
            SELECT due.partner_id, GREATEST(due.amount - GREATEST(COALESCE(sum(credit.amount), 0), 0), 0) AS overdue
              FROM due LEFT JOIN (%s UNION ALL %s) credit ON credit.partner_id = due.partner_id
             GROUP BY due.partner_id, due.amount
            """,
            self._select_due(basis),
            self._select_credits(basis),
            self._select_payments(basis),
        )

    def _select_due(self, basis):
        """Return the SELECT of (partner_id, amount): open receivables of customer documents due before a day."""
        lines = SQL("JOIN account_move_line line ON line.move_id = move.id")
        if basis.partner_ids is not None:
            # OFFSET: the planner would rather read what all customers owe.
            lines = SQL(
                "JOIN LATERAL (SELECT * FROM account_move_line own WHERE own.move_id = move.id"
                " AND own.parent_state = 'posted' AND own.reconciled IS NOT TRUE"
                " AND own.date_maturity IS NOT NULL OFFSET 0) line ON TRUE"
            )
        return SQL(
            """
            SELECT move.commercial_partner_id AS partner_id, sum(line.amount_residual) AS amount
              FROM account_move move %s
              JOIN account_account account ON account.id = line.account_id
             WHERE line.parent_state = 'posted' AND line.reconciled IS NOT TRUE AND line.company_id = %s
               AND line.amount_residual > 0 AND account.account_type = 'asset_receivable' AND line.date_maturity < %s
               AND %s AND %s
             GROUP BY move.commercial_partner_id
            """,
            lines,
            basis.company.id,
            basis.as_of,
            self.env["crm.value.purchase"]._where_document("move", basis, with_receivables=True),
            basis.where(SQL("move.commercial_partner_id")),
        )

    def _select_credits(self, basis):
        """Return the SELECT of (partner_id, amount): open credits on receivable accounts, of whatever entry; below 0,
        what is owed on entries that are no documents.
        """
        conditions = SQL(
            """account.account_type = 'asset_receivable' AND line.parent_state = 'posted'
               AND line.reconciled IS NOT TRUE AND line.company_id = %s AND %s""",
            basis.company.id,
            SQL("line.date <= %s", basis.until) if basis.until else SQL("TRUE"),
        )
        # the receivables of a document are its terms of payment
        is_entry = SQL("line.amount_residual > 0 AND line.display_type IS DISTINCT FROM 'payment_term'")
        if basis.partner_ids is None and not basis.span:
            # hardly any line is an open credit, and Odoo has an index of them
            return SQL(
                """
                SELECT contact.commercial_partner_id AS partner_id, -line.amount_residual AS amount
                  FROM account_move_line line JOIN account_account account ON account.id = line.account_id
                  JOIN res_partner contact ON contact.id = line.partner_id
                 WHERE line.amount_residual < 0 AND %s
                 UNION ALL %s
                """,
                conditions,
                self._select_items_of_debtors(SQL("%s AND %s", is_entry, conditions)),
            )
        return self._select_items_of_debtors(SQL("(line.amount_residual < 0 OR %s) AND %s", is_entry, conditions))

    def _select_items_of_debtors(self, conditions):
        """Return the SELECT of (partner_id, amount) of the open journal items of the customers in ``due``.

        :param SQL conditions: on ``line`` and ``account``
        """
        return SQL(
            """
            SELECT contact.commercial_partner_id AS partner_id, -line.amount_residual AS amount
              FROM (%s) contact CROSS JOIN account_account account
              JOIN LATERAL (SELECT * FROM account_move_line own
                             WHERE own.account_id = account.id AND own.partner_id = contact.id
                               AND own.reconciled IS NOT TRUE OFFSET 0) line ON TRUE
             WHERE %s
            """,
            self._select_debtors(),
            conditions,
        )

    def _select_payments(self, basis):
        """Return the SELECT of (partner_id, amount): payments without a journal entry, as Odoo makes them by default.

        The bank's entry of one that is *paid* is matched with the documents that it was made for; before, or where
        somebody confirmed it without a bank, it is a credit.
        """
        return SQL(
            """
            SELECT contact.commercial_partner_id AS partner_id,
                   CASE WHEN payment.state = 'in_process' THEN payment.amount_company_currency_signed
                        ELSE LEAST(target.open, GREATEST(payment.amount_company_currency_signed - target.matched, 0))
                   END AS amount
              FROM (%s) contact JOIN account_payment payment ON payment.partner_id = contact.id
              LEFT JOIN LATERAL (SELECT COALESCE(sum(move.amount_residual_signed), 0) AS open,
                                        COALESCE(sum(move.amount_total_signed - move.amount_residual_signed), 0)
                                            AS matched
                                   FROM account_move__account_payment link
                                   JOIN account_move move ON move.id = link.invoice_id
                                  WHERE link.payment_id = payment.id AND move.state = 'posted') target ON TRUE
             WHERE payment.move_id IS NULL AND payment.state IN ('in_process', 'paid')
               AND payment.partner_type = 'customer' AND payment.company_id = %s AND %s
            """,
            self._select_debtors(),
            basis.company.id,
            SQL("payment.date <= %s", basis.until) if basis.until else SQL("TRUE"),
        )

    def _select_debtors(self):
        """Return the SELECT of (id, commercial_partner_id): the contacts of the customers in ``due``."""
        # OFFSET: few customers owe, and the planner would rather look at the credits of all.
        return SQL(
            """SELECT partner.id, partner.commercial_partner_id FROM due
                 JOIN res_partner partner ON partner.commercial_partner_id = due.partner_id OFFSET 0"""
        )

    # the entries behind it

    def _open(self, value):
        """Return the list of the journal items that the overdue amount of a customer is the sum of.

        Its name tells what the user may not read, and payments that Odoo has not booked.
        """
        # sudo: only what the hidden entries come to is told; the user may see the amount that they are a part of.
        Item, unbooked = self.env["account.move.line"], self._unbooked(value)
        credit = unbooked - sum(Item.sudo().search(self._domain_of_credits(value)).mapped("amount_residual"))
        domain = self._domain_of(value, with_credits=credit > 0)
        items = Item.sudo().search(domain)
        shown = Item.search(domain) if Item.has_access("read") else Item
        hidden = items - shown
        company = value.company_id
        parts = [self.env._("Overdue")]
        if hidden:
            parts.append(
                self.env._(
                    "%(count)s entries over %(amount)s not shown",
                    count=len(hidden),
                    amount=self._in_words(company, sum(hidden.mapped("amount_residual"))),
                )
            )
        if unbooked and credit > 0:
            parts.append(
                self.env._("less payments of %(amount)s not booked yet", amount=self._in_words(company, unbooked))
            )
        return {
            "type": "ir.actions.act_window",
            "name": "; ".join(parts),
            "res_model": "account.move.line",
            "views": [(self.env.ref("crm_value_addon.account_move_line_view_list_overdue").id, "list")],
            "domain": domain,
            "context": {"create": False, "edit": False, "delete": False},
        }

    def _domain_of(self, value, with_credits=True):
        """Return the domain of a customer's overdue items, and of what is taken off them (see `_query_overdue`)."""
        due = Domain(
            [
                *self._open_receivables(value),
                ("amount_residual", ">", 0),
                ("date_maturity", "<", value.company_id._value_today()),
                ("move_id.move_type", "in", _DOCUMENT_TYPES),
                ("move_id.commercial_partner_id", "=", value.partner_id.id),
                ("journal_id", "not in", list(self.env["crm.value.counting"]._journal_ids(("nothing",)))),
            ]
        )
        return list(due | self._domain_of_credits(value) if with_credits else due)

    def _domain_of_credits(self, value):
        """Return the domain of a customer's open credits, and of what it owes on entries that are no documents."""
        return Domain(
            [
                *self._open_receivables(value),
                ("partner_id.commercial_partner_id", "=", value.partner_id.id),
                *("|", ("amount_residual", "<", 0), "&", ("amount_residual", ">", 0)),
                ("display_type", "!=", "payment_term"),
            ]
        )

    def _open_receivables(self, value):
        return [
            ("company_id", "=", value.company_id.id),
            ("parent_state", "=", "posted"),
            ("account_id.account_type", "=", "asset_receivable"),
            ("reconciled", "=", False),
        ]

    def _unbooked(self, value):
        """Return what a customer paid that has no journal entry."""
        basis = Basis(value.company_id, value.company_id._value_today(), value.partner_id.ids)
        [[amount]] = self.env.execute_query(
            SQL(
                "WITH due AS (%s) SELECT COALESCE(sum(amount), 0) FROM (%s) payment",
                SQL("SELECT %s AS partner_id", value.partner_id.id),
                self._select_payments(basis),
            )
        )
        return amount

    def _in_words(self, company, amount):
        return format_amount(self.env, amount, company.currency_id)
