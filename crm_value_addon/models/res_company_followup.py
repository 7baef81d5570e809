from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

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

    def _value_cadence_to_sql(self, default):
        """Return the SQL of the days between contacts, on the aliases ``customer`` (contact) and ``tier``."""
        self.ensure_one()
        return SQL(
            """CASE COALESCE(customer.relationship_strategy, tier.relationship_strategy)
               WHEN 'clasp' THEN %s WHEN 'velcro' THEN %s WHEN 'zipper' THEN %s ELSE %s END""",
            self.value_cadence_clasp, self.value_cadence_velcro, self.value_cadence_zipper, default)
