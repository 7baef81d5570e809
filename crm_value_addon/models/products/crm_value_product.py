from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...const import MARGIN_GROUP

STATES = [
    ("new", "New"),
    ("regular", "Regular"),
    ("due", "Due"),
    ("slipping", "Slipping"),
    ("lost", "Lost"),
    ("back", "Back"),
]


class CrmValueProduct(models.Model):
    """What a customer buys of a category, or of a product where the company's settings say so.

    How it works: `crm.value.product.refresh` writes the rows, for all customers every night and for those whose
    documents changed. A customer who opted out of scoring has none. The rows are derived: whatever is deleted here
    comes back with the next refresh, as long as the documents are there.
    """

    _name = "crm.value.product"
    _description = "Customer and Product"
    _log_access = False
    _order = "revenue_at_stake desc, id"
    _rec_name = "category_id"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", readonly=True)
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    value_id = fields.Many2one(
        "crm.value", string="Customer Value", ondelete="cascade", index="btree_not_null", readonly=True
    )
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    category_id = fields.Many2one("product.category", ondelete="cascade", index="btree_not_null", readonly=True)
    product_tmpl_id = fields.Many2one(
        "product.template",
        string="Product",
        ondelete="cascade",
        index="btree_not_null",
        readonly=True,
        help="Empty where the settings ask for categories",
    )
    is_service = fields.Boolean(
        string="Services", readonly=True, help="More of the last revenue came from services than from goods"
    )
    first_date = fields.Date(string="First Bought", readonly=True)
    last_date = fields.Date(string="Last Bought", readonly=True)
    purchase_count = fields.Integer(
        string="Days Bought", readonly=True, help="Days on which it was bought, less what was given back"
    )
    quantity_12m = fields.Float(string="Quantity 12 Months", readonly=True, help="In the unit of the product")
    revenue_12m = fields.Monetary(
        string="Revenue 12 Months", readonly=True, help="Untaxed, less what was credited, in the company's currency"
    )
    revenue_previous_12m = fields.Monetary(string="Revenue 12 Months Before", readonly=True)
    margin_12m = fields.Monetary(string="Margin 12 Months", readonly=True, groups=MARGIN_GROUP)
    margin_previous_12m = fields.Monetary(string="Margin 12 Months Before", readonly=True, groups=MARGIN_GROUP)
    usual_days = fields.Integer(
        string="Usual Rhythm (days)",
        readonly=True,
        aggregator="avg",
        help="Half of the times it was bought again within so many days; 0 where it was bought once",
    )
    expected_date = fields.Date(string="Expected Again", readonly=True)
    state = fields.Selection(
        STATES,
        readonly=True,
        help="New: bought once, within 90 days. Due: the usual rhythm has passed. Slipping and lost: it has passed by "
        "the factors of the life cycle. Back: bought again after it was lost.",
    )
    revenue_at_stake = fields.Monetary(
        string="At Stake",
        readonly=True,
        help="What a year of it brought before it slipped or was lost; else what the last 12 months brought less than "
        "the 12 before",
    )
    expected_revenue = fields.Monetary(
        string="Expected Revenue 12 Months",
        compute="_compute_expected",
        help="What the customer is expected to bring in the next 12 months, shared among what it bought in the last 12 "
        "and has not lost",
    )
    expected_margin = fields.Monetary(
        string="Expected Margin 12 Months",
        compute="_compute_expected",
        groups=MARGIN_GROUP,
        help="The margin of the last 12 months, in the same proportion",
    )
    is_dismissed = fields.Boolean(
        string="Dismissed",
        compute="_compute_is_dismissed",
        search="_search_is_dismissed",
        help="Somebody said that this customer need not be asked, and it has not bought the product since",
    )
    figures_digest = fields.Float(readonly=True, groups="base.group_system")

    _partner_idx = models.Index("(partner_id, company_id)")
    _company_idx = models.Index("(company_id, state)")
    _without_value_idx = models.Index("(company_id, partner_id) WHERE value_id IS NULL")

    @api.depends("category_id", "product_tmpl_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        # sudo: whoever may see what a customer buys may read its name, also of a product of another company
        for row in self.sudo():
            item = row.product_tmpl_id or row.category_id
            row.display_name = item.display_name or self.env._("Without a category")

    @api.depends("revenue_12m", "margin_12m", "state", "value_id.expected_purchases", "value_id.expected_spend")
    def _compute_expected(self):
        # as in `crm.value.demand`, which adds these up; sudo: a margin is read by who may read the field
        shares = self._read_group(
            [("value_id", "in", self.value_id.ids), ("revenue_12m", ">", 0), ("state", "!=", "lost")],
            ["value_id"],
            ["revenue_12m:sum"],
        )
        total = {value.id: amount for value, amount in shares}
        for row, known in zip(self, self.sudo(), strict=True):
            is_kept = row.revenue_12m > 0 and row.state != "lost" and total.get(row.value_id.id)
            growth = row.value_id.expected_revenue / total[row.value_id.id] if is_kept else 0.0
            row.expected_revenue = row.revenue_12m * growth
            row.expected_margin = known.margin_12m * growth

    @api.depends("last_date", "partner_id")
    def _compute_is_dismissed(self):
        dismissed = self.search([("id", "in", self.ids), ("is_dismissed", "=", True)])
        for row in self:
            row.is_dismissed = row in dismissed

    @api.model
    def _search_is_dismissed(self, operator, value):
        if operator != "in":
            return NotImplemented
        dismissed = Domain.custom(to_sql=lambda model, alias, query: model._is_dismissed_to_sql(alias))
        return dismissed if True in value else ~dismissed

    @api.model
    def _is_dismissed_to_sql(self, alias):
        """Return the condition that a row was dismissed after the customer last bought the product."""
        self.env["crm.value.dismissal"].flush_model()
        return SQL(
            """EXISTS (SELECT FROM crm_value_dismissal dismissal
                        WHERE dismissal.partner_id = %(row)s.partner_id AND dismissal.company_id = %(row)s.company_id
                          AND dismissal.date >= %(row)s.last_date
                          AND CASE WHEN dismissal.product_tmpl_id IS NOT NULL
                                   THEN dismissal.product_tmpl_id = %(row)s.product_tmpl_id
                                   ELSE dismissal.category_id = %(row)s.category_id END)""",
            row=SQL.identifier(alias),
        )

    def action_quote(self):
        """Put the product on the customer's latest open quotation, or a new one, and open it.

        Of a category, Odoo's catalog is opened, so that the salesperson chooses.

        :raise AccessError: the user may not read the row, or write quotations
        """
        self.ensure_one()
        self.check_access("read")
        order = self.env["crm.value.product.offer"]._open_quotation(self.partner_id, self.company_id)
        if not self.product_tmpl_id:
            catalog = order.action_add_from_catalog()
            return catalog | {"context": {**catalog.get("context", {}), "search_default_categ_id": self.category_id.id}}
        self.env["crm.value.product.offer"]._add(order, self.product_tmpl_id.product_variant_id)
        return self.env["crm.value.product.offer"]._action_order(order)

    def action_ask(self):
        """Open Odoo's dialog for an activity on the customer: to ask why it no longer buys the product.

        :raise AccessError: the user may not read the row
        """
        self.ensure_one()
        self.check_access("read")
        return self.env["crm.value.product.offer"]._action_ask(self.partner_id, self.display_name)

    @api.model
    def _forget(self, partner_ids):
        """Delete the rows of customers, in all companies, whoever asks."""
        # sudo: nobody may write the rows; they are derived, and the next refresh brings back what is still true.
        self.sudo().search([("partner_id", "in", list(partner_ids))]).unlink()
