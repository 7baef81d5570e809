from odoo import fields, models

#: customers whose snapshots are taken in a transaction: so long nobody can delete or merge them
_BATCH = 10_000


class CrmValueRun(models.Model):
    _inherit = "crm.value.run"

    month_end_key = fields.Integer(
        readonly=True, help="Where the month's end that this refresh began goes on; 0 when none is left")


class CrmValue(models.Model):
    """Once a month, the refresh of all customers leaves a snapshot of every one, in batches."""

    _inherit = "crm.value"

    snapshot_ids = fields.One2many("crm.value.snapshot", "value_id", string="Month Ends")

    def _refresh_company(self, transaction=None):
        run = super()._refresh_company(transaction)
        transaction = transaction or (lambda work: work())
        taken_by = transaction(lambda: self._begin_month_end(run))
        while taken_by.month_end_key:
            transaction(lambda: self._take_month_end(taken_by))
        return run

    def _begin_month_end(self, run):
        """Return the run whose month's end is to be taken: an interrupted one, or this one since there is none yet."""
        interrupted = run.search([("company_id", "=", run.company_id.id), ("month_end_key", ">", 0)], limit=1)
        Snapshot = self.env["crm.value.snapshot"]
        if interrupted or Snapshot._last_date(run.company_id, run.as_of_date, Snapshot._month_end(run.as_of_date)):
            return interrupted
        run.month_end_key = 1
        return run

    def _take_month_end(self, run):
        count, upper = self._next_batch(run.company_id, run.month_end_key, _BATCH)
        if count:
            self.env["crm.value.snapshot"]._take(run.company_id, run.as_of_date, (run.month_end_key, upper))
        run.month_end_key = upper + 1 if count else 0
