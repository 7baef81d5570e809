import logging
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL, format_date, format_datetime
from odoo.tools.translate import LazyTranslate

from ...const import MANAGER_GROUP
from ..followups.crm_value_followup import QUIET
from .said import reason_of, to_data, to_lines

_lt = LazyTranslate(__name__)
_logger = logging.getLogger(__name__)

INTERRUPTED = _lt("Interrupted; the next run does its work.")
#: a refresh of all customers does the work of these, too
_COVERED = {"full": ["full", "incremental", "selected"]}

#: these go on where they were interrupted
_RESUMED = ("full", "tiers", "history")


class CrmValueRun(models.Model):
    """A refresh: what was done, how far, and what was left out and why.

    A run that fails asks one administrator for help, once; the next one that succeeds takes it back.
    """

    _name = "crm.value.run"
    _description = "Customer Value Refresh"
    _order = "id desc"
    _rec_name = "started_at"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    kind = fields.Selection(
        [
            ("full", "All customers"),
            ("incremental", "Changed customers"),
            ("selected", "Selected customers"),
            ("tiers", "Tiers of all customers"),
            ("fit", "Prediction model"),
            ("gift", "Gifts"),
            ("followup", "Follow-ups"),
            ("history", "Past month ends"),
        ],
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [("queued", "Waiting"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
        default="queued",
        required=True,
        readonly=True,
    )
    as_of_date = fields.Date(string="As of", readonly=True)
    processed = fields.Integer(string="Customers Done", readonly=True)
    total = fields.Integer(string="Customers", readonly=True)
    progress = fields.Float(compute="_compute_progress", help="In percent")
    written = fields.Integer(string="Customers Changed", readonly=True)
    skipped = fields.Integer(string="Customers Left Out", readonly=True)
    skipped_ids = fields.One2many(
        "crm.value.run.skipped", "run_id", string="Left Out", readonly=True, groups=MANAGER_GROUP
    )
    partner_keys = fields.Json(readonly=True, help="The customers of a refresh of selected ones")
    next_partner_key = fields.Integer(readonly=True, help="Where an interrupted refresh goes on")
    boundaries = fields.Json(
        readonly=True,
        groups="base.group_system",
        help="What placed a customer among all in this refresh; holds until the next one",
    )
    has_tiers = fields.Boolean(readonly=True, help="Every customer's tier was decided after its figures were known")
    has_new_rules = fields.Boolean(
        readonly=True, help="Figures change because an update, or the settings, count otherwise: tiers move in silence"
    )
    rules_cause = fields.Selection(
        [("update", "Update of the app"), ("counting", "Change of what counts")],
        string="New Rules by",
        readonly=True,
        help="What the changes of tiers name as their cause until the refresh is done",
    )
    month_end_key = fields.Integer(
        readonly=True, help="Where the month's end that this refresh began goes on; 0 when none is left"
    )
    unattributed_revenue = fields.Monetary(
        string="Revenue without Customer", readonly=True, help="Posted customer documents that name no customer"
    )
    intercompany_revenue = fields.Monetary(
        string="Revenue with Own Companies",
        readonly=True,
        help="Left out, as the settings say; with it and the revenue without customer, the customers' revenue is that "
        "of all posted customer documents",
    )
    left_out_revenue = fields.Monetary(
        string="Revenue of Left-out Journals",
        readonly=True,
        help="Posted customer documents of journals that count as receivables only, or as nothing",
    )
    recount_keys = fields.Json(readonly=True, help="Products whose documents this refresh records again")
    opening_revenue = fields.Monetary(
        string="Opening Purchases",
        readonly=True,
        help="Revenue of the customers that is in no document: with that of the posted customer documents, it is the "
        "customers' revenue",
    )
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    duration = fields.Float(compute="_compute_duration", help="In hours; of a run under way, so far")
    notes = fields.Json(readonly=True, help="What there is to say, in no language yet")
    message = fields.Text(compute="_compute_message")
    alarm_id = fields.Many2one(
        "mail.activity", string="Activity", ondelete="set null", index="btree_not_null", readonly=True, copy=False
    )

    _finished_idx = models.Index("(company_id, finished_at) WHERE state = 'done'")

    @api.depends("kind", "started_at")
    @api.depends_context("lang", "tz")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for run in self:
            started = format_datetime(self.env, run.started_at, dt_format="short") if run.started_at else ""
            run.display_name = ", ".join(filter(None, [kinds.get(run.kind), started]))

    @api.depends("notes")
    @api.depends_context("lang")
    def _compute_message(self):
        for run in self:
            run.message = to_lines(self.env, run.notes)

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
    def _request(self, company, kind="full", new_rules=False, cause="update", recount=()):
        """Ask for a full refresh, or new tiers, of a company by the cron; asking twice is asking once.

        :param new_rules: figures change because an update, or the settings, count otherwise: until the refresh is
            done, tiers move without a word. It marks the run, so that no customer's row is touched; a run that fails
            hands the mark on to the next one.
        :param cause: of these changes of tier, "update" or "counting"; where both wait, it is the update
        :param recount: ids of products whose documents are recorded again before
        """
        # sudo: whoever changes a setting may start its refresh, without rights on the records of refreshes.
        runs = self.sudo()
        waiting = runs.search([("company_id", "=", company.id), ("kind", "=", kind), ("state", "=", "queued")], limit=1)
        if not waiting:
            waiting = runs.create({"company_id": company.id, "kind": kind})
            cron = {"full": "ir_cron_refresh_all", "tiers": "ir_cron_refresh_stale"}[kind]
            self.env.ref(f"crm_value_addon.{cron}").sudo()._trigger()
        if new_rules:
            keys = sorted({*(waiting.recount_keys or ()), *recount})
            cause = "update" if waiting.rules_cause == "update" else cause
            waiting.write({"has_new_rules": True, "rules_cause": cause, "recount_keys": keys})

    @api.model
    def _start(self, company, kind, as_of_date):
        """Return the run to work on: the interrupted one of the same day, the waiting one, or a new one."""
        run = (
            self.search(
                [("company_id", "=", company.id), ("kind", "=", kind), ("state", "in", ("queued", "running"))],
                order="state desc, id",
                limit=1,
            )
            if kind in _RESUMED
            else self.browse()
        )
        if kind not in _RESUMED:
            # One at a time: what still says that it runs was killed, and this one does its work.
            self.search([("company_id", "=", company.id), ("kind", "=", kind), ("state", "=", "running")]).write(
                {"state": "failed", "notes": [to_data(INTERRUPTED)]}
            )
        vals = {"state": "running", "as_of_date": as_of_date}
        if run.state == "running" and run.as_of_date == as_of_date:
            return run
        vals |= {
            "started_at": fields.Datetime.now(),
            "processed": 0,
            "written": 0,
            "skipped": 0,
            "next_partner_key": 0,
            "finished_at": False,
            "notes": False,
            "boundaries": False,
        }
        if run:
            run.skipped_ids.unlink()
            run.write(vals)
            return run
        return self.create(vals | {"company_id": company.id, "kind": kind})

    @api.model
    def _has_finished(self, company):
        """Tell whether all customers of a company were ever refreshed."""
        domain = [("company_id", "=", company.id), ("kind", "=", "full"), ("state", "=", "done")]
        return bool(self.search_count(domain, limit=1))

    @api.model
    def _last_boundaries(self, company):
        """Return the boundaries of the last refresh of all customers, {} before the first."""
        # sudo: they place a customer; nobody who looks at the refresh is told the CLV of the others.
        return (
            self.sudo().search([("company_id", "=", company.id), ("boundaries", "!=", False)], limit=1).boundaries or {}
        )

    def _note_books(self, customers):
        """Record how many customers there are still to do, and the revenue that belongs to none of them."""
        company, Purchase = self.company_id, self.env["crm.value.purchase"]
        [[unattributed]] = self.env.execute_query(Purchase._query_unattributed(company))
        self.write({"total": self.processed + customers, "unattributed_revenue": unattributed})
        if company.value_leave_out_intercompany:
            [[left_out]] = self.env.execute_query(Purchase._query_intercompany(company))
            self.intercompany_revenue = left_out
        if self.env["crm.value.counting"]._journal_ids(("receivables", "nothing")):
            [[self.left_out_revenue]] = self.env.execute_query(Purchase._query_left_out(company))
        Opening = self.env["crm.value.opening"]
        if Opening._is_used():
            [[self.opening_revenue]] = self.env.execute_query(Opening._query_revenue(company))

    def _advance(self, customers, written, skipped, next_partner_key=0):
        """Record a finished batch.

        :param list skipped: pairs (partner id, reason: a sentence or words, see said.py)
        """
        self.ensure_one()
        self.write(
            {
                "processed": self.processed + customers,
                "written": self.written + written,
                "skipped": self.skipped + len(skipped),
                "next_partner_key": next_partner_key,
            }
        )
        self.env["crm.value.run.skipped"]._add(self, skipped)

    def _note(self, *said):
        """Keep sentences for whoever looks at the run (see said.py)."""
        self.ensure_one()
        self.notes = [*(self.notes or ()), *map(to_data, said)]

    def _finish(self, state="done", said=None):
        self.ensure_one()
        self.write({"state": state, "finished_at": fields.Datetime.now()})
        if said:
            self._note(said)
        if self.state == "failed" and self.has_new_rules:
            # the next one still has these figures to change
            again = {"has_new_rules": True, "rules_cause": self.rules_cause, "recount_keys": self.recount_keys}
            self.create({"company_id": self.company_id.id, "kind": self.kind, **again})
        if self.state == "failed" or self.notes:
            self._raise_alarm()
        else:
            self._end_alarms(self.company_id, _COVERED.get(self.kind, [self.kind]))

    def _finish_selected(self, customers, written, skipped):
        """Record the refresh of some customers in a user's request."""
        self.write({"total": len(customers), "partner_keys": customers.ids})
        self._advance(len(customers), written, skipped)
        self._finish()

    @api.model
    def _record_failure(self, company, kind, error):
        """Mark the running run of this kind as failed; create one when it failed before being recorded."""
        runs = self.search([("company_id", "=", company.id), ("kind", "=", kind), ("state", "=", "running")])
        for run in runs or self._start(company, kind, company._value_today()):
            run._finish("failed", reason_of(error))

    # alarms

    def _raise_alarm(self):
        """Put an activity on the company's own contact, unless one is open for this kind of run."""
        if self._open_alarms(self.company_id, [self.kind]):
            return
        user = self._alarm_user()
        try:
            with self.env.cr.savepoint():
                # sudo: the run is the machine's, whoever caused it. Quietly: a failing mail server is no second fault.
                self.alarm_id = (
                    self.company_id.sudo()
                    .partner_id.with_context(**QUIET)
                    .with_user(user)
                    .sudo()
                    .activity_schedule(
                        "mail.mail_activity_data_warning", user_id=user.id, **self._prepare_alarm_texts(user)
                    )
                )
        except Exception:
            # The run's record tells of the failure in any case.
            _logger.exception("Customer value of company %s: nobody could be told of a failure", self.company_id.id)

    def _prepare_alarm_texts(self, user):
        run = self.with_context(lang=user.lang)
        kind = dict(run._fields["kind"]._description_selection(run.env))[self.kind]
        link = Markup('<a href="#" data-oe-model="crm.value.run" data-oe-id="%s">%s</a>') % (
            self.id,
            run.env._("what happened"),
        )
        return {
            "summary": run.env._("Customer values: a scheduled job fails (%(kind)s)", kind=kind),
            "note": Markup("<p>%s</p>")
            % run.env._(
                "Figures of %(company)s stay as they were until it succeeds; it is tried again by itself, and then "
                "this activity is closed. See %(link)s.",
                company=self.company_id.name,
                link=link,
            ),
        }

    def _alarm_user(self):
        """Return who is told: the first administrator of this company, else the first of all."""
        # sudo: a run may be caused by somebody who reads no users.
        users = (
            self.env["res.users"]
            .sudo()
            .search([("all_group_ids", "in", self.env.ref("base.group_system").id), ("share", "=", False)], order="id")
        )
        return users.filtered(lambda user: self.company_id in user.company_ids)[:1] or users[:1]

    @api.model
    def _end_alarms(self, company, kinds):
        """Close what earlier runs of these kinds asked for: one has succeeded."""
        runs = self._open_alarms(company, kinds)
        if runs:
            # sudo: the activity is an administrator's
            runs.alarm_id.sudo().with_context(**QUIET).action_feedback(
                feedback=self.env._("It succeeded on %(date)s.", date=format_date(self.env, company._value_today()))
            )

    @api.model
    def _open_alarms(self, company, kinds):
        """Return the runs of these kinds, of a company, whose activity is open."""
        self.flush_model(["alarm_id"])
        self.env["mail.activity"].flush_model(["active"])
        return self.browse(
            row[0]
            for row in self.env.execute_query(
                SQL(
                    """SELECT run.id FROM crm_value_run run JOIN mail_activity activity ON activity.id = run.alarm_id
                WHERE run.company_id = %s AND run.kind = ANY(%s) AND activity.active""",
                    company.id,
                    kinds,
                )
            )
        )

    @api.autovacuum
    def _gc_runs(self):
        """Forget old refreshes, but for the last of each kind and what later refreshes go by."""
        return self.env["crm.value.retention"]._forget(
            self._name,
            "value_run_months",
            lambda company, since: SQL(
                """company_id = %(company)s AND state IN ('done', 'failed') AND finished_at < %(since)s
                   AND id NOT IN (SELECT max(id) FROM crm_value_run WHERE company_id = %(company)s
                                   GROUP BY kind, state, has_tiers, boundaries IS NULL)""",
                company=company.id,
                since=since - timedelta(days=1),
            ),
        )
