import numpy as np

from odoo import api, fields, models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import NO_DATE

#: what the books say of a customer; everything else that a refresh computes is concluded from it
OBSERVED = {
    "first_purchase_date", "last_purchase_date", "previous_purchase_date", "purchase_count", "frequency",
    "revenue_total", "revenue_12m", "revenue_year", "revenue_previous_year", "margin_total", "margin_12m",
    "refund_total", "monetary_value", "overdue_amount", "realised_value", "cost_to_serve",
}


class CrmValue(models.Model):
    """Customers that want no evaluation: observed totals only, no prediction, no rank, no stage, no tier.

    The tier is withheld where it is decided (models/tiers/tier_rules.py).
    """

    _inherit = "crm.value"

    is_opted_out = fields.Boolean(related="partner_id.value_opt_out", string="Opt Out of Scoring")

    @api.model
    def _boundaries(self, company, as_of, frame):
        silent = self._are_opted_out(frame)
        # hardly anybody, and a copy of all columns would be the peak of a refresh
        return super()._boundaries(company, as_of, self._take(frame, ~silent) if silent.any() else frame)

    @api.model
    def _rank(self, company, as_of, frame, boundaries):
        frame = super()._rank(company, as_of, frame, boundaries)
        silent = self._are_opted_out(frame)
        if silent.any():
            for name in set(self._refreshed_fields()) - OBSERVED:
                nothing = NO_DATE if self._fields[name].type == "date" else 0
                frame[name] = np.where(silent, nothing, frame[name])
        return frame

    @api.model
    def _are_opted_out(self, frame):
        """Return for each customer of a frame whether it wants no evaluation."""
        self.env.flush_all()
        rows = self.env.execute_query(SQL("SELECT id FROM res_partner WHERE value_opt_out"))
        return np.isin(frame["partner_id"], np.array([partner_id for [partner_id] in rows], np.int64))

    @api.model
    def _caution_conditions(self, company, as_of):
        return {
            code: SQL("%s AND NOT EXISTS (SELECT FROM res_partner WHERE id = value.partner_id AND value_opt_out)",
                      condition)
            for code, condition in super()._caution_conditions(company, as_of).items()}

    @api.model
    def _move_source(self, company):
        return SQL("CASE WHEN decision.is_excluded THEN 'opt_out' ELSE %s END", super()._move_source(company))

    # what is told

    def _explain_tiers(self):
        explained = super()._explain_tiers()
        for value in self.sudo().filtered("is_opted_out"):  # sudo: whether, not what
            explained.pop(value.id, None)
        return explained


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _outlook(self, value):
        # sudo: whether, not what
        return None if self.partner_id.sudo().commercial_partner_id.value_opt_out else super()._outlook(value)
