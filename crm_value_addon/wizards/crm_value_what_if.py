import numpy as np

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..const import MARGIN_GROUP
from ..lib.customer_base import fallback
from ..lib.postgres.binary_copy import copy_out
from ..models.refresh.basis import Basis

#: the components of a value that a change of the future touches, and the others
_PARTS = ("transaction_value", "growth_value", "knowledge_value", "service_cost")


class CrmValueWhatIf(models.TransientModel):
    """What all customers would be worth if they stayed longer, spent more, or the company reckoned otherwise.

    How to use: set the changes, then `action_compute`.

    How it works: the purchases are read as a refresh reads them, and the model scores them again in memory, once as it
    is and once with the changes; the difference is laid on the stored values, so that *now* is the equity that all
    other screens show. A retention r raised to r' multiplies what is expected after t years by (r' / r) ** t, which is
    what a lower discount rate does: 1 + d becomes (1 + d) r / r'. Nothing is written but this wizard's lines.
    """

    _name = "crm.value.what.if"
    _description = "What If"

    company_id = fields.Many2one(
        "res.company", default=lambda self: self.env.company, required=True, readonly=True, ondelete="cascade"
    )
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    retention_points = fields.Float(
        string="Retention (points)", help="Percentage points more of the customers that stay for another year"
    )
    retention_now = fields.Float(compute="_compute_retention_now")
    spend_percent = fields.Float(string="Spend (%)", help="Per cent more on each purchase; the margin rate stays")
    discount_rate = fields.Float(
        string="Yearly Discount Rate", default=lambda self: self.env.company.value_discount_rate
    )
    horizon_months = fields.Integer(
        string="Horizon (months)", default=lambda self: self.env.company.value_horizon_months
    )
    equity_now = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    equity_then = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    equity_change = fields.Monetary(compute="_compute_equity_change", groups=MARGIN_GROUP)
    is_done = fields.Boolean(readonly=True)
    tier_line_ids = fields.One2many(
        "crm.value.what.if.line", "what_if_id", string="By Tier", domain=[("kind", "=", "tier")], readonly=True
    )
    stage_line_ids = fields.One2many(
        "crm.value.what.if.line", "what_if_id", string="By Stage", domain=[("kind", "=", "stage")], readonly=True
    )

    @api.depends("company_id")
    def _compute_display_name(self):
        self.display_name = self.env._("What If")

    @api.depends("company_id")
    def _compute_retention_now(self):
        for wizard in self:
            wizard.retention_now = wizard.company_id.sudo().value_retention_rate  # sudo: a setting behind the figures

    @api.depends("equity_now", "equity_then")
    def _compute_equity_change(self):
        for wizard in self:
            wizard.equity_change = wizard.equity_then - wizard.equity_now

    @api.constrains("retention_points", "spend_percent", "discount_rate", "horizon_months")
    def _check_changes(self):
        for wizard in self:
            retention = wizard.retention_now + wizard.retention_points / 100
            if not 0 < retention <= 1:
                raise ValidationError(
                    self.env._(
                        "Of %(now)s %% who stay, %(points)s points more are %(then)s %%: choose what lies between 0 "
                        "and 100 %%.",
                        now=round(100 * wizard.retention_now, 1),
                        points=round(wizard.retention_points, 1),
                        then=round(100 * retention, 1),
                    )
                )
            if not -100 <= wizard.spend_percent <= 1000:
                raise ValidationError(self.env._("Spend changes by -100 to 1,000 %."))
            if not 0 <= wizard.discount_rate <= 10:
                raise ValidationError(self.env._("A discount rate lies between 0 and 1,000 %."))
            if not 1 <= wizard.horizon_months <= 1200:
                raise ValidationError(self.env._("A horizon has 1 to 1,200 months."))

    def action_compute(self):
        """Compute the equity with the changes, by tier and stage, and show it.

        :raise AccessError: the user may not see what customers are worth
        :raise UserError: no customer has a value yet
        """
        self.ensure_one()
        self.check_access("write")
        self.env["crm.value"]._check_field_access(self.env["crm.value"]._fields["clv"], "read")
        stored = self._read_stored()
        if not len(stored["partner"]):
            raise UserError(self.env._("No customer has a value yet: wait for the first refresh."))
        now = stored["transaction_value"] + stored["growth_value"] + stored["knowledge_value"] - stored["service_cost"]
        then = now + self._differences(stored)
        self.write(
            {
                "is_done": True,
                "equity_now": now.sum(),
                "equity_then": then.sum(),
                "tier_line_ids": [Command.clear(), *self._prepare_lines("tier", stored["tier"], now, then)],
                "stage_line_ids": [Command.clear(), *self._prepare_lines("stage", stored["stage"], now, then)],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "current",
        }

    def _read_stored(self):
        """Return the components of all customers' values, their tiers (ids) and stages (places in the selection)."""
        self.env.flush_all()
        stages = self.env["crm.value"]._fields["lifecycle_stage"].get_values(self.env)
        return copy_out(
            self.env.cr,
            SQL(
                "SELECT partner_id::int4, COALESCE(tier_id, 0)::int4,"
                " COALESCE(array_position(%s::varchar[], lifecycle_stage), 0)::int4, %s"
                " FROM crm_value WHERE company_id = %s AND clv IS NOT NULL AND partner_id NOT IN"
                " (SELECT id FROM res_partner WHERE value_opt_out) ORDER BY partner_id",
                stages,
                SQL(", ").join(SQL("COALESCE(%s, 0)::float8", SQL.identifier(name)) for name in _PARTS),
                self.company_id.id,
            ),
            [("partner", "int4"), ("tier", "int4"), ("stage", "int4"), *((name, "float8") for name in _PARTS)],
        )

    def _differences(self, stored):
        """Return how much more each customer would be worth."""
        company = self.company_id.sudo()  # sudo: whoever sees the result may know the settings behind it
        retention = company.value_retention_rate
        longer = (retention + self.retention_points / 100) / retention if retention else 1.0
        discount = (1 + self.discount_rate) / longer - 1
        before = Basis(company, company._value_today())
        after = Basis(company, before.as_of, horizon=self.horizon_months, discount=discount)
        # sudo: only the refresh reads documents; what it says is summed here, and nobody is shown a customer
        observed = self.env["crm.value.observation"].sudo()._read_history(before)
        purchases = self.env["crm.value.prediction"].sudo()._predict_values(observed, (before, after))
        known = np.searchsorted(observed["partner_id"], stored["partner"])
        known = np.minimum(known, max(len(observed["partner_id"]) - 1, 0))
        is_known = observed["partner_id"][known] == stored["partner"]
        was, is_then = (np.where(is_known, values[known], 0.0) for values in purchases)
        year = [
            fallback.retention_clv(np.ones(1), retention, basis.yearly_discount, months=basis.months)[0]
            for basis in (before, after)
        ]
        costs = stored["service_cost"] * (year[1] / year[0] - 1 if year[0] else 0.0)
        return is_then * (1 + self.spend_percent / 100) - was - costs

    def _prepare_lines(self, kind, groups, now, then):
        """Return the commands that make the lines of customers in the same tier or stage."""
        found, index = np.unique(groups, return_inverse=True)
        sums = [np.bincount(index, weights=values, minlength=len(found)) for values in (now, then)]
        stages = ["", *self.env["crm.value"]._fields["lifecycle_stage"].get_values(self.env)]
        return [
            Command.create(
                {
                    "kind": kind,
                    "tier_id": int(group) if kind == "tier" else False,
                    "stage": stages[group] or False if kind == "stage" else False,
                    "customer_count": int(count),
                    "equity_now": float(before),
                    "equity_then": float(after),
                }
            )
            for group, count, before, after in zip(found, np.bincount(index), *sums, strict=True)
        ]
