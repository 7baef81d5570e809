from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    """What the parts of a customer's value are computed with; a part whose rates are 0 is not configured."""

    _inherit = "res.company"

    value_quotation_probability = fields.Float(
        string="Chance of a Quotation", default=0.5,
        help="Probability of a sent quotation that belongs to no opportunity.")
    value_referral_share = fields.Float(
        string="Referral Share",
        help="Share of a referred customer's expected purchases that its referrer is credited.")
    value_referral_months = fields.Integer(
        string="First Months", default=12,
        help="Only this many months after the referred customer's first purchase count.")
    value_knowledge_cap = fields.Monetary(
        string="Knowledge Cap", help="Highest worth of the feedback of one customer in a year; 0: no cap.")
    value_loyal_satisfaction = fields.Float(
        string="Loyal from (rating)", default=3.0, help="A customer that rates below this is not called loyal.")
    value_snapshot_months = fields.Integer(
        string="Keep Month Ends (months)", default=60, help="Older figures of customers are deleted; 0: never.")

    value_cost_acquisition = fields.Selection(
        [("off", "Not counted"), ("lead", "Per won opportunity"), ("source", "Per source")],
        string="Acquisition", default="off", required=True)
    value_cost_won_lead = fields.Monetary(string="Cost of a Won Opportunity")
    value_cost_work = fields.Boolean(string="Activities and Messages")
    value_activity_minutes = fields.Float(string="Minutes per Activity", default=20.0)
    value_message_minutes = fields.Float(string="Minutes per Message", default=5.0)
    value_hourly_cost = fields.Monetary(string="Hourly Cost")
    value_cost_benefits = fields.Boolean(string="Gifts and Discounts of Tiers")
    value_cost_gift = fields.Monetary(string="Cost of a Gift")
    value_cost_discount_share = fields.Float(
        string="Share of Discounts", help="The margin of an invoice already lacks its discounts: usually 0.")
    value_cost_credit_notes = fields.Boolean(string="Handling of Credit Notes")
    value_cost_credit_note = fields.Monetary(string="Cost of a Credit Note")
    value_cost_late_payment = fields.Boolean(string="Late Payment")
    value_cost_interest = fields.Float(
        string="Yearly Interest", help="On what is paid late, for the days that it is late.")

    @api.constrains("value_quotation_probability", "value_referral_share", "value_cost_discount_share")
    def _check_part_shares(self):
        names = ("value_quotation_probability", "value_referral_share", "value_cost_discount_share")
        for company in self:
            for name in names:
                if not 0 <= company[name] <= 1:
                    raise ValidationError(self.env._(
                        "%(setting)s must lie between 0 %% and 100 %%.",
                        setting=self._fields[name]._description_string(self.env)))

    @api.constrains(
        "value_referral_months", "value_knowledge_cap", "value_cost_won_lead", "value_activity_minutes",
        "value_snapshot_months", "value_message_minutes", "value_hourly_cost", "value_cost_gift",
        "value_cost_credit_note", "value_cost_interest")
    def _check_part_rates(self):
        names = (
            "value_referral_months", "value_knowledge_cap", "value_cost_won_lead", "value_activity_minutes",
            "value_snapshot_months", "value_message_minutes", "value_hourly_cost", "value_cost_gift",
            "value_cost_credit_note", "value_cost_interest")
        for company in self:
            for name in names:
                if company[name] < 0:
                    raise ValidationError(self.env._(
                        "%(setting)s cannot be negative.",
                        setting=self._fields[name]._description_string(self.env)))

    @api.model
    def _value_part_fields(self):
        return {name for name in self._fields if name.startswith("value_cost_")} | {
            "value_quotation_probability", "value_referral_share", "value_referral_months", "value_knowledge_cap",
            "value_loyal_satisfaction", "value_activity_minutes", "value_message_minutes", "value_hourly_cost"}

    @api.model
    def _value_setting_fields(self):
        return super()._value_setting_fields() | self._value_part_fields()
