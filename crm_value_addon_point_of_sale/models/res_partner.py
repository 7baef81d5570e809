from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class ResPartner(models.Model):
    """Tells tills of the customer's tier, and hands over what a contact bought there."""

    _inherit = "res.partner"

    value_till = fields.Json(
        string="Tier at the Till",
        compute="_compute_value_till",
        groups="point_of_sale.group_pos_user",
        help="Tier, caution and what is missing for higher tiers, as tills read them (see crm.value.till.tier)",
    )

    @api.depends_context("company")
    def _compute_value_till(self):
        told = self.env["crm.value.till.tier"]._describe_customers(self, self.env.company)
        for partner in self:
            partner.value_till = told[partner]

    @api.model
    def _load_pos_data_fields(self, config):
        return [*super()._load_pos_data_fields(config), "value_till"]

    @api.model
    def _server_date_to_domain(self, domain):
        """Load also the customers whose figures changed since: the till keeps the others as they were."""
        last = self.env.context.get("pos_last_server_date")
        changed = super()._server_date_to_domain(domain)
        if domain is False or not last or not self.env.context.get("pos_limited_loading", True):
            return changed
        # a day more: a figure's day is the company's
        since = fields.Datetime.to_datetime(last).date() - timedelta(days=1)
        # sudo: a cashier has no rights on values; the query only says which of the contacts are loaded again
        values = self.env["crm.value"].sudo()
        values = values._search([("company_id", "=", self.env.company.id), ("as_of_date", ">=", since)])
        moved = [("commercial_partner_id", "in", values.subselect("partner_id"))]
        return Domain.OR([changed, Domain.AND([domain, moved])])

    def write(self, vals):
        result = super().write(vals)
        if "parent_id" in vals:
            self._value_hand_over_till_orders()
        return result

    def _value_hand_over_till_orders(self):
        """Hand what these contacts bought at the till to their new commercial partner, as Odoo does their invoices."""
        self.env.flush_all()
        keys = set()
        for name in ("partner_id", "origin_partner_id"):
            moved = self.env.execute_query(
                SQL(
                    """
                WITH moved AS (
                    SELECT own.id, contact.id AS old_id, contact.commercial_partner_id AS new_id
                      FROM crm_value_till_order own JOIN res_partner contact ON contact.id = own.%(name)s
                     WHERE own.%(name)s = ANY(%(contacts)s) AND contact.commercial_partner_id != contact.id)
                UPDATE crm_value_till_order own SET %(name)s = moved.new_id FROM moved WHERE own.id = moved.id
                RETURNING moved.old_id, moved.new_id, own.company_id
                """,
                    name=SQL.identifier(name),
                    contacts=self.ids,
                )
            )
            keys |= {(partner_id, company_id, 0) for *partners, company_id in moved for partner_id in partners}
        self.env["crm.value.queue"]._push(keys)
