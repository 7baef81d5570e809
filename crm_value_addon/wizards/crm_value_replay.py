from datetime import datetime, time, timedelta

import numpy as np
import pytz

from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError

from ..const import MARGIN_GROUP
from ..models.refresh.basis import Basis

#: customers that are listed; the sums include all customers
_LISTED = 500


class CrmValueReplay(models.TransientModel):
    """The value of customers on a past day, from the documents up to it; no stored figure changes."""

    _name = "crm.value.replay"
    _description = "Customer Value as of a Day"

    company_id = fields.Many2one("res.company", default=lambda self: self.env.company, required=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    as_of_date = fields.Date(
        string="As of",
        required=True,
        default=lambda self: self.env.company._value_today().replace(day=1) - timedelta(days=1),
    )
    value_ids = fields.Many2many(
        "crm.value",
        string="Customers",
        domain="[('company_id', '=', company_id)]",
        help="Empty for all customers",
        default=lambda self: self._default_value_ids(),
    )
    is_done = fields.Boolean()
    fit_id = fields.Many2one("crm.value.fit", string="Prediction Model", readonly=True)
    customer_count = fields.Integer(string="Customers on That Day", readonly=True)
    revenue_total = fields.Monetary(string="Revenue", readonly=True)
    margin_total = fields.Monetary(string="Margin", readonly=True, groups=MARGIN_GROUP)
    transaction_value = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    posted_since_count = fields.Integer(string="Posted Since", readonly=True)
    line_ids = fields.One2many("crm.value.replay.line", "replay_id", readonly=True)

    @api.depends("as_of_date")
    def _compute_display_name(self):
        self.display_name = self.env._("Value as of a Day")

    @api.model
    def _default_value_ids(self):
        if self.env.context.get("active_model") != "crm.value":
            return []
        return [Command.set(self.env.context.get("active_ids", []))]

    def action_replay(self):
        """Compute the figures of the day and list them.

        :raise UserError: the day has not ended yet
        """
        self.ensure_one()
        self.value_ids.check_access("read")
        if self.company_id not in self.env.companies or self.value_ids.company_id - self.company_id:
            raise AccessError(self.env._("These are customers of another company."))
        if self.as_of_date > self.company_id._value_today():
            raise UserError(self.env._("The figures of a day to come are not known yet."))
        columns = self._replay()
        # a customer who only gave back is one, too: the number is that of the list
        rows = np.flatnonzero((columns["purchase_count"] > 0) | (columns["revenue_total"] != 0))
        self.line_ids.unlink()
        self.write(
            {
                "is_done": True,
                "customer_count": len(rows),
                **{name: float(columns[name].sum()) for name in ("revenue_total", "margin_total", "transaction_value")},
                "posted_since_count": self.env["crm.value.document"].search_count(self._posted_since_domain()),
                "line_ids": [Command.create(self._prepare_line_vals(columns, row)) for row in rows[:_LISTED]],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "name": self.env._("Value as of a Day"),
        }

    def _replay(self):
        """Return the columns of the customers as they would have been computed on the day."""
        company = self.company_id.sudo()  # sudo: the settings decide, not the rights of the user
        # sudo: access to the customers was checked; the refresh reads their documents set-wise.
        Refresh = self.env["crm.value.refresh"].sudo().with_company(company)
        partner_ids = (
            self.value_ids.partner_id.ids or Refresh.env["crm.value.observation"]._customer_ids(company).tolist()
        )
        self.fit_id = self._fit_then(company)
        columns, _skipped = Refresh._compute(
            Basis(company, self.as_of_date, partner_ids, fit=self.fit_id, until=self.as_of_date)
        )
        return columns

    def _fit_then(self, company):
        """Return the fit in use on the day: the one of that day's snapshot, else the last one made by then."""
        Snapshot, Fit = self.env["crm.value.snapshot"].sudo(), self.env["crm.value.fit"].sudo()
        in_company = [("company_id", "=", company.id)]
        taken = Snapshot.search([*in_company, ("as_of_date", "=", self.as_of_date), ("fit_id", "!=", False)], limit=1)
        if taken or Snapshot.search_count([*in_company, ("as_of_date", "=", self.as_of_date)], limit=1):
            return taken.fit_id
        if company.value_method == "history":
            return Fit
        return Fit.search(
            [*in_company, ("as_of_date", "<=", self.as_of_date), ("reliability", "!=", "fallback")], limit=1
        )

    def _prepare_line_vals(self, columns, row):
        values = {
            name: float(columns[name][row])
            for name in ("revenue_total", "revenue_12m", "margin_total", "transaction_value")
        }
        return values | {
            "partner_id": int(columns["partner_id"][row]),
            "purchase_count": int(columns["purchase_count"][row]),
        }

    def _posted_since_domain(self):
        """Return the domain of the documents dated up to the day that were posted, also again, after it."""
        midnight = datetime.combine(self.as_of_date + timedelta(days=1), time())
        zone = pytz.timezone(self.company_id.sudo().partner_id.tz or "UTC")  # sudo: the company's own contact
        after = zone.localize(midnight).astimezone(pytz.utc).replace(tzinfo=None)
        domain = [
            ("move_id.company_id", "=", self.company_id.id),
            ("frozen_at", ">=", after),
            "|",
            ("move_id.invoice_date", "<=", self.as_of_date),
            "&",
            ("move_id.invoice_date", "=", False),
            ("move_id.date", "<=", self.as_of_date),
        ]
        if self.value_ids:
            domain.append(("move_id.commercial_partner_id", "in", self.value_ids.partner_id.ids))
        return domain

    def action_open_posted_since(self):
        """Open the documents dated up to the day that were posted later: no snapshot of the day knew them."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_document_action")
        return action | {"domain": self._posted_since_domain()}


class CrmValueReplayLine(models.TransientModel):
    _name = "crm.value.replay.line"
    _description = "Customer Value as of a Day: Customer"
    _order = "revenue_total desc, id"

    replay_id = fields.Many2one("crm.value.replay", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="replay_id.currency_id", string="Currency")
    partner_id = fields.Many2one("res.partner", string="Customer")
    purchase_count = fields.Integer(string="Purchases")
    revenue_total = fields.Monetary(string="Revenue")
    revenue_12m = fields.Monetary(string="Revenue 12 Months")
    margin_total = fields.Monetary(string="Margin", groups=MARGIN_GROUP)
    transaction_value = fields.Monetary(groups=MARGIN_GROUP)
