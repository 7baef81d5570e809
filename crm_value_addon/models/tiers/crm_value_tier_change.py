from odoo import api, fields, models
from odoo.tools import SQL

from ...const import MARGIN_GROUP

#: sources of changes that the customer did not cause: logged in bulk, without automation rules, gifts or mails
SILENT_SOURCES = ("initial", "rules", "opt_out")
#: sources of changes without a mail: a customer whose contacts were merged gets its gifts, but no congratulation
UNMAILED_SOURCES = (*SILENT_SOURCES, "merge")


class CrmValueTierChange(models.Model):
    """A customer's change of tier, logged by the assignment.

    How to use: the assignment creates the records of changes that something follows from, and inserts those of
    `SILENT_SOURCES` in bulk. A module that acts on changes adds its model to `_listeners`.

    How it works: creating records fires Odoo's automation rules and then calls `_on_tier_changes` of each listener.
    """

    _name = "crm.value.tier.change"
    _description = "Tier Change"
    _log_access = False
    _order = "date desc, id desc"
    _rec_name = "value_id"

    value_id = fields.Many2one(
        "crm.value", string="Customer", required=True, ondelete="cascade", index=True, readonly=True
    )
    partner_id = fields.Many2one(related="value_id.partner_id", string="Contact")
    company_id = fields.Many2one(related="value_id.company_id")
    from_tier_id = fields.Many2one("crm.value.tier", string="From", ondelete="set null", readonly=True)
    to_tier_id = fields.Many2one("crm.value.tier", string="To", ondelete="set null", readonly=True)
    direction = fields.Selection(
        [("up", "Up"), ("down", "Down")], compute="_compute_direction", help="Compared with the order of the tiers"
    )
    date = fields.Date(required=True, readonly=True)
    source = fields.Selection(
        [
            ("initial", "First assignment"),
            ("rules", "Change of rules"),
            ("refresh", "Figures"),
            ("lock", "Manual"),
            ("merge", "Merged contacts"),
            ("opt_out", "Opted out of scoring"),
        ],
        required=True,
        readonly=True,
    )
    reason = fields.Char(readonly=True)
    figures = fields.Json(
        readonly=True, groups=MARGIN_GROUP, help="The figures that the rules looked at, by the name of the field"
    )
    user_id = fields.Many2one(
        "res.users", string="By", ondelete="set null", readonly=True, help="Empty when figures alone changed the tier"
    )

    @api.depends("from_tier_id.sequence", "to_tier_id.sequence")
    def _compute_direction(self):
        for change in self:
            before, after = (
                (tier.sequence, tier.id) if tier else (float("-inf"), 0)
                for tier in (change.from_tier_id, change.to_tier_id)
            )
            change.direction = "up" if after > before else "down"

    @api.model_create_multi
    def create(self, vals_list):
        changes = super().create(vals_list)
        changes._notify()
        return changes

    @api.model
    def _listeners(self):
        """Return the names of the models that act on tier changes, in the order in which they are called."""
        return ["crm.value.gift.calendar", "crm.value.mail"]

    def _notify(self):
        """Hand these changes to every listener."""
        for name in self._listeners():
            # sudo: gifts and mails follow from a change whatever the rights of the user who caused it.
            self.env[name].sudo()._on_tier_changes(self.sudo())

    def _message(self):
        """Return the line for the messages of the customer value."""
        self.ensure_one()
        no_tier = self.env._("no tier")
        text = self.env._(
            "%(before)s → %(after)s", before=self.from_tier_id.name or no_tier, after=self.to_tier_id.name or no_tier
        )
        return self.env._("%(move)s: %(reason)s", move=text, reason=self.reason) if self.reason else text

    @api.autovacuum
    def _gc_changes(self):
        """Delete the changes older than each company wants to keep."""
        return self.env["crm.value.retention"]._forget(
            self._name,
            "value_log_months",
            lambda company, since: SQL(
                "date < %s AND value_id IN (SELECT id FROM crm_value WHERE company_id = %s)", since, company.id
            ),
        )
