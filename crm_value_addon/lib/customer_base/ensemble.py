"""What a company is shown: the purchase model, the forecasts beside it, and what its own past says of all of them.

A fit goes back to a few days of the past, forecasts what came after each of them from what was known then, and learns
from the misses: the weights of the methods and the level (`stack`), who left (`leaving`) and how wide the intervals
have to be (`bands`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._arrays import AnyArray, ArrayLike, Bools, Floats, Ints
from .bands import Bands, fit_bands
from .errors import EmptyDataError
from .history import Summary, merge_days, summarise_merged
from .leaving import LONGEST, Calibration, calibrate, horizons, silent_probability, typical_interval
from .purchases import ModifiedBetaGeo, PurchaseModel
from .recent import recent
from .reliability import LEAST_REPEATERS, STACK_REPEATERS
from .sample import LARGEST, stratified_sample
from .spend import GammaGamma
from .stack import MODEL, Stack, Trial, alone, fit_stack

_YEAR = 365
#: earlier days that a fit goes back to
WINDOWS = 4
#: a customer is called at risk from this probability on, at least
LEAST_RISK = 0.5
#: of the revenue of those called at risk, at most this share may have come back in the earlier window: some room below
#: the half that may in the next one
_COMING_BACK = 0.4
_RISKS = np.arange(LEAST_RISK, 0.96, 0.05)


@dataclass(frozen=True)
class Window:
    """How the methods did in one earlier window, in plain numbers.

    Attributes
    ----------
    split, days : int
        Last day of what was known, and length of what was forecast.
    customers : float
    actual : float
        Value of the window.
    forecasts : dict of str to float
        Total per method of `stack.METHODS`.
    """

    split: int
    days: int
    customers: float
    actual: float
    forecasts: dict[str, float]


@dataclass(frozen=True)
class Ensemble:
    """A fit; money in the unit of the values, times in days.

    Attributes
    ----------
    model : PurchaseModel
    spend : GammaGamma
    stack : Stack
        For a forecast of `days`.
    days : int
    calibration : Calibration
        Of the probability of not buying within one's horizon.
    risk : float
        Probability from which a customer is called at risk.
    typical : float
        The company's typical interval.
    longest : float
        Longest horizon that could be tried on the past.
    bands : Bands or None
        None where the past is too small or too different.
    mean : float
        Mean forecast of the base.
    windows : list of Window
        The latest first.
    """

    model: PurchaseModel
    spend: GammaGamma
    stack: Stack
    days: int
    calibration: Calibration
    risk: float
    typical: float
    longest: float
    bands: Bands | None
    mean: float
    windows: list[Window]

    def forecast(self, view: View) -> Floats:
        """Return the value expected of each customer in the next `days`."""
        return self.stack.combine(view.forecasts(self.model, self.spend, self.days))

    def silent_probability(self, past: Summary) -> tuple[Floats, Floats]:
        """Return each customer's horizon, and the probability that they do not buy within it."""
        days = horizons(past.x, past.t_x, self.typical, longest=self.longest)
        return days, self.calibration(silent_probability(self.model, past.x, past.t_x, past.T, days))


class View:
    """What is known on a day: purchases ordered by customer and day, cut off there.

    Parameters
    ----------
    customer, day, value : numpy.ndarray, shape (n,)
        As `merge_days` returns them.
    as_of : int
    weight : numpy.ndarray, optional
        Number of customers that each customer represents, in the order of all customers of the purchases.
    """

    def __init__(self, customer: AnyArray, day: Ints, value: Floats, as_of: int, weight: Floats | None = None) -> None:
        self.customer, self.day, self.value, self.as_of = customer, day, value, as_of
        self.past = summarise_merged(customer, day, value, as_of)
        size = self.past.x.size
        known = day <= as_of
        self._row = np.repeat(np.arange(size), self.past.n.astype(np.int64))
        self.recent = recent(self._row, day[known], value[known], size, as_of)
        if weight is None:
            self.weight = np.ones(size)
        else:
            self.weight = weight[np.searchsorted(np.unique(customer), self.past.customer)]

    def fit(self, kind: type[PurchaseModel], prior: bool, prior_strength: float) -> tuple[PurchaseModel, GammaGamma]:
        """Fit both models to what is known."""
        past = self.past
        model = kind(prior, prior_strength).fit(past.x, past.t_x, past.T, self.weight)
        return model, GammaGamma(prior, prior_strength).fit(past.n, past.mean, self.weight, past.mean_log)

    def forecasts(self, model: PurchaseModel, spend: GammaGamma, days: float) -> dict[str, Floats]:
        """Return the value expected in the next `days` per customer, by each method of `stack.METHODS`."""
        past = self.past
        worth = spend.expected_spend(past.n, past.mean)
        expected = model.expected_purchases(days, past.x, past.t_x, past.T)
        return {MODEL: expected * worth} | self.recent.forecasts(days, worth)

    def actual(self, days: float) -> Floats:
        """Return the value per customer of the `days` after."""
        row, later = self._later()
        within = later & (self.day <= self.as_of + days)
        # numpy's types take the sums for counts
        total = np.bincount(row[within], self.value[within], minlength=self.past.x.size)
        return total.astype(float, copy=False)

    def silent(self, days: Floats) -> Bools:
        """Tell which customers do not buy within their own `days` after."""
        row, later = self._later()
        wait = np.full(self.past.x.size, np.inf)
        np.minimum.at(wait, row[later], self.day[later] - self.as_of)
        return wait > days

    def _later(self) -> tuple[Ints, Bools]:
        row = np.searchsorted(self.past.customer, self.customer)
        row = np.minimum(row, self.past.customer.size - 1)
        return row, (self.day > self.as_of) & (self.past.customer[row] == self.customer)


def earlier_days(first: int, as_of: int, count: int = WINDOWS) -> tuple[list[int], int]:
    """Return the days to go back to, the latest first, and how long to look ahead from each.

    A year, or half of what there is. From the earliest of the days, half as much again was known.

    Examples
    --------
    >>> earlier_days(0, 1460)
    ([1095, 973, 851, 730], 365)
    >>> earlier_days(0, 200)
    ([100, 83, 66, 50], 100)
    """
    days = min(_YEAR, (as_of - first) // 2)
    latest = as_of - days
    earliest = max(first + days // 2, latest - days)
    return sorted({int(day) for day in np.linspace(latest, earliest, count)}, reverse=True), days


def fit_ensemble(
    customer: ArrayLike,
    day: ArrayLike,
    value: ArrayLike,
    as_of: int,
    *,
    days: int = _YEAR,
    kind: type[PurchaseModel] = ModifiedBetaGeo,
    prior: bool = True,
    prior_strength: float = 1.0,
    largest: int = LARGEST,
) -> Ensemble:
    """Fit everything to the purchases up to a day.

    Parameters
    ----------
    customer, day, value : array_like, shape (n,)
        Purchases, as in `merge_days`; later ones are ignored.
    as_of : int
    days : int
        How far ahead the forecast reaches, > 0.
    kind : type
        `ModifiedBetaGeo` or `BetaGeo`.
    prior, prior_strength
        As in `ModifiedBetaGeo`.
    largest : int
        Of more customers than these, a stratified sample is fitted.

    Returns
    -------
    Ensemble

    Raises
    ------
    EmptyDataError
        When there is no purchase up to `as_of`.
    InvalidInputError
        As in `merge_days` and `ModifiedBetaGeo.fit`.
    """
    ids, dates, values = merge_days(customer, day, value)
    known = dates <= as_of
    if not known.any():
        raise EmptyDataError(f"no purchases up to day {as_of}")
    rows, weight = stratified_sample(ids[known], dates[known], values[known], largest)
    now = View(*rows, as_of, weight)
    model, spend = now.fit(kind, prior, prior_strength)
    forecasts = now.forecasts(model, spend, days)
    splits, ahead = earlier_days(int(rows[1].min()), as_of)
    trials: list[tuple[View, Trial, PurchaseModel]] = []
    for split in splits if ahead > 0 else []:
        view = View(*rows, split, weight)
        if (view.past.x > 0).sum() < LEAST_REPEATERS or not view.past.T.max() > 0:
            continue
        then, worth = view.fit(kind, prior, prior_strength)
        trials.append((view, Trial(view.forecasts(then, worth, ahead), view.actual(ahead), view.weight), then))
    repeaters = float(now.weight[now.past.x > 0].sum())
    enough = repeaters >= STACK_REPEATERS
    today = Trial(forecasts, np.zeros(now.weight.size), now.weight)
    stack = fit_stack([trial for _, trial, _ in trials], today, repeaters) if enough else alone()
    calibration, risk, longest, bands = Calibration(), LEAST_RISK, LONGEST, None
    if trials and trials[0][0].as_of == splits[0]:
        view, trial, then = trials[0]
        longest = float(min(LONGEST, ahead))
        calibration, risk = _who_left(view, then, longest)
        if enough:
            shown = fit_stack([each for _, each, _ in trials], trial, repeaters).combine(trial.forecasts)
            bands = fit_bands(shown, trial.actual, trial.weight)
    return Ensemble(
        model=model,
        spend=spend,
        stack=stack,
        days=days,
        calibration=calibration,
        risk=risk,
        typical=typical_interval(now.past.x, now.past.t_x),
        longest=longest,
        bands=bands,
        mean=float((now.weight * stack.combine(forecasts)).sum() / now.weight.sum()),
        windows=[
            Window(
                view.as_of,
                ahead,
                float(trial.weight.sum()),
                trial.actual_total,
                {name: trial.total(name) for name in trial.forecasts},
            )
            for view, trial, _ in trials
        ],
    )


def _who_left(view: View, model: PurchaseModel, longest: float) -> tuple[Calibration, float]:
    """Return the correction of the probabilities, and the one from which on few of those called at risk came back."""
    past = view.past
    days = horizons(past.x, past.t_x, typical_interval(past.x, past.t_x), longest=longest)
    said, stayed_away = silent_probability(model, past.x, past.t_x, past.T, days), view.silent(days)
    calibration = calibrate(said, stayed_away, view.weight)
    corrected, revenue = calibration(said), view.weight * view.recent.year
    for risk in _RISKS:
        called = corrected >= risk
        if (revenue * (called & ~stayed_away)).sum() <= _COMING_BACK * (revenue * called).sum():
            break
    return calibration, float(risk)
