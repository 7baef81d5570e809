from odoo import fields, models

from ..const import SELLER_GROUP


class ResPartner(models.Model):
    """A customer that wants no evaluation: its totals are the books and stay, all that is concluded from them goes."""

    _inherit = "res.partner"

    value_opt_out = fields.Boolean(
        string="Opt Out of Scoring", copy=False, groups=SELLER_GROUP,
        help="The customer does not want to be scored: revenue and margin stay as in the books; there is no "
             "prediction, rank, stage or tier, and nobody is asked to follow up. For a contact of a company: no "
             "follow-up about this person; the company keeps its figures.")

    _value_opt_out_idx = models.Index("(id) WHERE value_opt_out")

    def write(self, vals):
        if "value_opt_out" not in vals:
            return super().write(vals)
        changed = self.filtered(lambda partner: partner.value_opt_out != bool(vals["value_opt_out"]))
        result = super().write(vals)
        changed._apply_opt_out()
        return result

    def _apply_opt_out(self):
        """End the follow-ups of who opted out, and decide all figures of these customers anew."""
        # sudo: the wish holds in every company that knows the contact, also in those that the user does not see.
        customers = self.sudo().filtered(lambda partner: partner == partner.commercial_partner_id)
        values = customers.with_context(active_test=False).value_ids
        self.env["crm.value.followup"].sudo().search([
            ("value_id", "in", values.ids), ("state", "=", "open"), ("partner_id.value_opt_out", "=", True),
        ])._close(fields.Date.context_today(self))
        for company, of_company in values.grouped("company_id").items():
            self.env["crm.value.scheduler"].sudo()._refresh_or_enqueue(of_company.partner_id, company)
