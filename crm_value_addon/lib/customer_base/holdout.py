"""Backtest: fit on the purchases up to a day, forecast the holdout period after it, and compare.

The customers' own history is a strong benchmark, and it wins on the data of some companies. Therefore no model is
used before it has been measured. The methods:

==================== =================================================================================
stack                what customers are shown: the purchase model and others, weighed on earlier windows
modified_beta_geo    MBG/NBD x gamma-gamma
beta_geo             BG/NBD x gamma-gamma
carry_forward        the customer's value in the last period as long as the holdout period, repeated
carry_forward_12m    the kernel's fallback: a twelfth of the customer's last 12 months per month, thinned by the
                     retention rate as it is shown
mean_rate            mean purchase x purchases per day so far
rfm                  sum of the RFM scores: a ranking without a level
==================== =================================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ._arrays import AnyArray, ArrayLike, Floats, Ints
from ._estimation import Estimator
from .ensemble import Ensemble, Known, View, fit_ensemble
from .errors import as_day, check
from .fallback import DAYS_PER_MONTH, carry_forward, retention_running
from .history import Summary, merge_days, summarise
from .metrics import Accuracy, accuracy, tweedie_deviance
from .purchases import BetaGeo, ModifiedBetaGeo, PurchaseModel
from .rfm import rfm_boundaries, rfm_scores
from .spend import GammaGamma

__all__ = ["METHODS", "Backtest", "Summary", "backtest", "merge_days", "summarise"]

METHODS = ("stack", "modified_beta_geo", "beta_geo", "carry_forward", "carry_forward_12m", "mean_rate", "rfm")
# Each frequency up to 6 has its own row in the calibration table, as in the papers' figures; 7 means 7 or more.
_LAST_FREQUENCY = 7
_YEAR = 12 * DAYS_PER_MONTH


@dataclass(frozen=True)
class Backtest:
    """The result of `backtest`; all lists hold dicts of plain numbers, ready for a table or a chart.

    Attributes
    ----------
    customers, repeaters : int
        Customers of the calibration period, and those with at least two purchases in it.
    actual_total : float
        Their value in the holdout period.
    accuracy : dict of str to Accuracy
        Per method of `METHODS`, on value.
    calibration : list of dict
        Per frequency 0..6 and 7 (or more): `frequency`, `customers`, `actual` mean purchases in the holdout
        period, and the mean forecast of each purchase model.
    by_month : list of dict
        Per month of 30.44 days of the holdout period: `month` (1..), `days`, `actual` value, and the forecast of
        each method.
    tracking : list of dict
        Per month since the very first purchase: `day` (the month's end), `actual` cumulative repeat purchases of
        the calibration period's customers, and each purchase model's expectation at their acquisition.
    models : dict of str to Estimator
        The fits; gamma-gamma has the key ``"spend"``.
    ensemble : Ensemble
        What ``"stack"`` forecast with: fitted to the purchases up to the split, its weights to windows before.
    """

    customers: int
    repeaters: int
    actual_total: float
    accuracy: dict[str, Accuracy]
    calibration: list[dict[str, float]]
    by_month: list[dict[str, float]]
    tracking: list[dict[str, float]]
    models: dict[str, Estimator]
    ensemble: Ensemble

    def best(self, methods: Sequence[str] = METHODS) -> str:
        """Return the method with the smallest deviance among `methods`, rankings left out.

        Where nothing was bought in the holdout period, no deviance is defined, and the smallest error decides.
        """
        rated = [name for name in methods if np.isfinite(self.accuracy[name].mae)]
        return min(rated, key=lambda name: (np.nan_to_num(self.accuracy[name].deviance), self.accuracy[name].mae))


def backtest(
    customer: ArrayLike,
    day: ArrayLike,
    value: ArrayLike,
    split: int,
    end: int | None = None,
    *,
    prior: bool = True,
    prior_strength: float = 1.0,
    retention: float = 1.0,
    kind: type[PurchaseModel] = ModifiedBetaGeo,
    known: Known | None = None,
    start: Ensemble | None = None,
) -> Backtest:
    """Fit on the purchases up to `split`, forecast the days after it up to `end`, and compare.

    Parameters
    ----------
    customer, day, value : array_like, shape (n,)
        Purchases, as in `merge_days`.
    split, end : int
        Last day of the calibration and of the holdout period (default: day of the last purchase).
    prior, prior_strength
        As in `ModifiedBetaGeo`.
    retention : float
        Share of customers still there after a year, 0..1, by which ``"carry_forward_12m"`` is thinned.
    kind : type
        The purchase model in the stack.
    known : tuple of numpy.ndarray and mapping, optional
        What is known of each customer, as in `fit_ensemble`.
    start : Ensemble, optional
        A fit whose models the search begins at, as in `fit_ensemble`.

    Returns
    -------
    Backtest
        For the customers with a purchase up to `split`.

    Raises
    ------
    InvalidInputError
        Also when `end` is not after `split`.
    EmptyDataError
        When there is no purchase up to `split`.
    """
    customers, days, values = merge_days(customer, day, value)
    split = as_day("split", split)
    end = int(days.max(initial=split)) if end is None else as_day("end", end)
    check(end > split, "end", end, f"must be after split ({split})")
    view = View(customers, days, values, split)
    past = view.past
    ensemble = fit_ensemble(
        customers, days, values, split,
        days=end - split, kind=kind, prior=prior, prior_strength=prior_strength, known=known, start=start,
    )  # fmt: skip
    near = ensemble.model
    models: dict[str, PurchaseModel] = {
        "modified_beta_geo": ModifiedBetaGeo(prior, prior_strength).fit(past.x, past.t_x, past.T, start=near),
        "beta_geo": BetaGeo(prior, prior_strength).fit(past.x, past.t_x, past.T, start=near),
    }
    spend = GammaGamma(prior, prior_strength).fit(past.n, past.mean, mean_log=past.mean_log, start=ensemble.spend)
    window = _Window(past, customers, days, values, split, end)
    forecasts = _forecasts(models, spend, past, window, retention)
    forecasts["stack"] = _spread(ensemble.forecast(view, known), ensemble.model, past, window)
    results = {name: accuracy(forecasts[name][:, -1], window.actual, name != "rfm") for name in METHODS}
    return Backtest(
        customers=past.x.size,
        repeaters=int((past.x > 0).sum()),
        actual_total=float(window.actual.sum()),
        accuracy=results,
        calibration=_calibration(models, past, window),
        by_month=_by_month(forecasts, window),
        tracking=_tracking(models, past, window),
        models={**models, "spend": spend},
        ensemble=ensemble,
    )


def deviance_of(
    fit: Ensemble,
    customer: ArrayLike,
    day: ArrayLike,
    value: ArrayLike,
    split: int,
    end: int,
    known: Known | None = None,
) -> float:
    """Return the Tweedie deviance of a fit, as it is, on the days that a backtest holds back.

    The fit may have seen some of these days, so that it does a little better on them than on days to come.

    Parameters
    ----------
    fit : Ensemble
    customer, day, value, split, end, known
        As in `backtest`.

    Returns
    -------
    float
        NaN where nothing was bought.
    """
    check(end > split, "end", end, f"must be after split ({split})")
    view = View(*merge_days(customer, day, value), split)
    shown = replace(fit, days=end - split).forecast(view, known)
    return tweedie_deviance(shown, view.actual(end - split))


class _Window:
    """Purchases of the calibration period's customers, cut at `split` and at each month's end after it."""

    def __init__(self, past: Summary, customer: AnyArray, day: Ints, value: Floats, split: int, end: int) -> None:
        keep = np.isin(customer, past.customer) & (day <= end)
        self.row = np.searchsorted(past.customer, customer[keep])
        self.day, self.value = day[keep], value[keep]
        self.split, self.end, self.size = split, end, past.x.size
        self.ends = _month_ends(end - split)
        after = self.day > split
        self.actual = np.bincount(self.row[after], self.value[after], minlength=self.size)
        self.purchases = np.bincount(self.row[after], minlength=self.size)

    def last(self, days: float) -> Floats:
        """Return the value per customer of the last `days` of the calibration period."""
        keep = (self.day <= self.split) & (self.day > self.split - days)
        # numpy's types take the sums for counts
        return np.bincount(self.row[keep], self.value[keep], minlength=self.size).astype(float, copy=False)


def _month_ends(length: float) -> Floats:
    """Return the last whole day of each month of 30.44 days, and `length` itself at the end."""
    ends = np.rint(np.arange(1, length / DAYS_PER_MONTH + 1) * DAYS_PER_MONTH)
    return np.append(ends[ends < length], float(length))


def _forecasts(
    models: dict[str, PurchaseModel], spend: GammaGamma, past: Summary, window: _Window, retention: float
) -> dict[str, Floats]:
    """Return the cumulative forecast per method, shape (customers, months); for `rfm` the score."""
    length = window.ends[-1]
    worth = spend.expected_spend(past.n, past.mean)
    columns = [column[:, None] for column in (past.x, past.t_x, past.T)]
    result = {name: model.expected_purchases(window.ends, *columns) * worth[:, None] for name, model in models.items()}
    monthly = {
        "carry_forward": window.last(length) / length * DAYS_PER_MONTH,
        # A customer who is new today has bought at a rate of one purchase per day at most.
        "mean_rate": past.mean * past.n / np.maximum(past.T, 1) * DAYS_PER_MONTH,
    }
    for name, each in monthly.items():
        result[name] = each[:, None] * (window.ends / DAYS_PER_MONTH)
    thinned = retention_running(retention, window.ends)
    result["carry_forward_12m"] = np.asarray(carry_forward(window.last(_YEAR)))[:, None] * thinned
    base = window.split - past.last, past.n, past.n * past.mean
    r, f, m = rfm_scores(rfm_boundaries(*base), *base)
    result["rfm"] = (r + f + m).astype(float)[:, None]
    return result


def _spread(total: Floats, model: PurchaseModel, past: Summary, window: _Window) -> Floats:
    """Spread a forecast of the whole holdout period over its months as the purchase model does, cumulative."""
    ages = [column[:, None] for column in (past.x, past.T)]
    running = model.expected_alive(window.ends, *ages)
    return total[:, None] * running / running[:, -1:]


def _calibration(models: dict[str, PurchaseModel], past: Summary, window: _Window) -> list[dict[str, float]]:
    """Return the mean purchases in the holdout period by frequency, actual and forecast by each purchase model."""
    group = np.minimum(past.x, _LAST_FREQUENCY).astype(int)
    expected = {
        name: model.expected_purchases(window.ends[-1], past.x, past.t_x, past.T) for name, model in models.items()
    }
    rows = []
    for frequency in np.unique(group):
        chosen = group == frequency
        row: dict[str, float] = {"frequency": int(frequency), "customers": int(chosen.sum())}
        row["actual"] = float(window.purchases[chosen].mean())
        rows.append(row | {name: float(each[chosen].mean()) for name, each in expected.items()})
    return rows


def _by_month(forecasts: dict[str, Floats], window: _Window) -> list[dict[str, float]]:
    """Return the value per month of the holdout period, actual and forecast by each method."""
    after = window.day > window.split
    month = np.searchsorted(window.ends, window.day[after] - window.split)
    actual = np.bincount(month, window.value[after], minlength=window.ends.size)
    levels = {name: each for name, each in forecasts.items() if name != "rfm"}
    totals = {name: np.diff(each.sum(axis=0), prepend=0.0) for name, each in levels.items()}
    days = np.diff(window.ends, prepend=0.0)
    return [
        {"month": i + 1, "days": float(days[i]), "actual": float(actual[i])}
        | {name: float(each[i]) for name, each in totals.items()}
        for i in range(window.ends.size)
    ]


def _tracking(models: dict[str, PurchaseModel], past: Summary, window: _Window) -> list[dict[str, float]]:
    """Return the cumulative repeat purchases by month since the very first purchase, actual and expected."""
    start = past.first.min()
    ends = start + _month_ends(window.end - start)
    repeats = np.sort(window.day[window.day > past.first[window.row]])
    firsts, customers = np.unique(past.first, return_counts=True)
    ages = np.maximum(ends[:, None] - firsts, 0.0)
    rows = {name: (model.expected_purchases(ages, 0, 0, 0) * customers).sum(axis=1) for name, model in models.items()}
    return [
        {"day": float(day), "actual": int(np.searchsorted(repeats, day, side="right"))}
        | {name: float(each[i]) for name, each in rows.items()}
        for i, day in enumerate(ends)
    ]
