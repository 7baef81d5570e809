from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..const import MARGIN_GROUP
from .account_move import POSTED_DOCUMENTS


class CrmValue(models.Model):
    """What a customer (commercial partner) is worth to a company. Written by the refresh only."""

    _name = "crm.value"
    _description = "Customer Value"
    _log_access = False
    _order = "revenue_12m desc, id"
    _rec_name = "partner_id"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", readonly=True)
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", index=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    as_of_date = fields.Date(string="As of", readonly=True, help="The day of the refresh that last changed a figure")
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    country_id = fields.Many2one(related="partner_id.country_id")

    # observed
    first_purchase_date = fields.Date(string="First Purchase", readonly=True)
    last_purchase_date = fields.Date(string="Last Purchase", readonly=True)
    purchase_count = fields.Integer(
        string="Purchases", readonly=True, help="Days on which something was bought, less what was given back")
    frequency = fields.Integer(string="Repeat Purchases", readonly=True, aggregator="sum")
    revenue_total = fields.Monetary(string="Revenue", readonly=True, help="All posted documents, untaxed")
    revenue_12m = fields.Monetary(
        string="Revenue 12 Months", readonly=True,
        help="Invoiced less credited in the 12 months up to the day of the figures, untaxed")
    revenue_year = fields.Monetary(string="Revenue This Year", readonly=True)
    revenue_previous_year = fields.Monetary(string="Revenue Last Year", readonly=True)
    margin_total = fields.Monetary(string="Margin", readonly=True, groups=MARGIN_GROUP)
    margin_12m = fields.Monetary(
        string="Margin 12 Months", readonly=True, groups=MARGIN_GROUP,
        help="Margin of the revenue of the last 12 months, as recorded when the invoices were posted")
    refund_total = fields.Monetary(string="Credit Notes", readonly=True)
    monetary_value = fields.Monetary(
        string="Average Purchase", readonly=True, aggregator="avg",
        help="Revenue of the days with a purchase, divided by their number")
    overdue_amount = fields.Monetary(string="Overdue", readonly=True)
    days_since_last_purchase = fields.Integer(
        compute="_compute_day_counts", search="_search_days_since_last_purchase", aggregator=None)
    tenure_days = fields.Integer(
        string="Days as a Customer", compute="_compute_day_counts", search="_search_tenure_days", aggregator=None)

    # predicted
    method = fields.Selection(
        [("model", "Prediction model"), ("history", "Last 12 months carried forward"), ("none", "No purchase yet")],
        string="Computed from", readonly=True,
        help="Whether the expected figures come from the prediction model or from the last 12 months carried forward")
    expected_margin_12m = fields.Monetary(
        string="Expected Next 12 Months", readonly=True, groups=MARGIN_GROUP,
        help="Expected margin (or revenue, as the company's settings say) of the next 12 months, not discounted")

    # the parts of the value
    transaction_value = fields.Monetary(
        readonly=True, groups=MARGIN_GROUP, help="Discounted expected contribution of purchases over the horizon")
    clv = fields.Monetary(
        string="CLV", readonly=True, groups=MARGIN_GROUP,
        help="Customer lifetime value: what the customer is expected to bring over the company's horizon from "
             "purchases, growth, referrals and feedback, less the cost to serve, discounted to today")
    realised_value = fields.Monetary(readonly=True, groups=MARGIN_GROUP, help="Margin so far")

    _partner_company_uniq = models.Constraint(
        "UNIQUE(partner_id, company_id)", "A customer has one value per company.")

    def init(self):
        # Pages with room for another version of each row keep the nightly updates on the page of the row (HOT): no
        # bloat, no index writes. At 50 the last rows of a page do not fit any more.
        self.env.cr.execute(SQL("ALTER TABLE crm_value SET (fillfactor = 45)"))

    @api.depends("first_purchase_date", "last_purchase_date")
    def _compute_day_counts(self):
        for value in self:
            today = value.company_id._value_today() if value.company_id else fields.Date.today()
            value.days_since_last_purchase = (today - (value.last_purchase_date or today)).days
            value.tenure_days = (today - (value.first_purchase_date or today)).days

    def _search_days_since_last_purchase(self, operator, number):
        return self._search_day_count("last_purchase_date", operator, number)

    def _search_tenure_days(self, operator, number):
        return self._search_day_count("first_purchase_date", operator, number)

    @api.model
    def _search_day_count(self, date_field, operator, number):
        """Turn a condition on a number of days before today into one on a date, each company by its own calendar.

        A customer without a date shows 0 days and is found as such.
        """
        turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "in": "in"}.get(operator)
        if turned is None:
            return NotImplemented
        if operator == "in":
            return Domain.OR(self._search_one_day(date_field, days) for days in number)
        shows_zero = {"<": 0 < number, "<=": 0 <= number, ">": 0 > number, ">=": 0 >= number}[operator]
        domain = Domain.OR(
            Domain("company_id", "=", company.id)
            & Domain(date_field, turned, company._value_today() - timedelta(days=int(number)))
            for company in self.env.companies)
        return domain | Domain(date_field, "=", False) if shows_zero else domain

    @api.model
    def _search_one_day(self, date_field, days):
        domain = Domain.OR(
            Domain("company_id", "=", company.id)
            & Domain(date_field, "=", company._value_today() - timedelta(days=int(days or 0)))
            for company in self.env.companies)
        return domain if days else domain | Domain(date_field, "=", False)

    # actions

    def action_open_purchases(self):
        """Open the purchase days that make the figures of this customer.

        :raise AccessError: the user may not read this value
        """
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_purchase_action")
        domain = [("partner_id", "=", self.partner_id.id), ("company_id", "=", self.company_id.id)]
        window = self._windows(self.company_id._value_today()).get(str(self.env.context.get("value_window")))
        if window:
            domain += [("date", ">=", window[0]), ("date", "<", window[1])]
        return action | {"domain": domain}

    @api.model
    def _windows(self, as_of):
        """Return the half-open intervals of dates that the figures of a window sum over: name → (from, until)."""
        tomorrow, new_year = as_of + timedelta(days=1), as_of.replace(month=1, day=1)
        return {
            "revenue_12m": (tomorrow - relativedelta(years=1), tomorrow),
            "revenue_year": (new_year, tomorrow),
            "revenue_previous_year": (new_year - relativedelta(years=1), new_year),
        }

    def action_open_documents(self):
        """Open the posted documents of this customer that the user may read.

        :raise AccessError: the user may not read this value
        """
        self.ensure_one()
        self.check_access("read")
        domain = self._documents_domain()
        if self.env.context.get("value_refunds"):
            domain = [*domain, ("move_type", "=", "out_refund")]
        # sudo: only the number of the documents that the user may not open is told.
        return self._action_documents(domain, self.env["account.move"].sudo().search_count(domain))

    def action_open_overdue(self):
        """Open the documents with an overdue receivable that the user may read.

        :raise AccessError: the user may not read this value
        """
        self.ensure_one()
        self.check_access("read")
        domain = [*self._documents_domain(), ("line_ids", "any", [
            ("account_id.account_type", "=", "asset_receivable"), ("reconciled", "=", False),
            ("date_maturity", "<", self.company_id._value_today())])]
        # sudo: only the number of the documents that the user may not open is told.
        return self._action_documents(domain, self.env["account.move"].sudo().search_count(domain))

    def _customer_mail(self):
        """Return what the mail templates write to this customer (see `crm.value.portal`)."""
        return self.env["crm.value.portal"]._prepare_portal_mail(self)

    @api.readonly
    def explain_value(self):
        """Return why this customer is worth what it is.

        :return: dict ``customer company as_of_date currency clv realised_value parts realised since nightly``: parts
            is a list of dicts ``name label amount sign configured inputs records``, whose amounts times signs add up to
            ``clv``; ``inputs`` are sentences, ``records`` dicts ``key label`` for `action_open_part`; ``since`` is the
            change from the last month's end, with ``as_of_date`` and ``parts``, False without one
        :raise AccessError: the user may not see what this customer is worth
        """
        self._check_worth_access()
        return self.env["crm.value.explanation"]._explain(self)

    def action_open_part(self, key):
        """Open the records behind a component of the value, as far as the user may read them.

        :param str key: a ``key`` of the ``records`` in `explain_value`
        :raise AccessError: the user may not see what this customer is worth
        :raise UserError: there is nothing of that name
        """
        self._check_worth_access()
        return self.env["crm.value.explanation"]._open(self, key)

    def _check_worth_access(self):
        self.ensure_one()
        self.check_access("read")
        self._check_field_access(self._fields["clv"], "read")

    def _documents_domain(self):
        return [
            ("commercial_partner_id", "=", self.partner_id.id), ("company_id", "=", self.company_id.id),
            *POSTED_DOCUMENTS,
        ]

    @api.model
    def _action_documents(self, domain, total):
        """Return the list of the documents of a domain that the user may read; its name tells how many are hidden."""
        Move = self.env["account.move"]
        shown = Move.search_count(domain) if Move.has_access("read") else 0
        if not shown:
            return self._notification(self.env._(
                "Documents: %(total)s, none of which you may open.", total=total), "warning")
        name = self.env._("Documents")
        if shown < total:
            name = self.env._("Documents (%(hidden)s not shown)", hidden=total - shown)
        return {
            "type": "ir.actions.act_window", "name": name, "res_model": "account.move",
            "views": [
                (self.env.ref("account.view_out_invoice_tree").id, "list"),
                (self.env.ref("account.view_account_move_kanban").id, "kanban"), (False, "form")],
            "domain": domain, "context": {"create": False, "default_move_type": "out_invoice"},
        }

    @api.model
    def _notification(self, message, kind="success"):
        return {
            "type": "ir.actions.client", "tag": "display_notification",
            "params": {"message": message, "type": kind, "next": {"type": "ir.actions.client", "tag": "soft_reload"}},
        }
