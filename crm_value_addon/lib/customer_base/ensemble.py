"""What a company is shown: the purchase model, the forecasts beside it, and what its own past says of all of them.

A fit goes back to a few days of the past, forecasts what came after each of them from what was known then, and learns
from the misses: the weights of the methods and the level (`stack`), who left (`leaving`) and how wide the intervals
have to be (`bands`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from ._arrays import AnyArray, ArrayLike, Bools, Floats, Ints
from .bands import Bands, fit_bands
from .errors import EmptyDataError, as_day, as_floats
from .history import LARGEST, first_rows, log_gaps, merge_days, stratified_sample, summarise_merged
from .leaving import (
    DEFAULT_INTERVAL,
    INTERVALS,
    LONGEST,
    Calibration,
    Record,
    by_rhythm,
    calibrate,
    horizons,
    log_loss,
    mean_intervals,
    record,
    silent_probability,
    steadied,
    typical_interval,
)
from .purchases import ModifiedBetaGeo, PurchaseModel
from .recent import recent
from .regular import RegularMixture
from .reliability import LEAST_REPEATERS, STACK_REPEATERS
from .spend import GammaGamma
from .stack import MODEL, Segments, Stack, Trial, alone, fit_segments, fit_stack, level_spread

#: customers, ascending, and what is known of each: name -> segment
Known: TypeAlias = tuple[AnyArray, Mapping[str, Ints]]

_YEAR = 365
_MONTH = 30.44
#: earlier days that a fit goes back to
WINDOWS = 4
#: a base is worth a model of regular buyers if at most this share of it buys at random
LARGEST_RANDOM = 0.8
#: customers that this model is fitted to at most, and that corrections of earlier days are learned from
_SOME = 20_000
#: a customer is called at risk from this probability on, at least
LEAST_RISK = 0.5
#: of the revenue of those called at risk, at most this share may have come back in the earlier window: some room below
#: the half that may in the next one
_COMING_BACK = 0.4
_RISKS = np.arange(LEAST_RISK, 0.96, 0.05)
#: whose probability is smaller is not expected to leave
_CALM = 0.3


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
    regular : RegularMixture or None
        None where customers buy at random.
    is_clocked : bool
        Whether it is the regular model that says who leaves, because it said so better in the earlier window.
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
    said : Record or None
        What came of the answers to "who leaves" in the latest window.
    segments : Segments or None
        None where segments bring no more and no less than is forecast for their customers.
    months : list of float
        Value expected of all customers in each of the next 12 months of 30.44 days, by the purchase model's course of
        the `days` that are forecast; empty where that is unknown.
    """

    model: PurchaseModel
    spend: GammaGamma
    regular: RegularMixture | None
    is_clocked: bool
    stack: Stack
    days: int
    calibration: Calibration
    risk: float
    typical: float
    longest: float
    bands: Bands | None
    mean: float
    windows: list[Window]
    said: Record | None = None
    segments: Segments | None = None
    months: list[float] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Return everything but the two models as plain numbers, ready for JSON."""
        return {
            "regular": self.regular and self.regular.parameters_,
            "is_clocked": self.is_clocked,
            "stack": asdict(self.stack),
            "days": self.days,
            "calibration": asdict(self.calibration),
            "risk": self.risk,
            "typical": self.typical,
            "longest": self.longest,
            "bands": self.bands and asdict(self.bands),
            "mean": self.mean,
            "windows": [asdict(window) for window in self.windows],
            "said": self.said and asdict(self.said),
            "segments": self.segments and asdict(self.segments),
            "months": self.months,
        }

    @classmethod
    def restored(cls, model: PurchaseModel, spend: GammaGamma, state: Mapping[str, Any]) -> Ensemble:
        """Return the ensemble of a stored `state`; the purchase model alone for an empty one.

        Examples
        --------
        >>> from customer_base import GammaGamma, ModifiedBetaGeo
        >>> models = ModifiedBetaGeo.from_parameters(0.5, 40, 1, 2), GammaGamma.from_parameters(6, 3, 15)
        >>> fit = Ensemble.restored(*models, {})
        >>> fit.stack.shares, Ensemble.restored(*models, fit.state()) == fit
        ({'purchase_model': 1.0}, True)
        """
        return cls(
            model=model,
            spend=spend,
            regular=RegularMixture.from_parameters(**state["regular"]) if state.get("regular") else None,
            is_clocked=state.get("is_clocked", False),
            stack=Stack(**state["stack"]) if state.get("stack") else alone(),
            days=state.get("days", _YEAR),
            calibration=Calibration(**state.get("calibration", {})),
            risk=state.get("risk", LEAST_RISK),
            typical=state.get("typical", DEFAULT_INTERVAL),
            longest=state.get("longest", LONGEST),
            bands=Bands(**state["bands"]) if state.get("bands") else None,
            mean=state.get("mean", 0.0),
            windows=[Window(**window) for window in state.get("windows", [])],
            said=Record(**state["said"]) if state.get("said") else None,
            segments=Segments.restored(**state["segments"]) if state.get("segments") else None,
            months=state.get("months", []),
        )

    @classmethod
    def unfitted(cls, typical: float) -> Ensemble:
        """Return what says who leaves where there is no fit: the company's typical interval alone.

        Examples
        --------
        >>> fit = Ensemble.unfitted(30.0)
        >>> bought = np.array([0.0, 9]), np.array([0.0, 270])
        >>> days = horizons(*bought, fit.typical)
        >>> fit.leaves(*bought, np.array([1095.0, 280]), np.zeros(2), days).round(2).tolist()
        [1.0, 0.24]
        """
        return replace(cls.restored(by_rhythm(typical), GammaGamma.from_parameters(2, 2, 1), {}), typical=typical)

    def leaves(self, x: Floats, t_x: Floats, T: Floats, log_gaps: Floats, days: Floats) -> Floats:
        """Return the probability that each customer does not buy within their `days`, as corrected by the past."""
        if self.is_clocked and self.regular is not None:
            said = self.regular.silent_probability(days, x, t_x, T, log_gaps)
        else:
            said = silent_probability(self.model, x, t_x, T, days)
        return self.calibration(said, x == 0)

    def forecast(self, view: View, known: Known | None = None) -> Floats:
        """Return the value expected of each customer in the next `days`; `known` as in `fit_ensemble`."""
        shown = self.stack.combine(view.forecasts(self.model, self.spend, self.days, self.regular))
        if self.segments is None or known is None:
            return shown
        return shown * self.segments.factor(_looked_up(known, self.segments.name, view.past.customer))

    def silent_probability(self, view: View, latest: float = np.inf) -> tuple[Floats, Floats]:
        """Return each customer's horizon, at most `latest`, and the probability that they do not buy within it."""
        past = view.past
        days = np.minimum(horizons(past.x, past.t_x, self.typical, longest=self.longest), latest)
        return days, self.leaves(past.x, past.t_x, past.T, view.log_gaps, days)


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
        row = np.repeat(np.arange(size), self.past.n.astype(np.int64))
        self.recent = recent(row, day[known], value[known], size, as_of)
        self.log_gaps = log_gaps(row, day[known], size)
        if weight is None:
            self.weight = np.ones(size)
        else:
            self.weight = weight[np.searchsorted(customer[first_rows(customer)], self.past.customer)]

    def fit(
        self,
        kind: type[PurchaseModel],
        prior: bool,
        prior_strength: float,
        start: tuple[PurchaseModel, GammaGamma] | None = None,
    ) -> tuple[PurchaseModel, GammaGamma]:
        """Fit both models to what is known; the search begins at those of another day, if there are any."""
        past = self.past
        model, spend = start or (None, None)
        return (
            kind(prior, prior_strength).fit(past.x, past.t_x, past.T, self.weight, model),
            GammaGamma(prior, prior_strength).fit(past.n, past.mean, self.weight, past.mean_log, spend),
        )

    def fit_regular(self, prior: bool, prior_strength: float, start: RegularMixture | None = None) -> RegularMixture:
        """Fit the model of regular buyers to some of the customers."""
        step = -(-self.weight.size // _SOME)
        past = self.past
        columns = (past.x, past.t_x, past.T, self.log_gaps, self.weight)
        x, t_x, T, log_gaps, weight = (column[::step] for column in columns)
        return RegularMixture(prior, prior_strength).fit(x, t_x, T, log_gaps, weight, start)

    def forecasts(
        self, model: PurchaseModel, spend: GammaGamma, days: float, regular: RegularMixture | None = None
    ) -> dict[str, Floats]:
        """Return the value expected in the next `days` per customer, by each method of `stack.METHODS`.

        Without a `regular` model, its method is left out.
        """
        past = self.past
        worth = spend.expected_spend(past.n, past.mean)
        found = {MODEL: model.expected_purchases(days, past.x, past.t_x, past.T) * worth}
        if regular is not None:
            count = regular.expected_purchases(days, past.x, past.t_x, past.T, self.log_gaps)
            found["regular"] = count * worth
        return found | self.recent.forecasts(days, worth)

    def silent_by(self, model: PurchaseModel, regular: RegularMixture | None, days: Floats, step: int = 1) -> Floats:
        """Return the probability of no purchase within each customer's `days`, by the regular model if there is one.

        With a `step`, of every `step`-th customer.
        """
        x, t_x, T, log_gaps, ahead = (
            column[::step] for column in (self.past.x, self.past.t_x, self.past.T, self.log_gaps, days)
        )
        if regular is None:
            return silent_probability(model, x, t_x, T, ahead)
        return regular.silent_probability(ahead, x, t_x, T, log_gaps)

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
    intervals: float = INTERVALS,
    known: Known | None = None,
    start: Ensemble | None = None,
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
    intervals : float
        Usual intervals within which a customer who stays is expected to buy.
    known : tuple of numpy.ndarray and mapping, optional
        Customers, ascending, and per name of what tells segments apart the segment > 0 of each of them, 0 for unknown.
    start : Ensemble, optional
        A fit whose models the search for parameters begins at, e.g. last week's. It shortens the search and does not
        change its end.

    Returns
    -------
    Ensemble

    Raises
    ------
    EmptyDataError
        When there is no purchase up to `as_of`.
    InvalidInputError
        As in `merge_days` and `ModifiedBetaGeo.fit`, and when a day or a number is out of its range.
    """
    as_of = as_day("as_of", as_of)
    for name, number in (("days", days), ("intervals", intervals)):
        as_floats(name, number, minimum=0, strict=True)
    as_floats("largest", largest, minimum=1)
    rows, weight = _sampled_purchases(customer, day, value, as_of, largest)
    now = View(*rows, as_of, weight)
    model, spend = now.fit(kind, prior, prior_strength, (start.model, start.spend) if start else None)
    repeaters = float(now.weight[now.past.x > 0].sum())
    enough = repeaters >= STACK_REPEATERS
    regular = now.fit_regular(prior, prior_strength, start.regular if start else None) if enough else None
    if regular is not None and not (regular.converged_ and regular.shares[0] <= LARGEST_RANDOM):
        regular = None
    forecasts = now.forecasts(model, spend, days, regular)
    splits, ahead = earlier_days(int(rows[1].min()), as_of)
    tries: list[_Try] = []
    then, worth, clock = model, spend, regular
    for split in splits if ahead > 0 else []:
        view = View(*rows, split, weight)
        if (view.past.x > 0).sum() >= LEAST_REPEATERS and view.past.T.max() > 0:
            then, worth = view.fit(kind, prior, prior_strength, (then, worth))
            clock = view.fit_regular(prior, prior_strength, clock) if regular is not None else None
            trial = Trial(view.forecasts(then, worth, ahead, clock), view.actual(ahead), view.weight)
            tries.append(_Try(view, then, clock, trial))
    trials = [each.trial for each in tries]
    stack = fit_stack(trials, Trial(forecasts, np.zeros(now.weight.size), now.weight), repeaters) if enough else alone()
    segments = _fit_segments(tries, ahead, repeaters, known) if enough and known else None
    shown_now = now.weight * stack.combine(forecasts)
    if segments is not None and known is not None:
        shown_now *= segments.factor(_looked_up(known, segments.name, now.past.customer))
    left, longest, bands = _Left(), LONGEST, None
    if tries and tries[0].view.as_of == splits[0]:
        longest = float(min(LONGEST, ahead))
        left = _who_left(tries, longest, intervals, as_of - splits[0])
        if enough:
            shown = fit_stack(trials, trials[0], repeaters).combine(trials[0].forecasts)
            bands = fit_bands(shown, trials[0].actual, trials[0].weight, level_spread=level_spread(trials))
    return Ensemble(
        model=model,
        spend=spend,
        regular=regular,
        is_clocked=left.is_clocked,
        stack=stack,
        days=days,
        calibration=left.calibration,
        risk=left.risk,
        typical=typical_interval(mean_intervals(now.past.x, now.past.t_x)),
        longest=longest,
        bands=bands,
        mean=float(shown_now.sum() / now.weight.sum()),
        segments=segments,
        months=_by_month(model, now, shown_now, days),
        windows=[
            Window(
                each.view.as_of,
                ahead,
                float(each.trial.weight.sum()),
                each.trial.actual_total,
                {name: each.trial.total(name) for name in each.trial.forecasts},
            )
            for each in tries
        ],
        said=left.said,
    )


@dataclass(frozen=True)
class _Left:
    """Who says best who leaves, its correction, and from which probability on few of those called came back."""

    is_clocked: bool = False
    calibration: Calibration = Calibration()
    risk: float = LEAST_RISK
    said: Record | None = None


@dataclass(frozen=True)
class _Try:
    """An earlier day: what was known, what was fitted to it, and what came."""

    view: View
    model: PurchaseModel
    regular: RegularMixture | None
    trial: Trial


def _fit_segments(tries: list[_Try], ahead: int, repeaters: float, known: Known) -> Segments | None:
    """Learn from the windows that do not overlap with the latest, and try on that one."""
    trials = [each.trial for each in tries]
    apart = [place for place, each in enumerate(tries) if each.view.as_of + ahead <= tries[0].view.as_of]
    windows = [
        (fit_stack(trials, each, repeaters).combine(each.forecasts), each.actual, each.weight) for each in trials
    ]
    codes = {name: [_looked_up(known, name, each.view.past.customer) for each in tries] for name in known[1]}
    return fit_segments(windows, codes, apart)


def _looked_up(known: Known, name: str, customer: AnyArray) -> Ints:
    """Return the segment of each customer, 0 for unknown."""
    ids, codes = known[0], known[1][name]
    if not ids.size:
        return np.zeros(customer.size, dtype=np.int64)
    place = np.minimum(np.searchsorted(ids, customer), ids.size - 1)
    return np.where(ids[place] == customer, codes[place], 0)


def _by_month(model: PurchaseModel, now: View, shown: Floats, days: float) -> list[float]:
    """Return the course of the next 12 months: a new customer's expectation fades sooner than an old one's."""
    past = now.past
    whole = model.expected_alive(days, past.x, past.T)
    per_unit = np.divide(shown, whole, out=np.zeros(whole.shape), where=whole > 0)
    # one month after the other, because all at once take twelve times the memory
    ends = np.arange(1, 13) * _MONTH
    running = [float((per_unit * model.expected_alive(end, past.x, past.T)).sum()) for end in ends]
    return np.diff(running, prepend=0.0).tolist()


def _sampled_purchases(
    customer: ArrayLike, day: ArrayLike, value: ArrayLike, as_of: int, largest: int
) -> tuple[tuple[AnyArray, Ints, Floats], Floats]:
    """Return the merged purchases up to a day of a sample of customers, and how many customers each represents."""
    ids, dates, values = np.asarray(customer), np.asarray(day), np.asarray(value)
    plain = ids.ndim == 1 and ids.shape == dates.shape == values.shape
    plain = plain and ids.dtype.kind in "iu" and dates.dtype.kind in "iu" and values.dtype.kind in "iuf"
    if not plain or (ids[1:] < ids[:-1]).any():
        ids, dates, values = merge_days(customer, day, value)
    # sampled before they are merged, because that takes several times the memory of the purchases
    known = dates <= as_of
    if not known.any():
        raise EmptyDataError(f"no purchases up to day {as_of}")
    if not known.all():
        ids, dates, values = ids[known], dates[known], values[known]
    kept, weight = stratified_sample(ids, dates, values, largest)
    names = kept[0][first_rows(kept[0])]
    rows = merge_days(*kept)
    if not rows[0].size:
        raise EmptyDataError(f"no purchases up to day {as_of}")
    return rows, weight[np.searchsorted(names, rows[0][first_rows(rows[0])])]


def _who_left(tries: list[_Try], longest: float, intervals: float, ago: int) -> _Left:
    """Learn who leaves from earlier windows, the latest of which began `ago` days ago."""
    latest, (_, stayed_away) = tries[0], _asked(tries[0], longest, intervals)
    past, weight = latest.view.past, latest.view.weight
    ways = []
    for is_clocked in (False, True) if latest.regular is not None else (False,):
        said, calibration = _calibrated(latest, is_clocked, longest, intervals)
        ways.append((log_loss(calibration(said, past.x == 0), stayed_away, weight), is_clocked, said, calibration))
    _, is_clocked, said, calibration = min(ways, key=lambda way: way[0])
    others = [
        _calibrated(each, is_clocked, longest, intervals, -(-each.view.weight.size // _SOME))[1].shift
        for each in tries[1:]
    ]
    calibration = steadied(calibration, [calibration.shift, *others])
    corrected = calibration(said, past.x == 0)
    revenue = latest.view.recent.year
    for risk in _RISKS:
        called = corrected >= risk
        if (weight * revenue * (called & ~stayed_away)).sum() <= _COMING_BACK * (weight * revenue * called).sum():
            break
    said_then = record(ago, corrected, stayed_away, float(risk), _CALM, revenue, weight)
    return _Left(is_clocked, calibration, float(risk), said_then)


def _asked(tried: _Try, longest: float, intervals: float) -> tuple[Floats, Bools]:
    """Return each customer's horizon on an earlier day, and who did not buy within it."""
    past = tried.view.past
    days = horizons(past.x, past.t_x, typical_interval(mean_intervals(past.x, past.t_x)), intervals, longest=longest)
    return days, tried.view.silent(days)


def _calibrated(
    tried: _Try, is_clocked: bool, longest: float, intervals: float, step: int = 1
) -> tuple[Floats, Calibration]:
    """Return what was said of every `step`-th customer on an earlier day, and what would have corrected it."""
    days, stayed_away = _asked(tried, longest, intervals)
    said = tried.view.silent_by(tried.model, tried.regular if is_clocked else None, days, step)
    once, weight = tried.view.past.x == 0, tried.view.weight
    return said, calibrate(said, stayed_away[::step], once[::step], weight[::step])
