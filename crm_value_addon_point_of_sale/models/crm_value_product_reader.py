from odoo import models
from odoo.tools import SQL


class CrmValueProductReader(models.AbstractModel):
    """What customers bought at the till: the lines of its orders that nobody invoiced."""

    _inherit = "crm.value.product.reader"

    def _line_sources(self, basis):
        """Return the lines of invoices and those of the till, whose document is the order's id below 0."""
        Order = self.env["crm.value.till.order"]
        return [
            *super()._line_sources(basis),
            SQL(
                """
            (WITH sale AS (
                SELECT sold.id, own.partner_id, own.date, COALESCE(NULLIF(sold.currency_rate, 0), 1) AS rate
                  FROM crm_value_till_order own JOIN pos_order sold ON sold.id = own.order_id WHERE %(where)s
            ), line AS (%(lines)s)
            SELECT sale.partner_id::int4, (-sale.id)::int4,
                   CASE WHEN line.is_bought THEN line.product_id ELSE 0 END::int4, 0, %(day)s,
                   CASE WHEN line.is_allowance THEN 0 ELSE line.quantity END::float8,
                   COALESCE(line.revenue, 0)::float8, COALESCE(line.margin, 0)::float8,
                   line.is_allowance AND line.product_id IN (%(discounts)s)
              FROM sale JOIN line ON line.order_id = sale.id WHERE NOT line.is_advance)
            """,
                where=self._where_till(basis),
                lines=Order._select_lines(basis.company),
                day=self._day(SQL("sale.date")),
                discounts=self.env["crm.value.line.kind"]._select_discount_products(basis.company),
            ),
        ]

    def _document_sources(self, basis):
        return [
            *super()._document_sources(basis),
            SQL(
                "SELECT (-own.order_id)::int4, own.margin::float8, FALSE FROM crm_value_till_order own WHERE %s",
                self._where_till(basis),
            ),
        ]

    def _origin_sources(self, basis):
        return [
            *super()._origin_sources(basis),
            SQL(
                """
            SELECT (-own.order_id)::int4, %s FROM crm_value_till_order own
             WHERE own.origin_partner_id = own.partner_id AND %s
            """,
                self._day(SQL("own.origin_date")),
                self._where_till(basis),
            ),
        ]

    def _where_till(self, basis):
        Order = self.env["crm.value.till.order"]
        return SQL(
            "own.company_id = %s AND own.partner_id IS NOT NULL AND %s AND %s AND %s",
            basis.company.id,
            basis.where(SQL("own.partner_id")),
            Order._where_counted("own", "partner_id", basis.until),
            Order._where_not_invoiced("own"),
        )

    def _sold_conditions(self, company):
        return [
            *super()._sold_conditions(company),
            SQL(
                """EXISTS (
                   SELECT FROM crm_value_till_order own JOIN pos_order_line line ON line.order_id = own.order_id
                     JOIN product_product product ON product.id = line.product_id
                    WHERE own.partner_id = suggestion.partner_id AND own.company_id = suggestion.company_id
                      AND own.date >= suggestion.date AND line.qty > 0
                      AND product.product_tmpl_id = suggestion.product_tmpl_id)"""
            ),
        ]
