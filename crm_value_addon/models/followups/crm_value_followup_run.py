import logging
import zlib
from collections import Counter
from datetime import datetime, time, timedelta

import pytz

from odoo import api, models
from odoo.tools import SQL, split_every

from ...lib.uplift import is_in_control_group
from ..refresh.crm_value_writer import describe_error
from .crm_value_followup import QUIET
from .crm_value_followup_due import CLOSING_BY_CUSTOMER, CLOSING_BY_OCCASION
from .crm_value_followup_rule import DOCUMENT_MODELS

_logger = logging.getLogger(__name__)

#: customers per transaction
BATCH = 1000
#: of what a batch has read of these, the next one needs nothing; users, calendars and the rule itself stay
_PER_CUSTOMER = ("res.partner", "crm.value", "crm.value.followup", "mail.activity", "crm.lead", "sale.order")
_LOCK = zlib.crc32(b"crm_value_addon.followup") & 0x7FFFFFFF


class CrmValueFollowupRun(models.Model):
    """Doing it: the cron closes what lost its reason, schedules what is due, and measures what came of it.

    One at a time per company (an advisory lock); each batch writes its follow-ups and their activities in one
    transaction, the constraints of `crm.value.followup` deciding who was first. So a killed run, a rerun of the same
    day and a second run at the same time end like one.
    """

    _inherit = "crm.value.followup.rule"

    # doors

    @api.model
    def _cron_followup(self):
        """Close and measure follow-ups; once a day, after the night's figures, schedule new ones."""
        companies = self.env["res.company"].search([])
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        for company in companies:
            self.env["crm.value"]._cron_run(company, lambda value, company=company: self.with_env(
                value.env)._run_company(company, value._transaction), "followup", lock=_LOCK)
            self.env["ir.cron"]._commit_progress(1)

    def _run_company(self, company, transaction=None):
        """Close, schedule and measure the follow-ups of a company; a rule that fails does not stop the others."""
        here = transaction or (lambda work: work())
        run = here(lambda: self._start_run(company))
        here(self.env["crm.value.followup"]._sync)
        rules = self.with_context(active_test=False).search([("company_id", "in", [False, company.id])])
        for rule in rules:
            self._attempt(run, rule, transaction, lambda rule=rule: rule._close_gone(company))
        for rule in rules.filtered("active") if run else ():
            self._attempt(run, rule, transaction, lambda rule=rule: rule._schedule(company, transaction, run=run))
        here(lambda: self._measure(company))
        if run:
            here(run._finish)
        return run

    @api.model
    def _start_run(self, company):
        """Return the run of today's scheduling, empty when it is done."""
        today = company._value_today()
        done = self.env["crm.value.run"].search_count([
            ("company_id", "=", company.id), ("kind", "=", "followup"), ("as_of_date", "=", today),
            ("state", "=", "done")], limit=1)
        return self.env["crm.value.run"] if done else self.env["crm.value.run"]._start(company, "followup", today)

    @api.model
    def _attempt(self, run, rule, transaction, work):
        """Run a piece of work for a rule; note its failure and go on."""
        try:
            if transaction:
                work()
                transaction(lambda: None)
            else:
                with self.env.cr.savepoint():
                    work()
        except Exception as error:
            _logger.exception("Follow-up rule %s failed", rule.id)
            if transaction:
                self.env.cr.rollback()
            if run:
                run.message = "\n".join(filter(None, [run.message, f"{rule.name}: {describe_error(error)}"]))

    def _run_now(self, company, limit):
        """Schedule what is due of these rules in this transaction; return how many, 0 when the cron is at it."""
        rules = self.with_company(company).with_context(allowed_company_ids=company.ids)
        count = 0
        with rules.env["crm.value"]._writer(company, lock=_LOCK) as is_writer:
            for rule in rules.filtered(lambda rule: rule.company_id in (company, rule.company_id.browse())):
                if is_writer:
                    count += rule._schedule(company, limit=limit)
        return count

    # schedule

    def _schedule(self, company, transaction=None, limit=None, run=None):
        """Schedule what is due of this rule; return the number of activities' customers."""
        self.ensure_one()
        transaction = transaction or (lambda work: work())
        due = self._due(company, limit)
        count = 0
        for batch in split_every(BATCH, due, list):
            count += transaction(lambda batch=batch: self._schedule_batch(company, batch, run))
            for model in _PER_CUSTOMER:
                self.env[model].invalidate_model()
        return count

    def _schedule_batch(self, company, due, run=None):
        """Write the follow-ups of customers and their activities.

        :param due: list of `Due`, one a customer
        """
        today = company._value_today()
        user_of = self._within_cap(company, today, due, self._responsibles(company, due))
        held_out = {row.value_id for row in due if is_in_control_group(self.id, row.partner_id, self.holdout_percent)}
        known = held_out | user_of.keys()
        left = sum(row.value_id not in known for row in due)
        due = [row for row in due if row.value_id in known]
        deadline = self._deadline(company, today)
        ids = self._insert(company, today, deadline, due, user_of, held_out)
        treated = [row for row in due if row.value_id in ids and row.value_id not in held_out]
        if treated:
            self._create_activities(company, today, deadline, treated, user_of, ids)
            if self.responsible_type == "round_robin":
                self.last_user_id = user_of[treated[-1].value_id]
        if run:
            run.write({"total": run.total + len(due) + left, "processed": run.processed + len(due),
                       "written": run.written + len(ids), "skipped": run.skipped + left})
        return len(treated)

    def _within_cap(self, company, today, due, user_of):
        """Return the responsibles of those customers whose user has not got as many follow-ups today as it may get."""
        cap = company.value_followup_cap
        rows = self.env.execute_query(SQL(
            """SELECT user_id, count(*) FROM crm_value_followup
                WHERE company_id = %s AND date = %s AND "group" = 'treated' GROUP BY user_id""", company.id, today))
        given = Counter(dict(rows))
        within = {}
        for row in due:
            user = user_of[row.value_id]
            if not user or is_in_control_group(self.id, row.partner_id, self.holdout_percent):
                continue
            if not cap or given[user.id] < cap:
                given[user.id] += 1
                within[row.value_id] = user
        return within

    def _deadline(self, company, today):
        """Return the day that lies so many working days after today, by the company's calendar."""
        calendar = company.resource_calendar_id
        if self.delay_days and calendar.attendance_ids:
            # the first of these days is tomorrow, or today would count before the office opens
            start = pytz.timezone(calendar.tz or "UTC").localize(
                datetime.combine(today + timedelta(days=1), time.min))
            planned = calendar.plan_days(self.delay_days, start, compute_leaves=True)
            if planned:
                return planned.date()
        deadline = today
        for _day in range(self.delay_days):
            deadline += timedelta(days=1)
            while deadline.weekday() > 4:
                deadline += timedelta(days=1)
        return deadline

    def _insert(self, company, today, deadline, due, user_of, held_out):
        """Insert the follow-ups that are not there yet; return their ids: dict value id → id."""
        if not due:
            return {}
        users = [user_of[row.value_id].id if row.value_id in user_of else None for row in due]
        rows = self.env.execute_query(SQL(
            """
            INSERT INTO crm_value_followup (rule_id, value_id, company_id, occasion, date, deadline, user_id, "group",
                                            state, closed_date, is_in_time, is_measured)
            SELECT %(rule)s, incoming.value_id, %(company)s, incoming.occasion, %(today)s, %(deadline)s,
                   incoming.user_id,
                   CASE WHEN incoming.is_held_out THEN 'control' ELSE 'treated' END,
                   CASE WHEN incoming.is_held_out THEN 'control' ELSE 'open' END,
                   CASE WHEN incoming.is_held_out THEN %(today)s::date END, FALSE, FALSE
              FROM unnest(%(values)s::int[], %(occasions)s::text[], %(users)s::int[], %(flags)s::bool[])
                   AS incoming(value_id, occasion, user_id, is_held_out)
            ON CONFLICT DO NOTHING
            RETURNING value_id, id
            """,
            rule=self.id, company=company.id, today=today, deadline=deadline, values=[row.value_id for row in due],
            occasions=[row.occasion for row in due], users=users,
            flags=[row.value_id in held_out for row in due]))
        self.env["crm.value.followup"].invalidate_model()
        return dict(rows)

    def _create_activities(self, company, today, deadline, due, user_of, ids):
        """Create the activities of follow-ups in one go, and tie them to each other."""
        texts = self._texts(company, due, user_of)
        vals_list = []
        for row in due:
            model, res_id = self._target_of(row)
            summary, note = texts[row.value_id]
            user = user_of[row.value_id]
            vals_list += [
                {**vals, "res_model_id": self.env["ir.model"]._get_id(model), "res_id": res_id, "automated": True,
                 "value_followup_id": ids[row.value_id]}
                for vals in self._prepare_activity_vals(today, deadline, user, summary, note)]
        self._prefetch_names(vals_list)
        # sudo: activities of other users, and no access check a record.
        activities = self.env["mail.activity"].sudo().with_context(**QUIET).create(vals_list)
        self.env.flush_all()
        self.env.cr.execute(SQL(
            """UPDATE crm_value_followup followup SET activity_id = first.id
                 FROM (SELECT value_followup_id, min(id) AS id FROM mail_activity WHERE id = ANY(%s)
                        GROUP BY value_followup_id) first
                WHERE followup.id = first.value_followup_id""", activities.ids))
        self.env["crm.value.followup"].invalidate_model()

    def _target_of(self, due):
        """Return (model, id) of the record that the activity is put on."""
        model = DOCUMENT_MODELS.get(self.trigger)
        if due.res_id and model and (self.target == "document" or model == "res.partner"):
            return model, due.res_id
        return "res.partner", due.partner_id

    def _prepare_activity_vals(self, today, deadline, user, summary, note):
        """Return the values of one activity, or of those of the plan, without what they are put on."""
        if self.action_type == "activity":
            return [{"activity_type_id": self.activity_type_id.id, "summary": summary, "note": note,
                     "date_deadline": deadline, "user_id": user.id}]
        vals_list = []
        for template in self.plan_id.template_ids:
            responsible = template.responsible_id if template.responsible_type == "other" else user
            vals_list.append({
                "activity_type_id": template.activity_type_id.id,
                "summary": f"{template.summary}: {summary}" if template.summary else summary,
                "note": note + template.note if template.note else note,
                "date_deadline": max(template._get_date_deadline(deadline), today), "user_id": responsible.id})
        return vals_list

    @api.model
    def _prefetch_names(self, vals_list):
        """Read the names of the records at once: Odoo asks for them one by one."""
        models_by_id = {model.id: model.model for model in self.env["ir.model"].sudo().browse(
            {vals["res_model_id"] for vals in vals_list})}
        for model_id, model in models_by_id.items():
            records = self.env[model].sudo().browse(
                [vals["res_id"] for vals in vals_list if vals["res_model_id"] == model_id])
            records.mapped("display_name")

    # close

    def _close_gone(self, company):
        """Close this rule's open follow-ups whose reason is gone, and their activities, with a note why."""
        self.ensure_one()
        if self.trigger not in (*CLOSING_BY_CUSTOMER, *CLOSING_BY_OCCASION):
            return
        today = company._value_today()
        open_here = SQL("followup.rule_id = %s AND followup.company_id = %s AND followup.state = 'open'"
                        " AND NOT starts_with(followup.occasion, 'launch-')", self.id, company.id)
        self.env.flush_all()
        if not self.env.execute_query(SQL("SELECT FROM crm_value_followup followup WHERE %s LIMIT 1", open_here)):
            return
        same = SQL("due.value_id = followup.value_id")
        if self.trigger in CLOSING_BY_OCCASION:
            same = SQL("%s AND due.occasion = followup.occasion", same)
        gone = self.env.execute_query(SQL(
            """SELECT followup.id FROM crm_value_followup followup
                WHERE %s AND NOT EXISTS (SELECT FROM (%s) due WHERE %s) ORDER BY followup.id""",
            open_here, self._select_due(company, today, still=True), same))
        for batch in split_every(BATCH, [followup_id for [followup_id] in gone], list):
            self.env["crm.value.followup"].browse(batch)._close(today)

