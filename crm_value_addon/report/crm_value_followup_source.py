from datetime import timedelta

from odoo import fields, models
from odoo.tools import SQL

#: an order on which nothing has happened for so long, and which is not promised for later, is forgotten, not under way
_ORDER_DAYS = 730


class CrmValueFollowupSource(models.AbstractModel):
    """Reads from invoices and orders what follow-ups need besides purchase days.

    These are the products bought, the person invoiced last, and whether an order is under way.
    """

    _name = "crm.value.followup.source"
    _description = "Follow-ups: Reading of Invoices"

    def _products(self, company, where):
        """Return the SELECT of (partner_id, template_id, last_date, purchases) of products bought and not given back.

        What was given back reduces the quantity of the documents that it was taken back from, the latest first; a
        correction of a price reduces none. A document of which nothing is left does not count. One that was invoiced
        anew counts on the day of the old one.

        :param SQL where: condition on the alias ``template`` (product.template)
        """
        products = SQL(
            """SELECT product.id FROM product_product product
                 JOIN product_template template ON template.id = product.product_tmpl_id WHERE %s""",
            where,
        )
        lines = self.env["crm.value.line.kind"]._select(
            company,
            SQL("IN (SELECT sold.move_id FROM account_move_line sold WHERE sold.product_id IN (%s))", products),
            2,
            lines=SQL(
                "line.product_id IN (%s) AND %s", products, self.env["crm.value.purchase"]._where_document("move")
            ),
        )
        return SQL(
            """
            WITH moved AS (
                SELECT line.partner_id, line.template_id, line.move_id, max(line.day) AS day,
                       sum(line.quantity) AS quantity
                  FROM (%(lines)s) line WHERE line.kind = 'goods'
                 GROUP BY line.partner_id, line.template_id, line.move_id
            ), taken AS (
                SELECT counted_id, template_id, sum(LEAST(sold, GREATEST(given_back - later, 0))) AS quantity
                  FROM (SELECT link.counted_id, back.template_id, -back.quantity AS given_back, sold.quantity AS sold,
                               COALESCE(sum(sold.quantity) OVER (
                                   PARTITION BY back.move_id, back.template_id ORDER BY sold.day DESC, sold.move_id DESC
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS later
                          FROM moved back
                          JOIN crm_value_document_origin link ON link.move_id = back.move_id AND link.amount < 0
                          JOIN moved sold ON sold.move_id = link.counted_id AND sold.template_id = back.template_id
                         WHERE back.quantity < 0 AND sold.quantity > 0) given
                 GROUP BY counted_id, template_id
            )
            SELECT sold.partner_id, sold.template_id,
                   max(COALESCE(replaced.invoice_date, replaced.date, sold.day)) AS last_date,
                   count(DISTINCT COALESCE(link.origin_id, sold.move_id)) AS purchases
              FROM moved sold
              LEFT JOIN taken ON taken.counted_id = sold.move_id AND taken.template_id = sold.template_id
              LEFT JOIN LATERAL (
                   SELECT origin.origin_id FROM crm_value_document_origin origin
                    WHERE origin.move_id = sold.move_id AND origin.amount > 0
                    ORDER BY origin.amount DESC, origin.id LIMIT 1) link ON TRUE
              LEFT JOIN account_move replaced ON replaced.id = link.origin_id
             WHERE sold.quantity > COALESCE(taken.quantity, 0)
             GROUP BY sold.partner_id, sold.template_id
            """,
            lines=lines,
        )

    def _last_contacts(self, company):
        """Return the SELECT of (partner_id, contact_id, date) of the person at each customer who was invoiced last."""
        return SQL(
            """
            SELECT DISTINCT ON (move.commercial_partner_id) move.commercial_partner_id AS partner_id,
                   move.partner_id AS contact_id, COALESCE(move.invoice_date, move.date) AS date
              FROM account_move move
             WHERE move.company_id = %s AND move.partner_id != move.commercial_partner_id AND %s
             ORDER BY move.commercial_partner_id, COALESCE(move.invoice_date, move.date) DESC, move.id DESC
            """,
            company.id,
            self.env["crm.value.purchase"]._where_document("move"),
        )

    def _who_ordered(self, values):
        """Return those of customer values who have an order under way."""
        for model in ("sale.order", "sale.order.line", "account.move", "account.move.line"):
            self.env[model].flush_model()
        rows = self.env.execute_query(
            SQL(
                "SELECT value.id FROM crm_value value WHERE value.id = ANY(%s) AND (%s)",
                values.ids,
                self._where_ordered(fields.Date.today()),
            )
        )
        return values.browse([value_id for [value_id] in rows])

    def _where_ordered(self, today, alias="value"):
        """Return the condition that a customer has an order under way, or paid in advance, since the last purchase.

        The books know of a purchase when it is invoiced; until then the order says that the customer is not silent. Not
        under way is an order on which nothing happened since the last purchase, by its own date and by its invoices.

        :param alias: that of the customer value
        """
        partner, company, last_purchase = (
            SQL.identifier(alias, name) for name in ("partner_id", "company_id", "last_purchase_date")
        )
        since = SQL("GREATEST(%s, %s::date)", last_purchase, today - timedelta(days=_ORDER_DAYS))
        return SQL(
            """EXISTS (
                SELECT FROM res_partner buyer JOIN sale_order sale ON sale.partner_id = buyer.id
                 WHERE buyer.commercial_partner_id = %(partner)s AND sale.company_id = %(company)s
                   AND sale.state = 'sale' AND (%(has_happened)s) AND %(is_left)s)
            OR EXISTS (
                SELECT FROM account_move move JOIN account_move_line line ON line.move_id = move.id
                 WHERE move.commercial_partner_id = %(partner)s AND move.company_id = %(company)s
                   AND move.invoice_date >= %(since)s AND %(is_document)s AND line.is_downpayment
                   AND NOT EXISTS (
                       SELECT FROM sale_order_line_invoice_rel link
                         JOIN sale_order_line ordered ON ordered.id = link.order_line_id
                        WHERE link.invoice_line_id = line.id AND ordered.state = 'cancel')
                HAVING sum(line.balance) < 0)""",
            partner=partner,
            company=company,
            since=since,
            has_happened=SQL(
                """sale.date_order::date >= %(since)s
                   OR sale.commitment_date::date >= %(today)s AND sale.date_order::date >= %(last)s
                   OR EXISTS (SELECT FROM sale_order_line part
                                JOIN sale_order_line_invoice_rel link ON link.order_line_id = part.id
                                JOIN account_move_line line ON line.id = link.invoice_line_id
                                JOIN account_move move ON move.id = line.move_id
                               WHERE part.order_id = sale.id AND move.state = 'posted'
                                 AND move.invoice_date >= %(since)s)""",
                since=since,
                today=today,
                last=last_purchase,
            ),
            is_left=self._where_left_to_invoice(),
            is_document=self.env["crm.value.purchase"]._where_document("move"),
        )

    def _where_left_to_invoice(self):
        """Return the condition that a line of the order ``sale`` is not invoiced in full yet.

        What was invoiced and given back since was invoiced: nothing is left of it. The money of a line says whether it
        invoices, the type of its document does not.
        """
        return SQL(
            """EXISTS (
                SELECT FROM sale_order_line part
                 WHERE part.order_id = sale.id AND part.display_type IS NULL AND part.is_downpayment IS NOT TRUE
                   AND part.price_subtotal > 0
                   AND part.product_uom_qty > (
                       SELECT COALESCE(sum(abs(line.quantity) * COALESCE(uom.factor / NULLIF(ordered.factor, 0), 1))
                                           FILTER (WHERE line.balance < 0), 0) + 0.000001
                         FROM sale_order_line_invoice_rel link
                         JOIN account_move_line line ON line.id = link.invoice_line_id
                         JOIN account_move move ON move.id = line.move_id
                         LEFT JOIN uom_uom uom ON uom.id = line.product_uom_id
                         LEFT JOIN uom_uom ordered ON ordered.id = part.product_uom_id
                        WHERE link.order_line_id = part.id AND move.state = 'posted'))"""
        )
