from odoo import api, fields, models
from odoo.exceptions import ValidationError

REASONS = [
    ("competitor", "Buys it elsewhere"),
    ("price", "Too expensive"),
    ("quality", "Was not content"),
    ("no_need", "No longer needs it"),
    ("replaced", "Buys something else instead"),
    ("wrong", "Does not fit this customer"),
    ("other", "Another reason"),
]


class CrmValueDismissal(models.Model):
    """Somebody said that a customer need not be asked about a product, or a category, and why.

    It holds until the customer buys the product again: then it is about the past.
    """

    _name = "crm.value.dismissal"
    _description = "Dismissed Product"
    _order = "date desc, id desc"
    _rec_name = "reason"
    _check_company_auto = True

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", default=lambda self: self.env.company
    )
    category_id = fields.Many2one("product.category", ondelete="cascade")
    product_tmpl_id = fields.Many2one("product.template", string="Product", ondelete="cascade", check_company=True)
    reason = fields.Selection(REASONS, required=True)
    note = fields.Char()
    date = fields.Date(required=True, readonly=True, default=lambda self: self.env.company._value_today())
    user_id = fields.Many2one(
        "res.users", string="By", readonly=True, ondelete="set null", default=lambda self: self.env.user
    )

    @api.constrains("category_id", "product_tmpl_id", "reason")
    def _check_item(self):
        for dismissal in self:
            if not dismissal.category_id and not dismissal.product_tmpl_id:
                raise ValidationError(self.env._("A product or a category is dismissed: name one of them."))
