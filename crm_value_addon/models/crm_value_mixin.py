from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..const import MARGIN_GROUP, SELLER_GROUP

#: sorting a table of fewer values as a whole is as fast
_MIN_ROWS = 20_000
#: oversampling factor, so that further filters still leave a full page
_OVERSAMPLING = 10
_SORTED_TYPES = ("monetary", "float", "integer", "date")


class CrmValueMixin(models.AbstractModel):
    """Shows on a record what its customer is worth to a company; stores nothing.

    How to use: implement `_value_keys` and `_value_key_to_sql`, which say the same in Python and in SQL, override
    `_compute_value_id` to declare what it depends on, and add fields related to `value_id`.

    How it works: a figure is a related field when it is read, and a column of one joined table when records are
    searched, sorted, grouped or summed by it. So a list stays one query however many figures it shows. Four methods of
    Odoo's are overridden for this:

    - `_search` keeps Odoo from taking a comparison with 0 for a search of empty figures, too;
    - `_field_to_sql` reads a figure from the joined table instead of following the relations;
    - `_order_field_to_sql` puts records without a value after the best and before the worst;
    - `search_fetch` looks for a sorted page, the best first, among the top rows. PostgreSQL's statistics of
      `crm_value` tell from which figure on there are about ten times as many customers as the page needs. Only when
      these do not fill the page are all records joined with their values and sorted.
    """

    _name = "crm.value.mixin"
    _description = "Shows the Value of a Customer"

    value_id = fields.Many2one(
        "crm.value",
        string="Customer Value",
        compute="_compute_value_id",
        search="_search_value_id",
        compute_sudo=True,
        groups=f"{SELLER_GROUP},{MARGIN_GROUP}",
    )
    value_currency_id = fields.Many2one(
        related="value_id.currency_id", string="Value Currency", groups=f"{SELLER_GROUP},{MARGIN_GROUP}"
    )
    churn_risk = fields.Selection(related="value_id.churn_risk", groups=SELLER_GROUP)
    churn_reason = fields.Char(related="value_id.churn_reason", groups=SELLER_GROUP)
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
        values = self.env["crm.value"].search_fetch(
            [
                ("partner_id", "in", list({partner_id for partner_id, _company_id in keys.values() if partner_id})),
                ("company_id", "in", list({company_id for _partner_id, company_id in keys.values() if company_id})),
            ]
        )
        value_of = {(value.partner_id.id, value.company_id.id): value for value in values}
        for record in self:
            record.value_id = value_of.get(keys[record], False)

    # searching

    def _search(self, domain, *args, **kwargs):
        return super()._search(Domain(domain).map_conditions(self._only_with_value), *args, **kwargs)

    def _only_with_value(self, condition):
        """Restrict “more (or less) than 0” to records with a value.

        Odoo's search of a related field takes every comparison with 0 for a search of empty figures, too.
        """
        if self._figure_path(condition.field_expr) and condition.operator in ("<", ">") and condition.value == 0:
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

        # One subquery on the keys; the relations would join res_partner twice. Access is checked here because only now
        # is the environment the user's.
        def to_sql(records, alias, query):
            # Figures without groups of their own are guarded by their model, which `bypass_access` passes.
            records._check_field_access(records._fields["value_id"], "read")
            magnitude = records.env["crm.value.magnitude"]
            values = records.env["crm.value"]._search(magnitude._with_magnitude(domain), bypass_access=True)
            return SQL(
                "%s IN %s",
                SQL("(%s, %s)", *records._value_key_to_sql(alias, query)),
                values.subselect(SQL.identifier("crm_value", "partner_id"), SQL.identifier("crm_value", "company_id")),
            )

        return Domain.custom(to_sql=to_sql)

    # sorting, grouping, summing

    @api.model
    def _figure_path(self, name):
        """Return the path of a figure below `value_id`; "" for a field that is none."""
        field = self._fields.get(name)
        related = field and field.related or ""
        return related.removeprefix("value_id.") if related.startswith("value_id.") else ""

    def _field_to_sql(self, alias, field_expr, query=None):
        path = self._figure_path(field_expr)
        if query is None or self._abstract or not (path or field_expr == "value_id"):
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        # sudo: the access to this field was checked above; the joined row is the one that `_value_keys` names.
        return self.env["crm.value"].sudo()._field_to_sql(self._join_value(alias, query), path or "id", query)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        if not nulls and self._figure_path(field_name):
            nulls = SQL("NULLS LAST") if direction.code == "DESC" else SQL("NULLS FIRST")
        return super()._order_field_to_sql(alias, field_name, direction, nulls, query)

    def _join_value(self, alias, query):
        """Join the value of the record's customer; return its alias."""
        partner, company = self._value_key_to_sql(alias, query)
        value = query.make_alias(alias, f"value_{self.env.company.id}")
        query.add_join(
            "LEFT JOIN",
            value,
            "crm_value",
            SQL(
                "%s = %s AND %s = %s",
                SQL.identifier(value, "partner_id"),
                partner,
                SQL.identifier(value, "company_id"),
                company,
            ),
        )
        return value

    # a sorted page

    @api.model
    def search_fetch(self, domain, field_names=None, offset=0, limit=None, order=None):
        top_rows = self._top_rows_domain(order or self._order, offset, limit) if limit else None
        if top_rows:
            found = super().search_fetch(
                Domain(domain) & top_rows, field_names, offset=offset, limit=limit, order=order
            )
            if len(found) == limit:
                return found
        return super().search_fetch(domain, field_names, offset=offset, limit=limit, order=order)

    def _top_rows_domain(self, order, offset, limit):
        """Return the domain of about `_OVERSAMPLING` times the rows of a page, the first ones in an order.

        :return: None where that is no use: another order than by a figure, the best first, or too many rows
        """
        self._check_qorder(order)
        name, *direction = order.partition(",")[0].lower().split()
        column = self.env["crm.value"]._fields.get(self._figure_path(name))
        if column is None or direction not in (["desc"], ["desc", "nulls", "last"]):
            return None
        if column.type not in _SORTED_TYPES or not column.store:
            return None
        least = self._least_top_figure(column, (int(offset or 0) + int(limit)) * _OVERSAMPLING)
        if least is None:
            return None

        def to_sql(records, alias, query):
            return SQL("%s >= %s::%s", records._field_to_sql(alias, name, query), least, SQL(column.column_type[0]))

        return Domain.custom(to_sql=to_sql)

    @api.model
    def _least_top_figure(self, column, count):
        """Return, as text, a figure that about so many values reach, of all companies; None if they are too many."""
        rows = self.env.execute_query(
            SQL(
                """
            SELECT bounds[cardinality(bounds) - buckets::int]
              FROM (SELECT bounds, ceil(%(count)s::float8 * (cardinality(bounds) - 1) / (share * rows)) AS buckets
                      FROM (SELECT stats.histogram_bounds::text::text[] AS bounds, class.reltuples AS rows,
                                   1 - stats.null_frac - COALESCE(
                                   (SELECT sum(part) FROM unnest(stats.most_common_freqs) part), 0) AS share
                              FROM pg_stats stats, pg_class class
                             WHERE stats.schemaname = current_schema AND stats.tablename = 'crm_value'
                               AND stats.attname = %(name)s AND class.oid = 'crm_value'::regclass) stats
                     WHERE rows >= %(min_rows)s AND share > 0) chosen
             WHERE buckets <= cardinality(bounds) / 4
            """,
                count=count,
                name=column.name,
                min_rows=_MIN_ROWS,
            )
        )
        return rows[0][0] if rows else None

    # actions

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
            "type": "ir.actions.act_window",
            "res_model": "crm.value",
            "res_id": self.value_id.id,
            "views": [(False, "form")],
            "name": self.env._("Customer Value"),
        }

    def _describe_no_value(self):
        """Return why there is no value to open."""
        # sudo: customer and company, and their names, of a record that the user reads.
        partner_id, company_id = self.sudo()._value_keys()[self]
        if not partner_id:
            return self.env._("No customer is set yet.")
        if not company_id:
            return self.env._("This belongs to a company that you have not selected at the top.")
        return self.env._(
            "%(customer)s has no posted invoice, order or opportunity in %(company)s yet.",
            customer=self.env["res.partner"].sudo().browse(partner_id).display_name,
            company=self.env["res.company"].sudo().browse(company_id).name,
        )
