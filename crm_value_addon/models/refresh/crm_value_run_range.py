from odoo import api, fields, models

from .basis import Basis

_LAST_KEY = 2**31 - 1


class CrmValueRunRange(models.Model):
    """A part of a large company's customers, by their ids, and how far a refresh is with it.

    Its records are gone when the refresh is done (see `crm.value.refresh.range`).
    """

    _name = "crm.value.run.range"
    _description = "Range of Customers of a Refresh"
    _log_access = False
    _order = "first_key"
    _rec_name = "first_key"

    run_id = fields.Many2one("crm.value.run", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="run_id.company_id")
    as_of_date = fields.Date(required=True, readonly=True)
    first_key = fields.Integer(required=True, readonly=True, help="The first partner id of the range")
    last_key = fields.Integer(required=True, readonly=True)
    state = fields.Selection(
        [("waiting", "Waiting"), ("read", "Read"), ("written", "Written")],
        default="waiting",
        required=True,
        readonly=True,
    )
    customers = fields.Integer(readonly=True)
    processed = fields.Integer(readonly=True)
    written = fields.Integer(readonly=True)
    next_partner_key = fields.Integer(readonly=True, help="Where the writing of an interrupted refresh goes on")
    sample = fields.Binary(
        attachment=False,
        readonly=True,
        groups="base.group_system",
        help="The figures that are compared among all customers, each sorted by itself",
    )

    @api.model
    def _cut(self, run, size):
        """Return the ranges of a run, made now unless it is an interrupted one of the same day.

        :param size: customers of a range
        """
        of_company = self.search([("run_id.company_id", "=", run.company_id.id)])
        ranges = of_company.filtered(lambda part: part.run_id == run and part.as_of_date == run.as_of_date)
        (of_company - ranges).unlink()
        if ranges:
            return ranges
        first_keys = [0, *self.env["crm.value.refresh.range"]._first_keys(run.company_id, size)[1:]]
        return self.create(
            [
                {"run_id": run.id, "as_of_date": run.as_of_date, "first_key": first, "last_key": following - 1}
                for first, following in zip(first_keys, [*first_keys[1:], _LAST_KEY + 1], strict=True)
            ]
        )

    def _basis(self):
        """Return what the figures of this range are computed from."""
        return Basis(self.company_id, self.as_of_date, span=(self.first_key, self.last_key))

    @api.model
    def _of(self, run, *states):
        """Return the ranges of a run that are in some states."""
        return self.search([("run_id", "=", run.id), ("state", "in", states)])

    @api.model
    def _lock_waiting(self, run):
        """Return a range that nobody has read, or is reading; nobody else gets it until the end of this transaction."""
        return self._of(run, "waiting").try_lock_for_update(limit=1)

    def _advance(self, customers, written, skipped, next_partner_key):
        """Record a finished batch (see `crm.value.run._advance`).

        Not in the run, whose row several workers would have to take turns at (see `_sum_up`).
        """
        self.write(
            {
                "processed": self.processed + customers,
                "written": self.written + written,
                "next_partner_key": next_partner_key,
            }
        )
        self.env["crm.value.run.skipped"]._add(self.run_id, skipped)

    def _sum_up(self):
        """Let their run say how far all of them are."""
        self.run_id.write(
            {
                "processed": sum(self.mapped("processed")),
                "written": sum(self.mapped("written")),
                "skipped": self.env["crm.value.run.skipped"].search_count([("run_id", "=", self.run_id.id)]),
            }
        )
