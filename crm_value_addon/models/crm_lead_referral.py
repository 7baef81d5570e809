from odoo import fields, models


class CrmLead(models.Model):
    _inherit = "crm.lead"

    referred_by_id = fields.Many2one(
        "res.partner", string="Referred by", ondelete="set null", index="btree_not_null",
        help="The customer who brought this one; kept on the contact when the lead becomes one")

    def _prepare_customer_values(self, partner_name, is_company=False, parent_id=False):
        vals = super()._prepare_customer_values(partner_name, is_company=is_company, parent_id=parent_id)
        # A contact of a company needs none: who was referred is the customer.
        if self.referred_by_id and not parent_id:
            vals["referred_by_id"] = self.referred_by_id.id
        return vals
