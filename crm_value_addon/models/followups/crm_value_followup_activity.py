from datetime import datetime, time, timedelta

import pytz

from odoo import api, models
from odoo.tools import SQL

from .crm_value_followup import QUIET


class CrmValueFollowupActivity(models.AbstractModel):
    """Creates the activities of follow-ups.

    How to use: `_create` for follow-ups of one rule; `_deadline` tells the day on which they are due.

    How it works: all activities of a batch are created at once, without mails and without making their assignees
    followers. A rule puts one activity, or those of a plan, on the contact or on the document that caused it.
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
        today = company._value_today()
        texts = self.env["crm.value.followup.text"]._texts(rule, company, due, user_of)
        vals_list = []
        for row in due:
            model, res_id = self._target(rule, row)
            shared = {
                "res_model_id": self.env["ir.model"]._get_id(model),
                "res_id": res_id,
                "automated": True,
                "value_followup_id": followup_ids[row.value_id],
            }
            vals_list += [
                {**vals, **shared}
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
        model = self.env["crm.value.followup.trigger"]._trigger(rule).document_model
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
