from odoo import fields, models


class CrmValueTierPlanLine(models.Model):
    """A tier that is in use by planned rules, and how it is lost."""

    _name = "crm.value.tier.plan.line"
    _description = "Planned Tier Rules: Tier"
    _order = "sequence desc, id"

    plan_id = fields.Many2one("crm.value.tier.plan", required=True, ondelete="cascade", index=True)
    tier_id = fields.Many2one("crm.value.tier", required=True, ondelete="restrict", index=True)
    sequence = fields.Integer(related="tier_id.sequence", store=True)
    downgrade_policy = fields.Selection(
        selection=lambda self: self.env["crm.value.tier"]._fields["downgrade_policy"]._description_selection(self.env),
        string="Downgrade",
        required=True,
    )
    grace_days = fields.Integer(string="Grace Period (days)")

    _grace_days_positive = models.Constraint(
        "CHECK(grace_days BETWEEN 0 AND 3660)", "The grace period must lie between 0 and 3660 days."
    )
