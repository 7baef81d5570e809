from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    _inherit = "res.company"

    value_pause_overdue = fields.Boolean(
        string="Pause Benefits While Overdue", help="New orders carry no benefits while the customer owes too much.")
    value_pause_overdue_limit = fields.Monetary(
        string="Overdue Limit", help="Benefits pause while more than this is overdue.")
    value_pause_caution = fields.Boolean(
        string="Pause Benefits While Cautioned", help="New orders carry no benefits while the customer is flagged.")
    value_caution_return_rate = fields.Float(
        string="Returns Above", help="Share of the revenue that was given back; 0: never a reason.")
    value_caution_overdue_days = fields.Integer(
        string="Overdue For More Than (days)", help="Age of the oldest overdue amount; 0: never a reason.")
    value_caution_loss = fields.Monetary(
        string="Loss Above", help="Realised value below minus this amount; 0: never a reason.")
    value_margin_guard = fields.Boolean(
        string="Margin Guard", help="Orders that carry benefits and leave too little margin need a sales manager.")
    value_margin_floor = fields.Float(
        string="Lowest Margin", default=0.1, help="Share of the untaxed amount that must be left after benefits.")
    value_referral_program_id = fields.Many2one(
        "loyalty.program", string="Referral Reward", ondelete="set null",
        domain="[('program_type', 'in', ('coupons', 'gift_card', 'next_order_coupons'))]",
        help="Whoever referred a customer gets a coupon of this program when that customer's first invoice is posted.")
    value_referral_points = fields.Float(string="Points on the Referral Coupon", default=1.0)
    value_referral_since = fields.Date(
        string="First Purchases From", help="Referred customers who bought before this day earn nobody a reward.")

    @api.constrains("value_pause_overdue_limit", "value_caution_return_rate", "value_caution_overdue_days",
                    "value_caution_loss", "value_margin_floor", "value_referral_points")
    def _check_benefit_settings(self):
        for company in self:
            negative = [name for name in ("value_pause_overdue_limit", "value_caution_overdue_days",
                                          "value_caution_loss") if company[name] < 0]
            if negative:
                raise ValidationError(self.env._(
                    "%(setting)s cannot be negative.", setting=self._fields[negative[0]]._description_string(self.env)))
            if not 0 <= company.value_caution_return_rate <= 1:
                raise ValidationError(self.env._("The share of returns must lie between 0 %% and 100 %%."))
            if not -1 <= company.value_margin_floor < 1:
                raise ValidationError(self.env._("The lowest margin must lie between -100 %% and 100 %%."))
            if company.value_referral_program_id and company.value_referral_points <= 0:
                raise ValidationError(self.env._("A referral coupon needs at least a part of a point."))

    @api.constrains("value_referral_program_id")
    def _check_referral_program(self):
        for company in self:
            owner = company.value_referral_program_id.sudo().company_id
            if owner and owner != company:
                raise ValidationError(self.env._(
                    "%(program)s belongs to %(company)s.", program=company.value_referral_program_id.name,
                    company=owner.name))

    @api.model
    def _value_setting_fields(self):
        return super()._value_setting_fields() | {
            "value_caution_return_rate", "value_caution_overdue_days", "value_caution_loss"}

    @api.model
    def _value_tracked_fields(self):
        return super()._value_tracked_fields() | {
            "value_pause_overdue", "value_pause_overdue_limit", "value_pause_caution", "value_margin_guard",
            "value_margin_floor"}

    def write(self, vals):
        if vals.get("value_referral_program_id") and "value_referral_since" not in vals:
            # Chosen today for the first time: what happened before earns nothing.
            for company in self.filtered(lambda company: not company.value_referral_since):
                super(ResCompany, company).write({"value_referral_since": company._value_today()})
        return super().write(vals)
