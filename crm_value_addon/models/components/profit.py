from odoo import api
from odoo.tools import SQL

#: figure → the two stored ones that it is the difference of
DIFFERENCES = {"equity": ("clv", "referral_value"), "profit_12m": ("margin_12m", "cost_to_serve_12m")}


@api.depends("margin_12m", "cost_to_serve_12m", "revenue_12m")
def compute_profit(values):
    """Compute what customers brought in 12 months after what serving them cost, and the share of their revenue."""
    for value in values:
        value.profit_12m = value.margin_12m - value.cost_to_serve_12m
        value.profit_rate_12m = 100 * value.profit_12m / value.revenue_12m if value.revenue_12m > 0 else 0.0


def rate_to_sql(profit, revenue):
    """Return the SQL of the share of the profit in the revenue, in percent; 0 where nothing was bought."""
    return SQL("CASE WHEN %s > 0 THEN round((100 * %s / %s)::numeric, 1) ELSE 0 END", revenue, profit, revenue)
