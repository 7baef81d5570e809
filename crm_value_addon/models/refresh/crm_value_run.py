from odoo import Command, api, fields, models
from odoo.tools import format_datetime

from ...const import MANAGER_GROUP
from .crm_value_writer import describe_error


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
         ("tiers", "Tiers of all customers"), ("fit", "Prediction model"),
         ("gift", "Gifts")],
        required=True, readonly=True)
    state = fields.Selection(
        [("queued", "Waiting"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
        default="queued", required=True, readonly=True)
    as_of_date = fields.Date(string="As of", readonly=True)
    processed = fields.Integer(string="Customers Done", readonly=True)
    total = fields.Integer(string="Customers", readonly=True)
    progress = fields.Float(compute="_compute_progress", help="In percent")
    written = fields.Integer(string="Customers Changed", readonly=True)
    skipped = fields.Integer(string="Customers Left Out", readonly=True)
    skipped_ids = fields.One2many(
        "crm.value.run.skipped", "run_id", string="Left Out", readonly=True, groups=MANAGER_GROUP)
    partner_keys = fields.Json(readonly=True, help="The customers of a refresh of selected ones")
    next_partner_key = fields.Integer(readonly=True, help="Where an interrupted refresh goes on")
    boundaries = fields.Json(
        readonly=True, groups="base.group_system",
        help="What placed a customer among all in this refresh; holds until the next one")
    has_tiers = fields.Boolean(readonly=True, help="Every customer's tier was decided after its figures were known")
    unattributed_revenue = fields.Monetary(
        string="Revenue without Customer", readonly=True, help="Posted customer documents that name no customer")
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    duration = fields.Float(compute="_compute_duration", help="In hours; of a run under way, so far")
    message = fields.Text(readonly=True)

    _finished_idx = models.Index("(company_id, finished_at) WHERE state = 'done'")

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

    @api.depends("started_at", "finished_at")
    def _compute_duration(self):
        for run in self:
            until = run.finished_at or fields.Datetime.now()
            run.duration = (until - run.started_at).total_seconds() / 3600 if run.started_at else 0.0

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
        if kind not in ("full", "tiers"):
            # One at a time: what still says that it runs was killed, and this one does its work.
            self.search([("company_id", "=", company.id), ("kind", "=", kind), ("state", "=", "running")]).write(
                {"state": "failed", "message": self.env._("Interrupted; the next run does its work.")})
        vals = {"state": "running", "as_of_date": as_of_date}
        if run.state == "running" and run.as_of_date == as_of_date:
            return run
        vals |= {
            "started_at": fields.Datetime.now(), "processed": 0, "written": 0, "skipped": 0, "next_partner_key": 0,
            "finished_at": False, "message": False, "boundaries": False,
        }
        if run:
            run.skipped_ids.unlink()
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
        self.write({
            "processed": self.processed + customers,
            "written": self.written + written,
            "skipped": self.skipped + len(skipped),
            "skipped_ids": [
                Command.create({"partner_key": partner_id, "reason": reason}) for partner_id, reason in skipped],
            "next_partner_key": next_partner_key,
        })

    def _finish(self, state="done", message=None):
        self.ensure_one()
        self.write({
            "state": state, "finished_at": fields.Datetime.now(),
            "message": "\n".join(filter(None, [self.message, message])) or False,
        })

    def _finish_selected(self, customers, written, skipped):
        """Record the refresh of some customers in a user's request."""
        self.write({"total": len(customers), "partner_keys": customers.ids})
        self._advance(len(customers), written, skipped)
        self._finish()

    @api.model
    def _record_failure(self, company, kind, error):
        """Record that the run of a kind that is under way failed, or that it did before it could be recorded."""
        runs = self.search([("company_id", "=", company.id), ("kind", "=", kind), ("state", "=", "running")])
        for run in runs or self._start(company, kind, company._value_today()):
            run._finish("failed", describe_error(error))
