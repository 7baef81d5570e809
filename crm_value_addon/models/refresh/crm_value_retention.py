from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.tools import SQL

#: rows that one transaction of the vacuum deletes
_BATCH = 10_000


class CrmValueRetention(models.AbstractModel):
    """Deletes the records that companies no longer want to keep.

    How to use: an `@api.autovacuum` method of a model returns `_forget` with the setting that says how many months its
    records are kept.

    How it works: one batch for each call. Odoo's vacuum calls again while more may be left, and commits in between.
    """

    _name = "crm.value.retention"
    _description = "Customer Value: Retention"

    @api.model
    def _forget(self, model, setting, where):
        """Delete a batch of the records that companies no longer want to keep.

        :param str setting: a company's field with the number of months; 0 keeps everything
        :param where: function of (company, first day to keep) that returns the condition on the table, an SQL
        :return: (rows deleted, whether more may be left), as the vacuum takes it
        """
        deleted = 0
        for company in self.env["res.company"].search([(setting, ">", 0)]):
            since = company._value_today() - relativedelta(months=company[setting])
            table = SQL.identifier(self.env[model]._table)
            self.env.cr.execute(
                SQL(
                    "DELETE FROM %(table)s WHERE id IN (SELECT id FROM %(table)s WHERE %(where)s LIMIT %(limit)s)",
                    table=table,
                    where=where(company, since),
                    limit=_BATCH,
                )
            )
            deleted += self.env.cr.rowcount
            if self.env.cr.rowcount == _BATCH:
                break
        self.env[model].invalidate_model()
        return deleted, int(deleted >= _BATCH)
