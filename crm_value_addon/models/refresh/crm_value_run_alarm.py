import logging

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL

from ..followups.crm_value_followup import QUIET

_logger = logging.getLogger(__name__)

#: a refresh of all customers does the work of these, too
_COVERED = {"full": ["full", "incremental", "selected"]}


class CrmValueRun(models.Model):
    """A run that fails asks one administrator for help, once; the next one that succeeds takes it back."""

    _inherit = "crm.value.run"

    alarm_id = fields.Many2one(
        "mail.activity", string="Activity", ondelete="set null", index="btree_not_null", readonly=True, copy=False)

    def _finish(self, state="done", message=None):
        super()._finish(state, message)
        if self.state == "failed" or self.message:
            self._raise_alarm()
        else:
            self._end_alarms(self.company_id, _COVERED.get(self.kind, [self.kind]))

    def _raise_alarm(self):
        """Put an activity on the company's own contact, unless one is open for this kind of run."""
        if self._open_alarms(self.company_id, [self.kind]):
            return
        user = self._alarm_user()
        try:
            with self.env.cr.savepoint():
                # sudo: the run is the machine's, whoever caused it. Quietly: a failing mail server is no second fault.
                self.alarm_id = self.company_id.sudo().partner_id.with_context(**QUIET).with_user(
                    user).sudo().activity_schedule(
                        "mail.mail_activity_data_warning", user_id=user.id, **self._prepare_alarm_texts(user))
        except Exception:
            # The run's record tells of the failure in any case.
            _logger.exception("Customer value of company %s: nobody could be told of a failure", self.company_id.id)

    def _prepare_alarm_texts(self, user):
        run = self.with_context(lang=user.lang)
        kind = dict(run._fields["kind"]._description_selection(run.env))[self.kind]
        link = Markup('<a href="#" data-oe-model="crm.value.run" data-oe-id="%s">%s</a>') % (
            self.id, run.env._("what happened"))
        return {
            "summary": run.env._("Customer values: a scheduled job fails (%(kind)s)", kind=kind),
            "note": Markup("<p>%s</p>") % run.env._(
                "Figures of %(company)s stay as they were until it succeeds; it is tried again by itself, and then "
                "this activity is closed. See %(link)s.", company=self.company_id.name, link=link),
        }

    def _alarm_user(self):
        """Return who is told: the first administrator of this company, else the first of all."""
        # sudo: a run may be caused by somebody who reads no users.
        users = self.env["res.users"].sudo().search(
            [("all_group_ids", "in", self.env.ref("base.group_system").id), ("share", "=", False)], order="id")
        return users.filtered(lambda user: self.company_id in user.company_ids)[:1] or users[:1]

    @api.model
    def _end_alarms(self, company, kinds):
        """Close what earlier runs of these kinds asked for: one has succeeded."""
        runs = self._open_alarms(company, kinds)
        if runs:
            # sudo: the activity is an administrator's
            runs.alarm_id.sudo().with_context(**QUIET).action_feedback(feedback=self.env._(
                "It succeeded on %(date)s.", date=fields.Date.to_string(company._value_today())))

    @api.model
    def _open_alarms(self, company, kinds):
        """Return the runs of these kinds, of a company, whose activity is open."""
        self.flush_model(["alarm_id"])
        self.env["mail.activity"].flush_model(["active"])
        return self.browse(row[0] for row in self.env.execute_query(SQL(
            """SELECT run.id FROM crm_value_run run JOIN mail_activity activity ON activity.id = run.alarm_id
                WHERE run.company_id = %s AND run.kind = ANY(%s) AND activity.active""",
            company.id, kinds)))
