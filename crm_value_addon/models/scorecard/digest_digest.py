from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ...const import MARGIN_GROUP, SELLER_GROUP


class DigestDigest(models.Model):
    """Figures of the customers in Odoo's digest; each recipient gets those that they may see, of their company."""

    _inherit = "digest.digest"

    kpi_value_equity = fields.Boolean(string="Customer Equity")
    kpi_value_equity_value = fields.Monetary(compute="_compute_kpi_value_equity_value")
    kpi_value_risk = fields.Boolean(string="Revenue at Risk")
    kpi_value_risk_value = fields.Monetary(compute="_compute_kpi_value_risk_value")
    kpi_value_won = fields.Boolean(string="Customers Won")
    kpi_value_won_value = fields.Integer(compute="_compute_kpi_value_won_value")
    kpi_value_lost = fields.Boolean(string="Customers Lost")
    kpi_value_lost_value = fields.Integer(compute="_compute_kpi_value_lost_value")
    kpi_value_in_time = fields.Boolean(string="Follow-ups Done in Time (%)")
    kpi_value_in_time_value = fields.Float(compute="_compute_kpi_value_in_time_value")

    def _compute_kpi_value_equity_value(self):
        self._compute_value_kpi("equity", MARGIN_GROUP)

    def _compute_kpi_value_risk_value(self):
        self._compute_value_kpi("risk", SELLER_GROUP)

    def _compute_kpi_value_won_value(self):
        self._compute_value_kpi("won", SELLER_GROUP)

    def _compute_kpi_value_lost_value(self):
        self._compute_value_kpi("lost", SELLER_GROUP)

    def _compute_kpi_value_in_time_value(self):
        self._compute_value_kpi("in_time", SELLER_GROUP)

    def _compute_kpis_actions(self, company, user):
        actions = super()._compute_kpis_actions(company, user)
        menu = self.env.ref("crm.crm_menu_root").id
        for name in ("equity", "risk", "won", "lost"):
            actions[f"kpi_value_{name}"] = f"crm_value_addon.action_value_dashboard?menu_id={menu}"
        actions["kpi_value_in_time"] = f"crm_value_addon.crm_value_followup_action?menu_id={menu}"
        return actions

    @api.model
    def _compute_value_kpi(self, name, group):
        """Set a figure of each digest's company.

        :raise AccessError: the recipient may not see it, so that Odoo leaves it out of their mail
        """
        if not self.env.user.has_group(group):
            raise AccessError(self.env._("Do not have access, skip this data for user's digest email"))
        start, end, _companies = self._get_kpi_compute_parameters()
        first, last = fields.Date.to_date(start), fields.Date.to_date(end)
        for digest in self:
            company = digest.company_id or self.env.company
            digest[f"kpi_value_{name}_value"] = getattr(digest, f"_value_kpi_{name}")(company, first, last)

    # the figures: of a company, in the days from the first to before the last one

    def _value_kpi_equity(self, company, _first, last):
        return self._value_stock(company, last, "equity", [])

    def _value_kpi_risk(self, company, _first, last):
        return self._value_stock(company, last, "revenue_12m", [("lifecycle_stage", "=", "at_risk")])

    def _value_stock(self, company, last, figure, domain):
        """Return the sum of a figure: that of now, or at the last month's end before a day of the past."""
        model, domain = "crm.value", [("company_id", "=", company.id), *domain]
        if last < company._value_today():
            model = "crm.value.snapshot"
            day = self.env[model]._last_date(company, last)
            domain.append(("as_of_date", "=", day))
        [(total,)] = self.env[model]._read_group(domain, [], [f"{figure}:sum"])
        return total or 0.0

    def _value_kpi_won(self, company, first, last):
        days = [("first_purchase_date", ">=", first), ("first_purchase_date", "<", last)]
        return self.env["crm.value"].search_count([("company_id", "=", company.id), *days])

    def _value_kpi_lost(self, company, first, last):
        days = [("lifecycle_since", ">=", first), ("lifecycle_since", "<", last)]
        return self.env["crm.value"].search_count(
            [("company_id", "=", company.id), ("lifecycle_stage", "=", "lost"), *days]
        )

    def _value_kpi_in_time(self, company, first, last):
        self.env["crm.value.followup"].flush_model()
        [[share]] = self.env.execute_query(
            SQL(
                """SELECT 100.0 * count(*) FILTER (WHERE is_in_time) / NULLIF(count(*), 0) FROM crm_value_followup
                    WHERE company_id = %s AND %s AND deadline >= %s AND deadline < %s""",
                company.id,
                self.env["crm.value.scorecard"]._where_asked(),
                first,
                last,
            )
        )
        return float(share or 0.0)
