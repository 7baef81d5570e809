from datetime import timedelta

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ...lib.windows import windows
from ..benefits.anniversary import anniversary

#: stages in which a customer is silent: an order under way says that it is not
_SILENT = ("at_risk", "lost")


class CrmValueFollowupReason(models.AbstractModel):
    """Selects the customers whom a trigger concerns that the rule itself describes further.

    How to use and how it works: as `crm.value.followup.trigger`, which asks this service for the triggers whose row in
    `triggers.py` names it.
    """

    _name = "crm.value.followup.reason"
    _inherit = "crm.value.followup.trigger"
    _description = "Follow-ups: Triggers with Choices"

    # stages

    @api.model
    def _due_stage_reached(self, rule, company, today, check_only):
        """Those who are in the stage, since when they may be counted is left to the days.

        Without days, whoever was in it before the installation counts, too, for whom the day is not known.
        """
        since = SQL("TRUE")
        if rule.days and not check_only:
            since = SQL("value.lifecycle_since >= %s", today - timedelta(days=rule.days))
        where = SQL("value.lifecycle_stage = %s AND %s", rule.stage, since)
        if rule.stage in _SILENT:
            where = SQL("%s AND NOT (%s)", where, self.env["crm.value.followup.source"]._where_ordered(today))
        return self._select(
            company,
            where,
            occasion=SQL("%s || COALESCE(value.lifecycle_since::text, 'before')", f"stage-{rule.stage}-"),
            date=SQL("value.lifecycle_since"),
            number=SQL("%s::date - value.last_purchase_date", today),
        )

    # figures

    @api.model
    def _due_figure_changed(self, rule, company, today, check_only):
        """A figure lies so many percent below, or above, what it was."""
        before = getattr(self, f"_before_{rule.figure}")(company, today)
        now, share = SQL.identifier("value", rule.figure), rule.change_percent / 100
        moved = (
            SQL("%s <= past.amount * %s", now, 1 - share)
            if rule.change_direction == "falls"
            else SQL("%s >= past.amount * %s", now, 1 + share)
        )
        # how much is a figure for whoever may see the one it is about
        percent = SQL("NULL::int")
        if not self.env["crm.value"]._fields[rule.figure].groups:
            percent = SQL("round(abs(%s / past.amount - 1) * 100)::int", now)
        return self._select(
            company,
            SQL("past.amount > 0 AND %s", moved),
            source=before,
            occasion=SQL("%s", f"day-{today}"),
            date=SQL("value.last_purchase_date"),
            number=percent,
        )

    @api.model
    def _before_revenue_12m(self, company, today):
        """Return the join of the revenue of the 12 months before the last 12."""
        until = windows(today)["revenue_12m"][0]
        since = windows(until - timedelta(days=1))["revenue_12m"][0]
        days = self.env["crm.value.purchase"]._query(
            SQL("source.company_id = %s AND source.date >= %s AND source.date < %s", company.id, since, until)
        )
        return SQL(
            """JOIN (SELECT earlier.partner_id, sum(earlier.revenue) AS amount FROM (%s) earlier
                      GROUP BY earlier.partner_id) past ON past.partner_id = value.partner_id""",
            days,
        )

    @api.model
    def _before_clv(self, company, today):
        """Return the join of the lifetime value at the last month end."""
        return SQL(
            """JOIN (SELECT snapshot.value_id, snapshot.clv AS amount FROM crm_value_snapshot snapshot
                      WHERE snapshot.company_id = %(company)s AND snapshot.as_of_date = (
                            SELECT max(as_of_date) FROM crm_value_snapshot
                             WHERE company_id = %(company)s AND as_of_date < %(today)s
                               AND is_reconstructed IS NOT TRUE)) past
                 ON past.value_id = value.id""",
            company=company.id,
            today=today,
        )

    # dates of other records

    @api.model
    def _due_date_field(self, rule, company, today, check_only):
        """A date on the contact, or on a record of the customer; once, or each year."""
        model_name, _dot, name = (rule.date_field or "").rpartition(".")
        path = self._path(model_name)
        if not path or not self._is_usable(model_name, name):
            return self._select_nobody(company)
        model, column = self.env[model_name], SQL("%s::date", SQL.identifier("document", name))
        day = today + timedelta(days=-rule.days if rule.is_after else rule.days)
        if rule.is_yearly:
            where, columns = self._yearly(column, day, least=0)
        else:
            where, columns = self._window(column, day, check_only), {"date": column, "number": SQL("NULL::int")}
        conditions = [where]
        if "active" in model._fields and model._fields["active"].store:
            conditions.append(SQL("document.active"))
        if "company_id" in model._fields and model._fields["company_id"].store:
            conditions.append(SQL("(document.company_id IS NULL OR document.company_id = %s)", company.id))
        return self._select(
            company,
            SQL(" AND ").join(conditions),
            source=SQL(
                """JOIN res_partner person ON person.commercial_partner_id = value.partner_id
                   JOIN %s document ON document.%s = person.id""",
                SQL.identifier(model._table),
                SQL.identifier("id" if path == "self" else path),
            ),
            occasion=SQL("%s || document.id || '-' || %s", f"{rule.date_field}-", columns["date"]),
            res_id=SQL("document.id"),
            # sudo: reads the language only
            detail=SQL("%s", self._label(model.with_context(lang=company.sudo().partner_id.lang), name)),
            **columns,
        )

    @api.model
    def _path(self, model):
        """Return the column that leads from a model to a contact, "self" for contacts, False when there is none."""
        path = self.env["crm.value.followup.run"]._customer_path(self.env[model]) if model in self.env else False
        return path if path == "self" or path and "." not in path and self.env[model]._fields[path].store else False

    @api.model
    def _is_usable(self, model, name):
        """Tell whether a field is a date with a column of its own."""
        field = self.env[model]._fields.get(name) if model in self.env else None
        return bool(field and field.type in ("date", "datetime") and field.store and field.column_type)

    @api.model
    def _label(self, model, name):
        return model._fields[name]._description_string(model.env)

    @api.model
    def _date_fields(self):
        """Return the dates that a rule may go by: [("model.field", label)], of contacts and records with a customer."""
        found = []
        for name, model in self.env.registry.items():
            if model._abstract or model._transient or not model._auto or name.startswith("crm.value"):
                continue
            if self._path(name):
                records = self.env[name]
                found += [
                    (f"{name}.{field}", f"{records._description}: {self._label(records, field)}")
                    for field in records._fields
                    if field not in models.MAGIC_COLUMNS and self._is_usable(name, field)
                ]
        return sorted(found, key=lambda one: one[1])

    @api.model
    def _check_date_field(self, rule):
        """Refuse what is no date of a customer, or one that the user may not read.

        :raise ValidationError: it cannot be used
        """
        model, _dot, name = rule.date_field.rpartition(".")
        if name in models.MAGIC_COLUMNS or not self._path(model) or not self._is_usable(model, name):
            raise ValidationError(
                self.env._(
                    "%(rule)s: “%(field)s” is no stored date of a customer.", rule=rule.name, field=rule.date_field
                )
            )
        records = self.env[model].sudo(False)
        if not records.env.su and not (
            records.has_access("read") and records._has_field_access(records._fields[name], "read")
        ):
            raise ValidationError(
                self.env._(
                    "%(rule)s: you may not read “%(field)s” yourself.",
                    rule=rule.name,
                    field=self._label(records, name),
                )
            )

    @api.model
    def _due_holiday(self, rule, company, today, check_only):
        """The holidays of the customer's country, and those of all countries."""
        day = today + timedelta(days=rule.days)
        years = SQL("EXTRACT(YEAR FROM age(%s::date, holiday.date))::int", day)
        date = SQL("CASE WHEN holiday.is_yearly THEN %s ELSE holiday.date END", anniversary(SQL("holiday.date"), years))
        chosen = SQL("holiday.id = %s", rule.holiday_id.id) if rule.holiday_id else SQL("holiday.active")
        return self._select(
            company,
            SQL("%s AND holiday.date <= %s AND %s", chosen, day, self._window(date, day, check_only=False)),
            source=SQL("""JOIN res_partner customer ON customer.id = value.partner_id
                          JOIN crm_value_holiday holiday
                               ON holiday.country_id IS NULL OR holiday.country_id = customer.country_id"""),
            occasion=SQL("'holiday-' || holiday.id || '-' || %s", date),
            date=date,
            detail=self._translated(SQL("holiday.name"), company),
        )

    # what happened

    @api.model
    def _due_feedback(self, rule, company, today, check_only):
        """What the customer told somebody, of the rule's kind where it names one."""
        kind = SQL("feedback.kind_id = %s", rule.feedback_kind_id.id) if rule.feedback_kind_id else SQL("TRUE")
        return self._select(
            company,
            SQL(
                "feedback.company_id = %s AND %s AND %s",
                company.id,
                kind,
                self._window(SQL("feedback.date"), today - timedelta(days=rule.days), check_only),
            ),
            source=SQL("""JOIN res_partner person ON person.commercial_partner_id = value.partner_id
                          JOIN crm_value_feedback feedback ON feedback.partner_id = person.id"""),
            occasion=SQL("'feedback-' || feedback.id"),
            date=SQL("feedback.date"),
            detail=SQL("feedback.description"),
        )

    @api.model
    def _due_salesperson_changed(self, rule, company, today, check_only):
        """The customer got another salesperson, as Odoo's log of the contact tells."""
        day = SQL("message.date::date")
        return self._select(
            company,
            SQL(
                """moved.old_value_integer > 0 AND moved.new_value_integer > 0
                   AND customer.user_id = moved.new_value_integer AND %s""",
                self._window(day, today - timedelta(days=rule.days), check_only),
            ),
            source=SQL(
                """JOIN res_partner customer ON customer.id = value.partner_id
                   JOIN mail_message message ON message.model = 'res.partner' AND message.res_id = customer.id
                   JOIN mail_tracking_value moved ON moved.mail_message_id = message.id AND moved.field_id = %s""",
                self.env["ir.model.fields"]._get("res.partner", "user_id").id,
            ),
            occasion=SQL("'salesperson-' || message.id"),
            date=day,
            detail=SQL("moved.old_value_char || ' → ' || moved.new_value_char"),
        )
