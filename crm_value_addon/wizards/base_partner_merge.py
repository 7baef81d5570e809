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
        Merge, sources = self.env["crm.value.merge"], self.partner_ids._origin - destination
        customers = Merge._customers(sources, destination)
        values = self.env["crm.value"].search([("partner_id", "in", customers.ids), ("company_id", "=", company.id)])
        if len(customers) < 2 or not values:
            return {}
        together = Merge._preview(values, company, Merge._customer_then(sources, destination))
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

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Make one value of several first: left to Odoo, the destination would get that of an arbitrary source."""
        self.env["crm.value.merge"]._merge_customers(src_partners, dst_partner)
        with self.env["crm.value.points"]._merging_cards(src_partners, dst_partner):
            return super()._update_foreign_keys(src_partners, dst_partner)

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        """Refresh the customer when all is done, because Odoo hands over the documents in SQL, past every hook."""
        contacts = self.env["res.partner"].browse(partner_ids).exists()
        result = super()._merge(partner_ids, dst_partner, extra_checks)
        left = contacts.exists()
        if len(left) == 1 < len(contacts):
            self.env["crm.value.merge"]._finish(left)
        return result
