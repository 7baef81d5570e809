from odoo import api, fields, models
from odoo.exceptions import ValidationError

_NUMBERS = ("value_cadence_clasp", "value_cadence_velcro", "value_cadence_zipper", "value_followup_cap")


class ResCompany(models.Model):
    _inherit = "res.company"

    value_cadence_clasp = fields.Integer(string="Clasp: contact every (days)", default=180)
    value_cadence_velcro = fields.Integer(string="Velcro: contact every (days)", default=60)
    value_cadence_zipper = fields.Integer(string="Zipper: contact every (days)", default=30)
    value_followup_cap = fields.Integer(
        string="Follow-ups per Day", default=25,
        help="No user gets more new follow-ups a day; the customers with the largest revenue come first, the others "
             "the next day. 0 for no limit.")

    @api.constrains(*_NUMBERS)
    def _check_followup_settings(self):
        for company in self:
            if min(company[name] for name in _NUMBERS) < 0:
                raise ValidationError(self.env._("The numbers of days and of follow-ups cannot be negative."))
