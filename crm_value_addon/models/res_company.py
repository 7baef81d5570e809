from datetime import datetime

import pytz
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import MissingError, ValidationError


class ResCompany(models.Model):
    _inherit = "res.company"

    value_basis = fields.Selection(
        [("margin", "Margin"), ("revenue", "Revenue")],
        default="margin", required=True,
        help="What a customer's value is computed from.",
    )
    value_margin_rate = fields.Float(
        string="Margin Rate", default=0.3,
        help="Share of the revenue that counts as margin where neither the order line nor the product has a cost.",
    )
    value_retention_rate = fields.Float(
        string="Yearly Retention Rate", default=0.75,
        help="Share of the customers of a year that still buy a year later. Used where no prediction model applies.",
    )
    value_discount_rate = fields.Float(
        string="Yearly Discount Rate", default=0.1,
        help="What money is worth a year later: 0.1 makes 110 next year worth 100 today.",
    )
    value_horizon_months = fields.Integer(
        string="Horizon (months)", default=36,
        help="How far ahead the customer lifetime value looks.",
    )

    value_method = fields.Selection(
        [("auto", "Whatever the backtest says"), ("model", "Prediction model"), ("history", "Last 12 months")],
        string="Prediction Method", default="auto", required=True,
        help="What expected figures are computed from, where there is enough data for a model.",
    )
    value_model = fields.Selection(
        [("mbg", "MBG/NBD (everybody may leave)"), ("bg", "BG/NBD (one-time buyers stay)")],
        string="Model Type", default="mbg", required=True)
    value_prior_strength = fields.Float(
        string="Prior Strength", default=1.0,
        help="How much the usual behaviour of customers counts beside the company's own data: "
             "1 as recommended, 0 not at all.",
    )
    value_fit_months = fields.Integer(
        string="History Fitted (months)", default=0, help="How far back the model looks; 0 for all.")
    value_low_risk = fields.Float(
        string="Low Risk From", default=0.7, help="Likely active with at least this probability: low churn risk.")
    value_high_risk = fields.Float(
        string="High Risk Below", default=0.4, help="Likely active with less than this probability: high churn risk.")

    @api.constrains("value_margin_rate", "value_retention_rate", "value_discount_rate", "value_horizon_months")
    def _check_value_settings(self):
        for company in self:
            if not -1 <= company.value_margin_rate <= 1:
                raise ValidationError(self.env._(
                    "The margin rate must lie between -100 %% and 100 %%, not at %(rate)s.",
                    rate=company.value_margin_rate))
            if not 0 <= company.value_retention_rate <= 1:
                raise ValidationError(self.env._(
                    "The retention rate must lie between 0 %% and 100 %%, not at %(rate)s.",
                    rate=company.value_retention_rate))
            if not 0 <= company.value_discount_rate <= 10:
                raise ValidationError(self.env._(
                    "The discount rate must lie between 0 %% and 1000 %%, not at %(rate)s.",
                    rate=company.value_discount_rate))
            if not 1 <= company.value_horizon_months <= 240:
                raise ValidationError(self.env._(
                    "The horizon must lie between 1 and 240 months, not at %(months)s.",
                    months=company.value_horizon_months))

    @api.constrains("value_prior_strength", "value_fit_months", "value_low_risk", "value_high_risk")
    def _check_prediction_settings(self):
        for company in self:
            if not 0 <= company.value_prior_strength <= 100:
                raise ValidationError(self.env._(
                    "The prior strength must lie between 0 and 100, not at %(strength)s.",
                    strength=company.value_prior_strength))
            if company.value_fit_months < 0:
                raise ValidationError(self.env._(
                    "The history fitted cannot be %(months)s months; 0 means all.", months=company.value_fit_months))
            if not 0 <= company.value_high_risk <= company.value_low_risk <= 1:
                raise ValidationError(self.env._(
                    "The limits of the churn risk must lie between 0 %% and 100 %%, the one for high risk "
                    "(%(high)s) not above the one for low risk (%(low)s).",
                    high=company.value_high_risk, low=company.value_low_risk))

    @api.model
    def _value_setting_fields(self):
        """Return the settings that every customer's figures depend on."""
        return {
            "value_basis", "value_retention_rate", "value_discount_rate", "value_horizon_months", "value_method",
            "value_low_risk", "value_high_risk",
        }

    @api.model
    def _value_tracked_fields(self):
        """Return the settings whose changes are noted on the company's contact."""
        return self._value_setting_fields() | {
            "value_margin_rate", "value_model", "value_prior_strength", "value_fit_months"}

    def write(self, vals):
        names = sorted(self._value_tracked_fields().intersection(vals))
        before = {company: {name: company[name] for name in names} for company in self} if names else {}
        result = super().write(vals)
        for company, values in before.items():
            changed = [name for name in names if values[name] != company[name]]
            if changed:
                company._value_log_settings(values, changed)
            if not self._value_setting_fields().isdisjoint(changed):
                self.env["crm.value.run"]._request(company)
        return result

    def _value_log_settings(self, before, names):
        """Note on the company's contact who changed which setting of the customer values from what to what."""
        lines = [
            Markup("<li>%s: %s → %s</li>") % (
                self._fields[name].get_description(self.env, ["string"])["string"],
                self._fields[name].convert_to_export(before[name], self),
                self._fields[name].convert_to_export(self[name], self))
            for name in names]
        # sudo: who may change the settings need not have rights on the company's contact.
        self.sudo().partner_id._message_log(body=Markup("<p>%s</p><ul>%s</ul>") % (
            self.env._("Customer value settings"), Markup().join(lines)))

    def _value_today(self):
        """Return today's date where the company is: in the timezone of its own contact, else in UTC.

        :raise MissingError: the company is that of a record that does not exist
        """
        if not self:
            raise MissingError(self.env._("This record does not exist, or belongs to no company."))
        self.ensure_one()
        now = pytz.utc.localize(fields.Datetime.now())
        name = self.sudo().partner_id.tz
        local: datetime = now.astimezone(pytz.timezone(name)) if name else now
        return local.date()
