from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..lib.lifecycle import Thresholds


class ResCompany(models.Model):
    """What separates the stages of the lifecycle (lib/lifecycle.py)."""

    _inherit = "res.company"

    value_new_days = fields.Integer(
        string="New for (days)", default=90, help="A customer is new for this many days after its first purchase.")
    value_loyal_purchases = fields.Integer(
        string="Loyal from (purchases)", default=5, help="Together with the days: frequent over time.")
    value_loyal_days = fields.Integer(string="Loyal after (days)", default=365)
    value_risk_factor = fields.Float(
        string="At Risk after (intervals)", default=2.0,
        help="Where no prediction model is in use: silent for more than this many of the customer's usual intervals. "
             "With a model, the limit of high churn risk counts instead.")
    value_lost_factor = fields.Float(string="Lost after (intervals)", default=4.0)
    value_lost_probability = fields.Float(
        string="Lost below", default=0.1,
        help="Where a prediction model is in use: likely active with less than this probability.")
    value_won_back_days = fields.Integer(
        string="Won Back for (days)", default=180,
        help="A lost customer who buys is called won back for this many days, or until the next purchase.")
    value_prospect_probability = fields.Float(
        string="Prospect from (%)", default=60.0,
        help="An opportunity whose automated probability reaches this makes its contact a prospect: "
             "its profile resembles those who bought.")

    @api.constrains(
        "value_new_days", "value_loyal_purchases", "value_loyal_days", "value_risk_factor", "value_lost_factor",
        "value_lost_probability", "value_won_back_days", "value_prospect_probability")
    def _check_lifecycle_settings(self):
        for company in self:
            counts = ("value_new_days", "value_loyal_purchases", "value_loyal_days", "value_won_back_days")
            if min(company[name] for name in counts) < 0:
                raise ValidationError(self.env._("The days and purchases of the lifecycle cannot be negative."))
            if not 0 < company.value_risk_factor <= company.value_lost_factor:
                raise ValidationError(self.env._(
                    "A customer is at risk before it is lost: after %(risk)s and %(lost)s intervals is not possible.",
                    risk=company.value_risk_factor, lost=company.value_lost_factor))
            if not 0 <= company.value_lost_probability <= company.value_high_risk:
                raise ValidationError(self.env._(
                    "The probability below which a customer is lost (%(lost)s) must lie between 0 %% and the limit of "
                    "high churn risk (%(high)s).", lost=company.value_lost_probability, high=company.value_high_risk))
            if not 0 <= company.value_prospect_probability <= 100:
                raise ValidationError(self.env._(
                    "The probability of a prospect must lie between 0 and 100, not at %(probability)s.",
                    probability=company.value_prospect_probability))

    @api.model
    def _value_setting_fields(self):
        return super()._value_setting_fields() | {
            "value_new_days", "value_loyal_purchases", "value_loyal_days", "value_risk_factor", "value_lost_factor",
            "value_lost_probability", "value_won_back_days", "value_prospect_probability",
        }

    def _lifecycle_thresholds(self):
        """Return the thresholds of this company's stages (see lib/lifecycle.py)."""
        self.ensure_one()
        return Thresholds(
            new_days=self.value_new_days, loyal_purchases=self.value_loyal_purchases, loyal_days=self.value_loyal_days,
            risk_factor=self.value_risk_factor, lost_factor=self.value_lost_factor, risk_alive=self.value_high_risk,
            lost_alive=self.value_lost_probability, won_back_days=self.value_won_back_days)
