import json

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ...const import MARGIN_GROUP
from ..refresh.said import to_data, to_text

_lt = LazyTranslate(__name__)

#: no mail to the assignee, no follower, no automatic log lines
QUIET = {
    "mail_activity_quick_update": True,
    "value_followup_scheduling": True,
    "mail_create_nosubscribe": True,
    "mail_create_nolog": True,
    "tracking_disable": True,
    "mail_notrack": True,
}


class CrmValueFollowup(models.Model):
    """The day on which a rule reached a customer, and the outcome, for the treated and the control group alike.

    The run writes follow-ups in the same transaction as their activities; users may not. The two constraints prevent
    that two overlapping runs ask for the same.
    """

    _name = "crm.value.followup"
    _description = "Follow-up"
    _log_access = False
    _order = "date desc, id desc"
    _rec_name = "value_id"

    rule_id = fields.Many2one("crm.value.followup.rule", required=True, ondelete="cascade", readonly=True)
    value_id = fields.Many2one(
        "crm.value", string="Customer", required=True, ondelete="cascade", index=True, readonly=True
    )
    partner_id = fields.Many2one(related="value_id.partner_id", string="Contact")
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", index=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    occasion = fields.Char(required=True, readonly=True, help="What it was about; each occasion comes up once")
    date = fields.Date(required=True, readonly=True)
    group = fields.Selection(
        [("treated", "Followed up"), ("control", "Control group")],
        required=True,
        readonly=True,
        help="Control group: the rule applied to the customer but nothing was done, to see what happens by itself",
    )
    state = fields.Selection(
        [
            ("open", "Open"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
            ("closed", "Closed automatically"),
            ("control", "Control group"),
        ],
        required=True,
        readonly=True,
    )
    channel = fields.Selection(
        lambda self: self.env["crm.value.followup.rule"]._fields["action_type"]._description_selection(self.env),
        string="Action",
        required=True,
        default="activity",
        readonly=True,
        help="What the rule did, or would have done",
    )
    message_id = fields.Many2one("mail.message", ondelete="set null", index="btree_not_null", readonly=True)
    user_id = fields.Many2one("res.users", string="Responsible", ondelete="set null", readonly=True)
    activity_id = fields.Many2one("mail.activity", ondelete="set null", index="btree_not_null", readonly=True)
    activity_ids = fields.One2many(
        "mail.activity",
        "value_followup_id",
        string="Activities",
        help="Of a plan there are several. Follow-ups with one activity in common: it is that of the first.",
    )
    deadline = fields.Date(readonly=True)
    summary = fields.Char(readonly=True, help="What the activity says of this follow-up")
    note = fields.Html(readonly=True)
    closed_date = fields.Date(string="Closed on", readonly=True)
    close_note = fields.Json(readonly=True, help="Why it was closed, in no language yet")
    close_term = fields.Char(string="Reason in English", readonly=True, help="As the activity was marked with")
    close_reason = fields.Char(compute="_compute_close_reason")
    is_in_time = fields.Boolean(string="Done on Time", readonly=True)
    is_measured = fields.Boolean(string="Measured", readonly=True)
    is_compared = fields.Boolean(
        string="In the Comparison",
        default=True,
        readonly=True,
        help="Drawn by chance among customers alike, so that the result of the rule may count it",
    )
    holdout_percent = fields.Float(
        string="Control Group (%)", readonly=True, help="That of the rule when this customer was drawn"
    )
    revenue_before = fields.Monetary(readonly=True, help="Revenue of the 12 months before the follow-up")
    outcome_revenue = fields.Monetary(
        string="Revenue After", readonly=True, help="Invoiced in the days that the rule measures, untaxed"
    )
    outcome_margin = fields.Monetary(string="Margin After", readonly=True, groups=MARGIN_GROUP)

    _occasion_uniq = models.Constraint("UNIQUE(rule_id, value_id, occasion)", "The same occasion comes up once.")
    _open_uniq = models.UniqueIndex(
        "(rule_id, value_id) WHERE state = 'open'", "A customer has one open activity of a rule."
    )

    def action_open_activity(self):
        """Open the record that the activity is on.

        :raise AccessError: the user may not read this follow-up or the record
        """
        self.ensure_one()
        self.check_access("read")
        activity, message = self.activity_id, self.message_id
        record = self.partner_id
        if activity.res_model or message.model:
            source = activity if activity.res_model else message
            record = self.env[source["res_model" if source == activity else "model"]].browse(source.res_id)
        record.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "res_model": record._name,
            "res_id": record.id,
            "views": [(False, "form")],
        }

    def _sync(self):
        """Store what users did with the activities of these follow-ups: done, or cancelled when none is left."""
        if self:
            self._sync_where(SQL("open.id = ANY(%s)", self.ids))

    @api.model
    def _sync_all(self):
        self._sync_where(SQL("TRUE"))

    @api.model
    def _sync_where(self, where):
        """Store what users did with the activities of open follow-ups that fulfil a condition on the alias ``open``."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value_followup followup
               SET state = CASE WHEN ended.date_done IS NULL THEN 'cancelled' ELSE 'done' END,
                   closed_date = COALESCE(ended.date_done, %s),
                   is_in_time = ended.date_done <= followup.deadline
              FROM (SELECT open.id, max(done.date_done) AS date_done
                      FROM crm_value_followup open
                      LEFT JOIN mail_activity done ON done.value_followup_id = open.id OR done.id = open.activity_id
                     WHERE open.state = 'open' AND open.channel = ANY(%s) AND %s
                     GROUP BY open.id
                    HAVING NOT COALESCE(bool_or(done.active), FALSE)) ended
             WHERE ended.id = followup.id
            RETURNING followup.id, followup.state
            """,
                fields.Date.today(),
                self.env["crm.value.followup.action"]._work(),
                where,
            )
        )
        ended = self.env.cr.fetchall()
        if ended:
            self.invalidate_model(["state", "closed_date", "is_in_time"])
            done = self.browse([followup_id for followup_id, state in ended if state == "done"])
            self.env["crm.value.departure"]._ask_after(done)

    def _close(self, today, reason=None):
        """Close open follow-ups and archive their activities; the log of the records says why.

        An activity that other open follow-ups share stays, and says no more what these said.

        :param reason: a sentence (see models/refresh/said.py), where it is not that the reason of the follow-up is gone
        """
        notes = dict.fromkeys(self, to_data(reason)) if reason else self._resolutions()
        # in the language of the code: whoever reads the activity later may have another one than whoever closes it
        english = self.with_context(lang="en_US").env
        reasons = {followup: to_text(english, note) for followup, note in notes.items()}
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_followup followup SET state = 'closed', closed_date = %s,
                       close_note = resolved.note::jsonb, close_term = resolved.reason
                 FROM unnest(%s::int[], %s::text[], %s::text[]) AS resolved(id, note, reason)
                WHERE followup.id = resolved.id AND followup.state = 'open'""",
                today,
                self.ids,
                [json.dumps(notes[followup]) for followup in self],
                [reasons[followup] for followup in self],
            )
        )
        self.invalidate_model()
        self.env["crm.value.followup.action"]._end(self)
        Activity = self.env["crm.value.followup.activity"]
        shared = Activity._rewrite(self.activity_id)
        # sudo: the activities belong to other users and are on records of any model.
        activities = (self.sudo().activity_ids | self.sudo().activity_id).with_context(**QUIET)
        bodies = {}
        for followup in self:
            activity = followup.sudo().activity_id
            if not activity.res_model:
                continue
            text = self.env._(
                "Follow-up “%(summary)s” closed: %(reason)s",
                summary=followup.summary or activity.summary,
                reason=to_text(self.env, notes[followup]),
            )
            of_model = bodies.setdefault(activity.res_model, {})
            of_model[activity.res_id] = Markup("<br/>").join(filter(None, [of_model.get(activity.res_id), text]))
        reason_of = {
            activity: reasons[followup]
            for followup in self.sudo()
            for activity in followup.activity_ids | followup.activity_id
        }
        for reason, ended in (activities - shared).grouped(reason_of.get).items():
            ended.write({"active": False, "feedback": reason})
        for model, of_model in bodies.items():
            self.env[model].sudo().browse(of_model).exists()._message_log_batch(of_model)

    @api.depends("close_note")
    @api.depends_context("lang")
    def _compute_close_reason(self):
        for followup in self:
            followup.close_reason = followup.close_note and to_text(self.env, followup.close_note)

    def _resolutions(self):
        """Return why the reasons of these follow-ups are gone: dict followup → sentence, as data."""
        ordered = self.env["crm.value.followup.source"]._who_ordered(self.value_id)
        return {followup: to_data(followup._resolution(followup.value_id in ordered)) for followup in self}

    def _resolution(self, has_ordered):
        """Return as a sentence why the follow-up's reason is gone.

        :param has_ordered: whether the customer has an order under way
        """
        self.ensure_one()
        # sudo: the assignee may know that the customer objects.
        if self.partner_id.sudo().value_opt_out:
            return _lt("the customer opted out of scoring")
        trigger = self.env["crm.value.followup.trigger"]._trigger(self.rule_id)
        last_purchase = self.value_id.last_purchase_date
        if trigger.ends_with_purchase and last_purchase and last_purchase >= self.date:
            return _lt("the customer bought again")
        if trigger.ends_with_order and has_ordered:
            return _lt("the customer ordered")
        return trigger.resolution

    @api.autovacuum
    def _gc_followups(self):
        """Delete ended and measured follow-ups that are older than each company wants to keep."""
        return self.env["crm.value.retention"]._forget(
            self._name,
            "value_log_months",
            lambda company, since: SQL(
                "company_id = %s AND date < %s AND state != 'open' AND is_measured", company.id, since
            ),
        )
