from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_datetime

_KEEP_DAYS = 90


class CrmValueRun(models.Model):
    """A refresh: what was done, how far, and what was left out and why."""

    _name = "crm.value.run"
    _description = "Customer Value Refresh"
    _order = "id desc"
    _rec_name = "started_at"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    kind = fields.Selection(
        [("full", "All customers"), ("incremental", "Changed customers"), ("selected", "Selected customers"),
         ("tiers", "Tiers of all customers")],
        required=True, readonly=True)
    state = fields.Selection(
        [("queued", "Waiting"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
        default="queued", required=True, readonly=True)
    as_of_date = fields.Date(readonly=True)
    processed = fields.Integer(string="Customers Done", readonly=True)
    total = fields.Integer(string="Customers", readonly=True)
    progress = fields.Float(compute="_compute_progress", help="In percent")
    written = fields.Integer(string="Customers Changed", readonly=True)
    skipped = fields.Integer(string="Customers Left Out", readonly=True)
    next_partner_key = fields.Integer(readonly=True, help="Where an interrupted refresh goes on")
    boundaries = fields.Json(
        readonly=True, groups="base.group_system", help="What placed a customer among all in this refresh; holds until the next one")
    has_tiers = fields.Boolean(readonly=True, help="Every customer's tier was decided after its figures were known")
    unattributed_revenue = fields.Monetary(
        string="Revenue without Customer", readonly=True, help="Posted customer documents that name no customer")
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    message = fields.Text(readonly=True)

    @api.depends("kind", "started_at")
    @api.depends_context("lang", "tz")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for run in self:
            started = format_datetime(self.env, run.started_at, dt_format="short") if run.started_at else ""
            run.display_name = ", ".join(filter(None, [kinds.get(run.kind), started]))

    @api.depends("processed", "total", "state")
    def _compute_progress(self):
        for run in self:
            if run.total:
                run.progress = min(100.0 * run.processed / run.total, 100.0)
            else:
                run.progress = 100.0 if run.state == "done" else 0.0

    @api.model
    def _request(self, company, kind="full"):
        """Ask for a full refresh, or new tiers, of a company by the cron; asking twice is asking once."""
        waiting = self.sudo().search_count(
            [("company_id", "=", company.id), ("kind", "=", kind), ("state", "=", "queued")], limit=1)
        if not waiting:
            # sudo: whoever changes a setting may start its refresh, without rights on the records of refreshes.
            self.sudo().create({"company_id": company.id, "kind": kind})
            cron = {"full": "ir_cron_refresh_all", "tiers": "ir_cron_refresh_stale"}[kind]
            self.env.ref(f"crm_value_addon.{cron}").sudo()._trigger()

    @api.model
    def _start(self, company, kind, as_of_date):
        """Return the run to work on: the interrupted one of the same day, the waiting one, or a new one."""
        run = self.search(
            [("company_id", "=", company.id), ("kind", "=", kind), ("state", "in", ("queued", "running"))],
            order="state desc, id", limit=1) if kind in ("full", "tiers") else self.browse()
        vals = {"state": "running", "as_of_date": as_of_date}
        if run.state == "running" and run.as_of_date == as_of_date:
            return run
        vals |= {
            "started_at": fields.Datetime.now(), "processed": 0, "written": 0, "skipped": 0, "next_partner_key": 0,
            "message": False, "boundaries": False,
        }
        if run:
            run.write(vals)
            return run
        return self.create(vals | {"company_id": company.id, "kind": kind})

    @api.model
    def _last_boundaries(self, company):
        """Return the boundaries of the last refresh of all customers, {} before the first."""
        # sudo: they place a customer; nobody who looks at the refresh is told the CLV of the others.
        return self.sudo().search(
            [("company_id", "=", company.id), ("boundaries", "!=", False)], limit=1).boundaries or {}

    def _advance(self, customers, written, skipped, next_partner_key=0):
        """Record a finished batch.

        :param list skipped: pairs (partner id, reason)
        """
        self.ensure_one()
        lines = [self.env._(
            "%(customer)s was left out: %(reason)s", customer=f"res.partner {partner_id}", reason=reason,
        ) for partner_id, reason in skipped]
        self.write({
            "processed": self.processed + customers,
            "written": self.written + written,
            "skipped": self.skipped + len(skipped),
            "next_partner_key": next_partner_key,
            "message": "\n".join(filter(None, [self.message, *lines])) or False,
        })

    def _finish(self, state="done", message=None):
        self.ensure_one()
        self.write({
            "state": state, "finished_at": fields.Datetime.now(),
            "message": "\n".join(filter(None, [self.message, message])) or False,
        })

    @api.autovacuum
    def _gc_runs(self):
        limit = fields.Datetime.now() - timedelta(days=_KEEP_DAYS)
        self.search([("state", "in", ("done", "failed")), ("finished_at", "<", limit)]).unlink()
