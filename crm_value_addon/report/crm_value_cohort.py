from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..const import MARGIN_GROUP
from .crm_value_purchase import CrmValuePurchase

#: the year of the relation in which the oldest customers are counted on
_LAST_YEAR = 29


class CrmValueCohort(models.Model):
    """What a customer brought in each year since its first purchase: do those who stay bring more every year?

    How it works: one row for each customer and year of the relation (1 = the 12 months from the first purchase on),
    also for years without a purchase, so that the mean is that of all who came in a quarter, not of those who are left.
    The sums are those of *Purchases*.
    """

    _name = "crm.value.cohort"
    _description = "Year of the Relation"
    _auto = False
    _order = "first_purchase_date desc, year, id"
    _rec_name = "partner_id"

    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    tier_id = fields.Many2one("crm.value.tier", readonly=True)
    first_purchase_date = fields.Date(string="First Purchase", readonly=True)
    year = fields.Integer(
        string="Year of the Relation",
        readonly=True,
        aggregator=None,
        help="1 is the 12 months from the first purchase on",
    )
    is_running = fields.Boolean(string="Still Running", readonly=True, help="The year is not over yet")
    purchase_count = fields.Integer(string="Purchases", readonly=True)
    revenue = fields.Monetary(readonly=True)
    margin = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    mean_revenue = fields.Monetary(string="Revenue per Customer", readonly=True, aggregator="avg")
    mean_margin = fields.Monetary(string="Margin per Customer", readonly=True, aggregator="avg", groups=MARGIN_GROUP)

    _depends = {
        **CrmValuePurchase._depends,
        "crm.value": ["partner_id", "company_id", "first_purchase_date", "tier_id"],
    }

    @property
    def _table_query(self):
        return SQL(
            """
            WITH customer AS (
                SELECT id, partner_id, company_id, tier_id, first_purchase_date AS first,
                       LEAST(GREATEST(EXTRACT(year FROM age(CURRENT_DATE, first_purchase_date)), 0), %(last)s)::int
                       AS now
                  FROM crm_value WHERE first_purchase_date IS NOT NULL
            ), bought AS (
                SELECT customer.id,
                       LEAST(GREATEST(EXTRACT(year FROM age(purchase.date, customer.first)), 0), customer.now)::int
                       AS year, sum(purchase.revenue) AS revenue, sum(purchase.margin) AS margin,
                       count(*) FILTER (WHERE purchase.is_purchase) AS purchase_count
                  FROM (%(purchases)s) purchase
                  JOIN customer USING (partner_id, company_id)
                 GROUP BY 1, 2
            )
            SELECT customer.id::int8 * 100 + year.year AS id, customer.partner_id, customer.company_id,
                   customer.tier_id, customer.first AS first_purchase_date, year.year + 1 AS year,
                   year.year = customer.now AS is_running,
                   COALESCE(bought.purchase_count, 0)::int AS purchase_count,
                   COALESCE(bought.revenue, 0) AS revenue, COALESCE(bought.margin, 0) AS margin,
                   COALESCE(bought.revenue, 0) AS mean_revenue, COALESCE(bought.margin, 0) AS mean_margin
              FROM customer CROSS JOIN LATERAL generate_series(0, customer.now) AS year(year)
              LEFT JOIN bought ON bought.id = customer.id AND bought.year = year.year
            """,
            last=_LAST_YEAR,
            purchases=self.env["crm.value.purchase"]._query(),
        )

    @api.depends("partner_id", "year")
    def _compute_display_name(self):
        for row in self:
            row.display_name = f"{row.partner_id.display_name} ({row.year})"

    def action_open_purchases(self):
        """Open the purchases of this year of the relation.

        :raise AccessError: the user may not read this row
        """
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_purchase_action")
        domain = [("partner_id", "=", self.partner_id.id), ("company_id", "=", self.company_id.id)]
        if self.year > 1:
            domain.append(("date", ">=", self.first_purchase_date + relativedelta(years=self.year - 1)))
        if not self.is_running:
            domain.append(("date", "<", self.first_purchase_date + relativedelta(years=self.year)))
        return action | {"domain": domain}
