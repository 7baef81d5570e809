from odoo import models
from odoo.tools import SQL


class CrmValueFollowupSource(models.AbstractModel):
    """Reads from invoices what follow-ups need besides purchase days: products bought, and the person invoiced last."""

    _name = "crm.value.followup.source"
    _description = "Follow-ups: Reading of Invoices"

    def _products(self, company, where):
        """Return the SELECT of (partner_id, template_id, last_date, purchases) of products bought and not given back.

        A credit note reduces the quantity of the invoice that it reverses. An invoice of which nothing is left does not
        count.

        :param SQL where: condition on the alias ``template`` (product.template)
        """
        Purchase = self.env["crm.value.purchase"]
        return SQL(
            """
            SELECT partner_id, template_id, max(date) AS last_date, count(*) AS purchases
              FROM (SELECT move.commercial_partner_id AS partner_id, template.id AS template_id,
                           max(move.invoice_date) FILTER (WHERE move.move_type != 'out_refund') AS date,
                           sum(CASE WHEN move.move_type = 'out_refund' THEN -line.quantity
                                    ELSE line.quantity END) AS kept
                      FROM product_template template
                      JOIN product_product product ON product.product_tmpl_id = template.id
                      JOIN account_move_line line ON line.product_id = product.id AND line.display_type = 'product'
                      JOIN account_move move ON move.id = line.move_id
                     WHERE move.company_id = %s AND %s AND %s
                     GROUP BY move.commercial_partner_id, template.id,
                              CASE WHEN move.move_type = 'out_refund' THEN move.reversed_entry_id ELSE move.id END
                   ) invoiced
             WHERE date IS NOT NULL AND kept > 0
             GROUP BY partner_id, template_id
            """,
            company.id,
            where,
            Purchase._where_document("move"),
        )

    def _last_contacts(self, company):
        """Return the SELECT of (partner_id, contact_id, date) of the person at each customer who was invoiced last."""
        return SQL(
            """
            SELECT DISTINCT ON (move.commercial_partner_id) move.commercial_partner_id AS partner_id,
                   move.partner_id AS contact_id, move.invoice_date AS date
              FROM account_move move
             WHERE move.company_id = %s AND move.partner_id != move.commercial_partner_id AND %s
             ORDER BY move.commercial_partner_id, move.invoice_date DESC, move.id DESC
            """,
            company.id,
            self.env["crm.value.purchase"]._where_document("move"),
        )
