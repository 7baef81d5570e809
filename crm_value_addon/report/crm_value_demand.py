from odoo import fields, models
from odoo.tools import SQL

from ..const import MARGIN_GROUP


class CrmValueDemand(models.Model):
    """What customers are expected to buy in each of the next 12 months, by category: for purchasing and production.

    How it works: the expected revenue of a customer's next 12 months (`crm.value`: expected purchases times what one is
    expected to bring) is shared among what it bought in the last 12, but not among what it no longer buys, and spread
    over the months: by the company's season where the model in use has one (`crm.value.fit.season`), else evenly. The
    year's total is the same.
    """

    _name = "crm.value.demand"
    _description = "Expected Demand"
    _auto = False
    _order = "month, expected_revenue desc, id"
    _rec_name = "category_id"

    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    category_id = fields.Many2one("product.category", readonly=True)
    product_tmpl_id = fields.Many2one("product.template", string="Product", readonly=True)
    is_service = fields.Boolean(string="Services", readonly=True)
    month = fields.Date(readonly=True, help="The first day of the month")
    expected_revenue = fields.Monetary(readonly=True)
    expected_margin = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    expected_quantity = fields.Float(
        readonly=True, help="In the units of the products; of a category, of all of them together"
    )
    customer_count = fields.Integer(string="Customers", readonly=True, aggregator="max")

    _depends = {
        "crm.value": ["company_id", "expected_purchases", "expected_spend"],
        "crm.value.product": [
            "company_id",
            "value_id",
            "category_id",
            "product_tmpl_id",
            "is_service",
            "revenue_12m",
            "margin_12m",
            "quantity_12m",
            "state",
        ],
        "crm.value.fit": ["company_id", "is_used", "season"],
    }

    @property
    def _table_query(self):
        return SQL(
            """
            WITH kept AS (
                SELECT product.*, value.expected_purchases * value.expected_spend
                                  / sum(product.revenue_12m) OVER (PARTITION BY product.value_id) AS growth
                  FROM crm_value_product product JOIN crm_value value ON value.id = product.value_id
                 WHERE product.revenue_12m > 0 AND product.state != 'lost'
            ), expected AS (
                SELECT min(id) AS id, company_id, category_id, product_tmpl_id, is_service,
                       sum(revenue_12m * growth) / 12 AS revenue, sum(margin_12m * growth) / 12 AS margin,
                       sum(quantity_12m * growth) / 12 AS quantity, count(DISTINCT partner_id) AS customers
                  FROM kept GROUP BY company_id, category_id, product_tmpl_id, is_service
            )
            SELECT expected.id * 12 + ahead.number - 1 AS id, expected.company_id, category_id, product_tmpl_id,
                   is_service, ahead.month, (revenue * season.share)::numeric AS expected_revenue,
                   (margin * season.share)::numeric AS expected_margin, quantity * season.share AS expected_quantity,
                   customers AS customer_count
              FROM expected
             CROSS JOIN (SELECT number, (date_trunc('month', CURRENT_DATE) + make_interval(months => number))::date
                           FROM generate_series(1, 12) AS number) AS ahead(number, month)
              LEFT JOIN LATERAL (
                   SELECT fit.season->'index' AS index FROM crm_value_fit fit
                    WHERE fit.company_id = expected.company_id AND fit.is_used
                      AND (fit.season->>'is_used')::boolean ORDER BY fit.id DESC LIMIT 1) year ON TRUE
              JOIN LATERAL (
                   SELECT COALESCE((year.index->>(extract(month FROM ahead.month)::int - 1))::float8
                                   / NULLIF((SELECT avg(part.value::float8)
                                               FROM jsonb_array_elements_text(year.index) part(value)), 0), 1)
                              AS share) season ON TRUE
            """
        )
