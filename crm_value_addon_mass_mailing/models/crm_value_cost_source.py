from odoo import models
from odoo.tools import SQL


class CrmValueCostSource(models.AbstractModel):
    """Counts what mailings cost: each customer that got one bears its share.

    For a customer without a purchase by then it was a cost of winning it, which is not expected again.
    """

    _inherit = "crm.value.cost.source"

    def _drivers(self):
        return [*super()._drivers(), "mailings"]

    def _select_mailings(self, company, as_of):
        paid = self.env["mailing.mailing"].search_count(
            [("value_company_id", "=", company.id), ("value_cost", ">", 0), ("value_rule_id", "!=", False)], limit=1
        )
        if not paid:
            return None
        self.env["mailing.mailing"].flush_model()
        return SQL(
            """
            SELECT sent.partner_id, 'mailings' AS driver, count(*)::int AS count, sum(sent.cost) AS cost,
                   COALESCE(sum(sent.cost) FILTER (WHERE sent.date > %(year_ago)s AND sent.is_kept), 0) AS cost_12m
              FROM (SELECT value.partner_id, followup.date,
                           COALESCE(value.first_purchase_date <= followup.date, FALSE) AS is_kept,
                           mailing.value_cost::numeric / count(*) OVER (PARTITION BY mailing.id) AS cost
                      FROM mailing_mailing mailing
                      JOIN crm_value_followup followup ON followup.rule_id = mailing.value_rule_id
                      JOIN crm_value value ON value.id = followup.value_id
                     WHERE mailing.value_company_id = %(company)s AND mailing.value_cost > 0
                       AND followup."group" = 'treated' AND followup.date <= %(as_of)s) sent
             GROUP BY sent.partner_id""",
            company=company.id,
            as_of=as_of,
            year_ago=self._year_ago(as_of),
        )
