from datetime import datetime

import pytz

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    _inherit = "res.company"

    value_basis = fields.Selection(
        [("margin", "Margin"), ("revenue", "Revenue")],
        string="Value Basis", default="margin", required=True,
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

    @api.model
    def _value_setting_fields(self):
        """Return the settings that every customer's figures depend on."""
        return {"value_basis", "value_retention_rate", "value_discount_rate", "value_horizon_months"}

    def write(self, vals):
        watched = self._value_setting_fields().intersection(vals)
        before = {company: [company[name] for name in sorted(watched)] for company in self} if watched else {}
        result = super().write(vals)
        for company, values in before.items():
            if values != [company[name] for name in sorted(watched)]:
                self.env["crm.value.run"]._request(company)
        return result

    def _value_today(self):
        """Return today's date where the company is: in the timezone of its own contact, else in UTC."""
        self.ensure_one()
        now = pytz.utc.localize(fields.Datetime.now())
        name = self.sudo().partner_id.tz
        local: datetime = now.astimezone(pytz.timezone(name)) if name else now
        return local.date()
