"""The year before the demonstration: its month ends, computed by the nightly refresh as of each of them."""
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from ..models.account_move import POSTED_DOCUMENTS

_MONTHS = 12


def load(env, company):
    """Store the results of a year of refreshes and backtest the prediction; a second call does nothing.

    The figures of a day follow from the documents up to it, as in *Value as of a Day*.
    """
    Value, Snapshot = env["crm.value"].with_company(company), env["crm.value.snapshot"]
    today = company._value_today()
    if Snapshot._last_date(company, today - timedelta(days=1)):
        return
    fit = env["crm.value.fit"]._fit_company(company).filtered("is_used")
    # The first refresh knew no day before it: tiers and month ends begin again, a year ago.
    Value.search([("company_id", "=", company.id)]).unlink()
    for months in reversed(range(_MONTHS)):
        day = today.replace(day=1) - relativedelta(months=months) - timedelta(days=1)
        is_first = months == _MONTHS - 1
        _refresh_as_of(company, day, Value.with_context(
            value_as_of=day, value_fit_id=fit.id, value_tier_source="initial" if is_first else False))
        Snapshot._take(company, day)
    Value._refresh_company()


def _refresh_as_of(company, day, Value):
    """Store the figures that the customers had on a day."""
    customers = Value.env["account.move"]._read_group(
        [*POSTED_DOCUMENTS, ("company_id", "=", company.id), ("invoice_date", "<=", day)], ["commercial_partner_id"])
    if not customers:
        return
    history = Value._history(company, day, [customer.id for [customer] in customers])
    history.pop("unfrozen")
    frame, _skipped = Value._estimate_each(company, day, history)
    Value._store_each(company, day, Value._rank(company, day, frame, Value._boundaries(company, day, frame)))
