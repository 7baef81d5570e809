from odoo import api, fields, models

from ...const import MARGIN_GROUP


class CrmValueTierChange(models.Model):
    """A move of a customer between tiers, written by the machine; creating one fires automation rules.

    Moves of source ``initial`` and ``rules`` are inserted in bulk and fire nothing: nobody earned or lost anything.
    """

    _name = "crm.value.tier.change"
    _description = "Tier Change"
    _log_access = False
    _order = "date desc, id desc"
    _rec_name = "value_id"

    value_id = fields.Many2one(
        "crm.value", string="Customer", required=True, ondelete="cascade", index=True, readonly=True)
    partner_id = fields.Many2one(related="value_id.partner_id", string="Contact")
    company_id = fields.Many2one(related="value_id.company_id")
    from_tier_id = fields.Many2one("crm.value.tier", string="From", ondelete="set null", readonly=True)
    to_tier_id = fields.Many2one("crm.value.tier", string="To", ondelete="set null", readonly=True)
    direction = fields.Selection(
        [("up", "Up"), ("down", "Down")], compute="_compute_direction", help="Compared with the order of the tiers")
    date = fields.Date(required=True, readonly=True)
    source = fields.Selection(
        [("initial", "First assignment"), ("rules", "Change of rules"), ("refresh", "Figures"), ("lock", "Manual"),
         ("merge", "Merged contacts"), ("opt_out", "Opted out of scoring")],
        required=True, readonly=True)
    reason = fields.Char(readonly=True)
    figures = fields.Json(
        readonly=True, groups=MARGIN_GROUP, help="The figures that the rules looked at, by the name of the field")
    user_id = fields.Many2one(
        "res.users", string="By", ondelete="set null", readonly=True, help="Empty when the figures alone moved it")

    @api.depends("from_tier_id.sequence", "to_tier_id.sequence")
    def _compute_direction(self):
        for change in self:
            before, after = ((tier.sequence, tier.id) if tier else (float("-inf"), 0)
                             for tier in (change.from_tier_id, change.to_tier_id))
            change.direction = "up" if after > before else "down"

    def _message(self):
        """Return the line for the messages of the customer value."""
        self.ensure_one()
        no_tier = self.env._("no tier")
        text = self.env._(
            "%(before)s → %(after)s", before=self.from_tier_id.name or no_tier, after=self.to_tier_id.name or no_tier)
        return self.env._("%(move)s: %(reason)s", move=text, reason=self.reason) if self.reason else text
