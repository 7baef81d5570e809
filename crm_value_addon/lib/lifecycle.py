"""The lifecycle stage of a customer: one rule, pure numpy.

How to use: `stages` takes the figures of many customers and the company's `Thresholds`, `Called` says who is at risk or
lost. Both return arrays in the order of the customers.

How it works: a customer is at risk by one probability, that of not buying within their own horizon
(customer_base/leaving.py), and never before they have been silent for as long as they usually are, and for some weeks.
"""

from dataclasses import dataclass

import numpy as np

from .columns import Bools, Columns, Floats, Ints

STAGES = ("lead", "prospect", "new", "active", "loyal", "at_risk", "lost", "won_back")
#: nobody is at risk sooner: holidays last three weeks
LEAST_SILENCE = 21


@dataclass(frozen=True)
class Called:
    """Whom a probability of not buying calls at risk, and whom lost.

    >>> called = Called(0.6, 0.9, 4.0)
    >>> probability, silence = np.array([0.7, 0.7, 0.95, 0.95]), np.array([50, 20, 50, 150])
    >>> called.at_risk(probability, silence, np.full(4, 30.0)).tolist()
    [True, False, True, True]
    >>> called.lost(probability, silence, np.full(4, 30.0)).tolist()
    [False, False, False, True]
    """

    #: probability of not buying within the horizon from which a customer is at risk
    risk: float
    #: the same above which a customer is lost
    lost_above: float
    #: usual intervals of silence before a customer is lost
    lost_factor: float

    def at_risk(self, probability: Floats, silence: Ints, usual: Floats) -> Bools:
        """Tell who is at risk.

        :param probability: shape (n,), of not buying within the horizon
        :param silence: shape (n,), days since the last purchase
        :param usual: shape (n,), usual interval in days
        """
        return (probability >= self.risk) & (silence >= np.maximum(usual, LEAST_SILENCE))

    def lost(self, probability: Floats, silence: Ints, usual: Floats) -> Bools:
        """Tell who is lost; parameters as in `at_risk`."""
        return (probability > self.lost_above) & (silence >= np.maximum(self.lost_factor * usual, LEAST_SILENCE))


@dataclass(frozen=True)
class Thresholds:
    """The limits between the stages; the defaults are those of the settings."""

    #: days for which a customer is new after the first purchase
    new_days: int = 90
    #: purchases, and days since the first of them, that make a customer loyal
    loyal_purchases: int = 5
    loyal_days: int = 365
    #: days for which a lost customer counts as won back after a purchase
    won_back_days: int = 180


def stages(figures: Columns, as_of: int, thresholds: Thresholds) -> Ints:
    """Return the stage of each customer.

    :param figures: columns of shape (n,): ``purchase_count``; ``first_purchase_date`` and ``last_purchase_date`` in
        days since 1970, ignored without such a purchase; ``at_risk``, ``lost`` and ``was_lost`` (bool), the last one
        for just before the last purchase; ``interest`` of customers without a purchase: 0 none, 1 lead, 2 prospect;
        ``satisfied`` (bool), True where it is unknown
    :param as_of: today in days since 1970
    :return: int16 array of shape (n,), positions in `STAGES` counted from 1, 0 for no stage

    >>> days = {"first_purchase_date": [0, 0, 0, 700, 0], "last_purchase_date": [0, 720, 90, 700, 710],
    ...         "purchase_count": [0, 4, 2, 1, 40]}
    >>> figures = {name: np.array(values) for name, values in days.items()}
    >>> figures |= {"at_risk": np.array([0, 0, 1, 1, 0], bool), "lost": np.array([0, 0, 1, 0, 0], bool),
    ...             "was_lost": np.array([0, 1, 0, 0, 0], bool), "interest": np.array([2, 0, 0, 0, 0]),
    ...             "satisfied": np.ones(5, bool)}
    >>> [STAGES[code - 1] for code in stages(figures, 730, Thresholds())]
    ['prospect', 'won_back', 'lost', 'new', 'loyal']
    """
    count = figures["purchase_count"]
    silence, tenure = as_of - figures["last_purchase_date"].astype(np.int64), as_of - figures["first_purchase_date"]
    code = {name: position for position, name in enumerate(STAGES, 1)}
    return np.select(
        [
            count == 0,
            figures["was_lost"] & (silence <= thresholds.won_back_days),
            (count == 1) & (tenure <= thresholds.new_days),
            figures["lost"],
            figures["at_risk"],
            (count >= thresholds.loyal_purchases) & (tenure >= thresholds.loyal_days) & figures["satisfied"],
        ],
        [figures["interest"], code["won_back"], code["new"], code["lost"], code["at_risk"], code["loyal"]],
        code["active"],
    ).astype(np.int16)
