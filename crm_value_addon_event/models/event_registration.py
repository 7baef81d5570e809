from odoo import api, fields, models
from odoo.fields import Domain


class EventRegistration(models.Model):
    """A registration, refused where the event is for a tier; whoever came by a referral link stays referred.

    How it works: the website registers visitors by name and address, without a contact. The registration keeps who
    recommended the company, and the contact that it gets later is *Referred by* that customer, if it is new.
    """

    _inherit = "event.registration"

    referred_by_id = fields.Many2one(
        "res.partner",
        string="Referred by",
        ondelete="set null",
        index="btree_not_null",
        help="The customer by whose referral link somebody came; kept on the contact that the registration gets",
    )

    @api.model_create_multi
    def create(self, vals_list):
        events = self.env["event.event"].browse([vals["event_id"] for vals in vals_list if vals.get("event_id")])
        events._check_open_to_user()
        seats = super().create(self.env["crm.value.referral.link"]._credit(vals_list))
        seats._hand_on_referral()
        return seats

    def write(self, vals):
        result = super().write(vals)
        if "partner_id" in vals:
            self._hand_on_referral()
        return result

    def _hand_on_referral(self):
        """Note on new customers who referred them."""
        for seat in self.filtered("referred_by_id"):
            # sudo: whoever registers guests need not have rights on customers and their values
            customer = seat.partner_id.sudo().commercial_partner_id
            if customer and not customer.referred_by_id and seat._is_new(customer):
                customer.referred_by_id = seat.referred_by_id

    def _is_new(self, customer):
        """Tell whether a customer has bought nothing, and is neither the referrer nor referred it."""
        above, seen = self.referred_by_id.sudo(), self.env["res.partner"].sudo()
        while above and above not in seen:
            seen |= above | above.commercial_partner_id
            above = above.referred_by_id
        bought = (
            self.env["crm.value"]
            .sudo()
            .search_count(Domain("partner_id", "=", customer.id) & Domain("purchase_count", ">", 0), limit=1)
        )
        return customer not in seen and not bought
