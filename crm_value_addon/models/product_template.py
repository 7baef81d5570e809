from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ProductTemplate(models.Model):
    _inherit = "product.template"

    value_remind_months = fields.Integer(
        string="Remind after (months)",
        help="A service is due this many months after the customer last bought this: "
        "follow-up rules tell who has to call. 0: never.",
    )
    value_successor_id = fields.Many2one(
        "product.template",
        string="Replaced by",
        index="btree_not_null",
        ondelete="set null",
        help="Once this product is archived, follow-up rules tell its regular buyers what takes its place.",
    )

    value_no_purchase = fields.Boolean(
        string="No Purchase",
        help="A fee, postage, a deposit: revenue and margin, but neither bought nor given back",
    )
    value_not_for_tiers = fields.Boolean(string="Not for Tiers", help="Bought, but without weight for tiers")

    @api.model_create_multi
    def create(self, vals_list):
        templates = super().create(vals_list)
        self.env["crm.value.counting"]._on_new_products(templates)
        return templates

    def write(self, vals):
        with self.env["crm.value.counting"]._watch(vals):
            return super().write(vals)

    def init(self):
        super().init()
        self.env["crm.value.schema"]._commit()

    @api.constrains("value_remind_months", "value_successor_id")
    def _check_followup(self):
        for template in self:
            if not 0 <= template.value_remind_months <= 240:
                raise ValidationError(
                    self.env._("%(product)s: a reminder comes after 0 to 240 months.", product=template.display_name)
                )
            if template.value_successor_id == template:
                raise ValidationError(
                    self.env._("%(product)s cannot be replaced by itself.", product=template.display_name)
                )
