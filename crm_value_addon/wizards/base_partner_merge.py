from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Refresh the merged customer: its documents change hands in SQL, which no write hook sees.

        The values of the merged contacts go first. One value per customer and company is all there can be, and Odoo
        would otherwise hand the destination the figures of whichever source it comes to.
        """
        # sudo: the values may belong to companies that the user does not see.
        values = self.env["crm.value"].sudo().search([("partner_id", "in", (src_partners | dst_partner).ids)])
        companies = values.company_id
        values.filtered(lambda value: value.partner_id in src_partners).unlink()
        self.env.flush_all()
        super()._update_foreign_keys(src_partners, dst_partner)
        customer = dst_partner.commercial_partner_id
        self.env["crm.value.queue"]._push_partners(customer, companies)
