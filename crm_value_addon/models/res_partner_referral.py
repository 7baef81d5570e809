from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..const import SELLER_GROUP


class ResPartner(models.Model):
    _inherit = "res.partner"

    referred_by_id = fields.Many2one(
        "res.partner", string="Referred by", ondelete="set null", index="btree_not_null", copy=False,
        groups=SELLER_GROUP, help="The customer who brought this one")
    # The name that other modules use for it: with one of them installed there is one birthday, not two.
    birthdate_date = fields.Date(string="Birthday", copy=False, groups=SELLER_GROUP)

    @api.constrains("referred_by_id")
    def _check_referred_by_id(self):
        if self._has_cycle("referred_by_id"):
            raise ValidationError(self.env._("Customers cannot have referred each other in a circle."))
        for partner in self:
            if partner.referred_by_id and \
                    partner.referred_by_id.commercial_partner_id == partner.commercial_partner_id:
                raise ValidationError(self.env._(
                    "%(customer)s cannot be referred by itself or by a contact of the same company.",
                    customer=partner.display_name))
