from odoo import api, fields, models
from odoo.tools import formatLang

from ..const import SELLER_GROUP


class AccountMove(models.Model):
    """What a credit note does to its customer, told before it is posted."""

    _inherit = "account.move"

    value_refund_warning = fields.Char(compute="_compute_value_refund_warning", groups=SELLER_GROUP)

    @api.depends("state", "move_type", "partner_id", "amount_untaxed_signed", "invoice_date", "reversed_entry_id")
    @api.depends_context("uid", "lang")
    def _compute_value_refund_warning(self):
        for move in self:
            note = move._origin
            is_told = note and note.state == "draft" and note.move_type == "out_refund" and note.commercial_partner_id
            move.value_refund_warning = is_told and note._warn_of_refund()

    def _warn_of_refund(self):
        """Return in words which revenue and tier the customer has once this credit note is posted."""
        # sudo: the tier rules look at margins, too; only revenue and tier are told.
        company = self.company_id.sudo()
        Value = self.env["crm.value"].sudo().with_company(company).with_context(allowed_company_ids=company.ids)
        value = Value.search(
            [("company_id", "=", company.id), ("partner_id", "=", self.commercial_partner_id.id)], limit=1)
        if not value:
            return False
        after = value.env["crm.value.tier.preview"]._after_draft(value, company, self)
        if not after:
            return False
        text = self.env._(
            "Once this is posted, the revenue of %(customer)s in the last 12 months is %(after)s (now %(before)s)",
            customer=self.commercial_partner_id.display_name,
            after=formatLang(self.env, after["revenue_12m"], currency_obj=company.currency_id),
            before=formatLang(self.env, value.revenue_12m, currency_obj=company.currency_id))
        tier, present = after["tier_id"], value.tier_id
        if tier == present:
            return f"{text}."
        return self.env._("%(text)s, and its tier %(after)s (now %(before)s).", text=text,
                          after=tier.name or self.env._("none"), before=present.name or self.env._("none"))
