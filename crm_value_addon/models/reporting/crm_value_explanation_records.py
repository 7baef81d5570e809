from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL


class CrmValue(models.Model):
    """The records that a part of a customer's value is made of."""

    _inherit = "crm.value"

    def action_open_part(self, key):
        """Open the records behind a part of the value, as far as the user may read them.

        :param str key: a ``key`` of the ``records`` in `explain_value`
        :raise AccessError: the user may not see what this customer is worth
        :raise UserError: there is nothing of that name
        """
        self.ensure_one()
        self.check_access("read")
        self._check_field_access(self._fields["clv"], "read")
        opener = {
            "purchases": self.action_open_purchases,
            "opportunities": lambda: self._open_chances("lead_id", "crm.lead"),
            "quotations": lambda: self._open_chances("order_id", "sale.order"),
            "referred": lambda: self._open_records("crm.value", self._referred_domain()),
            "feedback": lambda: self._open_records("crm.value.feedback", [
                ("partner_id", "child_of", self.partner_id.id), ("company_id", "=", self.company_id.id)]),
            "acquisition": lambda: self._open_records("crm.lead", [
                ("partner_id", "child_of", self.partner_id.id), ("won_status", "=", "won")]),
            "work": self._open_work,
            "benefits": lambda: self._open_records("crm.value.grant", [("value_id", "=", self.id)]),
            "credit_notes": self.with_context(value_refunds=True).action_open_documents,
            "late_payment": self._open_late,
        }.get(key)
        if not opener:
            raise UserError(self.env._("There is no part named “%(key)s”.", key=key))
        return opener()

    def _open_records(self, model, domain):
        return {
            "type": "ir.actions.act_window", "name": self.env["ir.model"]._get(model).display_name, "res_model": model,
            "views": [(False, "list"), (False, "form")], "domain": domain, "context": {"create": False},
        }

    def _open_chances(self, column, model):
        company = self.company_id.sudo()  # sudo: settings decide what counts
        rows = self.env.execute_query_dict(self._select_growth(
            company, company._value_today(), SQL("partner.commercial_partner_id = %s", self.partner_id.id)))
        return self._open_records(model, [("id", "in", [row[column] for row in rows if row[column]])])

    def _open_work(self):
        """Open the activities done for this customer; its messages are in the records' own histories."""
        domain = ["|", "|", "|"]
        for model, path in (("res.partner", "id"), ("crm.lead", "partner_id"), ("sale.order", "partner_id"),
                            ("account.move", "partner_id")):
            found = self.env[model].with_context(active_test=False).search([(path, "child_of", self.partner_id.id)]) \
                if self.env[model].has_access("read") else self.env[model]
            domain += ["&", ("res_model", "=", model), ("res_id", "in", found.ids)]
        action = self._open_records("mail.activity", [("date_done", "!=", False), *domain])
        return action | {"context": {"create": False, "active_test": False}}

    def _open_late(self):
        source = self.env["crm.value.cost.source"]
        company = self.company_id
        rows = self.env.execute_query(SQL(
            "SELECT DISTINCT move_id FROM (%s) late WHERE settled > maturity AND amount > 0 AND partner_id = %s",
            source._select_late(company, company._value_today()), self.partner_id.id))
        ids = [move_id for [move_id] in rows]
        return self._action_documents([("id", "in", ids)], len(ids))
