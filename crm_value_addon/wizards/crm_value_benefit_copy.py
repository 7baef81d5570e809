from odoo import api, fields, models
from odoo.exceptions import UserError


class CrmValueBenefitCopy(models.TransientModel):
    """Copies benefits from one tier to another, because customers have the benefits of their own tier only."""

    _name = "crm.value.benefit.copy"
    _description = "Copy Benefits From Another Tier"

    tier_id = fields.Many2one("crm.value.tier", string="To", required=True, ondelete="cascade")
    from_tier_id = fields.Many2one("crm.value.tier", string="From", required=True, ondelete="cascade")
    benefit_ids = fields.Many2many(
        "crm.value.benefit",
        string="Benefits",
        compute="_compute_benefit_ids",
        store=True,
        readonly=False,
        domain="[('tier_id', '=', from_tier_id)]",
    )

    @api.depends("from_tier_id", "tier_id")
    def _compute_benefit_ids(self):
        for wizard in self:
            wizard.benefit_ids = wizard.from_tier_id.benefit_ids.filtered(wizard._can_have)

    def _can_have(self, benefit):
        """Tell whether the tier has nothing that excludes a benefit."""
        conflict = self.env["crm.value.benefit.comparison"]._conflict
        return not any(conflict(benefit, own) for own in self.tier_id.benefit_ids)

    def action_copy(self):
        """Copy the chosen benefits to the tier.

        :raise UserError: nothing is chosen
        :raise AccessError: the user may not change tiers
        """
        self.ensure_one()
        self.tier_id.check_access("write")
        if not self.benefit_ids:
            raise UserError(
                self.env._(
                    "%(tier)s has nothing that %(other)s lacks.", tier=self.from_tier_id.name, other=self.tier_id.name
                )
            )
        self.benefit_ids.copy({"tier_id": self.tier_id.id})
        return {"type": "ir.actions.act_window_close"}
