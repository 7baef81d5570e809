from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_value import MARGIN_GROUP

SELLER_GROUP = "sales_team.group_sale_salesman"


class ResPartner(models.Model):
    """Shows the value of the contact's commercial partner in the current company; stores nothing.

    The displayed figures are related fields for reading and columns of one joined table for sorting, grouping and
    summing (`_field_to_sql`), so that the Contacts list stays one query however many of them it shows.
    """

    _inherit = "res.partner"

    value_ids = fields.One2many("crm.value", "partner_id", string="Values per Company", groups=SELLER_GROUP)
    value_id = fields.Many2one(
        "crm.value", string="Customer Value", compute="_compute_value_id", search="_search_value_id",
        compute_sudo=True, groups=f"{SELLER_GROUP},{MARGIN_GROUP}")
    value_currency_id = fields.Many2one(
        related="value_id.currency_id", string="Value Currency", groups=SELLER_GROUP)
    revenue_total = fields.Monetary(
        related="value_id.revenue_total", currency_field="value_currency_id", groups=SELLER_GROUP)
    revenue_12m = fields.Monetary(
        related="value_id.revenue_12m", currency_field="value_currency_id", groups=SELLER_GROUP)
    purchase_count = fields.Integer(related="value_id.purchase_count", groups=SELLER_GROUP)
    last_purchase_date = fields.Date(related="value_id.last_purchase_date", groups=SELLER_GROUP)
    probability_alive = fields.Float(related="value_id.probability_alive", groups=SELLER_GROUP)
    churn_risk = fields.Selection(related="value_id.churn_risk", groups=SELLER_GROUP)
    next_purchase_date = fields.Date(related="value_id.next_purchase_date", groups=SELLER_GROUP)
    value_tier_id = fields.Many2one(related="value_id.tier_id", string="Tier", groups=SELLER_GROUP)
    value_tier_color = fields.Integer(related="value_id.tier_id.color", string="Tier Color", groups=SELLER_GROUP)
    value_tier_review_date = fields.Date(related="value_id.tier_review_date", groups=SELLER_GROUP)
    value_next_tier_id = fields.Many2one(related="value_id.next_tier_id", string="Next Tier", groups=SELLER_GROUP)
    value_tier_explanation = fields.Html(
        string="Why This Tier", compute="_compute_value_tier_explanation", sanitize=False, groups=SELLER_GROUP)
    overdue_amount = fields.Monetary(
        related="value_id.overdue_amount", currency_field="value_currency_id", groups=SELLER_GROUP)
    margin_12m = fields.Monetary(
        related="value_id.margin_12m", currency_field="value_currency_id", groups=MARGIN_GROUP)
    margin_total = fields.Monetary(
        related="value_id.margin_total", currency_field="value_currency_id", groups=MARGIN_GROUP)
    clv = fields.Monetary(related="value_id.clv", currency_field="value_currency_id", groups=MARGIN_GROUP)
    realised_value = fields.Monetary(
        related="value_id.realised_value", currency_field="value_currency_id", groups=MARGIN_GROUP)

    @api.depends("commercial_partner_id.value_ids.company_id")
    @api.depends_context("company")
    def _compute_value_id(self):
        values = self.env["crm.value"].search([
            ("partner_id", "in", self.commercial_partner_id.ids), ("company_id", "=", self.env.company.id)])
        value_of = {value.partner_id: value for value in values}
        for partner in self:
            partner.value_id = value_of.get(partner.commercial_partner_id, False)

    @api.depends("value_id.tier_explanation")
    @api.depends_context("company", "uid", "lang")
    def _compute_value_tier_explanation(self):
        # No related field: it would be read by sudo, and the margins in it are not for everybody.
        for partner in self:
            partner.value_tier_explanation = partner.value_id.tier_explanation

    def _search_value_id(self, operator, value):
        if operator in Domain.NEGATIVE_OPERATORS:
            return NotImplemented
        in_company = Domain("company_id", "=", self.env.company.id)
        if operator in ("any", "any!"):
            matching = Domain("id", "in", value) if not isinstance(value, (Domain, list)) else Domain(value)
            return self._domain_of_values(in_company & matching)
        if operator == "in":
            domain = self._domain_of_values(in_company & Domain("id", "in", [number for number in value if number]))
            return domain | ~self._domain_of_values(in_company) if False in value else domain
        return self._domain_of_values(in_company & Domain("partner_id", operator, value))

    @api.model
    def _domain_of_values(self, domain):
        """Return the domain of the contacts whose commercial partner has a value in a domain."""
        # One subselect of commercial partners: through the relations it would pass the contacts twice. Only when the
        # query is built is the environment the user's again, and a figure that he may not read refused.
        def to_sql(partners, alias, query):
            values = partners.env["crm.value"]._search(domain, bypass_access=True)
            return SQL("%s IN %s", partners._field_to_sql(alias, "commercial_partner_id", query), values.subselect(
                SQL.identifier("crm_value", "partner_id")))

        return Domain.custom(to_sql=to_sql)

    def _field_to_sql(self, alias, field_expr, query=None):
        field = self._fields.get(field_expr)
        path = (field.related or "").split(".") if field else []
        if query is None or field_expr != "value_id" and path[:1] != ["value_id"]:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(field, "read")
        value_alias = self._join_value(alias, query)
        # sudo: the access to this field was checked above; the joined row is the current company's own.
        return self.env["crm.value"].sudo()._field_to_sql(value_alias, ".".join(path[1:]) or "id", query)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        field = self._fields.get(field_name)
        if not nulls and field and (field.related or "").startswith("value_id."):
            # Who has no value comes after the best and before the worst.
            nulls = SQL("NULLS LAST") if direction.code == "DESC" else SQL("NULLS FIRST")
        return super()._order_field_to_sql(alias, field_name, direction, nulls, query)

    def _join_value(self, alias, query):
        """Join the value of the contact's commercial partner in the current company; return its alias."""
        value_alias = query.make_alias(alias, f"value_{self.env.company.id}")
        query.add_join("LEFT JOIN", value_alias, "crm_value", SQL(
            "%s = %s AND %s = %s",
            SQL.identifier(value_alias, "partner_id"), self._field_to_sql(alias, "commercial_partner_id", query),
            SQL.identifier(value_alias, "company_id"), self.env.company.id))
        return value_alias

    def action_open_value(self):
        """Open the customer value of this contact.

        :raise AccessError: the user may not read customer values
        """
        self.ensure_one()
        self.env["crm.value"].check_access("read")
        if not self.value_id:
            return self.env["crm.value"]._notification(self.env._(
                "%(customer)s has no posted invoice, order or opportunity in %(company)s yet.",
                customer=self.commercial_partner_id.display_name, company=self.env.company.name), "info")
        return {
            "type": "ir.actions.act_window", "res_model": "crm.value", "res_id": self.value_id.id,
            "views": [(False, "form")], "name": self.env._("Customer Value"),
        }

    def action_open_value_purchases(self):
        """Open the purchases that an amount of this contact is made of (see `crm.value.action_open_purchases`)."""
        self.ensure_one()
        return self.value_id.action_open_purchases()

    def action_open_value_overdue(self):
        """Open the documents that the overdue amount of this contact is made of."""
        self.ensure_one()
        return self.value_id.action_open_overdue()

    def action_recompute_value(self):
        """Recompute the values of these contacts' commercial partners in the user's active companies.

        :return: action that tells the user what was done, or that it is done within a minute
        :raise AccessError: the user may not read these contacts or customer values
        """
        self.check_access("read")
        Value = self.env["crm.value"]
        Value.check_access("read")
        count, is_enqueued = Value._refresh_or_enqueue(self, self.env.companies)
        if is_enqueued:
            return Value._notification(self.env._(
                "The values of %(count)s customers are recomputed within a minute.", count=count), "info")
        return Value._notification(self.env._("The values of %(count)s customers were recomputed.", count=count))
