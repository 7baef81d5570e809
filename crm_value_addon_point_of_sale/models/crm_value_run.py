from odoo import fields, models


class CrmValueRun(models.Model):
    """Names the part of the customers' revenue that is in no invoice."""

    _inherit = "crm.value.run"

    till_revenue = fields.Monetary(
        string="Revenue at the Till",
        readonly=True,
        help="Paid orders of the till with a customer and without an invoice, untaxed, without tips and rounding; with "
        "the posted customer documents, they are the customers' revenue",
    )
    till_unattributed_revenue = fields.Monetary(
        string="Till without Customer",
        readonly=True,
        help="Paid orders of the till that name no customer and have no invoice, untaxed, as their receipts say",
    )

    def _note_books(self, customers):
        super()._note_books(customers)
        Order, company = self.env["crm.value.till.order"], self.company_id
        [[revenue]] = self.env.execute_query(Order._query_revenue(company, Order._where_counted("own", "partner_id")))
        [[unattributed]] = self.env.execute_query(Order._query_without_customer(company))
        self.write({"till_revenue": revenue, "till_unattributed_revenue": unattributed})
