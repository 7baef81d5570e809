from dataclasses import dataclass, replace
from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ...const import MARGIN_GROUP
from .crm_value_dashboard_sums import Sums

PERIODS = ("month", "quarter", "year")
_SECTION = "crm.value.dashboard.section"


@dataclass(frozen=True)
class Scope:
    """What a dashboard is about: companies, period, filter, and whether the user may see what customers are worth."""

    companies: models.Model
    #: the user chose this company among the active ones
    is_picked: bool
    period: str
    today: date
    start: date
    #: the period of the same length before: from its first day until before the same day of it
    before: tuple
    sees_worth: bool
    #: conditions on customers as (path of a field of `crm.value`, operator, value), beside the company
    conditions: tuple = ()
    #: what the sections add up (`crm.value.dashboard.sums`)
    sums: Sums | None = None

    @property
    def company(self):
        """The company whose currency, calendar and prediction are shown."""
        return self.companies[:1]

    @property
    def domain(self):
        """The customer values in scope: everybody who ever asked, ordered or bought, as far as the filter lets them."""
        return self.customers()

    def customers(self, prefix=""):
        """Return the domain of the customers in scope on another model.

        :param str prefix: the path from that model to `crm.value`, with a dot at its end
        """
        return Domain(f"{prefix}company_id", "in", self.companies.ids) & self.filter(prefix)

    def filter(self, prefix=""):
        """Return the same without the companies."""
        return Domain.AND(Domain(f"{prefix}{path}", operator, value) for path, operator, value in self.conditions)

    @property
    def worth(self):
        """The field by which customers are compared."""
        return "clv" if self.sees_worth else "revenue_12m"


class CrmValueDashboard(models.AbstractModel):
    """The figures of the dashboard, from stored columns only: one call, at most six queries.

    How to use: `read_dashboard`.

    How it works: `_envelope` describes the scope of the figures; the sections are the models that inherit
    `crm.value.dashboard.section`, each drawn by the component that the client registered under the same name. Queries
    run under the rules of the user, so that a list shows neither more nor less than its number.
    """

    _name = "crm.value.dashboard"
    _description = "Customer Value Dashboard"

    @api.readonly
    @api.model
    def read_dashboard(self, period="month", company_id=False, filters=None):
        """Return all figures of the dashboard for the active companies, or for one of them.

        Companies whose currency differs from that of the first one are left out, and named.

        :param str period: "month" (this month so far), "quarter" (last 3 months) or "year" (last 12 months)
        :param dict filters: names of `crm.value.dashboard.filter` with their ids; every figure and its list is of the
            customers that meet all of them
        :return: dict of JSON values: ``state`` ("ok", "empty" or "waiting"), ``period``, ``companies``, ``freshness``,
            ``first_hour`` (the steps of `crm.value.first.hour`) and, where there are figures, one key for each of
            `_sections`
        :raise AccessError: the user may not read customer values, or not those of that company
        :raise UserError: there is no such period or filter
        """
        self.env["crm.value"].check_access("read")
        scope = self._scope(period, company_id, self.env["crm.value.dashboard.filter"]._conditions(filters))
        ages, kept = self.env["crm.value.dashboard.sums"]._read(scope)
        envelope, payload = self._envelope(scope, ages), {}
        if envelope["state"] != "ok":
            return envelope
        scope = replace(scope, sums=kept or self.env["crm.value.dashboard.live"]._read(scope))
        for name in self._sections():
            section = self.env[f"{self._name}.{name}"]
            if section._is_deferred:
                if section._is_shown(scope):
                    payload[name] = {"asked": [name, period, company_id, filters or {}]}
            elif section._is_shown(scope):
                payload[name] = section._read(scope, payload)
        if not payload["customers"]["known"]["count"]:
            return envelope | {"state": "filtered" if scope.conditions else "empty"}
        return envelope | payload

    @api.readonly
    @api.model
    def read_section(self, name, period="month", company_id=False, filters=None):
        """Return the figures of a section that `read_dashboard` leaves to a call of its own, for the same scope.

        :param str name: the section; the other parameters are those of `read_dashboard`
        :return: dict of JSON values
        :raise AccessError: the user may not read customer values, or not those of that company
        :raise UserError: there is no such section, period or filter
        """
        self.env["crm.value"].check_access("read")
        deferred = [each for each in self._sections() if self.env[f"{self._name}.{each}"]._is_deferred]
        if name not in deferred:
            raise UserError(self.env._("The dashboard has no section %(name)s of its own.", name=name))
        scope = self._scope(period, company_id, self.env["crm.value.dashboard.filter"]._conditions(filters))
        return self.env[f"{self._name}.{name}"]._read(scope, {})

    @api.model
    def _sections(self):
        """Return the names of the sections in reading order: the models that inherit the section, of any module."""
        models = self.env.registry.descendants([_SECTION], "_inherit") - {_SECTION}
        ordered = sorted(models, key=lambda model: self.env[model]._section_sequence)
        return [model.removeprefix(f"{self._name}.") for model in ordered]

    @api.model
    def _scope(self, period, company_id, conditions=()):
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
        length = relativedelta(months={"month": 1, "quarter": 3, "year": 12}[period])
        return Scope(
            companies,
            bool(company_id),
            period,
            today,
            start,
            (start - length, today - length + relativedelta(days=1)),
            self.env.user.has_group(MARGIN_GROUP),
            conditions,
        )

    @api.model
    def _envelope(self, scope, ages):
        """Return what the screen shows around the sections, whether there are figures or not.

        :param dict ages: company → how old its figures are
        """
        active = self.env.companies
        is_waiting = all(age["minutes"] is None for age in ages.values())
        return {
            "state": "waiting" if is_waiting else "ok",
            "progress": self._progress(scope) if is_waiting else False,
            "first_hour": self.env["crm.value.first.hour"]._checklist(
                scope.company, ages[scope.company]["minutes"] is not None
            ),
            "company_id": scope.company.id,
            "period": scope.period,
            "start": scope.start.isoformat(),
            "companies": [{"id": company.id, "name": company.name} for company in active],
            "left_out": [] if scope.is_picked else (active - scope.companies).mapped("name"),
            "currency_id": scope.company.currency_id.id,
            "sees_worth": scope.sees_worth,
            "freshness": [
                f"{company.name}: {age['text']}" if len(ages) > 1 else age["text"] for company, age in ages.items()
            ],
        }

    @api.model
    def _progress(self, scope):
        """Return the progress of the first refresh: in percent, "queued", or False when nobody asked for one."""
        run = self.env["crm.value.run"].search_fetch(
            [("company_id", "in", scope.companies.ids), ("kind", "=", "full"), ("state", "in", ("queued", "running"))],
            ["state", "processed", "total"],
            order="state desc, id desc",
            limit=1,
        )
        return {"queued": "queued", "running": round(run.progress)}.get(run.state, False)
