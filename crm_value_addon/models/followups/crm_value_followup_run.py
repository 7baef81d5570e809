import logging
import zlib

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every
from odoo.tools.translate import LazyTranslate

from ..refresh.said import Name, reason_of, to_data, words_of
from .crm_value_followup_plan import BATCH

_lt = LazyTranslate(__name__)
_logger = logging.getLogger(__name__)

#: the next batch needs nothing that a batch has read of these; users, calendars and the rule itself stay cached
_PER_CUSTOMER = ("res.partner", "crm.value", "crm.value.followup", "mail.activity", "crm.lead", "sale.order")
_LOCK = zlib.crc32(b"crm_value_addon.followup") & 0x7FFFFFFF


class CrmValueFollowupRun(models.AbstractModel):
    """Closes follow-ups whose reason is gone, schedules new ones, and has their outcome measured.

    How to use: the cron calls `_run_all`; the rule's button `_run_now`; an automation `_launch`; the refresh `_wake`.

    How it works: one run at a time per company, by an advisory lock. Each batch writes its follow-ups and their
    activities in one transaction, and the constraints of `crm.value.followup` decide who was first. So a killed run, a
    rerun on the same day and two runs at the same time all end with the same follow-ups.
    """

    _name = "crm.value.followup.run"
    _description = "Follow-ups: Run"

    @api.model
    def _run_all(self):
        """Run the follow-ups of all companies; only crons call this, because it commits."""
        companies = self.env["res.company"].search([])
        self.env["crm.value.message"]._retry()
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        for company in companies:
            self.env["crm.value.scheduler"]._run_alone(
                company,
                lambda alone, transaction, company=company: self.with_env(alone.env)._run_company(company, transaction),
                "followup",
                lock=_LOCK,
            )
            self.env["ir.cron"]._commit_progress(1)

    @api.model
    def _run_company(self, company, transaction=None):
        """Close and measure the follow-ups of a company; once a day, schedule new ones.

        A rule that fails does not stop the others.

        :param transaction: callable that runs a piece of work and commits it; None: everything in this transaction
        :return: the run that scheduled follow-ups, empty when that is done for today
        """
        here = transaction or (lambda work: work())
        run = here(lambda: self._start_run(company))
        here(self.env["crm.value.followup"]._sync_all)
        here(lambda: self.env["crm.value.followup.activity"]._pass_on(company))
        rules = self.env["crm.value.followup.rule"].with_context(active_test=False)
        # What a rule finds must not depend on who runs it: only this search needs the context.
        rules = rules.search([("company_id", "in", [False, company.id])]).with_env(self.env)
        for rule in rules:
            self._attempt(run, rule, transaction, lambda rule=rule: self._close_resolved(rule, company))
        for rule in rules.filtered("active") if run else ():
            self._attempt(run, rule, transaction, lambda rule=rule: self._schedule(rule, company, transaction, run=run))
        here(lambda: self.env["crm.value.followup.result"]._measure(company))
        if run:
            here(run._finish)
        return run

    @api.model
    def _start_run(self, company):
        """Return the run of today's scheduling, empty when it is done."""
        today = company._value_today()
        done = self.env["crm.value.run"].search_count(
            [
                ("company_id", "=", company.id),
                ("kind", "=", "followup"),
                ("as_of_date", "=", today),
                ("state", "=", "done"),
            ],
            limit=1,
        )
        return self.env["crm.value.run"] if done else self.env["crm.value.run"]._start(company, "followup", today)

    @api.model
    def _attempt(self, run, rule, transaction, work):
        """Run a piece of work for a rule; record its failure and go on."""
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
            if isinstance(error, UserError):  # in words for whoever manages the rule
                rule.stop_note = to_data(words_of(error))
            if run:
                run._note(_lt("%(rule)s: %(reason)s", rule=Name.of(rule), reason=reason_of(error)))

    @api.model
    def _run_now(self, rules, company, limit):
        """Schedule what is due of these rules in this transaction.

        :return: the number of customers scheduled, 0 while the cron is at it
        """
        service = self.with_company(company).with_context(allowed_company_ids=company.ids)
        if not service.env["crm.value.scheduler"]._is_writer(company, _LOCK):
            return 0
        here = rules.with_env(service.env).filtered(lambda rule: rule.company_id in (company, rule.company_id.browse()))
        return sum(service._schedule(rule, company, limit=limit) for rule in here)

    @api.model
    def _wake(self, company, partner_ids):
        """Wake the cron when a refreshed customer has an open follow-up, because its reason may be gone now."""
        if self.env.execute_query(
            SQL(
                """SELECT FROM crm_value_followup followup JOIN crm_value value ON value.id = followup.value_id
                    WHERE followup.state = 'open' AND value.company_id = %s AND value.partner_id = ANY(%s) LIMIT 1""",
                company.id,
                list(partner_ids),
            )
        ):
            # sudo: whoever refreshes customers may not read crons.
            self.env.ref("crm_value_addon.ir_cron_followup").sudo()._trigger()

    # schedule

    @api.model
    def _schedule(self, rule, company, transaction=None, limit=None, run=None):
        """Schedule what is due of a rule; return the number of customers who get an activity."""
        transaction = transaction or (lambda work: work())
        due = self.env["crm.value.followup.due"]._find(rule, company, limit)
        self.env["crm.value.followup.action"]._check(rule)
        if rule.stop_note or rule.failure_notes:
            rule.write({"stop_note": False, "failure_notes": False})
        count = 0
        for plan in self.env["crm.value.followup.plan"]._plan(rule, company, due, BATCH):
            count += transaction(lambda plan=plan: self._carry_out(rule, company, plan, run))
            for model in _PER_CUSTOMER:
                self.env[model].invalidate_model()
        return count

    @api.model
    def _schedule_batch(self, rule, company, due, run=None):
        """Schedule customers in this transaction; return the number of those who get an activity.

        :param due: list of `DueCustomer`, one per customer
        """
        plans = self.env["crm.value.followup.plan"]._plan(rule, company, due, BATCH)
        return sum(self._carry_out(rule, company, plan, run) for plan in plans)

    @api.model
    def _carry_out(self, rule, company, plan, run=None):
        """Write the follow-ups of a plan, and do what the rule says; return the number of customers it was done for."""
        today, Action = company._value_today(), self.env["crm.value.followup.action"]
        deadline = self.env["crm.value.followup.activity"]._deadline(rule, company, today)
        written, failed = Action._write(rule, company, plan.placed, plan.channel_of)
        plan = plan._replace(placed=[row for row in plan.placed if row.value_id not in failed])
        ids = self._insert(rule, company, today, deadline, plan)
        treated = [row for row in plan.placed if row.value_id in ids and row.value_id not in plan.control]
        if treated:
            failed |= Action._act(rule, company, deadline, treated, plan, ids, written)
        if failed:
            self._tell_failures(rule, failed, run)
        if plan.placed and rule.responsible_type == "round_robin":
            rule.last_user_id = plan.user_of[plan.placed[-1].value_id]
        if run:
            run.write(
                {
                    "total": run.total + len(plan.placed) + plan.waiting,
                    "processed": run.processed + len(plan.placed),
                    "written": run.written + len(ids),
                    "skipped": run.skipped + plan.waiting,
                }
            )
        return len([row for row in treated if row.value_id not in failed])

    @api.model
    def _tell_failures(self, rule, failed, run):
        """Name the customers for whom a rule could do nothing, on the rule and in the log of the run."""
        notes = self.env["crm.value.followup.action"]._describe_failures(failed)
        rule.failure_notes = [*(rule.failure_notes or ()), *map(to_data, notes)]
        if run:
            name = Name.of(rule)
            run._note(*(_lt("%(rule)s: %(reason)s", rule=name, reason=note) for note in notes))

    @api.model
    def _insert(self, rule, company, today, deadline, plan):
        """Insert the follow-ups that do not exist yet; return their ids: dict value id → id."""
        if not plan.placed:
            return {}
        Action = self.env["crm.value.followup.action"]
        work, lasting = Action._work(), Action._lasting()
        rows = self.env.execute_query(
            SQL(
                """
            INSERT INTO crm_value_followup (rule_id, value_id, company_id, occasion, date, deadline, user_id, "group",
                                            channel, state, closed_date, is_in_time, is_measured, is_compared,
                                            holdout_percent, revenue_before)
            SELECT %(rule)s, incoming.value_id, %(company)s, incoming.occasion, %(today)s,
                   CASE WHEN incoming.is_work THEN %(deadline)s::date END, incoming.user_id,
                   CASE WHEN incoming.is_control THEN 'control' ELSE 'treated' END, incoming.channel,
                   CASE WHEN incoming.is_control THEN 'control' WHEN incoming.is_lasting THEN 'open' ELSE 'done' END,
                   CASE WHEN incoming.is_control OR NOT incoming.is_lasting THEN %(today)s::date END,
                   NOT (incoming.is_control OR incoming.is_lasting), FALSE,
                   %(share)s::float8 > 0, %(share)s::float8, value.revenue_12m
              FROM unnest(%(values)s::int[], %(occasions)s::text[], %(users)s::int[], %(flags)s::bool[],
                          %(channels)s::text[], %(work)s::bool[], %(lasting)s::bool[])
                   AS incoming(value_id, occasion, user_id, is_control, channel, is_work, is_lasting)
              JOIN crm_value value ON value.id = incoming.value_id
            ON CONFLICT DO NOTHING
            RETURNING value_id, id
            """,
                rule=rule.id,
                company=company.id,
                today=today,
                deadline=deadline,
                share=rule.holdout_percent,
                values=[row.value_id for row in plan.placed],
                occasions=[row.occasion for row in plan.placed],
                users=[plan.user_of[row.value_id].id or None for row in plan.placed],
                channels=[plan.channel_of[row.value_id] for row in plan.placed],
                work=[plan.channel_of[row.value_id] in work for row in plan.placed],
                lasting=[plan.channel_of[row.value_id] in lasting for row in plan.placed],
                flags=[row.value_id in plan.control for row in plan.placed],
            )
        )
        self.env["crm.value.followup"].invalidate_model()
        return dict(rows)

    # close

    @api.model
    def _close_resolved(self, rule, company):
        """Close the rule's open follow-ups whose reason is gone, and their activities, with a note why."""
        Trigger = self.env["crm.value.followup.trigger"]
        closes_by = Trigger._trigger(rule).closes_by
        if not closes_by:
            return
        today = company._value_today()
        open_here = SQL(
            "followup.rule_id = %s AND followup.company_id = %s AND followup.state = 'open'"
            " AND NOT starts_with(followup.occasion, 'launch-')",
            rule.id,
            company.id,
        )
        self.env.flush_all()
        if not self.env.execute_query(SQL("SELECT FROM crm_value_followup followup WHERE %s LIMIT 1", open_here)):
            return
        same = SQL("due.value_id = followup.value_id")
        if closes_by == "occasion":
            same = SQL("%s AND due.occasion = followup.occasion", same)
        resolved = self.env.execute_query(
            SQL(
                """SELECT followup.id FROM crm_value_followup followup
                WHERE %s AND NOT EXISTS (SELECT FROM (%s) due WHERE %s) ORDER BY followup.id""",
                open_here,
                Trigger._select_due(rule, company, today, check_only=True),
                same,
            )
        )
        for batch in split_every(BATCH, [followup_id for [followup_id] in resolved], list):
            self.env["crm.value.followup"].browse(batch)._close(today)

    # launch

    @api.model
    def _launch(self, rule, records):
        """Schedule a rule for the customers of records, in each record's company, whatever the rule's trigger.

        One open activity, the cooldown, the cap and the control group count as usual. Customers whom the rule's
        condition or tier does not admit are left out.

        :param records: recordset of any model with a customer (`_customer_path`)
        :return: the number of customers scheduled
        """
        path = self._customer_path(records)
        by_company = {}
        for record in records if path else ():
            partner = record.mapped(path).commercial_partner_id[:1] if path != "self" else record.commercial_partner_id
            company = record.company_id if "company_id" in record and record.company_id else self.env.company
            if partner and rule.company_id in (company, rule.company_id.browse()):
                by_company.setdefault(company, {}).setdefault(partner.id, record)
        return sum(self._launch_in(rule, company, customers) for company, customers in by_company.items())

    @api.model
    def _launch_in(self, rule, company, customers):
        """Schedule a rule in a company for customers: dict partner id → the record it is launched for."""
        service = self.with_company(company).with_context(allowed_company_ids=company.ids)
        rule, today = rule.with_env(service.env), company._value_today()
        due = []
        for row in service.env["crm.value.followup.due"]._find_among(rule, company, customers):
            record = customers[row.partner_id]
            due.append(row._replace(occasion=f"launch-{record._name}-{record.id}-{today}", detail=record.display_name))
        return service._schedule_batch(rule, company, due)

    @api.model
    def _customer_path(self, records):
        """Return the field that leads from a model to its customer, "self" for contacts, False when there is none."""
        if records._name == "res.partner":
            return "self"
        for name in ("partner_id", "value_id.partner_id", "customer_id"):
            field = records._fields.get(name.split(".")[0])
            if field and (field.comodel_name == "res.partner" or "." in name):
                return name
        return False
