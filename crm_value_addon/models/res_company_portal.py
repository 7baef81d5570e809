from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    value_portal = fields.Boolean(
        string="Loyalty Page in the Customer Portal",
        help="Customers see their tier, its benefits, and what is missing for the next one. Never a margin, a "
             "prediction or another customer.")
    value_portal_contacts = fields.Boolean(
        string="Contacts See Their Company's Tier",
        help="Each person with a login sees the tier, the points and the coupons of the company it works for.")
