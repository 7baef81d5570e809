import json
from dataclasses import dataclass
from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ...const import MARGIN_GROUP

PERIODS = ("month", "quarter", "year")


@dataclass(frozen=True)
class Scope:
    """What a dashboard is about: whose figures, since when, and whether they may tell what customers are worth."""

    companies: models.Model
    #: the user chose this company among the active ones
    is_picked: bool
    period: str
    today: date
    start: date
    sees_worth: bool

    @property
    def company(self):
        """The company whose currency, calendar and prediction are shown."""
        return self.companies[:1]

    @property
    def domain(self):
        """The customer values it is about; everybody who ever asked, ordered or bought."""
        return Domain("company_id", "in", self.companies.ids)

    @property
    def worth(self):
        """The field by which customers are compared."""
        return "clv" if self.sees_worth else "revenue_12m"


class CrmValueDashboard(models.AbstractModel):
    """The figures of the dashboard, stored ones only: one call, at most ten queries however many customers there are.

    How it works: each section is a method `_section_<name>` in a file of its own. A figure is a dict with ``count``
    and ``domain`` (and ``model`` where it is not crm.value): the records that are behind it, exactly. Queries are made
    with the rules of the user, so that a list shows neither more nor less than its number. Another module adds a
    section by extending `_sections`.
    """

    _name = "crm.value.dashboard"
    _description = "Customer Value Dashboard"

    @api.readonly
    @api.model
    def read_dashboard(self, period="month", company_id=False):
        """Return all figures of the dashboard for the active companies, or one of them.

        Companies with another currency than the first one are left out, and named.

        :param str period: "month" (this month so far), "quarter" (last 3 months) or "year" (last 12 months)
        :return: dict of JSON values: ``state`` ("ok", "empty" or "waiting"), ``period``, ``companies``, ``freshness``
            and, where there are figures, one key for each of `_sections`
        :raise AccessError: the user may not read customer values, or not those of that company
        :raise UserError: there is no such period
        """
        self.env["crm.value"].check_access("read")
        scope = self._scope(period, company_id)
        payload = self._frame(scope)
        if payload["state"] != "ok":
            return payload
        for name in self._sections():
            payload[name] = getattr(self, f"_section_{name}")(scope, payload)
        if not payload["customers"]["known"]["count"]:
            return {name: payload[name] for name in self._frame_keys()} | {"state": "empty"}
        return payload

    @api.model
    def _sections(self):
        """Return the names of the sections, in the order in which they are read."""
        return ["customers", "outlook", "trend", "moves", "calls"]

    @api.model
    def _scope(self, period, company_id):
        if period not in PERIODS:
            raise UserError(self.env._("There is no period called %(period)s.", period=period))
        active = self.env.companies
        chosen = active.filtered(lambda company: company.id == company_id) if company_id else active
        if not chosen:
            raise AccessError(self.env._("These figures are of a company that is not among your active ones."))
        companies = chosen.filtered(lambda company: company.currency_id == chosen[0].currency_id)
        today = companies[0]._value_today()
        start = {
            "month": today.replace(day=1),
            "quarter": today - relativedelta(months=3, days=-1),
            "year": today - relativedelta(years=1, days=-1),
        }[period]
        return Scope(companies, bool(company_id), period, today, start, self.env.user.has_group(MARGIN_GROUP))

    @api.model
    def _frame_keys(self):
        return ["state", "progress", "period", "start", "companies", "currency_id", "left_out", "sees_worth",
                "freshness"]

    @api.model
    def _frame(self, scope):
        """Return what is told whether there are figures or not."""
        active = self.env.companies
        # sudo: how old the figures are is told to everybody who sees them.
        ages = {company: company.sudo()._value_figures_age() for company in scope.companies}
        is_waiting = all(age["minutes"] is None for age in ages.values())
        return {
            "state": "waiting" if is_waiting else "ok",
            "progress": self._progress(scope) if is_waiting else False,
            "period": scope.period, "start": scope.start.isoformat(),
            "companies": [{"id": company.id, "name": company.name} for company in active],
            "left_out": [] if scope.is_picked else (active - scope.companies).mapped("name"),
            "currency_id": scope.company.currency_id.id,
            "sees_worth": scope.sees_worth,
            "freshness": [
                f"{company.name}: {age['text']}" if len(ages) > 1 else age["text"] for company, age in ages.items()],
        }

    @api.model
    def _progress(self, scope):
        """Return how far the first refresh is: in percent, "queued", or False when nobody asked for one."""
        run = self.env["crm.value.run"].search_fetch(
            [("company_id", "in", scope.companies.ids), ("kind", "=", "full"), ("state", "in", ("queued", "running"))],
            ["state", "processed", "total"], order="state desc, id desc", limit=1)
        return {"queued": "queued", "running": round(run.progress)}.get(run.state, False)

    @api.model
    def _plain(self, domain):
        """Return a domain as JSON holds it."""
        return json.loads(json.dumps(list(domain), default=fields.Date.to_string))

    @api.model
    def _figure(self, domain, count, model="crm.value", **amounts):
        """Return a figure with the records that are behind it.

        :param Domain domain: on a model that the user may read
        :param amounts: sums over these records
        """
        figure = {"count": count, "domain": self._plain(domain), **{
            name: round(float(amount or 0), 6) for name, amount in amounts.items()}}
        return figure if model == "crm.value" else figure | {"model": model}
