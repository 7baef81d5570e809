from odoo import models


class CrmValue(models.Model):
    _inherit = "crm.value"

    def _merge_into(self, company, customer):
        """Hand the gifts over one by one: those that both had stay behind, the others keep being remembered."""
        target = self.filtered(lambda value: value.partner_id == customer) or self._highest()
        # sudo: nobody but the machine writes gifts.
        gifts = self.env["crm.value.grant"].sudo().search([("value_id", "in", self.ids)], order="id")
        had = {(gift.benefit_id, gift.occasion) for gift in gifts if gift.value_id == target}
        for gift in gifts.filtered(lambda gift: gift.value_id != target):
            if (gift.benefit_id, gift.occasion) not in had:
                gift.value_id = target
                had.add((gift.benefit_id, gift.occasion))
        return super()._merge_into(company, customer)
