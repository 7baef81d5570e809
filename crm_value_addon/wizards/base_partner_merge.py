from odoo import api, fields, models

from ..const import SELLER_GROUP


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    value_preview = fields.Html(
        string="Customer Value", compute="_compute_value_preview", sanitize=False, groups=SELLER_GROUP
    )

    @api.depends("partner_ids", "dst_partner_id")
    @api.depends_context("allowed_company_ids", "uid", "lang")
    def _compute_value_preview(self):
        for wizard in self:
            tables = [table for company in self.env.companies if (table := wizard._prepare_value_table(company))]
            wizard.value_preview = (
                self.env["ir.qweb"]._render("crm_value_addon.partner_merge_value", {"tables": tables})
                if tables
                else False
            )

    def _prepare_value_table(self, company):
        """Return what the contacts to merge are worth to a company, one by one and together.

        :return: dict: ``company``, ``customers`` (records), ``rows``, a list of (label, texts of each, text together);
            empty when the merge does not join values of several customers
        """
        destination = (self.dst_partner_id or self.partner_ids[-1:])._origin
        customers = self._value_customers(self.partner_ids._origin - destination, destination)
        values = self.env["crm.value"].search([("partner_id", "in", customers.ids), ("company_id", "=", company.id)])
        if len(customers) < 2 or not values:
            return {}
        together = self.env["crm.value.merge"]._preview(values, company, destination.commercial_partner_id)
        no_tier = self.env._("no tier")
        rows = [
            (
                self.env._("Tier"),
                [value.tier_id.name or no_tier for value in values],
                together["tier_id"].name or no_tier,
            )
        ]
        for name in ("revenue_12m", "revenue_total", "purchase_count", "margin_12m", "clv"):
            if self.env["crm.value.tier.explanation"]._may_see(name):
                rows.append(self._prepare_value_row(values, name, together.get(name, 0)))
        return {"company": company, "customers": values.partner_id, "rows": rows}

    @api.model
    def _prepare_value_row(self, values, name, together):
        """Return a figure of values of a company, one by one and together: (label, texts of each, text together)."""
        Explanation, currency = self.env["crm.value.tier.explanation"], values.company_id.currency_id
        return (
            values._fields[name]._description_string(self.env),
            [Explanation._format_figure(currency, name, number) for number in values.mapped(name)],
            Explanation._format_figure(currency, name, together),
        )

    @api.model
    def _value_customers(self, src_partners, dst_partner):
        """Return the commercial partners whose values become one when contacts are merged."""
        return (
            src_partners.filtered(lambda partner: partner.commercial_partner_id == partner)
            | dst_partner.commercial_partner_id
        )

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Make one value of several, and refresh it, because Odoo hands over the documents in SQL, past every hook.

        Left to Odoo, the destination would get the value of an arbitrary source, or none at all.
        """
        customer = dst_partner.commercial_partner_id
        # sudo: the values may belong to companies that the user may not see.
        values = (
            self.env["crm.value"]
            .sudo()
            .search([("partner_id", "in", self._value_customers(src_partners, dst_partner).ids)])
        )
        companies = values.company_id
        for company, in_company in values.grouped("company_id").items():
            self.env["crm.value.merge"].sudo()._merge(in_company, company, customer)
        self.env.flush_all()
        result = super()._update_foreign_keys(src_partners, dst_partner)
        self.env["crm.value.scheduler"]._refresh_or_enqueue(customer, companies, tier_source="merge")
        return result
