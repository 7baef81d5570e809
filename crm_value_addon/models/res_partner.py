from odoo import api, fields, models
from odoo.tools import SQL

from ..const import MARGIN_GROUP, SELLER_GROUP


class ResPartner(models.Model):
    """Shows the value of the contact's commercial partner in the current company; stores nothing."""

    _name = "res.partner"
    _inherit = ["res.partner", "crm.value.mixin"]

    value_ids = fields.One2many("crm.value", "partner_id", string="Values per Company", groups=SELLER_GROUP)
    revenue_total = fields.Monetary(
        related="value_id.revenue_total", currency_field="value_currency_id", groups=SELLER_GROUP)
    revenue_12m = fields.Monetary(
        related="value_id.revenue_12m", currency_field="value_currency_id", groups=SELLER_GROUP)
    purchase_count = fields.Integer(related="value_id.purchase_count", groups=SELLER_GROUP)
    last_purchase_date = fields.Date(related="value_id.last_purchase_date", groups=SELLER_GROUP)
    probability_alive = fields.Float(related="value_id.probability_alive", groups=SELLER_GROUP)
    next_purchase_date = fields.Date(related="value_id.next_purchase_date", groups=SELLER_GROUP)
    value_tier_id = fields.Many2one(related="value_id.tier_id", string="Tier", groups=SELLER_GROUP)
    value_tier_color = fields.Integer(related="value_id.tier_id.color", string="Tier Color", groups=SELLER_GROUP)
    value_tier_icon = fields.Selection(related="value_id.tier_id.icon", string="Tier Icon", groups=SELLER_GROUP)
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

    def init(self):
        super().init()
        self.env["crm.value.schema"]._commit()

    @api.depends("commercial_partner_id.value_ids.company_id")
    @api.depends_context("company")
    def _compute_value_id(self):
        super()._compute_value_id()

    def _value_keys(self):
        return {
            partner: (partner.commercial_partner_id._origin.id or partner._origin.id, self.env.company.id)
            for partner in self}

    def _value_key_to_sql(self, alias, query):
        return self._field_to_sql(alias, "commercial_partner_id", query), SQL("%s", self.env.company.id)

    @api.depends("value_id.tier_explanation")
    @api.depends_context("company", "uid", "lang")
    def _compute_value_tier_explanation(self):
        # No related field: it would be read by sudo, and the margins in it are not for everybody.
        for partner in self:
            partner.value_tier_explanation = partner.value_id.tier_explanation

    def action_open_value_purchases(self):
        """Open the purchases that an amount of this contact is made of (see `crm.value.action_open_purchases`)."""
        return self._open_from_value("action_open_purchases")

    def action_open_value_overdue(self):
        """Open the documents that the overdue amount of this contact is made of."""
        return self._open_from_value("action_open_overdue")

    def _open_from_value(self, action):
        self.ensure_one()
        if not self.value_id:
            return self.env["crm.value"]._notification(self._describe_no_value(), "info")
        return getattr(self.value_id, action)()

    def action_recompute_value(self):
        """Recompute the values of these contacts' commercial partners in the user's active companies.

        :return: action that tells the user what was done, or that it is done within a minute
        :raise AccessError: the user may not read these contacts or customer values
        """
        self.check_access("read")
        Value = self.env["crm.value"]
        Value.check_access("read")
        count, is_enqueued = self.env["crm.value.scheduler"]._refresh_or_enqueue(self, self.env.companies)
        if is_enqueued:
            return Value._notification(self.env._(
                "The values of %(count)s customers are recomputed within a minute.", count=count), "info")
        return Value._notification(self.env._("The values of %(count)s customers were recomputed.", count=count))
