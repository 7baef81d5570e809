from odoo import api, models
from odoo.tools import SQL

from .crm_value_followup_due import Due


class CrmValueFollowupLaunch(models.Model):
    """Launching a rule from outside: for records of any model that has a customer."""

    _inherit = "crm.value.followup.rule"

    def _launch(self, records):
        """Schedule this rule for the customers of records, in each record's company, whatever its trigger.

        One open activity, the cooldown, the cap and the control group count as ever; a customer that the rule's
        condition or tier does not admit is left out.

        :param records: recordset of any model with a customer (`_customer_path`)
        :return: the number of customers scheduled
        """
        self.ensure_one()
        path = self._customer_path(records)
        by_company = {}
        for record in records if path else ():
            partner = record.mapped(path).commercial_partner_id[:1] if path != "self" else record.commercial_partner_id
            company = record.company_id if "company_id" in record and record.company_id else self.env.company
            if partner and self.company_id in (company, self.company_id.browse()):
                by_company.setdefault(company, {}).setdefault(partner.id, record)
        return sum(
            self._launch_in(company, customers) for company, customers in by_company.items())

    def _launch_in(self, company, customers):
        rule = self.with_company(company).with_context(allowed_company_ids=company.ids)
        today = company._value_today()
        rule.env.flush_all()
        rows = rule.env.execute_query(
            rule.with_context(value_followup_partner_ids=tuple(customers))._select_new(company, today))
        due = []
        for row in map(Due._make, rows):
            record = customers[row.partner_id]
            due.append(row._replace(
                occasion=f"launch-{record._name}-{record.id}-{today}", detail=record.display_name))
        return rule._schedule_batch(company, due)

    def _select_due(self, company, today, still=False):
        partner_ids = self.env.context.get("value_followup_partner_ids")
        # A request's context holds no tuple: what a caller puts there is not asked.
        if not isinstance(partner_ids, tuple):
            return super()._select_due(company, today, still)
        return self._select(company, SQL("value.partner_id = ANY(%s)", list(partner_ids)), occasion=SQL("''"))

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
