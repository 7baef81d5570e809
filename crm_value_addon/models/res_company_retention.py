from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

#: rows that one transaction of the vacuum deletes
_BATCH = 10_000
_NAMES = ("value_log_months", "value_run_months")


class ResCompany(models.Model):
    """How long logs are kept; month ends have their own setting beside their other ones."""

    _inherit = "res.company"

    value_log_months = fields.Integer(
        string="Keep Tier Changes and Ended Follow-ups (months)", default=0,
        help="Older tier changes and ended follow-ups are deleted; 0: never. Rules that ask who lost a tier "
             "look back a year.")
    value_run_months = fields.Integer(
        string="Keep Refreshes (months)", default=3, help="Records of older refreshes are deleted; 0: never.")

    @api.constrains(*_NAMES)
    def _check_retention(self):
        for company in self:
            for name in _NAMES:
                if company[name] < 0:
                    raise ValidationError(self.env._(
                        "%(setting)s cannot be negative.", setting=self._fields[name]._description_string(self.env)))

    @api.model
    def _value_forget(self, model, setting, where):
        """Delete a batch of what companies want to keep no longer.

        :param where: function of (company, first day to keep) that returns the condition on the table, an SQL
        :return: (rows deleted, whether more may be left), as the vacuum takes it
        """
        deleted = 0
        for company in self.search([(setting, ">", 0)]):
            since = company._value_today() - relativedelta(months=company[setting])
            table = SQL.identifier(self.env[model]._table)
            self.env.cr.execute(SQL(
                "DELETE FROM %(table)s WHERE id IN (SELECT id FROM %(table)s WHERE %(where)s LIMIT %(limit)s)",
                table=table, where=where(company, since), limit=_BATCH))
            deleted += self.env.cr.rowcount
            if self.env.cr.rowcount == _BATCH:
                break
        self.env[model].invalidate_model()
        return deleted, int(deleted >= _BATCH)


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    value_log_months = fields.Integer(related="company_id.value_log_months", readonly=False)
    value_run_months = fields.Integer(related="company_id.value_run_months", readonly=False)
