"""Where a customer stands in its life with the company: one rule, pure numpy.

How to use: `stages` takes the stored figures of many customers and the company's `Thresholds`, and returns the
position of each customer's stage in `STAGES` from 1 on; 0 is none.

How it works: everything is measured against the customer's own rhythm. Where a purchase model is fitted, the
probability of being alive is that measure: it knows the rhythm. Where there is none, the silence since the last
purchase is compared with the mean interval between purchases, in which one typical interval of the company counts
as well: two purchases in a week do not make a weekly customer.
"""
from dataclasses import dataclass

import numpy as np

STAGES = ("lead", "prospect", "new", "active", "loyal", "at_risk", "lost", "won_back")
#: the typical interval, in days, of a company where nobody has bought twice
DEFAULT_INTERVAL = 180.0


@dataclass(frozen=True)
class Thresholds:
    """What separates the stages; the defaults are those of the settings."""

    #: a first purchase is news for so many days
    new_days: int = 90
    #: loyal: at least so many purchases, over at least so many days
    loyal_purchases: int = 5
    loyal_days: int = 365
    #: without a fit: at risk, or lost, after a silence of so many intervals
    risk_factor: float = 2.0
    lost_factor: float = 4.0
    #: with a fit: at risk, or lost, below so much probability of being alive
    risk_alive: float = 0.4
    lost_alive: float = 0.1
    #: who was lost and bought is called won back for so many days
    won_back_days: int = 180


def typical_interval(purchase_count, first, last):
    """Return the median of the mean intervals of those who bought more than once, in days.

    >>> typical_interval(np.array([1, 2, 3]), np.array([0, 0, 0]), np.array([0, 30, 40]))
    25.0
    """
    again = purchase_count > 1
    if not again.any():
        return DEFAULT_INTERVAL
    return float(np.median((last[again] - first[again]) / (purchase_count[again] - 1)))


def intervals(repeats, span, typical):
    """Return the mean interval between purchases in days, one typical interval counted in.

    >>> intervals(np.array([0, 3]), np.array([0, 90]), 50.0).tolist()
    [50.0, 35.0]
    """
    return np.maximum((span + typical) / (repeats + 1), 1.0)


def stages(figures, as_of, typical, thresholds):
    """Return the stage of each customer.

    :param dict figures: arrays of shape (n,): ``purchase_count``; ``first_purchase_date``, ``previous_purchase_date``
        and ``last_purchase_date`` in days since 1970, of no meaning where there is none; ``alive``, the probability of
        being alive, and ``alive_before``, the one just before the last purchase, NaN without a fit; ``interest``:
        0 none, 1 lead, 2 prospect, for who has not bought; ``satisfied`` (bool; True where nothing is known)
    :param int as_of: today in days since 1970
    :param float typical: `typical_interval` of the company
    :return: int16 array of shape (n,), positions in `STAGES` from 1 on, 0 for none

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
        figures["alive_before"], thresholds.lost_alive, last - previous, thresholds.lost_factor * rhythm_before)

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
        code["active"]).astype(np.int16)


def _beyond(alive, least_alive, silence, longest_silence):
    """Tell who is less alive than a limit or, without a fit, silent for longer than a limit."""
    return np.where(np.isnan(alive), silence > longest_silence, alive < least_alive)
