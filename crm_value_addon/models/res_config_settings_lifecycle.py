from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    value_new_days = fields.Integer(related="company_id.value_new_days", readonly=False)
    value_loyal_purchases = fields.Integer(related="company_id.value_loyal_purchases", readonly=False)
    value_loyal_days = fields.Integer(related="company_id.value_loyal_days", readonly=False)
    value_risk_factor = fields.Float(related="company_id.value_risk_factor", readonly=False)
    value_lost_factor = fields.Float(related="company_id.value_lost_factor", readonly=False)
    value_lost_probability = fields.Float(related="company_id.value_lost_probability", readonly=False)
    value_won_back_days = fields.Integer(related="company_id.value_won_back_days", readonly=False)
    value_prospect_probability = fields.Float(related="company_id.value_prospect_probability", readonly=False)
    value_followup_cap = fields.Integer(related="company_id.value_followup_cap", readonly=False)
    value_cadence_clasp = fields.Integer(related="company_id.value_cadence_clasp", readonly=False)
    value_cadence_velcro = fields.Integer(related="company_id.value_cadence_velcro", readonly=False)
    value_cadence_zipper = fields.Integer(related="company_id.value_cadence_zipper", readonly=False)
