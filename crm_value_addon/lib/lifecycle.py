"""The lifecycle stage of a customer: one rule, pure numpy.

How to use: `stages` takes the stored figures of many customers and the company's `Thresholds`. It returns the position
of each customer's stage in `STAGES`, counted from 1; 0 stands for no stage.

How it works: every customer is measured by their own rhythm. With a fitted purchase model, the probability of being
alive is that measure. Without one, the silence since the last purchase is compared with the mean interval between
purchases. One typical interval of the company counts in that mean, so that two purchases in a week do not make a weekly
customer.
"""

from dataclasses import dataclass

import numpy as np

from .columns import Bools, Columns, Floats, Ints

STAGES = ("lead", "prospect", "new", "active", "loyal", "at_risk", "lost", "won_back")
#: the typical interval, in days, of a company without a repeat purchase
DEFAULT_INTERVAL = 180.0


@dataclass(frozen=True)
class Thresholds:
    """The limits between the stages; the defaults are those of the settings."""

    #: days for which a customer is new after the first purchase
    new_days: int = 90
    #: purchases, and days since the first of them, that make a customer loyal
    loyal_purchases: int = 5
    loyal_days: int = 365
    #: without a fit: intervals of silence after which a customer is at risk, or lost
    risk_factor: float = 2.0
    lost_factor: float = 4.0
    #: with a fit: probability of being alive below which a customer is at risk, or lost
    risk_alive: float = 0.4
    lost_alive: float = 0.1
    #: days for which a lost customer counts as won back after a purchase
    won_back_days: int = 180


def mean_intervals(purchase_count: Ints, first: Ints, last: Ints) -> Floats:
    """Return the mean interval between purchases, in days, of each customer who came back.

    :param purchase_count: shape (n,); customers without a repeat purchase do not count
    :param first, last: shape (n,), days of the first and the last purchase
    :return: shape (r,), one for each customer with a repeat purchase

    >>> mean_intervals(np.array([1, 2, 3]), np.array([0, 0, 0]), np.array([0, 30, 40])).tolist()
    [30.0, 20.0]
    """
    repeated = purchase_count > 1
    return np.asarray((last[repeated] - first[repeated]) / (purchase_count[repeated] - 1), np.float64)


def typical_interval(means: Floats) -> float:
    """Return the median of the customers' mean intervals, `DEFAULT_INTERVAL` when nobody came back.

    >>> typical_interval(np.array([])), typical_interval(np.array([30.0, 20.0]))
    (180.0, 25.0)
    """
    return float(np.median(means)) if len(means) else DEFAULT_INTERVAL


def intervals(repeats: Ints, span: Ints, typical: float) -> Floats:
    """Return the mean interval between purchases in days, including one typical interval.

    :param repeats: shape (n,), repeat purchases
    :param span: shape (n,), days from the first to the last purchase
    :param typical: `typical_interval` of the company

    >>> intervals(np.array([0, 3]), np.array([0, 90]), 50.0).tolist()
    [50.0, 35.0]
    """
    return np.maximum((span + typical) / (repeats + 1), 1.0)


def stages(figures: Columns, as_of: int, typical: float, thresholds: Thresholds) -> Ints:
    """Return the stage of each customer.

    :param figures: columns of shape (n,): ``purchase_count``; ``first_purchase_date``, ``previous_purchase_date`` and
        ``last_purchase_date`` in days since 1970, ignored without such a purchase; ``alive``, the probability of being
        alive, and ``alive_before``, the same just before the last purchase, NaN without a fit; ``interest`` of
        customers without a purchase: 0 none, 1 lead, 2 prospect; ``satisfied`` (bool), True where it is unknown
    :param as_of: today in days since 1970
    :param typical: `typical_interval` of the company
    :return: int16 array of shape (n,), positions in `STAGES` counted from 1, 0 for no stage

    >>> days = {"first_purchase_date": [0, 0, 0, 700, 0], "previous_purchase_date": [0, 100, 0, 0, 690],
    ...         "last_purchase_date": [0, 720, 90, 700, 710], "purchase_count": [0, 4, 2, 1, 40]}
    >>> figures = {name: np.array(values) for name, values in days.items()}
    >>> figures |= {"alive": np.full(5, np.nan), "alive_before": np.full(5, np.nan),
    ...             "interest": np.array([2, 0, 0, 0, 0]), "satisfied": np.ones(5, bool)}
    >>> [STAGES[code - 1] for code in stages(figures, 730, 50.0, Thresholds())]
    ['prospect', 'won_back', 'lost', 'new', 'loyal']
    """
    count, first = figures["purchase_count"], figures["first_purchase_date"]
    last, previous = figures["last_purchase_date"].astype(np.int64), figures["previous_purchase_date"].astype(np.int64)
    repeats = np.maximum(count - 1, 0)
    silence, tenure = as_of - last, as_of - first

    rhythm = intervals(repeats, last - first, typical)
    lost = _beyond(figures["alive"], thresholds.lost_alive, silence, thresholds.lost_factor * rhythm)
    at_risk = _beyond(figures["alive"], thresholds.risk_alive, silence, thresholds.risk_factor * rhythm)
    rhythm_before = intervals(np.maximum(repeats - 1, 0), np.maximum(previous - first, 0), typical)
    was_lost = (repeats > 0) & _beyond(
        figures["alive_before"], thresholds.lost_alive, last - previous, thresholds.lost_factor * rhythm_before
    )

    code = {name: position for position, name in enumerate(STAGES, 1)}
    return np.select(
        [
            count == 0,
            was_lost & (silence <= thresholds.won_back_days),
            (count == 1) & (tenure <= thresholds.new_days),
            lost,
            at_risk,
            (count >= thresholds.loyal_purchases) & (tenure >= thresholds.loyal_days) & figures["satisfied"],
        ],
        [figures["interest"], code["won_back"], code["new"], code["lost"], code["at_risk"], code["loyal"]],
        code["active"],
    ).astype(np.int16)


def _beyond(alive: Floats, least_alive: float, silence: Ints, longest_silence: Floats) -> Bools:
    """Tell which customers have a lower probability of being alive or, without a fit, a longer silence than a limit."""
    return np.where(np.isnan(alive), silence > longest_silence, alive < least_alive)
