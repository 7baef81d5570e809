from odoo import api, fields, models

from ..const import SELLER_GROUP
from .tiers.crm_value_tier import STRATEGIES

STAGES = [
    ("exploring", "Exploring"), ("early", "Early"), ("established", "Established"),
    ("strategic", "Strategic partner"), ("broken_internal", "Broken off: our reason"),
    ("broken_external", "Broken off: their reason")]


class ResPartner(models.Model):
    """How to approach a person, and how close the company stays to a customer: fields with hints, no machinery."""

    _inherit = "res.partner"

    # copy=False: a duplicate is somebody else, and Odoo reads what it copies, also for who may not see these
    contact_style = fields.Selection(
        [("driving", "Driving"), ("analytical", "Analytical"), ("sociable", "Sociable")],
        groups=SELLER_GROUP, copy=False,
        help="Driving: wants results, soon. Analytical: wants facts. Sociable: wants to know whom he deals with.")
    contact_style_hint = fields.Char(compute="_compute_contact_style_hint", groups=SELLER_GROUP)
    relationship_stage = fields.Selection(
        STAGES, groups=SELLER_GROUP, copy=False, help="For key accounts: how far you have come")
    relationship_strategy = fields.Selection(
        STRATEGIES, string="Own Strategy", groups=SELLER_GROUP, copy=False,
        help="Empty: the one of the customer's tier")
    relationship_hint = fields.Char(compute="_compute_relationship_hint", groups=SELLER_GROUP)

    @api.depends("contact_style")
    def _compute_contact_style_hint(self):
        for partner in self:
            partner.contact_style_hint = self._contact_style_hints().get(partner.contact_style, False)

    @api.model
    def _contact_style_hints(self):
        return {
            "driving": self.env._("Come to the point: the result first, two options, and a date."),
            "analytical": self.env._("Bring figures and a comparison, in writing; leave time to check them."),
            "sociable": self.env._("Begin with the person, not the offer; name people who are content with it."),
        }

    @api.depends("relationship_strategy", "value_id.tier_id.relationship_strategy")
    @api.depends_context("company")
    def _compute_relationship_hint(self):
        names = dict(self._fields["relationship_strategy"]._description_selection(self.env))
        for partner in self:
            customer = partner.commercial_partner_id
            strategy = customer.relationship_strategy or partner.value_id.tier_id.relationship_strategy
            days = strategy and self.env.company[f"value_cadence_{strategy}"]
            partner.relationship_hint = strategy and self.env._(
                "%(strategy)s: a contact every %(days)s days", strategy=names[strategy], days=days)

    def action_suggest_plan(self):
        """Open Odoo's dialog for activities with the plan suggested for the relationship stage.

        :raise AccessError: the user may not change this contact
        """
        self.ensure_one()
        self.check_access("write")
        plan = self.env.ref(f"crm_value_addon.plan_relationship_{self.relationship_stage}", raise_if_not_found=False)
        return {
            "type": "ir.actions.act_window", "res_model": "mail.activity.schedule", "views": [(False, "form")],
            "target": "new", "name": self.env._("Suggested Activities"), "context": {
                "active_model": "res.partner", "active_id": self.id, "active_ids": self.ids,
                "default_res_model": "res.partner", "default_res_ids": str(self.ids),
                "plan_mode": True, "default_plan_id": plan.id if plan else False},
        }
