from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..const import MARGIN_GROUP, SELLER_GROUP


class CrmValueMixin(models.AbstractModel):
    """Shows on a record what its customer is worth to a company; stores nothing.

    How to use: implement `_value_keys` and `_value_key_to_sql`, which say the same in Python and in SQL, override
    `_compute_value_id` to declare what it depends on, and add fields related to `value_id`.

    How it works: these figures are related fields for reading and columns of one joined table for searching, sorting,
    grouping and summing, so that a list stays one query however many of them it shows.
    """

    _name = "crm.value.mixin"
    _description = "Shows the Value of a Customer"

    value_id = fields.Many2one(
        "crm.value", string="Customer Value", compute="_compute_value_id", search="_search_value_id",
        compute_sudo=True, groups=f"{SELLER_GROUP},{MARGIN_GROUP}")
    value_currency_id = fields.Many2one(
        related="value_id.currency_id", string="Value Currency", groups=f"{SELLER_GROUP},{MARGIN_GROUP}")
    churn_risk = fields.Selection(related="value_id.churn_risk", groups=SELLER_GROUP)
    lifecycle_stage = fields.Selection(related="value_id.lifecycle_stage", groups=SELLER_GROUP)

    # whose value

    def _value_keys(self):
        """Return for each record the ids of its customer (a commercial partner) and of the company that is asked."""
        raise NotImplementedError

    def _value_key_to_sql(self, alias, query):
        """Return the same as two SQL expressions, neither of which is ever NULL."""
        raise NotImplementedError

    def _compute_value_id(self):
        keys = self._value_keys()
        values = self.env["crm.value"].search_fetch([
            ("partner_id", "in", list({partner_id for partner_id, _company_id in keys.values() if partner_id})),
            ("company_id", "in", list({company_id for _partner_id, company_id in keys.values() if company_id}))])
        value_of = {(value.partner_id.id, value.company_id.id): value for value in values}
        for record in self:
            record.value_id = value_of.get(keys[record], False)

    # searching, sorting, grouping

    def _search(self, domain, *args, **kwargs):
        return super()._search(Domain(domain).map_conditions(self._only_with_value), *args, **kwargs)

    def _only_with_value(self, condition):
        """Keep Odoo from finding records without a value by “more (or less) than 0”.

        Its search of a related field takes every comparison with 0 for a search of what is empty, too.
        """
        field = self._fields.get(condition.field_expr)
        is_figure = field and (field.related or "").startswith("value_id.")
        if is_figure and condition.operator in ("<", ">") and condition.value == 0:
            return condition & Domain("value_id", "!=", False)
        return condition

    def _search_value_id(self, operator, value):
        if operator in Domain.NEGATIVE_OPERATORS:
            return NotImplemented
        if operator in ("any", "any!"):
            is_query = not isinstance(value, (Domain, list))
            return self._domain_of_values(Domain("id", "in", value) if is_query else Domain(value))
        if operator == "in":
            domain = self._domain_of_values(Domain("id", "in", [number for number in value if number]))
            return domain | ~self._domain_of_values(Domain.TRUE) if False in value else domain
        return self._domain_of_values(Domain("partner_id", operator, value))

    @api.model
    def _domain_of_values(self, domain):
        """Return the domain of the records whose customer has a value in a domain."""
        # One subselect of keys: through the relations it would pass the contacts twice. Only when the query is built is
        # the environment the user's again, and a figure that he may not read refused.
        def to_sql(records, alias, query):
            # Figures without groups of their own are guarded by their model, and this passes it.
            records._check_field_access(records._fields["value_id"], "read")
            values = records.env["crm.value"]._search(domain, bypass_access=True)
            return SQL("%s IN %s", SQL("(%s, %s)", *records._value_key_to_sql(alias, query)), values.subselect(
                SQL.identifier("crm_value", "partner_id"), SQL.identifier("crm_value", "company_id")))

        return Domain.custom(to_sql=to_sql)

    def _field_to_sql(self, alias, field_expr, query=None):
        field = self._fields.get(field_expr)
        path = (field.related or "").split(".") if field else []
        if query is None or self._abstract or field_expr != "value_id" and path[:1] != ["value_id"]:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(field, "read")
        # sudo: the access to this field was checked above; the joined row is the one that `_value_keys` names.
        return self.env["crm.value"].sudo()._field_to_sql(
            self._join_value(alias, query), ".".join(path[1:]) or "id", query)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        field = self._fields.get(field_name)
        if not nulls and field and (field.related or "").startswith("value_id."):
            # Who has no value comes after the best and before the worst.
            nulls = SQL("NULLS LAST") if direction.code == "DESC" else SQL("NULLS FIRST")
        return super()._order_field_to_sql(alias, field_name, direction, nulls, query)

    def _join_value(self, alias, query):
        """Join the value of the record's customer; return its alias."""
        partner, company = self._value_key_to_sql(alias, query)
        value = query.make_alias(alias, f"value_{self.env.company.id}")
        query.add_join("LEFT JOIN", value, "crm_value", SQL(
            "%s = %s AND %s = %s", SQL.identifier(value, "partner_id"), partner,
            SQL.identifier(value, "company_id"), company))
        return value

    def action_open_value(self):
        """Open the customer value of this record's customer.

        :raise AccessError: the user may not read customer values
        """
        if self._abstract:
            raise UserError(self.env._("Only a contact, an order or another record of a customer has a value to open."))
        self.ensure_one()
        self.env["crm.value"].check_access("read")
        if not self.value_id:
            return self.env["crm.value"]._notification(self._describe_no_value(), "info")
        return {
            "type": "ir.actions.act_window", "res_model": "crm.value", "res_id": self.value_id.id,
            "views": [(False, "form")], "name": self.env._("Customer Value"),
        }

    def _describe_no_value(self):
        """Return why there is no value to open."""
        # sudo: which customer and company, and their names, of a record that the user reads.
        partner_id, company_id = self.sudo()._value_keys()[self]
        if not partner_id:
            return self.env._("No customer is set yet.")
        if not company_id:
            return self.env._("This belongs to a company that you have not selected at the top.")
        return self.env._(
            "%(customer)s has no posted invoice, order or opportunity in %(company)s yet.",
            customer=self.env["res.partner"].sudo().browse(partner_id).display_name,
            company=self.env["res.company"].sudo().browse(company_id).name)
