from odoo import models
from odoo.tools import SQL


class CrmValueTierCost(models.Model):
    """Counts what tiers took off at the till, and the points that they added there."""

    _inherit = "crm.value.tier.cost"

    _depends = {
        "pos.order": ["value_tier_id", "value_tier_discount", "partner_id", "company_id", "state", "date_order"],
    }

    def _select_lines(self):
        return SQL(
            """
            %s UNION ALL
            SELECT sale.value_tier_id, partner.commercial_partner_id, sale.company_id,
                   date_trunc('month', sale.date_order)::date, -sale.id, sale.date_order,
                   COALESCE(sale.value_tier_discount, 0) / COALESCE(NULLIF(sale.currency_rate, 0), 1), 0, 0, 0
              FROM pos_order sale
              JOIN res_partner partner ON partner.id = sale.partner_id
             WHERE sale.state IN ('paid', 'done') AND sale.value_tier_id IS NOT NULL
            """,
            super()._select_lines(),
        )

    def _select_points(self):
        return SQL(
            """
            %s UNION ALL
            SELECT history.value_tier_id, partner.commercial_partner_id, sale.company_id,
                   date_trunc('month', sale.date_order)::date, -sale.id, sale.date_order, 0, 0, 0,
                   COALESCE(history.value_extra_amount, 0) / COALESCE(NULLIF(sale.currency_rate, 0), 1)
              FROM loyalty_history history
              JOIN pos_order sale ON sale.id = history.order_id AND sale.state IN ('paid', 'done')
              JOIN res_partner partner ON partner.id = sale.partner_id
             WHERE history.order_model = 'pos.order' AND history.value_tier_id IS NOT NULL
            """,
            super()._select_points(),
        )
