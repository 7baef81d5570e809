from datetime import datetime, time, timedelta
from operator import itemgetter

import pytz
from markupsafe import Markup

from odoo import api, models
from odoo.tools import SQL, groupby

from .crm_value_followup import QUIET
from .crm_value_followup_due import DueCustomer


class CrmValueFollowupActivity(models.AbstractModel):
    """Creates the activities of follow-ups, and keeps them with somebody who can do them.

    How to use: `_create` for follow-ups of one rule; `_deadline` tells the day on which they are due; `_rewrite` after
    some of the follow-ups that share an activity have ended; `_pass_on` in each run.

    How it works: all activities of a batch are created at once, without mails and without making their assignees
    followers. A rule puts one activity, or those of a plan, on the contact or on the document that caused it. Where
    somebody has the same kind of activity on the same record already, for another rule on the same day, the follow-ups
    share it: it says what each of them says, and ends for all of them.
    """

    _name = "crm.value.followup.activity"
    _description = "Follow-ups: Activities"

    @api.model
    def _create(self, rule, company, deadline, due, user_of, followup_ids):
        """Create the activities of follow-ups, and link both to each other.

        :param due: list of `DueCustomer`
        :param user_of: dict value id → res.users who get the activities
        :param followup_ids: dict value id → id of the follow-up
        """
        texts = self.env["crm.value.followup.text"]._texts(rule, company, due, user_of)
        self._store_texts(texts, followup_ids)
        shared = self._share(rule, company, deadline, due, user_of, followup_ids)
        due = [row for row in due if row.value_id not in shared]
        today, vals_list = company._value_today(), []
        for row in due:
            model, res_id = self._target(rule, row)
            on_record = {
                "res_model_id": self.env["ir.model"]._get_id(model),
                "res_id": res_id,
                "automated": True,
                "value_followup_id": followup_ids[row.value_id],
            }
            vals_list += [
                {**vals, **on_record}
                for vals in self._prepare_vals_list(rule, today, deadline, user_of[row.value_id], *texts[row.value_id])
            ]
        self._prefetch_names(vals_list)
        # sudo: activities of other users, without an access check for each record.
        activities = self.env["mail.activity"].sudo().with_context(**QUIET).create(vals_list)
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_followup followup SET activity_id = first.id
                 FROM (SELECT value_followup_id, min(id) AS id FROM mail_activity WHERE id = ANY(%s)
                        GROUP BY value_followup_id) first
                WHERE followup.id = first.value_followup_id""",
                activities.ids,
            )
        )
        self.env["crm.value.followup"].invalidate_model()

    @api.model
    def _store_texts(self, texts, followup_ids):
        """Keep what each follow-up says, so that an activity in common can be written again when one of them ends."""
        ids = list(texts)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_followup followup SET summary = said.summary, note = said.note
                     FROM unnest(%s::int[], %s::text[], %s::text[]) AS said(id, summary, note)
                    WHERE followup.id = said.id""",
                [followup_ids[value_id] for value_id in ids],
                [str(texts[value_id][0]) for value_id in ids],
                [str(texts[value_id][1]) for value_id in ids],
            )
        )
        self.env["crm.value.followup"].invalidate_model()

    # activities in common

    @api.model
    def _share(self, rule, company, deadline, due, user_of, followup_ids):
        """Let follow-ups share the activities that their users have already; return the value ids of these."""
        if rule.action_type != "activity":
            return set()
        found = self._find_shareable(rule, company, deadline, due, user_of)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_followup followup SET activity_id = shared.activity_id
                     FROM unnest(%s::int[], %s::int[]) AS shared(id, activity_id) WHERE followup.id = shared.id""",
                [followup_ids[value_id] for value_id in found],
                list(found.values()),
            )
        )
        self.env["crm.value.followup"].invalidate_model()
        self._rewrite(self.env["mail.activity"].browse(found.values()))
        return set(found)

    @api.model
    def _find_shareable(self, rule, company, deadline, due, user_of):
        """Return the open activity of another rule that stands for the same call: dict value id → activity id.

        The same call: on the same record, of the same type, for the same user, and scheduled today or due on the same
        day.
        """
        targets = [self._target(rule, row) for row in due]
        self.env["mail.activity"].flush_model()
        return dict(
            self.env.execute_query(
                SQL(
                    """
            SELECT DISTINCT ON (due.value_id) due.value_id, activity.id
              FROM unnest(%(values)s::int[], %(models)s::text[], %(records)s::int[], %(users)s::int[])
                   AS due(value_id, res_model, res_id, user_id)
              JOIN crm_value_followup followup ON followup.value_id = due.value_id AND followup.state = 'open'
              JOIN crm_value_followup_rule rule ON rule.id = followup.rule_id AND rule.action_type = 'activity'
              JOIN mail_activity activity ON activity.id = followup.activity_id AND activity.active
             WHERE followup.company_id = %(company)s
               AND activity.res_model = due.res_model AND activity.res_id = due.res_id
               AND activity.user_id = due.user_id AND activity.activity_type_id = %(type)s
               AND (followup.date = %(today)s OR activity.date_deadline = %(deadline)s)
             ORDER BY due.value_id, activity.id
            """,
                    values=[row.value_id for row in due],
                    models=[model for model, _res_id in targets],
                    records=[res_id for _model, res_id in targets],
                    users=[user_of[row.value_id].id for row in due],
                    company=company.id,
                    type=rule.activity_type_id.id,
                    today=company._value_today(),
                    deadline=deadline,
                )
            )
        )

    @api.model
    def _rewrite(self, activities):
        """Let activities say what the open follow-ups that share them say; return those that have any.

        An activity belongs to the first of them, and is due with the one that is due first.
        """
        Followup = self.env["crm.value.followup"]
        kept = Followup.search([("activity_id", "in", activities.ids), ("state", "=", "open")], order="id")
        by_activity = kept.grouped("activity_id")
        rows = [
            (
                activity.id,
                followups[0].id,
                min(followups.mapped("deadline")),
                self._join_summaries(followups),
                str(self._join_notes(followups)),
            )
            for activity, followups in by_activity.items()
        ]
        self.env["mail.activity"].flush_model()
        self.env.cr.execute(
            SQL(
                """UPDATE mail_activity activity SET value_followup_id = said.followup_id,
                          date_deadline = said.deadline, summary = said.summary, note = said.note
                     FROM unnest(%s::int[], %s::int[], %s::date[], %s::text[], %s::text[])
                          AS said(id, followup_id, deadline, summary, note)
                    WHERE activity.id = said.id""",
                *([list(column) for column in zip(*rows, strict=True)] or [[]] * 5),
            )
        )
        self.env["mail.activity"].invalidate_model()
        Followup.invalidate_model(["activity_ids"])
        return kept.activity_id

    @api.model
    def _join_summaries(self, followups):
        return "; ".join(dict.fromkeys(followup.summary or followup.rule_id.name for followup in followups))

    @api.model
    def _join_notes(self, followups):
        """Return the note of an activity; each reason stands under its summary where there are several."""
        if len(followups) == 1:
            return followups.note or Markup()
        return Markup().join(
            Markup("<p><strong>%s</strong></p>%s") % (followup.summary, followup.note or Markup())
            for followup in followups
        )

    # activities without a user

    @api.model
    def _pass_on(self, company):
        """Give the open activities of users who left to whoever is responsible now."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
            SELECT followup.rule_id, activity.id, followup.value_id, value.partner_id, followup.occasion
              FROM mail_activity activity
              JOIN crm_value_followup followup ON followup.id = activity.value_followup_id
              JOIN crm_value value ON value.id = followup.value_id
              LEFT JOIN res_users assignee ON assignee.id = activity.user_id
             WHERE followup.state = 'open' AND followup.company_id = %s AND activity.active
               AND assignee.active IS NOT TRUE
             ORDER BY followup.rule_id, activity.id
            """,
                company.id,
            )
        )
        by_user = {}
        for rule_id, of_rule in groupby(rows, key=itemgetter(0)):
            rule = self.env["crm.value.followup.rule"].browse(rule_id)
            due = [DueCustomer(*row[2:], None, None, None, None) for row in of_rule]
            user_of = self.env["crm.value.followup.assignee"]._assign(rule, company, due)
            for row in of_rule:
                by_user.setdefault(user_of[row[2]], []).append(row[1])
        for user, activity_ids in by_user.items():
            if not user:
                continue
            # sudo: activities of nobody, on records of any model
            self.env["mail.activity"].sudo().with_context(**QUIET).browse(activity_ids).write({"user_id": user.id})
            self.env["crm.value.followup"].sudo().search(
                [("activity_id", "in", activity_ids), ("state", "=", "open")]
            ).write({"user_id": user.id})

    @api.model
    def _deadline(self, rule, company, today):
        """Return the day that lies the rule's number of working days after today, by the company's calendar."""
        calendar = company.resource_calendar_id
        if rule.delay_days and calendar.attendance_ids:
            # the first of these days is tomorrow, or today would count before the office opens
            start = pytz.timezone(calendar.tz or "UTC").localize(datetime.combine(today + timedelta(days=1), time.min))
            planned = calendar.plan_days(rule.delay_days, start, compute_leaves=True)
            if planned:
                return planned.date()
        deadline = today
        for _day in range(rule.delay_days):
            deadline += timedelta(days=1)
            while deadline.weekday() > 4:
                deadline += timedelta(days=1)
        return deadline

    @api.model
    def _target(self, rule, due):
        """Return (model, id) of the record that the activity is put on."""
        model = self.env["crm.value.followup.trigger"]._document_model(rule)
        if model and "activity_ids" not in self.env[model]:
            model = None
        if due.res_id and model and (rule.target == "document" or model == "res.partner"):
            return model, due.res_id
        return "res.partner", due.partner_id

    @api.model
    def _prepare_vals_list(self, rule, today, deadline, user, summary, note):
        """Return the values of one activity, or of those of the plan, without the record that they are put on."""
        if rule.action_type == "activity":
            return [
                {
                    "activity_type_id": rule.activity_type_id.id,
                    "summary": summary,
                    "note": note,
                    "date_deadline": deadline,
                    "user_id": user.id,
                }
            ]
        vals_list = []
        for template in rule.plan_id.template_ids:
            responsible = template.responsible_id if template.responsible_type == "other" else user
            vals_list.append(
                {
                    "activity_type_id": template.activity_type_id.id,
                    "summary": f"{template.summary}: {summary}" if template.summary else summary,
                    "note": note + template.note if template.note else note,
                    "date_deadline": max(template._get_date_deadline(deadline), today),
                    "user_id": responsible.id,
                }
            )
        return vals_list

    @api.model
    def _prefetch_names(self, vals_list):
        """Read the names of all records at once, because Odoo asks for them one by one."""
        # sudo: the activities may be on records that the user who runs the rule does not see.
        models_by_id = {
            model.id: model.model
            for model in self.env["ir.model"].sudo().browse({vals["res_model_id"] for vals in vals_list})
        }
        for model_id, model in models_by_id.items():
            records = (
                self.env[model]
                .sudo()
                .browse([vals["res_id"] for vals in vals_list if vals["res_model_id"] == model_id])
            )
            records.mapped("display_name")
