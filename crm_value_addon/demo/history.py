"""The year before the demonstration began: its month ends, by the steps of the nightly refresh as of each of them."""

from datetime import timedelta

from dateutil.relativedelta import relativedelta

from ..const import POSTED_DOCUMENTS
from ..models.refresh.basis import Basis

_MONTHS = 12


def load(env, company):
    """Store the results of a year of refreshes and backtest the prediction; a second call does nothing.

    The figures of a day follow from the documents up to it, as in *Value as of a Day*.
    """
    Snapshot = env["crm.value.snapshot"]
    today = company._value_today()
    if Snapshot._last_date(company, today - timedelta(days=1)):
        return
    fit = env["crm.value.fit"]._fit_company(company).filtered("is_used")
    # The first refresh knew no day before it: tiers and month ends begin again, a year ago.
    env["crm.value"].search([("company_id", "=", company.id)]).unlink()
    env["crm.value.scorecard"].search([("company_id", "=", company.id)]).unlink()
    for months in reversed(range(_MONTHS)):
        day = today.replace(day=1) - relativedelta(months=months) - timedelta(days=1)
        is_first = months == _MONTHS - 1
        _refresh_as_of(env, company, day, fit, "initial" if is_first else "refresh")
        Snapshot._take(company, day)
    env["crm.value.refresh"].with_company(company)._refresh_company()


def _refresh_as_of(env, company, day, fit, tier_source):
    """Store the figures that the customers had on a day."""
    customers = env["account.move"]._read_group(
        [*POSTED_DOCUMENTS, ("company_id", "=", company.id), ("invoice_date", "<=", day)], ["commercial_partner_id"]
    )
    if not customers:
        return
    refresh = env["crm.value.refresh"].with_company(company)
    basis = Basis(company, day, [customer.id for [customer] in customers], fit=fit, until=day)
    columns, _skipped = refresh._compute(basis)
    columns = refresh._place(basis, columns, refresh._boundaries(basis, columns))
    refresh._store(basis, columns, tier_source=tier_source)
