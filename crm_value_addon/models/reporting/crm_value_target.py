from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL


class CrmValueTarget(models.Model):
    """A goal for a company or a sales team, compared with each month's end; a miss schedules one activity."""

    _name = "crm.value.target"
    _description = "Customer Value Target"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "company_id, metric, id"
    _rec_name = "metric"

    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", index=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    team_id = fields.Many2one(
        "crm.team", string="Sales Team", ondelete="cascade", index="btree_not_null", help="Empty for the whole company"
    )
    seller_id = fields.Many2one(
        "res.users",
        string="Salesperson",
        ondelete="cascade",
        index="btree_not_null",
        domain="[('share', '=', False)]",
        help="Only the customers of this salesperson",
    )
    metric = fields.Selection(
        [
            ("retention", "Retention (% of last year's customers)"),
            ("equity", "Customer equity"),
            ("top_tiers", "Customers in the top tiers"),
            ("won", "Customers won in the month"),
            ("won_back", "Customers won back"),
            ("satisfaction", "Satisfaction (1 to 5)"),
            ("categories", "Categories bought per customer"),
            ("revenue_per_customer", "Revenue of 12 months per customer"),
        ],
        required=True,
        tracking=True,
    )
    tier_id = fields.Many2one(
        "crm.value.tier",
        string="Minimum Tier",
        ondelete="restrict",
        domain="[('company_id', 'in', [False, company_id])]",
    )
    goal = fields.Float(digits=(16, 2), required=True, tracking=True, help="At least this much at each month's end")
    user_id = fields.Many2one(
        "res.users", string="Responsible", required=True, default=lambda self: self.env.user, tracking=True
    )
    active = fields.Boolean(default=True)
    checked_date = fields.Date(string="Month's End", readonly=True, help="The last one that was looked at")
    actual = fields.Float(digits=(16, 2), readonly=True)
    state = fields.Selection(
        [("met", "Met"), ("missed", "Missed"), ("unknown", "Not known yet")], default="unknown", readonly=True
    )

    @api.constrains("metric", "tier_id", "goal")
    def _check_goal(self):
        for target in self:
            if target.metric == "top_tiers" and not target.tier_id:
                raise ValidationError(self.env._("Which tier do the top tiers begin with?"))
            if target.metric == "retention" and not 0 <= target.goal <= 100:
                raise ValidationError(self.env._("A retention lies between 0 %% and 100 %%."))

    @api.model
    def _cron_check(self):
        """Compare the targets of every company with its last month's end."""
        companies = self.search([]).company_id
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        for company in companies:
            self.search([("company_id", "=", company.id)])._check_last_month(company)
            self.env["ir.cron"]._commit_progress(1)

    def _check_last_month(self, company):
        """Compare these targets with a company's last snapshot, once per snapshot."""
        taken = self.env["crm.value.snapshot"]._last_date(company, company._value_today())
        for target in self:
            if taken and target.checked_date != taken:
                actual = target._actual(taken)
                state = "unknown" if actual is None else "met" if actual >= target.goal else "missed"
                target.write({"checked_date": taken, "actual": actual or 0.0, "state": state})
                target._follow_up()

    def _follow_up(self):
        """Keep one open activity while the target is missed, and none when it is met."""
        self.ensure_one()
        if self.state == "met":
            self.activity_unlink(["mail.mail_activity_data_todo"], only_automated=True)
        elif self.state == "missed" and not self.activity_ids:
            self.with_context(mail_activity_quick_update=True).activity_schedule(
                "mail.mail_activity_data_todo",
                user_id=self.user_id.id,
                summary=self.env._("Target missed: %(actual)s of %(goal)s", actual=self.actual, goal=self.goal),
            )

    @api.model
    def _measured_retention(self, company):
        """Return the share of the customers of a year before that bought again, at a company's last month's end.

        None without a month's end of a year before.
        """
        taken = self.env["crm.value.snapshot"]._last_date(company, company._value_today())
        target = self.new({"company_id": company.id, "metric": "retention"})
        percent = target._actual(taken) if taken else None
        return None if percent is None else percent / 100

    def _actual(self, taken):
        """Return the figure of a month's end; None without an earlier one to compare it with."""
        self.ensure_one()
        column = {
            "equity": SQL("sum(snapshot.equity)"),
            "top_tiers": SQL("count(*) FILTER (WHERE tier.sequence >= %s)", self.tier_id.sequence),
            "retention": SQL(
                "100.0 * count(*) FILTER (WHERE snapshot.revenue_12m > 0 AND former.revenue_12m > 0)"
                " / NULLIF(count(*) FILTER (WHERE former.revenue_12m > 0), 0)"
            ),
            "won": SQL(
                "count(*) FILTER (WHERE value.first_purchase_date > %s AND value.first_purchase_date <= %s)",
                taken - relativedelta(months=1),
                taken,
            ),
            "won_back": SQL("count(*) FILTER (WHERE snapshot.lifecycle_stage = 'won_back')"),
            "satisfaction": SQL("avg(snapshot.satisfaction) FILTER (WHERE snapshot.satisfaction > 0)"),
            "categories": SQL("avg(value.category_count) FILTER (WHERE value.category_count > 0)"),
            "revenue_per_customer": SQL(
                "sum(snapshot.revenue_12m) / NULLIF(count(*) FILTER (WHERE snapshot.revenue_12m > 0), 0)"
            ),
        }[self.metric]
        self.env.flush_all()
        former = self.env["crm.value.snapshot"]._last_date(self.company_id, taken - relativedelta(years=1))
        [[actual]] = self.env.execute_query(
            SQL(
                """
            SELECT %(column)s FROM crm_value_snapshot snapshot
              JOIN crm_value value ON value.id = snapshot.value_id
              JOIN res_partner partner ON partner.id = value.partner_id
              LEFT JOIN res_users seller ON seller.id = partner.user_id
              LEFT JOIN crm_value_tier tier ON tier.id = snapshot.tier_id
              LEFT JOIN crm_value_snapshot former ON former.value_id = value.id AND former.as_of_date = %(former)s
             WHERE snapshot.company_id = %(company)s AND snapshot.as_of_date = %(taken)s AND %(team)s AND %(seller)s
            """,
                column=column,
                former=former,
                company=self.company_id.id,
                taken=taken,
                seller=SQL("partner.user_id = %s", self.seller_id.id) if self.seller_id else SQL("TRUE"),
                team=SQL("seller.sale_team_id = %s", self.team_id.id) if self.team_id else SQL("TRUE"),
            )
        )
        if actual is None:
            return 0.0 if self.metric in ("equity", "top_tiers") else None
        return round(float(actual), 2)
