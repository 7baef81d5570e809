import base64
import csv
import io
from datetime import date, timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ..lib.postgres.binary_copy import day_number

_FIGURES = ["mae", "aggregate_error", "spearman", "gini", "top_decile"]


class CrmValueBacktest(models.TransientModel):
    """Try every method on the company's own past: forecast a period from the purchases before it."""

    _name = "crm.value.backtest"
    _description = "Backtest of the Prediction"
    _rec_name = "calibration_end"

    company_id = fields.Many2one("res.company", required=True, default=lambda wizard: wizard.env.company, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    model = fields.Selection(related="company_id.value_model")
    calibration_end = fields.Date(
        string="Known Until",
        required=True,
        compute="_compute_period",
        store=True,
        readonly=False,
        precompute=True,
        help="The methods know the purchases up to this day",
    )
    holdout_end = fields.Date(
        string="Forecast Until", required=True, compute="_compute_period", store=True, readonly=False, precompute=True
    )
    line_ids = fields.One2many("crm.value.backtest.line", "backtest_id", readonly=True)
    result = fields.Json(readonly=True)
    summary = fields.Text(compute="_compute_summary")
    chart_monthly = fields.Json(compute="_compute_charts")
    chart_cumulative = fields.Json(compute="_compute_charts")
    chart_calibration = fields.Json(compute="_compute_charts")
    chart_value = fields.Json(string="Value by month", compute="_compute_charts")
    file = fields.Binary(readonly=True, attachment=False)
    file_name = fields.Char(default="backtest.csv", readonly=True)

    @api.depends("company_id")
    def _compute_period(self):
        Fit, Backtest = self.env["crm.value.fit"], self.env["crm.value.fit.backtest"]
        for wizard in self:
            today = wizard.company_id._value_today()
            days = Fit._purchase_days(wizard.company_id, today)
            wizard.holdout_end = today
            wizard.calibration_end = today - timedelta(days=1)
            if len(days["date"]):
                split = Backtest._split(days, day_number(today))
                wizard.calibration_end = min(date(1970, 1, 1) + timedelta(days=split), wizard.calibration_end)

    @api.constrains("calibration_end", "holdout_end")
    def _check_period(self):
        for wizard in self:
            if wizard.holdout_end <= wizard.calibration_end:
                raise ValidationError(
                    self.env._(
                        "The forecast must end after %(date)s, the last day that is known.",
                        date=format_date(self.env, wizard.calibration_end),
                    )
                )
            if wizard.holdout_end > wizard.company_id._value_today():
                raise ValidationError(
                    self.env._(
                        "What happens until %(date)s cannot be compared yet; choose a day up to today.",
                        date=format_date(self.env, wizard.holdout_end),
                    )
                )

    def _known_result(self):
        """Return the result of `action_run`; {} for any other content of the field, which forms can write."""
        self.ensure_one()
        result = self.result
        return result if isinstance(result, dict) and {"customers", "accuracy", "actual_total"} <= result.keys() else {}

    @api.depends("result")
    def _compute_summary(self):
        for wizard in self:
            result = wizard._known_result()
            wizard.summary = bool(result) and self.env._(
                "%(customers)s customers known on %(split)s, %(repeaters)s of whom had bought more than once; they "
                "then brought %(total)s.",
                customers=result["customers"],
                repeaters=result["repeaters"],
                split=format_date(self.env, wizard.calibration_end),
                total=wizard.currency_id.format(result["actual_total"]),
            )

    @api.depends("result")
    def _compute_charts(self):
        Backtest = self.env["crm.value.fit.backtest"]
        for wizard in self:
            result = wizard._known_result()
            for name, chart in Backtest._prepare_charts(result, Backtest._kernel_name(wizard.model)).items():
                wizard[name] = chart
            wizard.chart_value = wizard._prepare_value_chart(result.get("by_month", []))

    def _prepare_value_chart(self, rows):
        labels = dict(self.env["crm.value.backtest.line"]._fields["method"]._description_selection(self.env))
        methods = [name for name in labels if rows and name in rows[0]]
        return {
            "kind": "line",
            "labels": [self.env._("Month %(number)s", number=row["month"]) for row in rows],
            "x_title": self.env._("Of the forecast"),
            "y_title": self.currency_id.name,
            "series": [
                {"label": self.env._("Actual"), "values": [row["actual"] for row in rows]},
                *({"label": labels[name], "values": [row[name] for row in rows]} for name in methods),
            ],
        }

    def action_run(self):
        """Backtest all methods on the chosen periods and show the table.

        :raise UserError: nobody had bought by the end of the calibration period
        """
        self.ensure_one()
        self.check_access("write")
        Fit = self.env["crm.value.fit"].sudo()  # sudo: the table holds revenue only, which the user may see
        days = Fit._purchase_days(self.company_id, self.holdout_end)
        split, end = day_number(self.calibration_end), day_number(self.holdout_end)
        if not (days["date"] <= split).any():
            raise UserError(
                self.env._(
                    "Nobody had bought by %(date)s; choose a later day.",
                    date=format_date(self.env, self.calibration_end),
                )
            )
        company = self.company_id.sudo()  # sudo: the settings decide what is shown, not the rights of the user
        result = self.env["crm.value.fit.backtest"]._run_backtest(company, days, split, end)
        self.write(
            {
                "result": result,
                "line_ids": [
                    fields.Command.clear(),
                    *(
                        fields.Command.create({"method": method, **self._prepare_line_vals(figures)})
                        for method, figures in result["accuracy"].items()
                    ),
                ],
            }
        )
        self.file = base64.b64encode(self._csv().encode())

    @api.model
    def _prepare_line_vals(self, figures):
        return {"has_level": figures["mae"] is not None, **{name: figures[name] or 0.0 for name in _FIGURES}}

    def _csv(self):
        """Return the table and the figures by month as CSV, with full precision."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["method", *_FIGURES])
        for method, figures in self.result["accuracy"].items():
            writer.writerow([method, *("" if figures[name] is None else repr(figures[name]) for name in _FIGURES)])
        by_month = self.result["by_month"]
        if by_month:
            writer.writerow([])
            writer.writerow(by_month[0])
            writer.writerows(row.values() for row in by_month)
        return out.getvalue()


class CrmValueBacktestLine(models.TransientModel):
    _name = "crm.value.backtest.line"
    _description = "Backtest of a Method"
    _order = "has_level desc, mae, id"

    backtest_id = fields.Many2one("crm.value.backtest", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="backtest_id.currency_id", string="Currency")
    method = fields.Selection(
        [
            ("stack", "Weighted forecast"),
            ("modified_beta_geo", "MBG/NBD and gamma-gamma"),
            ("beta_geo", "BG/NBD and gamma-gamma"),
            ("carry_forward_12m", "Last 12 months carried forward"),
            ("carry_forward", "Last period carried forward"),
            ("mean_rate", "Average purchase × rate so far"),
            ("rfm", "RFM rank"),
        ],
        required=True,
    )
    has_level = fields.Boolean(help="Forecasts amounts, not only a ranking")
    mae = fields.Monetary(string="Mean Error", help="Mean absolute error per customer")
    aggregate_error = fields.Float(string="Total Error", help="Forecast total over actual total, less one")
    spearman = fields.Float(string="Rank Correlation", help="1 is perfect, 0 is chance")
    gini = fields.Float(help="Normalised: 1 is the ranking of hindsight, 0 is chance")
    top_decile = fields.Float(
        string="Share of Top 10 %", help="Share of the value that the customers ranked highest brought"
    )
