"""Who leaves: the probability that a customer does not buy within their own horizon.

Nobody can check whether a customer is "alive", and one who is may still not buy for years. So each customer gets a
horizon, a multiple of their usual interval, and the question is whether they buy within it. The purchase model answers.
What it said in an earlier window is compared with what came, and today's answers are corrected by the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from ._arrays import Bools, Floats
from .purchases import ModifiedBetaGeo, PurchaseModel
from .stack import sum_of

#: the horizon is so many usual intervals, within these days
INTERVALS = 2.0
SHORTEST, LONGEST = 30.0, 365.0
#: usual interval in days where no customer bought twice
DEFAULT_INTERVAL = 180.0
#: customers' worth of trust in the model's own probabilities, against which its past is weighed
_PRIOR_WEIGHT = 10.0
_SHARPEST = 1e-6
_FLATTEST = 0.05
_STEPS = 25
_SETTLED = 1e-10
#: standard deviations of the shift, in log odds, as an earlier belief: of what lasts, and of what a window alone
#: brings; the latter counts as much as two windows
LASTING, PASSING = 0.5, 0.15


@dataclass(frozen=True)
class Calibration:
    """Correction of a probability: expit(shift + slope logit(p)), with a shift and a slope more for one-time buyers.

    Platt (1999). Whoever bought once is told apart because the model knows of them what it knows of all, and nothing of
    their own. Isotonic regression of the same data was tried: it calibrates no better and loses ranking to its
    steps.

    Examples
    --------
    >>> Calibration(0.0, 1.0, 1.0)(np.array([0.0, 0.3, 0.3]), np.array([False, False, True])).round(3).tolist()
    [0.0, 0.3, 0.538]
    """

    shift: float = 0.0
    slope: float = 1.0
    once_shift: float = 0.0
    once_slope: float = 0.0

    def __call__(self, probability: Floats, once: Bools) -> Floats:
        """Return the corrected probabilities, in 0..1; `once` tells who bought only once."""
        shift = np.where(once, self.shift + self.once_shift, self.shift)
        slope = np.where(once, self.slope + self.once_slope, self.slope)
        return expit(shift + slope * _log_odds(probability))


def log_loss(probability: Floats, stayed_away: Bools, weight: Floats) -> float:
    """Return the mean logarithmic loss of probabilities, by which two ways to tell who leaves are compared.

    Examples
    --------
    >>> round(log_loss(np.array([0.5, 0.5]), np.array([True, False]), np.ones(2)), 4)
    0.6931
    """
    bounded = np.clip(probability, _SHARPEST, 1 - _SHARPEST)
    return float(-(weight * np.log(np.where(stayed_away, bounded, 1 - bounded))).sum() / weight.sum())


def mean_intervals(x: Floats, t_x: Floats) -> Floats:
    """Return the mean interval between purchases, in days, of each customer who came back.

    Examples
    --------
    >>> mean_intervals(np.array([0.0, 1, 2]), np.array([0.0, 30, 40])).tolist()
    [30.0, 20.0]
    """
    again = x > 0
    return np.asarray(t_x[again] / x[again], np.float64)


def typical_interval(means: Floats) -> float:
    """Return the median of the customers' `mean_intervals`, `DEFAULT_INTERVAL` when nobody came back.

    Examples
    --------
    >>> typical_interval(np.array([30.0, 20.0])), typical_interval(np.array([]))
    (25.0, 180.0)
    """
    return float(np.median(means)) if len(means) else DEFAULT_INTERVAL


def usual_intervals(x: Floats, t_x: Floats, typical: float) -> Floats:
    """Return each customer's usual interval in days.

    One typical interval of the company counts in the mean, so that two purchases in a week do not make a weekly
    customer.

    Examples
    --------
    >>> usual_intervals(np.array([0.0, 3]), np.array([0.0, 90]), 50.0).tolist()
    [50.0, 35.0]
    """
    return (t_x + typical) / (x + 1)


def by_rhythm(typical: float) -> PurchaseModel:
    """Return the model that says who leaves where a company has too few customers to fit one.

    Half of its customers buy more often than once in the typical interval (the median of Gamma(1) is ln 2), and one in
    five leaves after a purchase, as the prior of the fits has it.

    Examples
    --------
    >>> by_rhythm(30.0).parameters_["a"]
    1.0
    """
    return ModifiedBetaGeo.from_parameters(1.0, max(typical, 1.0) * np.log(2), 1.0, 4.0)


def horizons(
    x: Floats,
    t_x: Floats,
    typical: float,
    intervals: float = INTERVALS,
    shortest: float = SHORTEST,
    longest: float = LONGEST,
) -> Floats:
    """Return each customer's horizon in days.

    Parameters
    ----------
    x, t_x : numpy.ndarray, shape (n,)
        Repeat purchases, and days from the first to the last purchase.
    typical : float
        `typical_interval` of the company.
    intervals, shortest, longest : float

    Examples
    --------
    >>> horizons(np.array([0.0, 3, 100]), np.array([0.0, 90, 350]), 50.0).tolist()
    [100.0, 70.0, 30.0]
    """
    return np.clip(intervals * usual_intervals(x, t_x, typical), shortest, longest)


def silent_probability(model: PurchaseModel, x: Floats, t_x: Floats, T: Floats, days: Floats) -> Floats:
    """Return the model's probability of no purchase within the next `days`.

    1 - P(alive) (1 - ((alpha + T) / (alpha + T + days))^(r + x)), because the wait of a live customer is Lomax
    distributed.

    Examples
    --------
    >>> from customer_base import ModifiedBetaGeo
    >>> model = ModifiedBetaGeo.from_parameters(0.525, 6.183, 0.891, 1.614)
    >>> silent_probability(model, *np.array([[0.0, 2], [0, 30.4], [38.9, 38.9], [39, 39]])).round(3).tolist()
    [0.891, 0.441]
    """
    r, alpha = model.parameters_["r"], model.parameters_["alpha"]
    buys = -np.expm1(-(r + x) * np.log1p(days / (alpha + T)))
    return 1 - model.probability_alive(x, t_x, T) * buys


@dataclass(frozen=True)
class Record:
    """How an earlier day's answers did, in plain numbers.

    Attributes
    ----------
    days : int
        So many days ago.
    called, came_back, revenue_back : float
        Customers called at risk then, the share that bought within their horizon, and the share of the revenue.
    calm, stayed_away : float
        Customers whose probability was small then, and the share that did not buy within their horizon.
    """

    days: int
    called: float
    came_back: float
    revenue_back: float
    calm: float
    stayed_away: float


def record(
    days: int, probability: Floats, stayed_away: Bools, risk: float, calm: float, revenue: Floats, weight: Floats
) -> Record:
    """Return what came of probabilities: those from `risk` on, and those below `calm`.

    Examples
    --------
    >>> record(90, np.array([0.9, 0.8, 0.1]), np.array([True, False, False]), 0.5, 0.3, np.ones(3), np.ones(3))
    Record(days=90, called=2.0, came_back=0.5, revenue_back=0.5, calm=1.0, stayed_away=0.0)
    """
    called, quiet = probability >= risk, probability < calm

    def share(amount: Floats, part: Bools, of: Bools) -> float:
        total = float(amount[of].sum())
        return float(amount[part & of].sum()) / total if total > 0 else 0.0

    return Record(
        days=int(days),
        called=float(weight[called].sum()),
        came_back=share(weight, ~stayed_away, called),
        revenue_back=share(weight * revenue, ~stayed_away, called),
        calm=float(weight[quiet].sum()),
        stayed_away=share(weight, stayed_away, quiet),
    )


def calibrate(probability: Floats, stayed_away: Bools, once: Bools, weight: Floats | None = None) -> Calibration:
    """Learn the correction from what came of earlier probabilities.

    Logistic regression by Newton's method, pulled weakly to no correction, so that a dozen customers do not overrule
    the model.

    Parameters
    ----------
    probability : numpy.ndarray, shape (n,)
        What the model said.
    stayed_away : numpy.ndarray of bool, shape (n,)
        Whether the customer did not buy within the horizon.
    once : numpy.ndarray of bool, shape (n,)
        Whether the customer had bought once. They are pulled to the correction of all others.
    weight : numpy.ndarray, shape (n,), optional
        Number of customers that a row represents.

    Returns
    -------
    Calibration
        Without correction when nobody was asked about.

    Examples
    --------
    >>> said, nobody = np.full(4000, 0.2), np.zeros(4000, bool)
    >>> calibrate(said, np.arange(4000) % 2 == 0, nobody)(said[:1], nobody[:1]).round(2).tolist()
    [0.5]
    """
    weights = np.ones(probability.size) if weight is None else weight
    odds, came = _log_odds(probability), stayed_away.astype(float)
    columns = [np.ones(odds.size), odds, once.astype(float), once * odds]
    start = np.array([0.0, 1.0, 0.0, 0.0])
    pull = _PRIOR_WEIGHT * np.array([0.25, 1.0, 0.25, 1.0])
    found = start.copy()
    for _ in range(_STEPS if probability.size else 0):
        expected = expit(sum_of(columns, found))
        miss, spread = weights * (came - expected), weights * expected * (1 - expected)
        slope = np.array([(miss * column).sum() for column in columns]) - pull * (found - start)
        information = np.diag(pull)
        for i, left in enumerate(columns):
            part = spread * left
            for j, right in enumerate(columns):
                information[i, j] += (part * right).sum()
        step = np.linalg.solve(information, slope)
        # shortened where it would run away from an almost certain answer
        longest = float(np.abs(step).max())
        found += step / max(longest, 1.0)
        if longest < _SETTLED:
            break
    # never turns the model's ranking around
    found[1] = max(found[1], _FLATTEST)
    found[3] = max(found[3], _FLATTEST - found[1])
    return Calibration(*found.tolist())


def steadied(latest: Calibration, shifts: Sequence[float]) -> Calibration:
    """Return a correction that takes of the latest window's what is likely to last.

    Shrunk by what lasts / (what lasts + what passes), as the level of the forecast is (`stack`): the more the shifts of
    the windows differ, the less is taken.

    Parameters
    ----------
    latest : Calibration
    shifts : sequence of float
        Of all windows, that one among them.

    Examples
    --------
    >>> [round(steadied(Calibration(0.4), shifts).shift, 2) for shifts in ([0.4], [0.4, 0.4], [0.4, -0.4, 0.4, -0.4])]
    [0.38, 0.38, 0.27]
    """
    count = len(shifts)
    passing = (count * float(np.var(shifts)) + 2 * PASSING**2) / (count + 2)
    share = LASTING**2 / (LASTING**2 + passing)
    return Calibration(
        latest.shift * share, 1 + (latest.slope - 1) * share, latest.once_shift * share, latest.once_slope * share
    )


def _log_odds(probability: Floats) -> Floats:
    return logit(np.clip(probability, _SHARPEST, 1 - _SHARPEST))
