from odoo import fields, models
from odoo.tools import SQL


class CrmValueTierCost(models.Model):
    """The cost of tiers: one row per tier, customer, company and month, beside the customer's invoiced margin.

    Discounts, gifts and free shipping are those of the orders confirmed in the month; points are those that the tier
    added, at their worth on that day. The margin of a customer with two tiers in a month counts with the later tier.
    """

    _name = "crm.value.tier.cost"
    _description = "Cost of Tiers"
    _auto = False
    _order = "month desc, tier_id, id"
    _rec_name = "month"

    tier_id = fields.Many2one("crm.value.tier", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    month = fields.Date(readonly=True)
    order_count = fields.Integer(string="Orders", readonly=True)
    discount = fields.Monetary(string="Discounts", readonly=True, help="Against the price without the tier, untaxed")
    gift = fields.Monetary(string="Gifts", readonly=True, help="Coupons and free products used on orders")
    shipping = fields.Monetary(string="Free Shipping", readonly=True)
    points = fields.Monetary(string="Points Owed", readonly=True, help="Worth of the points that the tier added")
    cost = fields.Monetary(string="Total Cost", readonly=True)
    margin = fields.Monetary(
        readonly=True, help="Invoiced margin of the same customers in the same month; the costs have lowered it already"
    )

    _depends = {
        "sale.order": ["value_tier_id", "partner_id", "company_id", "state", "date_order", "currency_rate"],
        "sale.order.line": ["order_id", "value_benefit_cost", "value_benefit_kind"],
        "loyalty.history": ["order_id", "order_model", "value_extra_amount", "card_id"],
        "crm.value.purchase": ["partner_id", "company_id", "date", "margin"],
    }

    @property
    def _table_query(self):
        return SQL(
            """
            WITH event AS (%(events)s),
                 total AS (
                    SELECT tier_id, partner_id, company_id, month, count(DISTINCT order_id) AS order_count,
                           max(moment) AS moment, sum(discount) AS discount, sum(gift) AS gift,
                           sum(shipping) AS shipping, sum(points) AS points
                      FROM event GROUP BY tier_id, partner_id, company_id, month),
                 earned AS (
                    SELECT partner_id, company_id, date_trunc('month', date)::date AS month, sum(margin) AS margin
                      FROM (%(purchases)s) purchase GROUP BY 1, 2, 3)
            SELECT row_number() OVER (ORDER BY total.month, total.partner_id, total.tier_id, total.company_id) AS id,
                   total.tier_id, total.partner_id, total.company_id, total.month, total.order_count,
                   total.discount, total.gift, total.shipping, total.points,
                   total.discount + total.gift + total.shipping + total.points AS cost,
                   CASE WHEN row_number() OVER (PARTITION BY total.partner_id, total.company_id, total.month
                                                    ORDER BY total.moment DESC, total.tier_id DESC) = 1
                        THEN COALESCE(earned.margin, 0) ELSE 0 END AS margin
              FROM total
              LEFT JOIN earned ON earned.partner_id = total.partner_id AND earned.company_id = total.company_id
                              AND earned.month = total.month
            """,
            events=SQL(" UNION ALL ").join([self._select_lines(), self._select_points()]),
            purchases=self.env["crm.value.purchase"]._query(SQL("source.partner_id IN (SELECT partner_id FROM total)")),
        )

    def _select_lines(self):
        """Select the benefits on lines of confirmed orders; a gift counts with the tier that gave it."""
        return SQL(
            """
            SELECT COALESCE(gift.tier_id, sale.value_tier_id) AS tier_id, partner.commercial_partner_id AS partner_id,
                   sale.company_id, date_trunc('month', sale.date_order)::date AS month, sale.id AS order_id,
                   sale.date_order AS moment,
                   CASE line.value_benefit_kind WHEN 'discount' THEN %(cost)s ELSE 0 END AS discount,
                   CASE line.value_benefit_kind WHEN 'gift' THEN %(cost)s ELSE 0 END AS gift,
                   CASE line.value_benefit_kind WHEN 'shipping' THEN %(cost)s ELSE 0 END AS shipping, 0 AS points
              FROM sale_order_line line
              JOIN sale_order sale ON sale.id = line.order_id AND sale.state = 'sale'
              JOIN res_partner partner ON partner.id = sale.partner_id
              LEFT JOIN crm_value_grant gift ON gift.card_id = line.coupon_id
             WHERE sale.value_tier_id IS NOT NULL OR gift.tier_id IS NOT NULL
            """,
            cost=SQL("COALESCE(line.value_benefit_cost, 0) / COALESCE(NULLIF(sale.currency_rate, 0), 1)"),
        )

    def _select_points(self):
        """Select the points that tiers added on confirmed orders."""
        return SQL(
            """
            SELECT history.value_tier_id, partner.commercial_partner_id, sale.company_id,
                   date_trunc('month', sale.date_order)::date, sale.id, sale.date_order, 0, 0, 0,
                   COALESCE(history.value_extra_amount, 0) * CASE WHEN program.currency_id = company.currency_id THEN 1
                        ELSE %s / %s END
              FROM loyalty_history history
              JOIN sale_order sale ON sale.id = history.order_id AND sale.state = 'sale'
              JOIN res_company company ON company.id = sale.company_id
              JOIN loyalty_card card ON card.id = history.card_id
              JOIN loyalty_program program ON program.id = card.program_id
              JOIN res_partner partner ON partner.id = sale.partner_id
             WHERE history.order_model = 'sale.order' AND history.value_tier_id IS NOT NULL
            """,
            self._select_rate(SQL("company.currency_id")),
            self._select_rate(SQL("program.currency_id")),
        )

    def _select_rate(self, currency):
        """Return the rate of a currency in an order's company on its day, as `res.currency` finds it."""
        return SQL(
            """
            COALESCE((SELECT rate.rate FROM res_currency_rate rate
                       WHERE rate.currency_id = %(currency)s AND %(company)s
                       ORDER BY rate.name > sale.date_order::date, rate.company_id,
                                abs(rate.name - sale.date_order::date) LIMIT 1), 1)
            """,
            currency=currency,
            # the rates of a branch are those of its root company
            company=SQL("(rate.company_id IS NULL OR rate.company_id = split_part(company.parent_path, '/', 1)::int)"),
        )
