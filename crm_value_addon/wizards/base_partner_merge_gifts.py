from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Hand the gifts of the merged contacts over before their values go: nobody gets a gift twice by a merge."""
        # sudo: the gifts may belong to companies that the user does not see.
        grants = self.env["crm.value.grant"].sudo().search([("value_id.partner_id", "in", src_partners.ids)])
        for company, gifts in grants.grouped("company_id").items():
            target = self.env["crm.value"]._ensure_values(company, [dst_partner.commercial_partner_id.id])
            value = target[dst_partner.commercial_partner_id.id]
            had = {(gift.benefit_id, gift.occasion) for gift in self.env["crm.value.grant"].sudo().search([
                ("value_id", "=", value.id)])}
            for gift in gifts.sorted("id"):
                if (gift.benefit_id, gift.occasion) not in had:
                    gift.value_id = value
                    had.add((gift.benefit_id, gift.occasion))
        super()._update_foreign_keys(src_partners, dst_partner)
