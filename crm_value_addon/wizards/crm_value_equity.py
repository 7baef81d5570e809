import numpy as np
from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from ..const import MARGIN_GROUP
from ..lib import equity
from ..lib.postgres.binary_copy import copy_out

#: the best customers whose share of the equity is shown, as a share of all
TOP_SHARES = (0.01, 0.04, 0.20)
_CHANGE_COLUMNS = (
    "transaction_value",
    "probability_alive",
    "expected_purchases",
    "expected_spend",
    "growth_value",
    "knowledge_value",
    "service_cost",
)


class CrmValueEquity(models.TransientModel):
    """The customer equity of the current company: the worth of all customers, each euro counted once."""

    _name = "crm.value.equity"
    _description = "Customer Equity"

    company_id = fields.Many2one("res.company", default=lambda self: self.env.company, required=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    total = fields.Monetary(string="Customer Equity", compute="_compute_summary", groups=MARGIN_GROUP)
    customer_count = fields.Integer(string="Customers", compute="_compute_summary", groups=MARGIN_GROUP)
    change_since = fields.Date(compute="_compute_summary", groups=MARGIN_GROUP)
    change = fields.Monetary(compute="_compute_summary", groups=MARGIN_GROUP)
    change_chart = fields.Json(string="Why It Changed", compute="_compute_summary", groups=MARGIN_GROUP)
    trend_chart = fields.Json(string="Month by Month", compute="_compute_summary", groups=MARGIN_GROUP)
    reconstructed_until = fields.Date(compute="_compute_summary", groups=MARGIN_GROUP)
    concentration_chart = fields.Json(string="Concentration", compute="_compute_summary", groups=MARGIN_GROUP)
    winning_cost = fields.Monetary(
        string="Cost of Winning a Customer",
        compute="_compute_summary",
        groups=MARGIN_GROUP,
        help="Acquisition cost of the customers whose first purchase is less than a year ago, each",
    )
    keeping_cost = fields.Monetary(
        string="Cost of Keeping a Customer",
        compute="_compute_summary",
        groups=MARGIN_GROUP,
        help="Cost to serve of the last 12 months per customer who bought in them",
    )

    @api.depends("company_id")
    def _compute_display_name(self):
        self.display_name = self.env._("Customer Equity")

    @api.depends("company_id")
    def _compute_summary(self):
        for record in self:
            summary = record.with_company(record.company_id).equity_summary()
            change = summary["change"]
            record.total, record.customer_count = summary["total"], summary["customer_count"]
            record.change_since, record.change = change["since"], change["amount"]
            record.winning_cost, record.keeping_cost = summary["winning_cost"], summary["keeping_cost"]
            record.change_chart = self._chart(
                "bar", self.env._("Change"), [(effect["label"], effect["amount"]) for effect in change["effects"]]
            )
            record.trend_chart = self._trend_chart(summary["trend"])
            record.reconstructed_until = max(
                (point["date"] for point in summary["trend"] if point["is_reconstructed"]), default=False
            )
            record.concentration_chart = self._chart(
                "bar",
                self.env._("Share of the equity in %"),
                [(top["label"], round(100 * top["share"], 1)) for top in summary["concentration"]],
            )

    @api.model
    def _chart(self, kind, label, points):
        return {
            "kind": kind,
            "labels": [name for name, _amount in points],
            "x_title": "",
            "y_title": label,
            "series": [{"label": label, "values": [amount for _name, amount in points]}],
        }

    @api.model
    def _trend_chart(self, points):
        """Return the chart of the month ends; those that were reconstructed are a series of their own."""
        chart = self._chart(
            "bar", self.env._("Customer Equity"), [(format_date(self.env, point["date"]), False) for point in points]
        )
        series = [
            {
                "label": label,
                "values": [point["equity"] if point["is_reconstructed"] == kind else None for point in points],
            }
            for label, kind in (
                (self.env._("As estimated at the month's end"), False),
                (self.env._("Reconstructed: the 12 months before, carried forward"), True),
            )
        ]
        drawn = [one for one in series if any(amount is not None for amount in one["values"])]
        return chart | {"series": drawn, "is_stacked": True}

    @api.readonly
    @api.model
    def equity_summary(self):
        """Return the customer equity of the current company, its trend, its concentration and why it changed.

        :return: dict ``total customer_count trend concentration change winning_cost keeping_cost``
        :raise AccessError: the user may not see what customers are worth
        """
        Value, company = self.env["crm.value"], self.env.company
        Value.check_access("read")
        Value._check_field_access(Value._fields["clv"], "read")
        self.env.flush_all()
        worth = copy_out(
            self.env.cr,
            SQL(
                "SELECT (clv - COALESCE(referral_value, 0))::float8 AS equity FROM crm_value"
                " WHERE company_id = %s AND clv IS NOT NULL",
                company.id,
            ),
            [("equity", "float8")],
        )["equity"]
        labels = [self.env._("Best %(share)s %%", share=round(100 * share)) for share in TOP_SHARES]
        winning, keeping = self._costs(company)
        return {
            "total": round(float(worth.sum()), company.currency_id.decimal_places),
            "customer_count": len(worth),
            "trend": self._trend(company),
            "change": self._change(company),
            "concentration": [
                {"label": label, "share": round(share, 4)}
                for label, share in zip(labels, equity.concentration(worth, TOP_SHARES), strict=True)
            ],
            "winning_cost": winning,
            "keeping_cost": keeping,
        }

    @api.model
    def _trend(self, company):
        return [
            {"date": day.isoformat(), "equity": float(total or 0), "is_reconstructed": is_reconstructed}
            for day, total, is_reconstructed in self.env.execute_query(
                SQL(
                    """SELECT as_of_date, sum(equity), bool_or(is_reconstructed IS TRUE) FROM crm_value_snapshot
                        WHERE company_id = %s GROUP BY 1 ORDER BY 1""",
                    company.id,
                )
            )
        ]

    @api.model
    def _change(self, company):
        """Return the effects that changed the equity since the last snapshot that a refresh took before today."""
        yesterday = fields.Date.subtract(company._value_today(), days=1)
        since = self.env["crm.value.snapshot"]._last_date(company, yesterday, taken_only=True)
        if not since:
            return {"since": False, "amount": 0.0, "effects": []}
        columns = [
            *[(f"{side}_{name}", "float8") for side in ("before", "after") for name in _CHANGE_COLUMNS],
            ("is_known", "bool"),
            ("is_present", "bool"),
        ]
        found = copy_out(
            self.env.cr,
            SQL(
                """SELECT %s, before.id IS NOT NULL, after.id IS NOT NULL
                 FROM (SELECT * FROM crm_value WHERE company_id = %s) after
                 FULL JOIN (SELECT * FROM crm_value_snapshot WHERE company_id = %s AND as_of_date = %s) before
                   ON before.value_id = after.id""",
                SQL(", ").join(
                    SQL("COALESCE(%s, 0)::float8", SQL.identifier(side, name))
                    for side in ("before", "after")
                    for name in _CHANGE_COLUMNS
                ),
                company.id,
                company.id,
                since,
            ),
            columns,
        )
        before, after = ({name: found[f"{side}_{name}"] for name in _CHANGE_COLUMNS} for side in ("before", "after"))
        effects = equity.explain_change(
            before, after, found["is_known"], found["is_present"], company.currency_id.decimal_places
        )
        labels = self._effect_labels()
        return {
            "since": since.isoformat(),
            "amount": round(sum(effects.values()), company.currency_id.decimal_places),
            "effects": [{"name": name, "label": labels[name], "amount": amount} for name, amount in effects.items()],
        }

    @api.model
    def _effect_labels(self):
        return {
            "new_customers": self.env._("New customers"),
            "churn": self.env._("Churn"),
            "purchases": self.env._("Expected purchases"),
            "spend": self.env._("Spend"),
            "growth": self.env._("Opportunities"),
            "knowledge": self.env._("Feedback"),
            "costs": self.env._("Cost to serve"),
            "other": self.env._("Margins and the rest"),
        }

    @api.model
    def _costs(self, company):
        """Return the costs of winning and of keeping a customer."""
        today = company._value_today()
        query = self.env["crm.value.cost.source"]._query(company, today)
        if not query:
            return 0.0, 0.0
        [[winning, keeping]] = self.env.execute_query(
            SQL(
                """
            WITH cost AS MATERIALIZED (
                SELECT partner_id, sum(cost) FILTER (WHERE driver = 'acquisition') AS acquisition,
                       sum(cost_12m) AS recent FROM (%(query)s) driver GROUP BY partner_id)
            SELECT sum(cost.acquisition) FILTER (WHERE value.first_purchase_date > %(year_ago)s)
                   / NULLIF(count(*) FILTER (WHERE value.first_purchase_date > %(year_ago)s), 0),
                   sum(cost.recent) / NULLIF(count(*) FILTER (WHERE value.last_purchase_date > %(year_ago)s), 0)
              FROM crm_value value
              LEFT JOIN cost ON cost.partner_id = value.partner_id
             WHERE value.company_id = %(company)s
            """,
                query=query,
                company=company.id,
                year_ago=today - relativedelta(years=1),
            )
        )
        return tuple(
            float(np.round(float(cost or 0), company.currency_id.decimal_places)) for cost in (winning, keeping)
        )
