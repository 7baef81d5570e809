from odoo import api, fields, models
from odoo.tools import SQL

from ..const import MARGIN_GROUP, SELLER_GROUP


class CrmLead(models.Model):
    """Shows what the customer of an opportunity is worth, so that salespeople can work a pipeline in order of value.

    Shows the value for the lead's own company (see `_select_of_company`), or for the current company when it has none.
    Values of companies the user has not selected are never shown.
    """

    _name = "crm.lead"
    _inherit = ["crm.lead", "crm.value.mixin"]

    referred_by_id = fields.Many2one(
        "res.partner",
        string="Referred by",
        ondelete="set null",
        index="btree_not_null",
        help="The customer who brought this one; kept on the contact when the lead becomes one",
    )
    value_tier_id = fields.Many2one(related="value_id.tier_id", string="Tier", groups=SELLER_GROUP)
    value_tier_color = fields.Integer(related="value_id.tier_id.color", string="Tier Color", groups=SELLER_GROUP)
    value_tier_icon = fields.Selection(related="value_id.tier_id.icon", string="Tier Icon", groups=SELLER_GROUP)
    contact_style_hint = fields.Char(related="partner_id.contact_style_hint", groups=SELLER_GROUP)
    # No totals: a customer with two opportunities would count twice.
    revenue_12m = fields.Monetary(
        related="value_id.revenue_12m", currency_field="value_currency_id", groups=SELLER_GROUP, aggregator=None
    )
    clv = fields.Monetary(
        related="value_id.clv", currency_field="value_currency_id", groups=MARGIN_GROUP, aggregator=None
    )
    expected_margin_12m = fields.Monetary(
        related="value_id.expected_margin_12m", currency_field="value_currency_id", groups=MARGIN_GROUP, aggregator=None
    )

    # Of whoever has not bought yet: what a won lead brings, from customers like it.
    value_if_won = fields.Monetary(
        string="Worth if Won",
        compute="_compute_value_if_won",
        currency_field="company_currency",
        groups=SELLER_GROUP,
        help="Revenue of the first 12 months, as customers like this one brought it",
    )
    value_expected = fields.Monetary(
        string="Expected Value",
        compute="_compute_value_if_won",
        currency_field="company_currency",
        groups=SELLER_GROUP,
        help="Worth if won, times the probability",
    )
    value_if_won_reason = fields.Char(
        string="As Brought by", compute="_compute_value_if_won", groups=SELLER_GROUP, help="The customers it comes from"
    )

    value_suggestion_ids = fields.One2many(
        "crm.value.suggestion", related="value_id.suggestion_ids", string="Next Products", groups=SELLER_GROUP
    )

    def init(self):
        super().init()
        self.env["crm.value.schema"]._commit()

    # whose value (see `crm.value.mixin`)

    @api.depends(
        "partner_id.commercial_partner_id.value_ids.company_id",
        "company_id",
        "team_id.company_id",
        "user_id.company_id",
    )
    @api.depends_context("company", "allowed_company_ids")
    def _compute_value_id(self):
        super()._compute_value_id()

    @api.depends("partner_id", "country_id", "source_id", "partner_name", "probability", "won_status", "value_id")
    @api.depends_context("company", "allowed_company_ids", "lang")
    def _compute_value_if_won(self):
        found = self.env["crm.value.lead.worth"]._estimate(self)
        for lead in self:
            worth, reason = found.get(lead, (0.0, False))
            lead.value_if_won = worth
            lead.value_expected = worth * lead.probability / 100
            lead.value_if_won_reason = reason

    def _value_keys(self):
        keys = {}
        for lead in self:
            company = lead.company_id or lead.team_id.company_id or lead.user_id.company_id or self.env.company
            keys[lead] = (
                lead.partner_id.commercial_partner_id._origin.id,
                company.id if company in self.env.companies else False,
            )
        return keys

    def _value_key_to_sql(self, alias, query):
        # sudo: columns to join by, which nobody gets to see.
        lead, columns = self.sudo(), {}
        for name, column in (
            ("partner_id", "commercial_partner_id"),
            ("team_id", "company_id"),
            ("user_id", "company_id"),
        ):
            other = lead.env[lead._fields[name].comodel_name]
            joined = query.make_alias(alias, f"value_{name}")
            query.add_join(
                "LEFT JOIN",
                joined,
                other._table,
                SQL("%s = %s", SQL.identifier(joined, "id"), lead._field_to_sql(alias, name, query)),
            )
            columns[name] = other._field_to_sql(joined, column, query)
        company = SQL(
            "COALESCE(%s, %s, %s, %s)",
            lead._field_to_sql(alias, "company_id", query),
            columns["team_id"],
            columns["user_id"],
            self.env.company.id,
        )
        return (
            SQL("COALESCE(%s, 0)", columns["partner_id"]),
            SQL("CASE WHEN %s IN %s THEN %s ELSE 0 END", company, tuple(self.env.companies.ids), company),
        )

    @api.model
    def _select_of_company(self, company, only_open=False):
        """Return the SELECT of a company's leads, all columns, to be used as a table.

        A lead without a company belongs to that of its team, else of its salesperson; without either, to none.

        :param only_open: active opportunities that are neither won nor lost
        """
        is_open = SQL("lead.type = 'opportunity' AND lead.active AND lead.won_status = 'pending'")
        return SQL(
            """
            (SELECT lead.* FROM crm_lead lead
               LEFT JOIN crm_team team ON team.id = lead.team_id
               LEFT JOIN res_users salesperson ON salesperson.id = lead.user_id
              WHERE COALESCE(lead.company_id, team.company_id, salesperson.company_id) = %s AND %s)
            """,
            company.id,
            is_open if only_open else SQL("TRUE"),
        )

    @api.model_create_multi
    def create(self, vals_list):
        return super().create(self.env["crm.value.referral.link"]._credit(vals_list))

    def _prepare_customer_values(self, partner_name, is_company=False, parent_id=False):
        vals = super()._prepare_customer_values(partner_name, is_company=is_company, parent_id=parent_id)
        # A contact of a company needs none: the company is the customer who was referred.
        if self.referred_by_id and not parent_id:
            vals["referred_by_id"] = self.referred_by_id.id
        return vals
