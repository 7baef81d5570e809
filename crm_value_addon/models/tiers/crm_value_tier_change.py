import json

from odoo import api, fields, models
from odoo.tools import SQL

from ...const import MARGIN_GROUP
from ..refresh.said import to_text

#: causes of changes from which nothing follows: logged in bulk, without automation rules, gifts, mails or activities
SILENT_SOURCES = (
    "initial",
    "rules",
    "history",
    "regained",
    "merge",
    "opt_out",
    "resumed",
    "update",
    "counting",
    "import",
)


class CrmValueTierChange(models.Model):
    """A customer's change of tier, logged by the assignment.

    How to use: the assignment creates the records of changes that something follows from, and inserts the silent ones
    in bulk. A module that acts on changes adds its model to `_listeners`; whoever reads the log for something that
    follows from a change leaves out those with `is_silent`.

    How it works: creating records fires Odoo's automation rules and then calls `_on_tier_changes` of each listener,
    with the changes that are not silent.
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
    from_since = fields.Date(
        string="Had It Since", readonly=True, help="Since when the customer had had the tier that it left"
    )
    direction = fields.Selection(
        [("up", "Up"), ("down", "Down")], compute="_compute_direction", help="Compared with the order of the tiers"
    )
    date = fields.Date(required=True, readonly=True)
    source = fields.Selection(
        [
            ("initial", "First assignment"),
            ("rules", "Change of rules"),
            ("refresh", "Figures"),
            ("history", "Older documents"),
            ("regained", "Regained"),
            ("lock", "Manual"),
            ("merge", "Merged contacts"),
            ("opt_out", "Opted out of scoring"),
            ("resumed", "Scored again"),
            ("update", "Update of the app"),
            ("counting", "Change of what counts"),
            ("import", "Opening purchases or tier"),
        ],
        required=True,
        readonly=True,
        help="Older documents: imported history or a late refresh. Regained: the customer had the tier a few days ago.",
    )
    is_silent = fields.Boolean(
        string="Silent", readonly=True, help="No gift, mail or activity follows from this change"
    )
    words = fields.Char(readonly=True, help="The reason that a person gave")
    note = fields.Json(readonly=True, help="What else there is to say, in no language yet")
    asked = fields.Json(
        readonly=True,
        groups=MARGIN_GROUP,
        help="What the figures that decided it were compared with, by the name of the field",
    )
    reason = fields.Char(compute="_compute_reason", inverse="_inverse_reason")
    figures = fields.Json(
        readonly=True, groups=MARGIN_GROUP, help="The figures that the rules looked at, by the name of the field"
    )
    user_id = fields.Many2one(
        "res.users", string="By", ondelete="set null", readonly=True, help="Empty when figures alone changed the tier"
    )

    # finds who had which tier within the last days
    _recent_idx = models.Index("(date, value_id) WHERE from_tier_id IS NOT NULL")
    _moved_idx = models.Index("(date, value_id) WHERE source != 'initial'")

    @api.depends("from_tier_id.sequence", "to_tier_id.sequence")
    def _compute_direction(self):
        for change in self:
            before, after = (
                (tier.sequence, tier.id) if tier else (float("-inf"), 0)
                for tier in (change.from_tier_id, change.to_tier_id)
            )
            change.direction = "up" if after > before else "down"

    @api.depends("words", "note", "asked", "figures")
    @api.depends_context("lang")
    def _compute_reason(self):
        explanation = self.env["crm.value.tier.explanation"]
        for change in self:
            said = change.words or change.note and to_text(self.env, change.note)
            # sudo: the explanation names restricted figures without a number
            change.reason = said or explanation._reason_in_words(change.sudo())

    def _inverse_reason(self):
        for change in self:
            change.words = change.reason

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals["is_silent"] = vals.get("is_silent") or vals.get("source") in SILENT_SOURCES
        changes = super().create(vals_list)
        changes.filtered(lambda change: not change.is_silent)._notify()
        return changes

    @api.model
    def _listeners(self):
        """Return the names of the models that act on tier changes, in the order in which they are called."""
        return ["crm.value.gift.calendar", "crm.value.mail"]

    @api.model
    def _log_silently(self, as_of, source, changes):
        """Insert silent changes in one statement.

        :param changes: list of objects with the attributes value_id, from_id, to_id, from_since, figures
        """
        rows = [
            (change.value_id, change.from_id, change.to_id, change.from_since, json.dumps(change.figures))
            for change in changes
        ]
        values, before, after, since, figures = (list(column) for column in zip(*rows, strict=True))
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_tier_change
                   (value_id, from_tier_id, to_tier_id, from_since, figures, date, source, is_silent)
            SELECT change.*, %s, %s, TRUE
              FROM unnest(%s::int[], %s::int[], %s::int[], %s::date[], %s::jsonb[]) change
            """,
                as_of,
                source,
                values,
                before,
                after,
                since,
                figures,
            )
        )
        self.invalidate_model()

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
