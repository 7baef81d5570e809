from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ...const import MANAGER_GROUP, MARGIN_GROUP

METHODS = [
    ("best_sellers", "Best sellers of the segment"),
    ("lift", "Bought together"),
    ("ease", "Linear model (EASE)"),
    ("neighbours", "Customers like this one"),
]


class CrmValueRecommender(models.Model):
    """One fit of the next products of a company: what its backtest said, which method is used, and whether it pays.

    How to use: once a week for all companies, or by *Fit Now*. `crm.value.recommender.fit` does the work.
    """

    _name = "crm.value.recommender"
    _description = "Next Products: Fit"
    _order = "date desc, id desc"
    _rec_name = "date"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", index=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    date = fields.Date(required=True, readonly=True)
    state = fields.Selection(
        [
            ("used", "In use"),
            ("refused", "Best sellers win"),
            ("few", "Not enough yet"),
            ("nothing", "Nothing to suggest"),
        ],
        readonly=True,
    )
    method = fields.Selection(METHODS, readonly=True)
    verdict = fields.Char(compute="_compute_verdict")
    customer_count = fields.Integer(string="Customers", readonly=True)
    product_count = fields.Integer(string="Products", readonly=True)
    test_customer_count = fields.Integer(
        string="Customers Asked", readonly=True, help="Who bought something new in the time held out"
    )
    suggestion_count = fields.Integer(string="Suggestions", readonly=True)
    backtest = fields.Json(readonly=True, help="Method → recall, NDCG and margin-weighted recall of five products")
    backtest_table = fields.Html(compute="_compute_backtest_table", sanitize=False)
    # what became of the suggestions
    shown_count = fields.Integer(string="Suggested Before", readonly=True)
    bought_count = fields.Integer(string="Bought Since", readonly=True)
    control_shown_count = fields.Integer(string="Best Sellers Suggested", readonly=True)
    control_bought_count = fields.Integer(string="Best Sellers Bought", readonly=True)
    has_proof = fields.Boolean(readonly=True)
    uplift_revenue = fields.Monetary(
        readonly=True, help="Revenue per customer since the first suggestions, against the control group"
    )
    uplift_revenue_low = fields.Monetary(readonly=True)
    uplift_revenue_high = fields.Monetary(readonly=True)
    uplift_margin = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    uplift_margin_low = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    uplift_margin_high = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    proof = fields.Char(compute="_compute_proof")

    @api.depends("state", "method", "test_customer_count")
    @api.depends_context("lang")
    def _compute_verdict(self):
        labels = dict(self._fields["method"]._description_selection(self.env))
        for fit in self:
            fit.verdict = {
                "used": self.env._(
                    "In use: %(method)s. It told what customers bought next better than the best sellers.",
                    method=labels.get(fit.method),
                ),
                "refused": self.env._(
                    "No method told what customers bought next better than the best sellers: these are suggested."
                ),
                "few": self.env._(
                    "Not enough yet: %(count)s customers bought something new in the time held out, 50 are needed.",
                    count=fit.test_customer_count,
                ),
                "nothing": self.env._("Customers buy nothing that could be told apart, or no product can be sold."),
            }.get(fit.state, False)

    @api.depends("backtest")
    @api.depends_context("lang")
    def _compute_backtest_table(self):
        labels = dict(self._fields["method"]._description_selection(self.env))
        for fit in self:
            rows = [(labels[name], scores) for name, scores in (fit.backtest or {}).items() if name in labels]
            fit.backtest_table = rows and self.env["ir.qweb"]._render(
                "crm_value_addon.recommender_backtest", {"rows": rows, "chosen": labels.get(fit.method)}
            )

    @api.depends("has_proof", "uplift_revenue_low", "uplift_revenue_high")
    @api.depends_context("lang")
    def _compute_proof(self):
        for fit in self:
            if not fit.has_proof:
                fit.proof = self.env._("Not enough yet: 30 customers of each group are needed.")
            elif fit.uplift_revenue_low > 0:
                fit.proof = self.env._("It pays: customers with suggestions bring more than the control group.")
            elif fit.uplift_revenue_high < 0:
                fit.proof = self.env._("It harms: customers with suggestions bring less than the control group.")
            else:
                fit.proof = self.env._("No difference is proven.")

    def action_fit_now(self):
        """Fit the next products of the current company.

        :raise AccessError: the user is no sales manager
        :raise UserError: the settings ask for no suggestions
        """
        if not self.env.su and not self.env.user.has_group(MANAGER_GROUP):
            raise AccessError(self.env._("Only sales managers fit the next products."))
        self.check_access("read")
        if not self.env.company.value_suggestions:
            raise UserError(self.env._("The settings ask for no suggestions of next products."))
        # sudo: suggestions are the machine's; who may ask for them was checked.
        fit = self.sudo().env["crm.value.recommender.fit"]._fit(self.env.company)
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": fit.id,
            "views": [(False, "form")],
        }

    @api.model
    def _cron_fit(self):
        """Fit the next products of all companies that want suggestions."""
        companies = self.env["res.company"].search([("value_suggestions", "=", True)])
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        for company in companies:
            self.env["crm.value.recommender.fit"].with_company(company)._fit(company)
            self.env["ir.cron"]._commit_progress(1)

    @api.autovacuum
    def _gc_fits(self):
        """Forget what is older than each company keeps its refreshes."""
        return self.env["crm.value.retention"]._forget(
            self._name,
            "value_run_months",
            lambda company, since: SQL("company_id = %s AND date < %s", company.id, since),
        )
